//! The progress comment: one per task, edited in place. Also what `/baton status` answers.

use super::neutral;
use crate::domain::evidence::Evidence;
use crate::domain::task::{Closed, Question, Stage, State, Task};
use crate::domain::time::Timestamp;

/// What the progress comment shows besides the task.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The task as it is.
    pub task: &'a Task,
    /// The time it is shown at.
    pub now: Timestamp,
    /// What its waiting work waits for, if it waits.
    pub queue: Queue,
    /// Whether the operator stopped everything.
    pub paused_by_operator: bool,
}

/// Where a task's work stands in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Nothing of it waits.
    NotWaiting,
    /// So many runs go first.
    Behind(usize),
}

/// The comment in Markdown.
#[must_use]
pub fn comment(view: &Progress<'_>) -> String {
    let task = view.task;
    let mut out = String::from("### Baton is on this issue\n\n");
    for (done, line) in checklist(task) {
        out.push_str(&format!("- [{}] {line}\n", if done { 'x' } else { ' ' }));
    }
    out.push('\n');
    out.push_str(&status(view));
    out.push_str("\n\n<sub>This comment is kept up to date. `/baton help` lists what you can say.</sub>\n");
    out
}

/// State, time, tokens, cost and links in two or three lines.
#[must_use]
pub fn status(view: &Progress<'_>) -> String {
    let task = view.task;
    let mut out = format!("**State:** `{}`, {}\n", task.state.name().as_str(), explanation(task));
    if view.paused_by_operator {
        out.push_str("\n**The operator has paused this bot:** nothing new is started until that ends.\n");
    } else if let Queue::Behind(ahead) = view.queue {
        out.push_str(&match ahead {
            0 => "\n**Queue:** next.\n".to_owned(),
            1 => "\n**Queue:** one run goes first.\n".to_owned(),
            n => format!("\n**Queue:** {n} runs go first.\n"),
        });
    }
    out.push_str(&format!(
        "\n{elapsed} since it began · {runs} {noun} · {tokens} tokens · {cost} of {limit}",
        elapsed = super::duration(view.now.since(task.began)),
        runs = task.runs,
        noun = if task.runs == 1 { "run" } else { "runs" },
        tokens = super::number(task.usage.tokens()),
        cost = task.usage.cost,
        limit = task.policy.task_cost,
    ));
    if let Some(comment) = task.plan_comments.last() {
        // The comment stands on the same page.
        out.push_str(&format!(" · [plan {}](#issuecomment-{})", comment.revision, comment.comment.id));
    }
    if let State::InReview(review) | State::Merged(review) = &task.state {
        out.push_str(&format!(" · pull request #{}", review.pull));
    }
    out.push('\n');
    out
}

/// One clause that says what the state means for whoever reads it.
fn explanation(task: &Task) -> String {
    match &task.state {
        State::Planning(_) => "an agent reads the repository and writes a plan.".into(),
        State::AwaitingApproval(waiting) => {
            if waiting.plan.issue_digest == task.issue.digest() {
                let days = task.policy.approval_days;
                format!(
                    "plan {} waits for `/plan approve` by somebody who may write here, for {days} days.",
                    waiting.plan.revision
                )
            } else {
                format!(
                    "the issue was edited after plan {}, which therefore no longer counts; `/plan` writes a new one.",
                    waiting.plan.revision
                )
            }
        }
        State::Queued(_) => "approved; it waits for a free worker.".into(),
        State::Implementing(_) => "an agent makes the change in a sandbox.".into(),
        State::Verifying(verifying) => match verifying.stage {
            Stage::Testing => "Baton judges the patch and runs the tests on the base and on the branch.".into(),
            Stage::Pushing(_) => "the branch is being pushed.".into(),
            Stage::Opening(_) => "the pull request is being opened.".into(),
        },
        State::InReview(review) => format!("pull request #{} is open and waits for a person.", review.pull),
        State::Revising(revising) => {
            format!(
                "an agent corrects what Baton found (round {} of {}).",
                revising.work.rounds, task.policy.max_rounds
            )
        }
        State::Paused(paused) => {
            format!("stopped by {}; `/baton resume` goes on.", neutral::literal(&paused.by.login))
        }
        State::WaitingForUser(waiting) => match waiting.question {
            Question::Exhausted { .. } => {
                "a limit was reached; `/baton retry` goes on, `/baton cancel` ends it.".into()
            }
        },
        State::Merged(review) => format!("pull request #{} was merged.", review.pull),
        State::Closed(_) => "it ended without a merge.".into(),
        State::Cancelled(_) => "it was cancelled.".into(),
        State::Failed(_) => "it failed; a comment below says what happened, `/baton retry` goes on.".into(),
        State::Expired => "nobody answered in time; `/plan` begins anew.".into(),
    }
}

fn checklist(task: &Task) -> Vec<(bool, String)> {
    let reached = rank(task);
    let plan = match task.plans {
        0 => "Write a plan".to_owned(),
        n => format!("Write a plan (revision {n})"),
    };
    let approved = match task.work() {
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
fn rank(task: &Task) -> u8 {
    match &task.state {
        State::Closed(Closed::PullClosed(_)) => 5,
        // How far the work was is not kept; that there was a plan, people see.
        State::Closed(_) | State::Cancelled(_) | State::Expired => u8::from(task.plans > 0),
        other => rank_of(other),
    }
}

fn rank_of(state: &State) -> u8 {
    match state {
        State::Planning(_) => 0,
        State::AwaitingApproval(_) => 1,
        State::Queued(_) | State::Implementing(_) => 2,
        State::Verifying(verifying) => match verifying.stage {
            Stage::Testing => 3,
            Stage::Pushing(_) | Stage::Opening(_) => 4,
        },
        State::Revising(_) => 3,
        State::InReview(_) | State::Merged(_) => 5,
        State::Paused(paused) => rank_of(&paused.resume),
        State::WaitingForUser(waiting) => rank_of(&waiting.resume),
        State::Failed(failed) => rank_of(&failed.resume),
        State::Closed(_) | State::Cancelled(_) | State::Expired => 0,
    }
}

/// The title of the `baton` check run on the branch's head.
#[must_use]
pub fn check_title(evidence: &Evidence) -> String {
    if let Some(missing) = &evidence.missing {
        neutral::title(missing)
    } else if evidence.has_failures() {
        "Some tests fail that did not fail before".to_owned()
    } else if evidence.is_suspicious() {
        "A person has to look at what became of the tests".to_owned()
    } else {
        "The evidence is good".to_owned()
    }
}
