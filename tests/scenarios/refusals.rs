//! GitHub says no: what people read, what is kept, and that `/baton retry` goes on from there once the cause is put right. Every
//! row is a whole story: refused, told, put right, retried, in review; and nothing was written twice.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use baton_core::domain::task::{State, StateName};
use baton_store::JobState;
use github_sim::{Fault, FaultRule, Rule};
use insta::assert_snapshot;

use crate::world::script::{Agent, finish, new_case, right_edit, write};
use crate::world::{REPO, Setup, World, play};

/// Where the work of the usual story goes.
const BRANCH: &str = "baton/issue-1-the-greeting-is-misspelt";

/// When it goes wrong.
#[derive(Clone, Copy, PartialEq)]
enum When {
    /// Before anything is planned.
    Planning,
    /// When the plan is approved.
    Working,
}

struct Case {
    name: &'static str,
    when: When,
    wrong: fn(&World),
    right: fn(&World),
}

const fn case(name: &'static str, when: When, wrong: fn(&World), right: fn(&World)) -> Case {
    Case { name, when, wrong, right }
}

/// From now on GitHub answers this operation so.
fn answers(w: &World, operation: &str, status: u16, message: &str) {
    let fault = Fault::Refuse { status, message: Some(message.to_owned()) };
    w.sim.fault(FaultRule { operation: operation.to_owned(), fault, times: None, skip: 0 });
}

fn heals(w: &World) {
    w.sim.clear_faults();
}

const PUSH: &str = "git/receive-pack";
const PULL: &str = "pulls/create";

const CASES: [Case; 16] = [
    case(
        "protected branch (GH006)",
        When::Working,
        |w| w.sim.protect_with(REPO, BRANCH, Rule::PullRequest).expect("protected"),
        |w| w.sim.protect(REPO, BRANCH, false).expect("not protected"),
    ),
    case(
        "rulesets (GH013)",
        When::Working,
        |w| {
            w.sim.ruleset(REPO, "baton/*", Rule::Creation).expect("a rule");
            w.sim.ruleset(REPO, "~ALL", Rule::Signatures).expect("a rule");
        },
        |w| w.sim.no_rulesets(REPO).expect("no rule"),
    ),
    case(
        "push protection (GH013)",
        When::Working,
        |w| {
            let token = format!("npm_{}", "Zq.7-".repeat(9));
            let keeps = Agent::that(vec![
                right_edit(),
                new_case(),
                write("sample.txt", &format!("token: {token}\n")),
                finish("With a sample."),
            ]);
            w.agent_becomes(&keeps);
        },
        |w| w.sim.push_protection(REPO, false).expect("allowed"),
    ),
    case(
        "file too large (GH001)",
        When::Working,
        |w| w.sim.switch(|s| s.largest_file_bytes = Some(10)),
        |w| w.sim.switch(|s| s.largest_file_bytes = None),
    ),
    case(
        "a person's branch of that name",
        When::Working,
        |w| w.bob().pushes(BRANCH, "mine.txt", "Mine.\n"),
        |w| w.sim.person("bob").deletes_branch(REPO, BRANCH).expect("deleted"),
    ),
    case(
        "archived before anything is spent",
        When::Working,
        |w| w.sim.archive(REPO, true).expect("archived"),
        |w| w.sim.archive(REPO, false).expect("back"),
    ),
    case(
        "no right to push",
        When::Working,
        |w| answers(w, PUSH, 403, "Write access to repository not granted."),
        heals,
    ),
    case("git says 404", When::Working, |w| answers(w, PUSH, 404, "Not Found"), heals),
    case(
        "no right to open pull requests",
        When::Working,
        |w| {
            answers(w, PULL, 403, "Resource not accessible by integration");
        },
        heals,
    ),
    case("nothing to merge", When::Working, |w| answers(w, PULL, 422, "No commits between main and the branch"), heals),
    case(
        "a pull request already",
        When::Working,
        |w| answers(w, PULL, 422, "A pull request already exists for acme:it."),
        heals,
    ),
    case(
        "pull requests restricted",
        When::Working,
        |w| {
            answers(
                w,
                PULL,
                422,
                "An owner of this repository has limited the ability to open a pull request to users that are \
                 collaborators on this repository.",
            );
        },
        heals,
    ),
    case(
        "pull requests off",
        When::Working,
        |w| answers(w, PULL, 410, "Pull requests are disabled for this repo"),
        heals,
    ),
    case("empty repository", When::Planning, |w| answers(w, "git/get-ref", 409, "Git Repository is empty."), heals),
    case(
        "new permissions not accepted by the owner yet",
        When::Planning,
        |w| w.asks_for_more_than_is_accepted("pull_requests"),
        World::owner_accepts,
    ),
    case("default branch missing", When::Planning, |w| answers(w, "git/get-ref", 404, "Not Found"), heals),
];

/// Nothing can be said on the issue meanwhile: `baton task show` says why.
const SILENT: [Case; 2] = [
    case(
        "locked for the App too",
        When::Planning,
        |w| answers(w, "issues/create-comment", 403, "Unable to create comment because issue is locked."),
        heals,
    ),
    case(
        "issues switched off",
        When::Planning,
        |w| answers(w, "issues/create-comment", 410, "Issues are disabled for this repo"),
        heals,
    ),
];

/// One story; its row.
fn row(case: &Case) -> String {
    let line = Mutex::new(String::new());
    play(Setup::usual(), async |w| {
        let issue = match case.when {
            When::Planning => {
                (case.wrong)(w);
                let issue = w.rita().reports_the_typo();
                w.alice().assigns(issue);
                w.settle().await;
                issue
            }
            When::Working => {
                let issue = w.planned().await;
                w.alice().says(issue, "/plan approve");
                w.sim.settle().await;
                (case.wrong)(w);
                w.settle().await;
                issue
            }
        };
        assert_eq!(w.state(issue).await, StateName::Failed, "{}", case.name);
        for job in w.jobs(JobState::Dead).await {
            assert_eq!(job.kind, "post_plan", "{job:?}");
            w.expects_to_give_up("post_plan");
        }
        let (plans, work) = (w.runs("plan").await, w.runs("implement").await);
        let task = w.task(issue).await.expect("a task");
        let State::Failed(failed) = &task.state else { panic!("it has failed") };
        let kept = match (failed.resume.has_patch(), failed.resume.work().is_some()) {
            (true, _) => "the patch",
            (false, true) => "the approved plan",
            (false, false) if task.plans > 0 => "the plan",
            (false, false) => "nothing was done yet",
        };
        let note = w.notes(issue);
        (case.right)(w);
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        if case.when == When::Planning {
            w.alice().says(issue, "/plan approve");
            w.settle().await;
        }
        assert_eq!(w.state(issue).await, StateName::InReview, "{}: {}", case.name, w.story());
        let again = (w.runs("plan").await - plans, w.runs("implement").await - work);
        let mut text = String::new();
        let _ = writeln!(text, "=== {}", case.name);
        let _ = writeln!(
            text,
            "kept: {kept} | after the retry: {} planning and {} implementing runs, then in review | writes made twice: {}",
            again.0,
            again.1,
            w.written_twice()
        );
        let _ = writeln!(text, "{}\n", if note.is_empty() { "(nothing can be said on the issue)" } else { &note });
        *line.lock().expect("a line") = text;
    });
    line.into_inner().expect("a line")
}

/// Each row is a whole story with a sandbox of its own: two go at a time, so it takes more than the usual five seconds.
#[test]
fn the_table_of_refusals() {
    assert_snapshot!("table", rows(&CASES));
}

#[test]
fn the_table_of_silence() {
    assert_snapshot!("silence", rows(&SILENT));
}

fn rows(cases: &[Case]) -> String {
    let next = Arc::new(AtomicUsize::new(0));
    let rows: Vec<Mutex<String>> = cases.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let at = cases.iter().position(|one| one.name == case.name).expect("it is there");
                    *rows[at].lock().expect("a row") = row(case);
                }
            });
        }
    });
    rows.into_iter().map(|row| row.into_inner().expect("a row")).collect()
}

/// The work is done when the repository becomes read-only: nothing is lost, nobody can be told there, and no job is dead.
#[test]
fn a_repository_that_is_archived_in_the_middle_keeps_the_work() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        w.alice().says(issue, "/plan approve");
        answers(w, PUSH, 502, "");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Verifying);
        w.sim.archive(REPO, true).expect("archived");
        heals(w);
        w.settle_with_retries().await;
        let task = w.task(issue).await.expect("a task");
        let State::Failed(failed) = &task.state else { panic!("{:?}", task.state) };
        assert!(failed.resume.has_patch());
        assert_eq!(w.notes(issue), "");
        assert_snapshot!(baton_core::prose::note::what_failed(&failed.reason), @"GitHub did not let Baton push the branch: this repository is archived, so it is read-only.");
        w.sim.archive(REPO, false).expect("back");
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::InReview);
        assert_eq!((w.runs("plan").await, w.runs("implement").await, w.written_twice()), (1, 1, 0));
    });
}

/// What cannot be said on a locked issue is said on its pull request.
#[test]
fn what_a_locked_issue_does_not_take_is_said_on_the_pull_request() {
    play(Setup::usual(), async |w| {
        let issue = w.in_review().await;
        w.sim.switch(|s| s.locked_to_apps = true);
        w.alice().locks(issue);
        w.alice().says(issue, "/baton retry");
        w.settle().await;
        assert_eq!(w.notes(issue), "");
        assert_snapshot!(w.notes(w.pull().number), @"alice, `/baton retry` was not carried out: only a task that failed or waits for an answer can be retried; this one is `in_review`. The pull request is open.");
    });
}
