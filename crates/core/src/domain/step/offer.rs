//! Which commands make sense now: those that would be accepted of a writer. Asked of the state machine itself, so that help
//! never says something else than what happens.

use super::{begins_anew, step};
use crate::command::Command;
use crate::command::spec::{Place, Spec};
use crate::domain::actor::{AccountKind, Actor, Person, Role};
use crate::domain::event::{Commanded, Event, Origin, PlanCommentCheck};
use crate::domain::ids::{CommentId, UserId};
use crate::domain::issue::CommentRef;
use crate::domain::task::Task;
use crate::domain::time::Timestamp;

/// Whether a command, said in a new comment at `place` by somebody who may, is carried out. Without a task only what begins
/// one is, and what everyone may ask.
#[must_use]
pub fn makes_sense(spec: &Spec, task: Option<&Task>, place: Place, now: Timestamp) -> bool {
    if !spec.available || !spec.works_on(place) {
        return false;
    }
    let Some(command) = spec.sample() else { return false };
    match (&command, task) {
        (Command::Status | Command::Help | Command::Doctor, _) => true,
        (Command::Plan, task) if begins_anew(task) => true,
        (_, None) => false,
        (_, Some(task)) => {
            // Later than whatever stands on the thread.
            let comment = CommentRef { id: CommentId(i64::MAX), at: now };
            let origin = match place {
                Place::Issue => Origin::Issue { comment, index: 0 },
                Place::PullRequest => Origin::Pull { comment, index: 0 },
            };
            let event = Event::Commanded(Box::new(Commanded {
                by: some_writer(),
                command,
                origin,
                issue: task.issue.clone(),
                plan_comment: PlanCommentCheck::Intact,
                quiet_until: None,
            }));
            step(task, &event, now).is_ok()
        }
    }
}

/// Nobody who has had to do with the task: where a second person has to approve, this is one.
fn some_writer() -> Actor {
    Actor {
        person: Person { id: UserId(0), login: String::new() },
        kind: AccountKind::User,
        role: Role::Write,
        trusted_bot: false,
    }
}
