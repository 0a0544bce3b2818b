//! What happens when nobody answers. A timer that was set for something past does nothing.

use super::Draft;
use crate::domain::effect::Timer;
use crate::domain::note::Note;
use crate::domain::rejection::Rejection;
use crate::domain::task::State;
use crate::domain::time::Timestamp;

pub(super) fn step(draft: &mut Draft<'_>, timer: Timer) -> Result<(), Rejection> {
    let since = match (timer, &draft.task.state) {
        (Timer::RemindOfPlan { revision } | Timer::ExpirePlan { revision }, State::AwaitingApproval(waiting))
            if waiting.plan.revision == revision =>
        {
            waiting.since
        }
        (
            Timer::RemindOfQuestion { generation } | Timer::ExpireQuestion { generation },
            State::WaitingForUser(waiting),
        ) if generation == draft.task.generation => waiting.since,
        _ => return Err(Rejection::Outdated),
    };
    // The same plan may wait a second time (its approval became void): the first time's timers are then too early.
    let patience = draft.policy().patience();
    let due = match timer {
        Timer::RemindOfPlan { .. } | Timer::RemindOfQuestion { .. } => since.plus(patience / 2),
        Timer::ExpirePlan { .. } | Timer::ExpireQuestion { .. } => since.plus(patience),
    };
    if draft.now < due {
        return Err(Rejection::Outdated);
    }
    let days_left = days_left(draft, since);
    match timer {
        Timer::RemindOfPlan { revision } => {
            draft.say(format!("remind/plan/{revision}/{}", since.0), Note::ReminderOfPlan { revision, days_left });
        }
        Timer::RemindOfQuestion { generation } => {
            draft.say(format!("remind/question/{generation}"), Note::ReminderOfQuestion { days_left });
        }
        Timer::ExpirePlan { .. } | Timer::ExpireQuestion { .. } => {
            draft.say("end".into(), Note::Expired);
            draft.task.state = State::Expired;
        }
    }
    Ok(())
}

fn days_left(draft: &Draft<'_>, since: Timestamp) -> u32 {
    let deadline = since.plus(draft.policy().patience());
    let left = deadline.since(draft.now).as_secs().div_ceil(24 * 60 * 60);
    u32::try_from(left).unwrap_or(u32::MAX)
}
