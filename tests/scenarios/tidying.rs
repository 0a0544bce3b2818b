//! What nobody needs any more is let go, and nothing that somebody may still need.

use std::time::Duration;

use baton_core::domain::task::StateName;

use crate::world::{Setup, play};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What jobs did is what the audit explains the world by.
fn remembering() -> Setup {
    Setup::usual().policy(|policy| policy.retention.jobs_days = 1_000_000)
}

#[test]
fn the_commits_of_a_merged_task_are_let_go_after_ninety_days() {
    play(remembering(), async |w| {
        let issue = w.in_review().await;
        let kept = w.commits_kept();
        assert_ne!(kept, Vec::<String>::new());
        w.advance(100 * DAY).await;
        assert_eq!(w.commits_kept(), kept, "it is not over");
        w.alice().merges(w.pull().number);
        w.settle().await;
        assert_eq!(w.state(issue).await, StateName::Merged);
        w.advance(89 * DAY).await;
        assert_eq!(w.commits_kept(), kept);
        w.advance(2 * DAY).await;
        assert_eq!(w.commits_kept(), Vec::<String>::new());
    });
}

#[test]
fn a_mirror_in_which_nothing_happens_is_let_go_and_made_again() {
    play(remembering(), async |w| {
        let mirrors = || {
            let folder = std::fs::read_dir(w.folder().join("data/mirrors")).expect("the mirrors").flatten();
            folder.filter(|entry| entry.path().extension().is_some_and(|it| it == "git")).count()
        };
        w.in_review().await;
        // The files' times are those of the machine, so the story has to leave it far behind; git knows no year after 2099.
        w.advance(20_000 * DAY).await;
        assert_eq!(mirrors(), 1, "it is not over");
        w.alice().merges(w.pull().number);
        w.settle().await;
        w.advance(30 * DAY).await;
        assert_eq!(mirrors(), 1, "somebody may still want it");
        w.advance(100 * DAY).await;
        assert_eq!(mirrors(), 0);
        w.planned().await;
        assert_eq!(mirrors(), 1);
    });
}
