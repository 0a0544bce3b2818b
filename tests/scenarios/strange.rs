//! Big and strange: what real repositories and real people come with. Each story ends in a pull request, or in a sentence that
//! says what happened, what was kept, and what to do.

use baton_core::domain::task::StateName;
use insta::assert_snapshot;

use crate::world::past::Past;
use crate::world::script::{Agent, finish, new_case, right_edit, write};
use crate::world::{REPO, Setup, TEST, World, play};

/// Where `main` stands.
fn main_of(w: &World) -> String {
    w.sim.branch_head(REPO, "main").expect("main")
}

#[test]
fn an_issue_of_the_greatest_length_becomes_a_pull_request() {
    play(Setup::usual(), async |w| {
        let mut body = "The beginning. ".to_owned();
        body.push_str(&"`sh greet.sh Ada` says `Helo, Ada!`. ".repeat(1_800));
        body.truncate(65_529);
        body.push_str("The end");
        assert_eq!(body.len(), 65_536);
        let issue = w.rita().opens_issue("The greeting is misspelt", &body);
        w.alice().assigns(issue);
        w.settle().await;
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert!(w.pull_body().len() < 65_536);
        // The agent read as much of it as there is room for, and was told that there is more.
        let told = w.everything_agents_were_told().await;
        assert!(told.contains("The beginning. ") && !told.contains("The end"), "{}", told.len());
        assert!(told.contains("cut off"), "{}", told.len());
    });
}

#[test]
fn five_hundred_comments_hide_nothing() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().reports_the_typo();
        let more = "and it is not the only place where somebody is greeted ".repeat(10);
        for nth in 0..250 {
            w.rita().quietly().says(issue, &format!("Me too, number {nth}."));
            w.alice().quietly().says(issue, &format!("Seen again, time {nth}, {more}"));
        }
        w.alice().assigns(issue);
        w.settle().await;
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        // The newest words of those who may write; of those who may not, none.
        let told = w.everything_agents_were_told().await;
        assert!(told.contains("Seen again, time 249,") && !told.contains("Seen again, time 9,"), "{}", told.len());
        assert!(told.contains("earlier comments are left out here"), "{}", told.len());
        assert!(!told.contains("Me too"), "{}", told.len());
        assert!(told.len() < 500_000, "{}", told.len());
        assert_eq!(w.thread(issue).matches("### Baton is on this issue").count(), 1);
    });
}

#[test]
fn strange_names_pointers_and_submodules_stay_as_they_are() {
    let strange = "notes/- first 🦀 \"quoted\".txt";
    let script = Agent::that(vec![
        right_edit(),
        new_case(),
        write(strange, "Written by the agent.\n"),
        finish("The greeting says `Hello` now; a note tells of it."),
    ]);
    play(Setup::usual().agent(script), async |w| {
        let mut past = Past::default();
        past.commit(Some(&main_of(w)), "Strange things")
            .file(".gitattributes", b"*.bin filter=lfs diff=lfs merge=lfs -text\n")
            .file("big.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n")
            .file("-rf", b"a dash comes first\n")
            .file("with space and\nnewline.txt", b"two lines of name\n")
            .file("\u{1f980}/\u{e9}.txt", b"crab\n")
            .file(".gitmodules", b"[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = https://example.com/lib.git\n")
            .submodule("vendor/lib", "1234567890123456789012345678901234567890");
        w.had(&past);
        let issue = w.in_review().await;
        assert!(!w.pull().draft, "{}", w.thread(issue));
        // What was strange is on the branch as it was: the pointer's text, the names, the submodule's commit.
        let tree = w.tree_of_the_branch();
        for line in [
            "100644 blob -rf",
            "100644 blob big.bin",
            "100644 blob with space and\nnewline.txt",
            "100644 blob \u{1f980}/\u{e9}.txt",
            "160000 commit vendor/lib",
        ] {
            assert!(tree.iter().any(|there| there == line), "{line:?} is not in {tree:#?}");
        }
        // Git ends a name with spaces in it with a tab.
        let diff: Vec<String> = w.diff().lines().map(|line| line.trim_end().to_owned()).collect();
        assert_snapshot!(diff.join("\n"), @r#"
        diff --git a/greet.sh b/greet.sh
        index [blobs] 100644
        --- a/greet.sh
        +++ b/greet.sh
        @@ -1 +1 @@
        -echo "Helo, $1!"
        +echo "Hello, $1!"
        diff --git "a/notes/- first \360\237\246\200 \"quoted\".txt" "b/notes/- first \360\237\246\200 \"quoted\".txt"
        new file mode 100644
        index [blobs]
        --- /dev/null
        +++ "b/notes/- first \360\237\246\200 \"quoted\".txt"
        @@ -0,0 +1 @@
        +Written by the agent.
        diff --git a/tests/ada.case b/tests/ada.case
        new file mode 100644
        index [blobs]
        --- /dev/null
        +++ b/tests/ada.case
        @@ -0,0 +1,2 @@
        +Ada
        +Hello, Ada!
        "#);
    });
}

#[test]
fn the_default_branch_is_renamed_in_the_middle() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.sim.rename_branch(REPO, "main", "trunk").expect("renamed");
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview, "{}", w.story());
        assert_eq!(w.pull().base, "trunk");
    });
}

#[test]
fn the_base_is_pushed_by_force_in_the_middle() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        let mut past = Past::default();
        past.commit(None, "Another past altogether")
            .file("README.md", b"# Greeter, told anew\n")
            .file(".gitignore", b"report.xml\n")
            .file("greet.sh", b"echo \"Helo, $1!\"\n")
            .file("test.sh", TEST.as_bytes())
            .file("tests/runs.case", b"Bea\n*, Bea!\n")
            .file(".github/baton.yml", b"commands:\n  test: sh test.sh --junitxml=report.xml\n");
        w.had(&past);
        w.alice().says(issue, "/plan approve");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview, "{}", w.story());
        assert!(!w.diff().contains("told anew"), "{}", w.diff());
    });
}
