//! The progress comment: one per task, edited in place. Also what `/baton status` answers.

use super::neutral;
use super::place::ReadAt;
use crate::domain::evidence::{Doubt, Evidence};
use crate::domain::ids::IssueNumber;
use crate::domain::run::NothingReason;
use crate::domain::task::{Closed, InReview, Question, Stage, State, Task, Withdrawal};
use crate::domain::time::Timestamp;
use crate::domain::transfer::Transfer;
use crate::domain::wait::Wait;

/// What the progress comment shows besides the task.
#[derive(Clone, Debug)]
pub struct Progress<'a> {
    /// The task as it is.
    pub task: &'a Task,
    /// The time it is shown at.
    pub now: Timestamp,
    /// What its waiting work waits for, if it waits.
    pub queue: Queue,
    /// How far the fetch is that goes on for it, if one does.
    pub transfer: Option<Transfer>,
    /// What the next step of its work waits for at GitHub, if it does.
    pub wait: Option<Wait>,
    /// Whether the operator stopped everything.
    pub paused_by_operator: bool,
    /// The issue's page: `https://github.com/OWNER/NAME/issues/7`.
    pub issue_page: String,
}

/// Where a task's work stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Nothing of it waits.
    NotWaiting,
    /// So many runs go first.
    Behind(usize),
}

/// What stands above the progress of a task that goes on.
const LIVE: &str = "Baton is on this issue";

/// What stands above the progress of a task that has ended.
const ENDED: &str = "Baton's progress";

/// The comment in Markdown.
#[must_use]
pub fn comment(view: &Progress<'_>) -> String {
    let task = view.task;
    let mut out = format!("### {}\n\n", if task.ended() { ENDED } else { LIVE });
    for (done, line) in checklist(task) {
        out.push_str(&format!("- [{}] {line}\n", if done { 'x' } else { ' ' }));
    }
    out.push('\n');
    out.push_str(&status(view, ReadAt::Issue));
    out.push_str("\n\n<sub>This comment is kept up to date. `/baton help` lists what you can say.</sub>\n");
    out
}

/// State, time, tokens, cost and links in two or three lines, for whoever reads it `at` that place.
#[must_use]
pub fn status(view: &Progress<'_>, at: ReadAt) -> String {
    let task = view.task;
    let mut out = format!("**State:** `{}`{}\n", task.state.name().as_str(), explanation(task, at));
    if let Some(transfer) = &view.transfer {
        let repository = neutral::literal(&task.repository.name.to_string());
        out.push_str(&format!("\n**Now:** {}.\n", super::transfer::line(&repository, transfer)));
    }
    if view.paused_by_operator {
        out.push_str("\n**The operator has paused this bot:** nothing new is started until that ends.\n");
    } else if let Queue::Behind(ahead) = view.queue {
        out.push_str(&match ahead {
            0 => "\n**Queue:** next.\n".to_owned(),
            1 => "\n**Queue:** one run goes first.\n".to_owned(),
            n => format!("\n**Queue:** {n} runs go first.\n"),
        });
    }
    if let Some(kept_at) = task.current_run().and_then(|run| task.went_on_from(run)) {
        out.push_str(&format!("\nThe agent {}.\n", super::kept::went_on(kept_at, view.now)));
    }
    if let Some(wait) = &view.wait {
        out.push_str(&format!("\n**Waiting:** {}\n", super::wait::goes_on(wait, view.now)));
    }
    for wait in &task.waits {
        out.push_str(&format!("\n{}\n", super::wait::is_over(wait)));
    }
    out.push_str(&format!(
        "\n{elapsed} since it began · {runs} {noun} · {tokens} tokens · {cost} of {limit}",
        elapsed = super::duration(view.now.since(task.began)),
        runs = task.runs,
        noun = if task.runs == 1 { "run" } else { "runs" },
        tokens = super::number(task.usage.tokens()),
        cost = super::money(task.usage.cost),
        limit = super::money(task.policy.task_cost),
    ));
    if let Some(comment) = task.plan_comments.last() {
        // The whole address: this is read on the pull request's page too.
        out.push_str(&format!(
            " · [plan {}]({}#issuecomment-{})",
            comment.revision, view.issue_page, comment.comment.id
        ));
    }
    if let Some(pull) = task.pull {
        out.push_str(&format!(" · pull request #{pull}"));
    }
    out.push('\n');
    out
}

/// What the state means for whoever reads it: the rest of the sentence that begins with its name.
fn explanation(task: &Task, at: ReadAt) -> String {
    match &task.state {
        State::Planning(_) => ", an agent reads the repository and writes a plan.".into(),
        State::AwaitingApproval(waiting) => {
            let revision = waiting.plan.revision;
            if waiting.plan.issue_digest == task.issue.digest() {
                let until = waiting.since.plus(task.effective_policy().patience()).day();
                format!(
                    ", plan {revision} waits for {} by somebody who may write here, until {until}.",
                    at.command("plan approve")
                )
            } else {
                format!(
                    ", the issue was edited after plan {revision}, which therefore no longer counts; {} writes a new one.",
                    at.command("plan")
                )
            }
        }
        State::Queued(_) => ", approved; it waits for a free worker.".into(),
        State::Implementing(_) => ", an agent makes the change in a sandbox.".into(),
        State::Verifying(verifying) => match verifying.stage {
            Stage::Testing => ", Baton judges the patch and runs the tests on the base and on the branch.".into(),
            Stage::Pushing(_) => ", the branch is being pushed.".into(),
            Stage::Opening(_) => ", the pull request is being opened.".into(),
        },
        State::InReview(review) => in_review(review),
        State::Revising(revising) => {
            format!(
                ", an agent corrects what Baton found (round {} of {}).",
                revising.work.rounds, task.policy.max_rounds
            )
        }
        State::Paused(paused) => {
            format!(", stopped by {}; {} goes on.", neutral::literal(&paused.by.login), at.command("baton resume"))
        }
        State::WaitingForUser(waiting) => {
            let until = waiting.since.plus(task.effective_policy().patience()).day();
            match waiting.question {
                Question::Exhausted { .. } => format!(
                    ", a limit was reached; {} goes on, {} ends it. It waits until {until}.",
                    at.command("baton retry"),
                    at.command("baton cancel")
                ),
            }
        }
        State::Merged(review) => format!(", pull request #{} was merged.", review.pull),
        State::Closed(closed) => self::closed(closed),
        State::Cancelled(cancelled) => self::cancelled(&cancelled.because),
        State::Failed(_) => {
            format!(", it failed; a comment on the issue says what happened, {} goes on.", at.command("baton retry"))
        }
        State::Expired => format!(", nobody answered in time; {} begins anew.", at.command("plan")),
    }
}

fn in_review(review: &InReview) -> String {
    let pull: IssueNumber = review.pull;
    if review.proof.evidence.is_good() {
        format!(", pull request #{pull} is open and waits for a person.")
    } else {
        format!(", pull request #{pull} is a draft, because its evidence is not good; a person has to decide.")
    }
}

fn closed(closed: &Closed) -> String {
    match closed {
        Closed::PullClosed(review) => format!(", pull request #{} was closed without a merge.", review.pull),
        Closed::Rejected { by } => format!(", the plan was rejected by {}.", neutral::literal(&by.login)),
        Closed::NothingToDo { reason } => match reason {
            NothingReason::CannotReproduce => ", the agent could not reproduce the problem.".to_owned(),
            NothingReason::AlreadyFixed => ", the default branch already does what the issue asks.".to_owned(),
            NothingReason::CannotDo => ", the agent could not do this.".to_owned(),
        },
        Closed::EmptyPatch => ", the agent ended without changing anything.".to_owned(),
        Closed::AlreadyServed { pull } => format!(", pull request #{pull}, by a person, already closes the issue."),
    }
}

fn cancelled(because: &Withdrawal) -> String {
    let how = match because {
        Withdrawal::Command { by } => format!(" by {}", neutral::literal(&by.login)),
        Withdrawal::Unassigned => ", the bot was unassigned".to_owned(),
        Withdrawal::Unlabelled => ", the label was removed".to_owned(),
        Withdrawal::IssueClosed => ", the issue was closed".to_owned(),
        Withdrawal::IssueDeleted => ", the issue was deleted".to_owned(),
        Withdrawal::IssueTransferred => ", the issue was moved to another repository".to_owned(),
        Withdrawal::Uninstalled => ", the App was removed from the repository".to_owned(),
    };
    format!("{how}; nothing more is pushed.")
}

fn checklist(task: &Task) -> Vec<(bool, String)> {
    let reached = match task.reached() {
        // It ended before that was kept; that there was a plan, people see.
        state if state.is_bare_end() => u8::from(task.plans > 0),
        state => rank(state),
    };
    // While a plan is being written, it is the next one; the last one stands on the issue.
    let revision = if reached == 0 && task.plans > 0 { task.plans + 1 } else { task.plans };
    let plan = match revision {
        0 => "Write a plan".to_owned(),
        n => format!("Write a plan (revision {n})"),
    };
    let approved = match task.reached().work() {
        Some(work) => format!("Approval, by {}", neutral::literal(&work.approval.by.login)),
        None => "Approval".to_owned(),
    };
    vec![
        (reached > 0, plan),
        (reached > 1, approved),
        (reached > 2, "Make the change, in a sandbox".to_owned()),
        (reached > 3, "Judge the patch and run the tests".to_owned()),
        (reached > 4, "Open the pull request".to_owned()),
    ]
}

/// How many lines of the checklist are done.
fn rank(state: &State) -> u8 {
    match state {
        State::Planning(_) => 0,
        State::AwaitingApproval(_) => 1,
        State::Queued(_) | State::Implementing(_) => 2,
        State::Verifying(verifying) => match verifying.stage {
            Stage::Testing => 3,
            Stage::Pushing(_) | Stage::Opening(_) => 4,
        },
        State::Revising(_) => 3,
        State::InReview(_) | State::Merged(_) | State::Closed(Closed::PullClosed(_)) => 5,
        State::Paused(paused) => rank(&paused.resume),
        State::WaitingForUser(waiting) => rank(&waiting.resume),
        State::Failed(failed) => rank(&failed.resume),
        // Such an end is told of by the state before it.
        State::Closed(_) | State::Cancelled(_) | State::Expired => 0,
    }
}

/// The title of the `baton` check run on the branch's head.
#[must_use]
pub fn check_title(evidence: &Evidence) -> String {
    match (evidence.doubt(), &evidence.missing) {
        (Some(Doubt::Missing), Some(missing)) => neutral::title(missing),
        (Some(Doubt::Missing), None) => "There is no evidence".to_owned(),
        (Some(Doubt::Failing), _) => "Something fails that did not fail before".to_owned(),
        (Some(Doubt::Muted), _) => "A person has to look at what became of the tests".to_owned(),
        (None, _) if evidence.shows_the_change() => "The evidence is good".to_owned(),
        (None, _) => "Nothing broke, but no test fails without this change".to_owned(),
    }
}
