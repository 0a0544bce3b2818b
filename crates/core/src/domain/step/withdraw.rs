//! How work is taken back: the issue withdrawn, the approval void.

use super::Draft;
use crate::domain::effect::Effect;
use crate::domain::ids::CommentId;
use crate::domain::note::{Note, VoidApproval};
use crate::domain::rejection::Rejection;
use crate::domain::task::{Advance, ApprovedThrough, Cancelled, State, StateName, Withdrawal, Work};

/// Whoever takes the issue away, the task ends; a failed one ends quietly, people were told already.
pub(super) fn step(draft: &mut Draft<'_>, because: &Withdrawal) -> Result<(), Rejection> {
    let state = draft.task.state.name();
    if state == StateName::Failed {
        draft.task.state = State::Cancelled(Cancelled { because: because.clone() });
        return Ok(());
    }
    if state.is_end() {
        return Err(Rejection::Outdated);
    }
    draft.effects.push(Effect::StopWork);
    match because {
        // There is nowhere left to say it.
        Withdrawal::IssueDeleted | Withdrawal::IssueTransferred | Withdrawal::Uninstalled => {}
        Withdrawal::Command { .. } | Withdrawal::Unassigned | Withdrawal::Unlabelled | Withdrawal::IssueClosed => {
            draft.say("end".into(), Note::Cancelled { because: because.clone() });
        }
    }
    draft.task.state = State::Cancelled(Cancelled { because: because.clone() });
    Ok(())
}

/// Deleting the approving comment takes the approval back until work has begun; after that it is history.
pub(super) fn approval_deleted(draft: &mut Draft<'_>, comment: CommentId) -> Result<(), Rejection> {
    let State::Queued(queued) = &draft.task.state else { return Err(Rejection::Outdated) };
    if queued.work.approval.through != (ApprovedThrough::Comment { id: comment }) {
        return Err(Rejection::Outdated);
    }
    let work = queued.work.clone();
    void(draft, work, VoidApproval::CommentDeleted);
    Ok(())
}

/// An approval is worth what its author may do when it is used, and a label what it still says.
pub(super) fn approval_voided(draft: &mut Draft<'_>, because: &VoidApproval) -> Result<(), Rejection> {
    let work = match &draft.task.state {
        State::Queued(s) => s.work.clone(),
        State::Implementing(s) => s.work.clone(),
        State::Revising(s) => s.work.clone(),
        State::Verifying(s) => s.work.clone(),
        _ => return Err(Rejection::Outdated),
    };
    void(draft, work, because.clone());
    Ok(())
}

fn void(draft: &mut Draft<'_>, work: Work, because: VoidApproval) {
    draft.effects.push(Effect::StopWork);
    draft.say(format!("void/{}", draft.task.runs), Note::ApprovalVoid { because });
    // What was given in advance was given by the same person in the same breath.
    draft.task.advance = Advance::Nothing;
    draft.await_approval(work.plan);
}
