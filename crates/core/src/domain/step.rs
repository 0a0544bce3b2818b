//! The state machine: given a task and something that happened, what the task becomes and what is to be done.
//!
//! Pure and total: no IO, no clock, no panic; whatever happens in whatever state has an answer here. Only
//! `engine::apply` calls it on stored tasks, and writes what comes out in one transaction.

mod begin;
mod command;
mod draft;
mod offer;
mod outcome;
mod timer;
mod withdraw;

use super::actor::{Action, authorise};
use super::effect::Effect;
use super::event::{Event, Trigger};
use super::rejection::Rejection;
use super::task::{Advance, State, Task};
use super::time::Timestamp;

pub use begin::{begin, begins_anew};
use draft::Draft;
pub use offer::makes_sense;

/// What comes out of a step: the task as it is now, and what is to be done because of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The task.
    pub next: Task,
    /// What to do, in order.
    pub effects: Vec<Effect>,
}

/// What `event` does to `task` at the time `now`.
///
/// # Errors
/// A [`Rejection`] where the event changes nothing: a person asked for something that cannot be, or the event is late.
pub fn step(task: &Task, event: &Event, now: Timestamp) -> Result<Transition, Rejection> {
    let mut draft = Draft::new(task, now);
    match event {
        Event::Triggered(triggered) => {
            // Handing over what is already in hand changes nothing, except that the automatic label is an approval.
            match triggered.trigger {
                Trigger::LabelledAuto if !task.ended() => advance(&mut draft, &triggered.by, &triggered.issue)?,
                // Heard of late, it is not done over again.
                _ if triggered.at.is_some_and(|at| task.was_asked_for_after(at)) => return Err(Rejection::Outdated),
                _ if matches!(task.state, State::Failed(_)) => {
                    authorise(&triggered.by, Action::Steer)?;
                    return Err(Rejection::FailedBefore);
                }
                _ => return Err(Rejection::Outdated),
            }
        }
        Event::Commanded(commanded) => command::step(&mut draft, commanded)?,
        Event::Withdrawn { because, .. } => withdraw::step(&mut draft, because)?,
        Event::IssueEdited { issue } => {
            // A failed task can be retried, and must then read what the issue says.
            let is_over = task.ended() && !matches!(task.state, State::Failed(_));
            if is_over || task.issue == *issue {
                return Err(Rejection::Outdated);
            }
            draft.task.issue = issue.clone();
            draft.effects.push(Effect::ShowProgress);
        }
        Event::AdvanceGiven { by, issue } => advance(&mut draft, by, issue)?,
        Event::ApprovalDeleted { comment } => withdraw::approval_deleted(&mut draft, *comment)?,
        Event::AdvanceTakenBack if draft.task.advance == Advance::Nothing => return Err(Rejection::Outdated),
        Event::AdvanceTakenBack => draft.task.advance = Advance::Nothing,
        Event::ApprovalVoided { because } => withdraw::approval_voided(&mut draft, because)?,
        Event::TimerFired { timer } => timer::step(&mut draft, *timer)?,
        Event::EffectRefused { effect, refusal, said } => outcome::effect_refused(&mut draft, effect, refusal, said)?,
        // Told with whatever is shown next: what waited brings news of its own.
        Event::Waited { .. } if task.ended() => return Err(Rejection::Outdated),
        Event::Waited { wait } => draft.task.has_waited(*wait),
        Event::EffectFailed { effect, reason, .. } => outcome::effect_failed(&mut draft, effect, reason)?,
        Event::RunStarted { .. }
        | Event::RunInterrupted { .. }
        | Event::RunContinued { .. }
        | Event::KeptWorkUnusable { .. }
        | Event::PlanWritten(_)
        | Event::PlanPosted { .. }
        | Event::ConfigurationInvalid { .. }
        | Event::AlreadyServed { .. }
        | Event::PatchMade { .. }
        | Event::NothingChanged { .. }
        | Event::NothingToDo { .. }
        | Event::RunExhausted { .. }
        | Event::RunBroke { .. }
        | Event::PatchRefused { .. }
        | Event::BaseConflicted { .. }
        | Event::BaseHasIt { .. }
        | Event::EvidenceTaken { .. }
        | Event::BranchPushed { .. }
        | Event::PullOpened { .. }
        | Event::PullClosed { .. }
        | Event::PullReopened { .. } => outcome::step(&mut draft, event)?,
    }
    Ok(draft.finish())
}

/// A writer's label counts for plans to come, never for one that waits already.
fn advance(
    draft: &mut Draft<'_>,
    by: &super::actor::Actor,
    issue: &super::issue::IssueSnapshot,
) -> Result<(), Rejection> {
    if draft.task.ended() {
        return Err(Rejection::Outdated);
    }
    authorise(by, Action::Steer)?;
    if matches!(draft.task.state, State::Planning(_)) {
        draft.task.issue = issue.clone();
    }
    draft.task.advance = Advance::Given { by: by.person.clone(), at: draft.now, issue_digest: issue.digest() };
    Ok(())
}
