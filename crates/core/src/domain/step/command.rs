//! What people's commands do.

use super::Draft;
use crate::command::Command;
use crate::domain::actor::{Action, Actor, authorise};
use crate::domain::effect::Effect;
use crate::domain::event::{Commanded, Origin, PlanCommentCheck};
use crate::domain::note::Note;
use crate::domain::plan::Plan;
use crate::domain::rejection::Rejection;
use crate::domain::task::{
    Approval, ApprovedThrough, Cancelled, Closed, Paused, PlanCause, State, StateName, Withdrawal,
};

pub(super) fn step(draft: &mut Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    let action = match commanded.command {
        Command::Status | Command::Help => Action::Ask,
        _ => Action::Steer,
    };
    authorise(&commanded.by, action)?;
    was_meant_for_this_task(draft, commanded)?;
    match &commanded.command {
        Command::Status => answer(draft, commanded, Note::Status),
        Command::Help => answer(draft, commanded, Note::Help),
        Command::Doctor => {
            if matches!(commanded.origin, Origin::Pull { .. }) {
                return Err(Rejection::OnlyOnIssue);
            }
            answer(draft, commanded, Note::Doctor);
        }
        Command::Plan => plan_anew(draft, commanded)?,
        Command::Approve { revision } => approve(draft, commanded, *revision)?,
        Command::Revise { text } => revise(draft, commanded, text)?,
        Command::Reject { .. } => reject(draft, commanded)?,
        Command::Cancel => cancel(draft, commanded)?,
        Command::Retry => retry(draft, commanded)?,
        Command::Pause => pause(draft, &commanded.by)?,
        Command::Resume => resume(draft, commanded)?,
        Command::Budget { amount } => {
            let state = draft.task.state.name();
            if state.is_end() && state != StateName::Failed {
                return Err(Rejection::Ended { state });
            }
            draft.task.policy.task_cost = *amount;
            draft.effects.push(Effect::ShowProgress);
        }
        other @ (Command::Agent { .. } | Command::Fix { .. } | Command::Rebase) => {
            return Err(Rejection::NotYet { command: other.name().to_owned() });
        }
    }
    acknowledge(draft, commanded);
    Ok(())
}

/// Every accepted command gets 👀; so it is the first thing done.
fn acknowledge(draft: &mut Draft<'_>, commanded: &Commanded) {
    match commanded.origin {
        Origin::Issue { comment, .. } | Origin::Pull { comment, .. } => {
            draft.effects.insert(0, Effect::Acknowledge { comment: comment.id });
        }
        Origin::CommandLine => {}
    }
}

fn answer(draft: &mut Draft<'_>, commanded: &Commanded, note: Note) {
    match commanded.origin {
        Origin::Issue { comment, index } | Origin::Pull { comment, index } => {
            let note = match commanded.quiet_until {
                Some(next) => Note::LastForNow { answer: Box::new(note), next },
                None => note,
            };
            draft.say_there(commanded.origin, format!("answer/{}/{index}", comment.id), note);
        }
        Origin::CommandLine => {}
    }
}

/// What steers a task was written after that task was asked for. A webhook that comes late may tell of what somebody wanted of
/// an earlier task on the same issue, or ask once more for what has begun since. What answers a plan names that plan, and is
/// judged by that.
fn was_meant_for_this_task(draft: &Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    let steers = matches!(
        commanded.command,
        Command::Plan | Command::Cancel | Command::Retry | Command::Pause | Command::Resume | Command::Budget { .. }
    );
    let written = match commanded.origin {
        Origin::Issue { comment, .. } | Origin::Pull { comment, .. } => comment.at,
        Origin::CommandLine => return Ok(()),
    };
    if steers && draft.task.was_asked_for_after(written) { Err(Rejection::BeforeThisTask) } else { Ok(()) }
}

/// Commands about plans belong on an issue that is open to talk.
fn issue_takes_commands(commanded: &Commanded) -> Result<(), Rejection> {
    if matches!(commanded.origin, Origin::Pull { .. }) {
        return Err(Rejection::OnlyOnIssue);
    }
    if !commanded.issue.open {
        return Err(Rejection::IssueClosed);
    }
    if commanded.issue.locked {
        return Err(Rejection::IssueLocked);
    }
    Ok(())
}

/// The plan that waits, or why none does.
fn waiting_plan(draft: &Draft<'_>) -> Result<Plan, Rejection> {
    let state = match &draft.task.state {
        State::AwaitingApproval(waiting) => return Ok(waiting.plan.clone()),
        other => other.name(),
    };
    Err(match state {
        StateName::Planning => Rejection::AlreadyPlanning,
        StateName::Queued
        | StateName::Implementing
        | StateName::Verifying
        | StateName::InReview
        | StateName::Revising => Rejection::UnderWay { state },
        StateName::Merged | StateName::Closed | StateName::Cancelled | StateName::Expired => Rejection::Ended { state },
        StateName::AwaitingApproval | StateName::Paused | StateName::WaitingForUser | StateName::Failed => {
            Rejection::NoPlanWaits { state }
        }
    })
}

fn plan_anew(draft: &mut Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    issue_takes_commands(commanded)?;
    match draft.task.state.name() {
        StateName::AwaitingApproval => {}
        StateName::Failed => draft.task.generation += 1,
        StateName::Planning => return Err(Rejection::AlreadyPlanning),
        state @ (StateName::Merged | StateName::Closed | StateName::Cancelled | StateName::Expired) => {
            return Err(Rejection::Ended { state });
        }
        state @ (StateName::Queued
        | StateName::Implementing
        | StateName::Verifying
        | StateName::InReview
        | StateName::Revising
        | StateName::Paused
        | StateName::WaitingForUser) => return Err(Rejection::UnderWay { state }),
    }
    draft.task.issue = commanded.issue.clone();
    draft.plan(PlanCause::Fresh);
    Ok(())
}

/// Whether the plan stood on the issue when the comment was written: nobody answers what they have not read.
fn was_read(draft: &Draft<'_>, commanded: &Commanded, revision: u32) -> Result<(), Rejection> {
    let Origin::Issue { comment, .. } = commanded.origin else { return Ok(()) };
    let posted = draft.task.plan_comment(revision).ok_or(Rejection::PlanNotPosted)?;
    if posted.is_before(&comment) { Ok(()) } else { Err(Rejection::PlanIsNewer { revision }) }
}

/// An approval counts for exactly the plan that stood on the issue when the comment was written, and for exactly the
/// issue's text that plan was written for.
fn approve(draft: &mut Draft<'_>, commanded: &Commanded, asked: Option<u32>) -> Result<(), Rejection> {
    issue_takes_commands(commanded)?;
    let plan = waiting_plan(draft)?;
    let revision = plan.revision;
    if let Some(asked) = asked.filter(|asked| *asked != revision) {
        return Err(Rejection::NotTheNewest { asked, newest: revision });
    }
    was_read(draft, commanded, revision)?;
    let through = match commanded.origin {
        Origin::Issue { comment, .. } => ApprovedThrough::Comment { id: comment.id },
        Origin::Pull { .. } => return Err(Rejection::OnlyOnIssue),
        Origin::CommandLine => ApprovedThrough::CommandLine,
    };
    match commanded.plan_comment {
        PlanCommentCheck::Intact => {}
        PlanCommentCheck::Edited | PlanCommentCheck::Missing => {
            return Err(Rejection::PlanCommentChanged { revision });
        }
    }
    if commanded.issue.digest() != plan.issue_digest {
        return Err(Rejection::IssueChanged { revision });
    }
    let by = commanded.by.person.clone();
    if draft.task.policy.second_person_approves && by.id == draft.task.requester.id {
        return Err(Rejection::NeedsSecondPerson);
    }
    draft.task.issue = commanded.issue.clone();
    let approval = Approval {
        by,
        through,
        at: draft.now,
        revision,
        plan_digest: plan.digest.clone(),
        issue_digest: plan.issue_digest.clone(),
        base: plan.base.clone(),
    };
    draft.queue(plan, approval);
    Ok(())
}

fn revise(draft: &mut Draft<'_>, commanded: &Commanded, wish: &str) -> Result<(), Rejection> {
    issue_takes_commands(commanded)?;
    let previous = waiting_plan(draft)?;
    was_read(draft, commanded, previous.revision)?;
    draft.task.issue = commanded.issue.clone();
    draft.plan(PlanCause::Revise { previous, wish: wish.to_owned() });
    Ok(())
}

fn reject(draft: &mut Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    if matches!(commanded.origin, Origin::Pull { .. }) {
        return Err(Rejection::OnlyOnIssue);
    }
    let plan = waiting_plan(draft)?;
    was_read(draft, commanded, plan.revision)?;
    let by = commanded.by.person.clone();
    draft.say("end".into(), Note::PlanRejected { by: by.clone() });
    draft.task.state = State::Closed(Closed::Rejected { by });
    Ok(())
}

fn cancel(draft: &mut Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    let state = draft.task.state.name();
    if state.is_end() && state != StateName::Failed {
        return Err(Rejection::Ended { state });
    }
    let because = Withdrawal::Command { by: commanded.by.person.clone() };
    draft.effects.push(Effect::StopWork);
    draft.say_there(commanded.origin, "end".into(), Note::Cancelled { because: because.clone() });
    draft.task.state = State::Cancelled(Cancelled { because });
    Ok(())
}

fn retry(draft: &mut Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    let resume = match &draft.task.state {
        State::Failed(failed) => failed.resume.clone(),
        State::WaitingForUser(waiting) => waiting.resume.clone(),
        other => return Err(Rejection::NothingToRetry { state: other.name() }),
    };
    if draft.task.money_left().0 == 0 {
        return Err(Rejection::BudgetSpent);
    }
    enter_again(draft, *resume, commanded);
    Ok(())
}

fn pause(draft: &mut Draft<'_>, by: &Actor) -> Result<(), Rejection> {
    let state = draft.task.state.name();
    match state {
        StateName::Planning
        | StateName::AwaitingApproval
        | StateName::Queued
        | StateName::Implementing
        | StateName::Verifying
        | StateName::Revising => {}
        StateName::InReview
        | StateName::Paused
        | StateName::WaitingForUser
        | StateName::Merged
        | StateName::Closed
        | StateName::Cancelled
        | StateName::Failed
        | StateName::Expired => return Err(Rejection::NothingToPause { state }),
    }
    draft.effects.push(Effect::StopWork);
    let resume = Box::new(draft.task.state.clone());
    draft.task.state = State::Paused(Paused { by: by.person.clone(), resume });
    Ok(())
}

fn resume(draft: &mut Draft<'_>, commanded: &Commanded) -> Result<(), Rejection> {
    let resume = match &draft.task.state {
        State::Paused(paused) => paused.resume.clone(),
        other => return Err(Rejection::NotPaused { state: other.name() }),
    };
    enter_again(draft, *resume, commanded);
    Ok(())
}

/// A plan is written for what the issue says now; approved work stays what was approved.
fn enter_again(draft: &mut Draft<'_>, state: State, commanded: &Commanded) {
    if matches!(state, State::Planning(_)) {
        draft.task.issue = commanded.issue.clone();
    }
    draft.enter_again(state);
}
