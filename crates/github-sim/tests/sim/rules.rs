//! Pushes GitHub refuses, in GitHub's own words, through real git.

use github_sim::Rule;
use serde_json::json;

use crate::stage::{REPO, Stage, commit, git, work};

async fn pusher(stage: &Stage) -> String {
    format!("x-access-token:{}", stage.mint(json!({})).await)
}

/// What the server said and what git reports, without git's own padding and colours.
fn remote(said: &str) -> String {
    let lines = said.lines().filter(|line| line.starts_with("remote:") || line.contains("[remote rejected]"));
    let lines: Vec<&str> = lines.map(str::trim_end).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_protected_branches_and_of_rulesets() {
    let stage = Stage::new();
    let (_folder, work) = work(&stage, &pusher(&stage).await);
    stage.sim.ruleset(REPO, "release/*", Rule::Creation).unwrap();
    stage.sim.ruleset(REPO, "~ALL", Rule::Signatures).unwrap();
    commit(&work, "a", "a");
    let (ok, said) = git(&work, &["push", "origin", "HEAD:release/1"]);
    assert!(!ok);
    let said = remote(&said).replace(stage.sim.web_url(), "WEB");
    insta::assert_snapshot!(said, @r"
    remote: error: GH013: Repository rule violations found for refs/heads/release/1.
    remote: Review all repository rules at WEB/acme/app/rules?ref=refs%2Fheads%2Frelease%2F1
    remote:
    remote: - Cannot create ref due to creations being restricted.
    remote:
    remote: - Commits must have verified signatures.
    remote:
     ! [remote rejected] HEAD -> release/1 (push declined due to repository rule violations)
    ");
    let other = Stage::new();
    let (_folder, work) = crate::stage::work(&other, &pusher(&other).await);
    other.sim.protect_with(REPO, "main", Rule::ForcePush).unwrap();
    other.sim.protect_with(REPO, "main", Rule::StatusCheck("build".into())).unwrap();
    commit(&work, "a", "a");
    let (_, said) = git(&work, &["push", "--force", "origin", "HEAD:main"]);
    insta::assert_snapshot!(remote(&said), @r#"
    remote: error: GH006: Protected branch update failed for refs/heads/main.
    remote:
    remote: - Required status check "build" is expected.
     ! [remote rejected] HEAD -> main (protected branch hook declined)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_large_files_do_not_pass() {
    let stage = Stage::new();
    let (_folder, work) = work(&stage, &pusher(&stage).await);
    let secret = format!("ghp_{}", "a1B2".repeat(9));
    commit(&work, "conf ig.py", &format!("# one\nKEY = '{secret}'\n"));
    let (ok, said) = git(&work, &["push", "origin", "HEAD:x"]);
    assert!(!ok);
    let said = remote(&said);
    for line in [
        "remote: error: GH013: Repository rule violations found for refs/heads/x.",
        "remote: - GITHUB PUSH PROTECTION",
        "remote:     - Push cannot contain secrets",
        "remote:            path: conf ig.py:2",
        " ! [remote rejected] HEAD -> x (push declined due to repository rule violations)",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    assert!(said.contains("—— GitHub Personal Access Token ——") && !said.contains(&secret), "{said}");
    // What is only in an older commit of the push is found too; what is there already is not looked at again.
    commit(&work, "conf ig.py", "KEY = None\n");
    assert!(!git(&work, &["push", "origin", "HEAD:x"]).0);
    stage.sim.push_protection(REPO, false).unwrap();
    assert!(git(&work, &["push", "origin", "HEAD:x"]).0);
    stage.sim.push_protection(REPO, true).unwrap();
    commit(&work, "b", "b");
    assert!(git(&work, &["push", "origin", "HEAD:x"]).0);
    stage.sim.switch(|switches| switches.largest_file_bytes = Some(1 << 20));
    commit(&work, "big.bin", &"0123456789abcdef".repeat(70_000));
    let (_, said) = git(&work, &["push", "origin", "HEAD:x", "HEAD~1:refs/heads/fine"]);
    let said: Vec<String> = remote(&said).lines().filter(|line| !line.contains("Trace")).map(str::to_owned).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    remote: error: See https://gh.io/lfs for more information.
    remote: error: File big.bin is 1.07 MB; this exceeds GitHub's file size limit of 1.00 MB
    remote: error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com.
     ! [remote rejected] HEAD -> x (pre-receive hook declined)
    ");
    assert_eq!(stage.sim.branches(REPO).unwrap(), ["fine", "main", "x"]);
}

#[tokio::test]
async fn a_required_check_stands_before_the_merge() {
    let stage = Stage::new();
    let token = stage.mint(json!({})).await;
    let alice = stage.sim.person("alice");
    stage.sim.protect_with(REPO, "main", Rule::StatusCheck("build".into())).unwrap();
    let head = alice.pushes(REPO, "fix", [("a", "a\n")], "a").unwrap();
    let pull = alice.opens_pull(REPO, "fix", "main", "A", "").unwrap();
    let merge = format!("/repos/acme/app/pulls/{pull}/merge");
    let refused = stage.send("PUT", &merge, &token, None).await;
    assert_eq!((refused.status, refused.message()), (405, "Required status check \"build\" is expected."));
    let run = json!({"name": "build", "head_sha": head, "conclusion": "success", "status": "completed"});
    assert_eq!(stage.send("POST", "/repos/acme/app/check-runs", &token, Some(run)).await.status, 201);
    assert_eq!(stage.send("PUT", &merge, &token, None).await.status, 200);
}
