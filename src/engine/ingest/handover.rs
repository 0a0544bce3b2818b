//! Who handed an issue over, from the issue's own history: the newest assignment or label that still stands. Its number is what
//! makes one of the webhook and the look at the truth that both find it.

use baton_core::domain::ids::{CommentId, RepositoryId};
use baton_github::{IssueAct, IssueEvent};

/// What an issue can be handed over by.
pub(in crate::engine) enum Handle {
    /// An assignee of ours.
    Login(String),
    /// A label of ours.
    Label(String),
}

/// The event that put this handle on the issue, if it was not taken off since. Logins and labels are compared without case,
/// as GitHub does.
pub(in crate::engine) fn handed_over<'e>(events: &'e [IssueEvent], handle: &Handle) -> Option<&'e IssueEvent> {
    let same = |ours: &str, theirs: &str| ours.to_lowercase() == theirs.to_lowercase();
    let mut newest = None;
    for event in events {
        match (handle, &event.act) {
            (Handle::Login(ours), IssueAct::Assigned(login)) if same(ours, login) => newest = Some(event),
            (Handle::Login(ours), IssueAct::Unassigned(login)) if same(ours, login) => newest = None,
            (Handle::Label(ours), IssueAct::Labelled(label)) if same(ours, label) => newest = Some(event),
            (Handle::Label(ours), IssueAct::Unlabelled(label)) if same(ours, label) => newest = None,
            _ => {}
        }
    }
    newest
}

/// Names a handover, once for ever.
pub(in crate::engine) fn handover_key(repository: RepositoryId, event: i64) -> String {
    format!("handover/{repository}/{event}")
}

/// Names a comment that commands, once for ever.
pub(in crate::engine) fn comment_key(repository: RepositoryId, comment: CommentId) -> String {
    format!("comment/{repository}/{comment}")
}

#[cfg(test)]
mod tests {
    use baton_core::domain::time::Timestamp;

    use super::*;

    #[test]
    fn the_newest_that_stands() {
        let acts = [
            IssueAct::Labelled("Baton".into()),
            IssueAct::Assigned("bot".into()),
            IssueAct::Unlabelled("baton".into()),
            IssueAct::Labelled("bug".into()),
            IssueAct::Labelled("baton".into()),
            IssueAct::Unassigned("bot".into()),
        ];
        let events: Vec<IssueEvent> =
            (1..).zip(acts).map(|(id, act)| IssueEvent { id, act, actor: None, at: Timestamp(id) }).collect();
        let found = |upto: usize, handle: Handle| handed_over(&events[..upto], &handle).map(|event| event.id);
        assert_eq!(found(1, Handle::Label("baton".into())), Some(1));
        assert_eq!(found(3, Handle::Label("baton".into())), None);
        assert_eq!(found(6, Handle::Label("BATON".into())), Some(5));
        assert_eq!(found(5, Handle::Login("Bot".into())), Some(2));
        assert_eq!(found(6, Handle::Login("bot".into())), None);
    }
}
