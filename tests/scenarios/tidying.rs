//! What nobody needs any more is let go, and nothing that somebody may still need.

use std::time::Duration;

use baton_core::domain::task::StateName;

use crate::world::{Setup, play};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn the_commits_of_a_merged_task_are_let_go_after_ninety_days() {
    play(Setup::usual(), async |w| {
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
