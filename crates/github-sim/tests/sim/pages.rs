//! Pages for people lead to one another, and a link to a comment ends at that comment.

use crate::stage::{REPO, Stage};

#[tokio::test]
async fn pages_lead_to_one_another() {
    let stage = Stage::new();
    let alice = stage.sim.person("alice");
    let issue = alice.opens_issue(REPO, "One", "It **fails**.\n\n<!-- hidden\n\ninjection -->").unwrap();
    alice.pushes(REPO, "fix", [("README.md", "# Fixed\n")], "fix").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "Fix", &format!("Closes #{issue}.")).unwrap();
    let comment = alice.says(REPO, issue, &format!("See #{pull} and `#{pull}`.")).unwrap();
    let web = stage.sim.web_url();
    let page = async |path: &str| {
        let answer = stage.send("GET", &format!("{web}{path}"), "", None).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.body.as_str().unwrap().to_owned()
    };

    let thread = page(&format!("/{REPO}/issues/{issue}")).await;
    assert!(thread.contains(&format!("<article id=\"issuecomment-{comment}\">")), "{thread}");
    assert!(
        thread.contains(&format!("<a href=\"/{REPO}/pull/{pull}\">#{pull}</a> and <code>#{pull}</code>")),
        "{thread}"
    );
    assert!(!thread.contains("injection"), "{thread}");
    let shown = page(&format!("/{REPO}/pull/{pull}")).await;
    assert!(shown.contains(&format!("Closes <a href=\"/{REPO}/issues/{issue}\">#{issue}</a>")), "{shown}");
    assert_eq!(page(&format!("/{REPO}/pull/{pull}/files")).await, shown);

    let (issues, pulls) = (page(&format!("/{REPO}/issues")).await, page(&format!("/{REPO}/pulls")).await);
    assert!(issues.contains(">One</a>") && !issues.contains(">Fix</a>"), "{issues}");
    assert!(pulls.contains(">Fix</a>") && !pulls.contains(">One</a>"), "{pulls}");
    let diff = page(&format!("/{REPO}/pull/{pull}.diff")).await;
    assert!(diff.starts_with("diff --git a/README.md") && diff.contains("+# Fixed"), "{diff}");
    let none = stage.send("GET", &format!("{web}/{REPO}/pull/{issue}.diff"), "", None).await;
    assert_eq!(none.status, 404, "an issue has no difference");
}
