//! What Baton finds in a repository before anybody works there: quietly at the installation, and told to whoever asks.

use std::path::Path;

use baton::engine::contact_key;
use baton_core::domain::contact::{Contact, RepositoryFile};
use baton_core::domain::ids::RepositoryId;
use baton_store::JobState;
use github_sim::Rule;
use insta::assert_snapshot;

use crate::world::{REPO, Setup, World, play};

/// What was written down of the repository.
async fn met(w: &World) -> Option<Contact> {
    let (repository, _) = w.numbers_of(REPO);
    let id = RepositoryId(i64::try_from(repository).expect("a number of GitHub's"));
    w.store.recall::<Contact>(&contact_key(id)).await.expect("the store answers")
}

#[test]
fn a_writer_is_told_what_baton_would_do_here() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().opens_issue("Another", "Nothing to do with Baton.");
        w.alice().says(issue, "/baton doctor");
        w.settle().await;
        assert_snapshot!(w.notes(issue), @"
        ### What Baton found in this repository

        ✅ **Baton can work here.**

        - ✅ `.github/baton.yml` is good.
        - Agent: `steady` (replay: steady).
        - Languages: none that Baton knows the tools of.
        - Limits: 45 min, 5,000,000 tokens and $10.0000 for a run, $25.0000 for a task; 100 files and 5,000 lines in a patch.

        **Commands Baton would run** (from .github/baton.yml):

        ```sh
        sh test.sh --junitxml=report.xml
        ```

        <sub>Read from commit [commit] of `main`</sub>
        ");
        assert!(w.tasks().await.is_empty(), "asking starts nothing");
        let Some(contact) = met(w).await else { panic!("the operator is not told") };
        assert_eq!(contact.content.map(|content| content.missing_programs), Some(vec![]));
    });
}

/// What GitHub's rulesets would refuse is said before anybody works, and what no sandbox finds.
#[test]
fn rulesets_and_missing_programs_are_told() {
    play(Setup::usual().settings("commands:\n  test: 'mix test'\n"), async |w| {
        w.sim.ruleset(REPO, "baton/*", Rule::Creation).expect("a rule");
        w.sim.ruleset(REPO, "~DEFAULT_BRANCH", Rule::PullRequest).expect("a rule");
        w.sim.ruleset(REPO, "~DEFAULT_BRANCH", Rule::StatusCheck("ci".into())).expect("a rule");
        let issue = w.rita().opens_issue("Another", "Nothing to do with Baton.");
        w.alice().says(issue, "/baton doctor");
        w.settle().await;
        let told = w.notes(issue);
        let lines: Vec<&str> = told.lines().filter(|line| line.contains("ruleset")).collect();
        assert_snapshot!(lines.join("\n"), @"
        - ⚠️ **A ruleset may refuse Baton's branches** (`baton/…`): only some may make such branches. Leave such branches out of it, or let the App bypass it.
        - To merge into `main` a ruleset asks for an approval; the checks `ci`. Baton gives its own check `baton` and nothing else of it.
        ");
        // Few machines have it; on those the sandbox has it too.
        let is_here = ["/usr/local/bin", "/usr/bin"].iter().any(|folder| Path::new(folder).join("mix").exists());
        assert_eq!(told.contains("**No sandbox finds `mix`**"), !is_here, "{told}");
    });
}

#[test]
fn the_answer_is_the_same_where_a_task_is_under_way() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/baton doctor");
        w.settle().await;
        assert!(w.notes(issue).contains("What Baton found in this repository"), "{}", w.notes(issue));
    });
}

#[test]
fn readers_do_not_learn_of_the_operators_limits() {
    play(Setup::usual(), async |w| {
        let issue = w.rita().opens_issue("Another", "Nothing to do with Baton.");
        w.rita().says(issue, "/baton doctor");
        w.settle().await;
        assert_snapshot!(w.notes(issue), @"rita, `/baton doctor` was not carried out: it needs write access to this repository, and GitHub says you have read access. Everyone may ask for `/baton status` and `/baton help`.");
    });
}

#[test]
fn every_mistake_of_the_file_is_told_with_its_place() {
    let file = "agent: nobody\ncommands:\n  tset: 'cargo test @everyone'\nlimits:\n  minutes: soon\n";
    play(Setup::usual().settings(file), async |w| {
        let issue = w.rita().opens_issue("Another", "Nothing to do with Baton.");
        w.alice().says(issue, "/baton doctor");
        w.settle().await;
        assert_snapshot!(w.notes(issue), @r#"
        ### What Baton found in this repository

        ❌ **Something is in the way of work here.**

        - ❌ **`.github/baton.yml` cannot be used**, and Baton does not guess:
          - .github/baton.yml, line 3, column 3: there is no key "tset" in `commands`; allowed: `setup`, `test`, `lint`, `format`. Did you mean `test`?
          - .github/baton.yml, line 5, column 12: `limits.minutes`: found the text "soon"; allowed: a whole number from 1 on
        - Agent: `steady` (replay: steady).
        - Languages: none that Baton knows the tools of.
        - Limits: 45 min, 5,000,000 tokens and $10.0000 for a run, $25.0000 for a task; 100 files and 5,000 lines in a patch.

        ⚠️ **Baton found no command that runs tests.** Its pull requests will have no evidence and stay drafts; name one under `commands: test:` in `.github/baton.yml`.

        <sub>Read from commit [commit] of `main`</sub>
        "#);
    });
}

#[test]
fn an_agent_that_is_not_configured() {
    play(Setup::usual().settings("agent: nobody\n"), async |w| {
        let issue = w.rita().opens_issue("Another", "Nothing to do with Baton.");
        w.alice().says(issue, "/baton doctor");
        w.settle().await;
        let told = w.notes(issue);
        assert!(told.contains("Something is in the way") && told.contains("`nobody` is not configured"), "{told}");
    });
}

#[test]
fn at_the_installation_it_is_looked_at_and_nothing_is_said() {
    play(Setup::usual(), async |w| {
        w.uninstalls();
        w.settle().await;
        let before = w.sim.ledger().len();
        w.installs_again();
        w.settle().await;
        let Some(contact) = met(w).await else {
            panic!("nothing was written down: {:#?} {:#?}", w.outcomes().await, w.jobs(JobState::Queued).await);
        };
        assert!(!contact.is_in_the_way(), "{contact:?}");
        let content = contact.content.expect("it has commits");
        assert_eq!(content.file, RepositoryFile::Good);
        assert_eq!(content.commands.test, ["sh test.sh --junitxml=report.xml"]);
        let bot = w.bot();
        let done: Vec<String> = w.sim.ledger()[before..]
            .iter()
            .filter(|deed| deed.actor == bot && !deed.what.starts_with("token."))
            .map(|deed| deed.what.clone())
            .collect();
        assert_eq!(done, Vec::<String>::new(), "nothing is written on GitHub");
    });
}

#[test]
fn a_repository_that_is_not_served_is_left_alone() {
    let setup = Setup::usual().policy(|policy| policy.repositories = vec!["acme/other".into()]);
    play(setup, async |w| {
        w.uninstalls();
        w.settle().await;
        w.installs_again();
        w.settle().await;
        assert_eq!(met(w).await, None);
        let outcomes = w.outcomes().await;
        assert!(outcomes.iter().any(|it| it.contains("serves none of these repositories")), "{outcomes:#?}");
    });
}
