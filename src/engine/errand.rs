//! What an effect's writes are worth when there is not room for all, and how many of them it makes.

use baton_core::domain::effect::Effect;
use baton_github::Importance;

/// The importance of what an effect writes on GitHub.
pub(super) fn importance(effect: &Effect) -> Importance {
    match effect {
        Effect::Say { .. } => Importance::Answer,
        Effect::Push { .. } | Effect::OpenPull { .. } | Effect::RequestReview { .. } => Importance::Pull,
        Effect::Run(_) | Effect::Verify { .. } => Importance::Check,
        Effect::PostPlan { .. } => Importance::Plan,
        Effect::MinimisePlan { .. } | Effect::ShowProgress | Effect::StopWork | Effect::Wake { .. } => {
            Importance::Progress
        }
        Effect::Acknowledge { .. } => Importance::Reaction,
    }
}

/// How many writes it makes for certain. For these there is room, or it does not begin: who begins and cannot end asks
/// GitHub everything twice.
pub(super) fn writes(effect: &Effect) -> u32 {
    match effect {
        Effect::Say { .. } | Effect::PostPlan { .. } | Effect::OpenPull { .. } | Effect::Acknowledge { .. } => 1,
        Effect::RequestReview { logins, .. } => u32::try_from(logins.len()).unwrap_or(u32::MAX),
        // Whether these write at all is seen on the way.
        Effect::MinimisePlan { .. }
        | Effect::ShowProgress
        | Effect::Run(_)
        | Effect::Verify { .. }
        | Effect::Push { .. }
        | Effect::StopWork
        | Effect::Wake { .. } => 0,
    }
}

/// The same order for the queue: what matters more is taken up first. Work of ingestion has 0.
pub(super) fn priority(effect: &Effect) -> i64 {
    match importance(effect) {
        Importance::Answer => 6,
        Importance::Pull => 5,
        Importance::Check => 0,
        Importance::Plan => 3,
        Importance::Progress => -1,
        // Costs a person a moment of doubt when it is late, and nobody else anything when it is early.
        Importance::Reaction => 10,
    }
}
