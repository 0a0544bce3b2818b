//! How a task begins.

use super::{Draft, Transition};
use crate::domain::actor::{Action, authorise};
use crate::domain::effect::Effect;
use crate::domain::event::{Trigger, Triggered};
use crate::domain::ids::{RunId, TaskId};
use crate::domain::issue::RepositoryRef;
use crate::domain::rejection::Rejection;
use crate::domain::settings::RepositorySettings;
use crate::domain::task::{Advance, PlanCause, Planning, State, Task};
use crate::domain::time::Timestamp;
use crate::domain::usage::Usage;

/// Whether asking for a plan makes a new task: there is none, or the last one has ended for good.
#[must_use]
pub fn begins_anew(task: Option<&Task>) -> bool {
    task.is_none_or(|task| {
        matches!(task.state, State::Merged(_) | State::Closed(_) | State::Cancelled(_) | State::Expired)
    })
}

/// The first step of a task: it begins with a planning run.
///
/// # Errors
/// Who asks must be a writer; the issue must be open and not locked.
pub fn begin(
    id: TaskId,
    attempt: u32,
    repository: RepositoryRef,
    triggered: &Triggered,
    now: Timestamp,
) -> Result<Transition, Rejection> {
    authorise(&triggered.by, Action::Steer)?;
    if !triggered.issue.open {
        return Err(Rejection::IssueClosed);
    }
    if triggered.issue.locked {
        return Err(Rejection::IssueLocked);
    }
    let by = triggered.by.person.clone();
    let advance = match triggered.trigger {
        Trigger::LabelledAuto => Advance::Given { by: by.clone(), at: now, issue_digest: triggered.issue.digest() },
        Trigger::Assigned | Trigger::Labelled | Trigger::Command { .. } | Trigger::CommandLine => Advance::Nothing,
    };
    let task = Task {
        id,
        repository,
        issue: triggered.issue.clone(),
        attempt,
        requester: by,
        began: now,
        asked_at: match triggered.trigger {
            Trigger::Command { comment } => Some(comment.at),
            Trigger::Assigned | Trigger::Labelled | Trigger::LabelledAuto | Trigger::CommandLine => triggered.at,
        },
        began_by_label: matches!(triggered.trigger, Trigger::LabelledAuto),
        policy: triggered.policy.clone(),
        settings: RepositorySettings::default(),
        advance,
        runs: 0,
        plans: 0,
        plan_comments: Vec::new(),
        branch: None,
        pull: None,
        generation: 0,
        usage: Usage::default(),
        waits: Vec::new(),
        continued: Vec::new(),
        ended_from: None,
        state: State::Planning(Planning { run: RunId { task: id, number: 1 }, cause: PlanCause::Fresh }),
    };
    let mut draft = Draft::new(&task, now);
    if let Trigger::Command { comment } = triggered.trigger {
        draft.effects.push(Effect::Acknowledge { comment: comment.id });
    }
    draft.effects.push(Effect::ShowProgress);
    draft.plan(PlanCause::Fresh);
    Ok(draft.finish())
}
