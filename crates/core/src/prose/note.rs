//! Every single comment the bot can make, in words. One arm per note, so that all of them can be read in one place.

use super::neutral::{self, Links};
use super::progress::{self, Progress};
use crate::command::spec::{self, Place};
use crate::domain::actor::Role;
use crate::domain::note::{Asked, Note, VoidApproval};
use crate::domain::rejection::Rejection;
use crate::domain::run::NothingReason;
use crate::domain::task::{Failure, Question, StateName, Withdrawal};
use crate::domain::usage::Exhausted;

/// What a note may show besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The task as it is now, where there is one.
    pub task: Option<Progress<'a>>,
    /// Where the note stands: decides which commands it offers.
    pub place: Place,
    /// Links that may stand in an agent's text.
    pub links: &'a Links,
}

/// The note in Markdown.
#[must_use]
pub fn comment(note: &Note, around: &Around<'_>) -> String {
    match note {
        Note::NotServed => {
            "The operator of this bot does not serve this repository, so nothing will happen here. To change \
                            that, talk to the operator; to remove the bot, uninstall the App."
                .to_owned()
        }
        Note::Refused { to, asked, rejection } => format!(
            "{}, {} was not carried out: {}",
            neutral::literal(&to.login),
            match asked {
                Asked::Command { line } => neutral::code_span(line),
                Asked::Assignment => "what you asked for by assigning this issue".to_owned(),
                Asked::Label => "what you asked for by setting the label".to_owned(),
            },
            refusal(rejection)
        ),
        Note::Mistyped { to, line, problem, nearest } => {
            // The usage is of Baton's own table; people copy it.
            let nearest = match nearest {
                Some(nearest) => format!("Did you mean `{nearest}`?"),
                None => "`/baton help` lists the commands.".to_owned(),
            };
            format!(
                "{}, {} was not carried out: {problem}. {nearest}",
                neutral::literal(&to.login),
                neutral::code_span(line)
            )
        }
        Note::Status => match &around.task {
            Some(view) => progress::status(view),
            None => "Baton has no task on this issue. `/plan` asks for one.".to_owned(),
        },
        Note::Help => help(around),
        Note::ReminderOfPlan { revision, days_left } => format!(
            "Plan {revision} still waits for a writer: `/plan approve {revision}`, `/plan revise TEXT` or `/plan reject`. \
             Without an answer it expires in {}.",
            days(*days_left)
        ),
        Note::ReminderOfQuestion { days_left } => format!(
            "This task still waits for a writer: `/baton retry` goes on, `/baton cancel` ends it. Without an answer it \
             expires in {}.",
            days(*days_left)
        ),
        Note::Expired => "Nobody answered in time, so this task has expired. Nothing was changed in the repository. \
                          `/plan` begins anew."
            .to_owned(),
        Note::NothingToDo { reason, explanation } => format!(
            "{} No pull request was opened. What the agent tried and saw:\n\n{}\n\nIf that is wrong, say more in the issue \
             and comment `/plan`.",
            match reason {
                NothingReason::CannotReproduce => "The agent could not reproduce the problem.",
                NothingReason::AlreadyFixed => "The default branch already does what this issue asks.",
                NothingReason::CannotDo => "The agent could not do this.",
            },
            neutral::block(explanation, around.links)
        ),
        Note::EmptyPatch { summary } => format!(
            "The agent ended without changing anything, so no pull request was opened. It says:\n\n{}\n\nSay more in the \
             issue and comment `/plan` to begin anew.",
            neutral::block(summary, around.links)
        ),
        Note::AlreadyServed { pull } => format!(
            "Pull request #{pull}, by a person, already closes this issue, so Baton stays out of the way. If that \
             pull request is abandoned, comment `/plan`."
        ),
        Note::PlanRejected { by } => format!(
            "The plan was rejected by {}; this task has ended. Nothing was changed in the repository. `/plan` begins \
             anew.",
            neutral::literal(&by.login)
        ),
        Note::Cancelled { because } => cancelled(because),
        Note::Failed { reason, work_kept } => failed(reason, *work_kept),
        Note::Asks { question } => match question {
            Question::Exhausted { limit, .. } => format!(
                "The agent was stopped because it reached {}. What it changed is kept.\n\n{}; `/baton cancel` ends the task.",
                match limit {
                    Exhausted::Time => "its time limit",
                    Exhausted::Turns => "its limit on model calls",
                    Exhausted::Tokens => "its token limit",
                    Exhausted::Cost => "its spending limit",
                },
                if around.task.is_some_and(|view| view.task.money_left().0 == 0) {
                    "The task's money is used up: `/baton budget AMOUNT` raises its limit, and `/baton retry` goes on then"
                } else {
                    "`/baton retry` lets it go on with the same limit again"
                }
            ),
        },
        Note::Conflict { files } => format!(
            "The work was done, but the default branch has changed in the same places since:\n\n{}\nA new plan, for the \
             branch as it is now, is being written. It will need a new approval.",
            files.iter().map(|file| format!("- {}\n", neutral::code_span(file))).collect::<String>()
        ),
        Note::ApprovalVoid { because } => match because {
            VoidApproval::LostAccess { by } => format!(
                "The approval by {} no longer counts, because they may not write to this repository any more. Nothing was \
                 pushed. Somebody who may has to approve the plan again: `/plan approve`.",
                neutral::literal(&by.login)
            ),
            VoidApproval::LabelRemoved => {
                "The label `baton:auto`, by which the plan was approved in advance, was taken off, so the plan \
                                           waits for an approval: `/plan approve`."
                    .to_owned()
            }
            VoidApproval::CommentDeleted => {
                "The comment that approved the plan was deleted before work began, so the plan \
                                             waits again: `/plan approve`."
                    .to_owned()
            }
        },
    }
}

fn days(days: u32) -> String {
    if days == 1 { "one day".to_owned() } else { format!("{days} days") }
}

fn help(around: &Around<'_>) -> String {
    let state = match &around.task {
        Some(view) => format!("The task on this issue is `{}`.\n\n", view.task.state.name().as_str()),
        None => String::new(),
    };
    format!(
        "{state}A command stands at the start of a line of a new comment. Writers are those who may write to this \
         repository.\n\n{}",
        spec::help_table(around.place)
    )
}

/// Why not, and what to do instead.
#[must_use]
pub fn refusal(rejection: &Rejection) -> String {
    match rejection {
        Rejection::ProgramsMayNot => "programs may not command this bot.".to_owned(),
        Rejection::NeedsWrite { role } => format!(
            "it needs write access to this repository, and GitHub says you have {}. Everyone may ask for `/baton status` \
             and `/baton help`.",
            match role {
                Role::None => "no access of your own",
                Role::Read => "read access",
                Role::Triage => "triage access",
                Role::Write | Role::Maintain | Role::Admin => "more than that",
            }
        ),
        Rejection::NeedsSecondPerson => {
            "you asked for this work, and here a second person has to approve it.".to_owned()
        }
        Rejection::NoTask => "Baton has no task on this issue. `/plan` asks for one.".to_owned(),
        Rejection::NoPlanWaits { state } => {
            format!("no plan waits for an answer; the task is `{}`. {}", state.as_str(), way_out(*state))
        }
        Rejection::PlanNotPosted => "the plan has not been posted yet; answer it when you can read it here.".to_owned(),
        Rejection::NotTheNewest { asked, newest } => format!(
            "revision {asked} is not the newest plan. Read revision {newest} and comment `/plan approve {newest}`."
        ),
        Rejection::PlanIsNewer { revision } => format!(
            "plan {revision} was posted after your comment, so you cannot have meant it. Read it and comment `/plan approve \
             {revision}`."
        ),
        Rejection::IssueChanged { revision } => format!(
            "the title or the body of the issue changed after plan {revision} was written, so that plan is for another text. \
             `/plan` writes a new one."
        ),
        Rejection::PlanCommentChanged { revision } => format!(
            "the comment with plan {revision} was edited or deleted, so what you read may not be what Baton would do. `/plan` \
             writes a new one."
        ),
        Rejection::OnlyOnIssue => "it belongs on the issue, not on the pull request.".to_owned(),
        Rejection::IssueClosed => "the issue is closed. Reopen it first.".to_owned(),
        Rejection::IssueLocked => "the conversation of this issue is locked. Unlock it first.".to_owned(),
        Rejection::AlreadyPlanning => "a plan is being written right now; it will be posted here.".to_owned(),
        Rejection::UnderWay { state } => {
            format!("the plan is approved already and the task is `{}`. `/baton cancel` stops it.", state.as_str())
        }
        Rejection::Ended { state } => {
            format!("the task has ended (`{}`). `/plan` begins a new one.", state.as_str())
        }
        Rejection::FailedBefore => {
            "the last attempt on this issue failed. `/baton retry` goes on from there, `/plan` begins with a new \
                                    plan."
                .to_owned()
        }
        Rejection::NothingToRetry { state } => format!(
            "only a task that failed or waits for an answer can be retried; this one is `{}`. {}",
            state.as_str(),
            way_out(*state)
        ),
        Rejection::NothingToPause { state } => {
            format!("there is nothing to pause; the task is `{}`. {}", state.as_str(), way_out(*state))
        }
        Rejection::NotPaused { state } => {
            format!("the task is not paused; it is `{}`. {}", state.as_str(), way_out(*state))
        }
        Rejection::BudgetSpent => {
            "the task's money is used up. `/baton budget AMOUNT` raises its limit; then `/baton retry`.".to_owned()
        }
        Rejection::NotYet { command } => format!("`/{command}` is not available in this version."),
        Rejection::Outdated => "it came too late to change anything.".to_owned(),
    }
}

/// The next step that makes sense in a state.
fn way_out(state: StateName) -> &'static str {
    match state {
        StateName::Planning => "The plan will be posted here.",
        StateName::AwaitingApproval => "`/plan approve` approves the plan.",
        StateName::Queued | StateName::Implementing | StateName::Verifying | StateName::Revising => {
            "`/baton cancel` stops it."
        }
        StateName::InReview => "The pull request is open.",
        StateName::Paused => "`/baton resume` goes on.",
        StateName::WaitingForUser => "`/baton retry` goes on.",
        StateName::Failed => "`/baton retry` goes on, `/plan` begins with a new plan.",
        StateName::Merged | StateName::Closed | StateName::Cancelled | StateName::Expired => {
            "`/plan` begins a new one."
        }
    }
}

fn cancelled(because: &Withdrawal) -> String {
    let what = match because {
        Withdrawal::Command { by } => format!("{} cancelled this task.", neutral::literal(&by.login)),
        Withdrawal::Unassigned => "The bot was unassigned, so this task is cancelled.".to_owned(),
        Withdrawal::Unlabelled => "The label was removed, so this task is cancelled.".to_owned(),
        Withdrawal::IssueClosed => "The issue was closed, so this task is cancelled.".to_owned(),
        Withdrawal::IssueDeleted | Withdrawal::IssueTransferred | Withdrawal::Uninstalled => {
            "The issue is gone, so this task is cancelled.".to_owned()
        }
    };
    format!(
        "{what} Nothing more will be pushed; a branch or pull request that is already there is left as it is. `/plan` \
         begins anew."
    )
}

fn failed(reason: &Failure, work_kept: bool) -> String {
    let kept = if work_kept { " What was done so far is kept." } else { "" };
    match reason {
        Failure::RunBroke { run, reason } => format!(
            "Run {run} broke:\n\n{}\n\n{}`/baton retry` tries again; if it keeps happening, the operator of this bot finds \
             the whole story with `baton task log {}`.",
            neutral::code_block(reason, ""),
            if work_kept { "What was done so far is kept. " } else { "" },
            run.task,
        ),
        Failure::Configuration { problems } => format!(
            "`.github/baton.yml` on the default branch cannot be used, and Baton does not guess:\n\n{}\nCorrect the file, then \
             comment `/baton retry`.",
            problems.iter().map(|problem| format!("- {}\n", neutral::inline(problem))).collect::<String>()
        ),
        Failure::PatchRefused { findings } => format!(
            "The patch breaks the rules of this installation, so it was not pushed:\n\n{}\nIt is kept; the operator can look \
             at it with `baton task diff`. `/baton retry` sends the agent back to correct it, `/plan` begins with a new plan.",
            findings.iter().map(|finding| format!("- {}\n", neutral::inline(finding))).collect::<String>()
        ),
        Failure::PushRefused { text } => format!(
            "GitHub refused the push:\n\n{}\n\nThe work is kept. Once the cause is put right, `/baton retry` pushes it \
             again.",
            neutral::code_block(text, "")
        ),
        Failure::Effect { what, reason } => format!(
            "Baton could not {what}:\n\n{}\n\nIt has given up.{kept} `/baton retry` tries again, `/plan` begins with a new plan.",
            neutral::code_block(reason, "")
        ),
    }
}
