//! Every single comment the bot can make, in words. One arm per note, so that all of them can be read in one place.

use super::neutral::{self, Links};
use super::place::ReadAt;
use super::progress::{self, Progress};
use crate::command::Problem;
use crate::command::spec::{self, Place};
use crate::domain::actor::Role;
use crate::domain::contact::Contact;
use crate::domain::evidence::Doubt;
use crate::domain::note::{Asked, Note, VoidApproval};
use crate::domain::rejection::Rejection;
use crate::domain::run::NothingReason;
use crate::domain::step::makes_sense;
use crate::domain::task::{Failure, Question, StateName, Withdrawal};
use crate::domain::time::Timestamp;
use crate::domain::usage::Exhausted;

/// What a note may show besides itself.
#[derive(Clone, Debug)]
pub struct Around<'a> {
    /// The task as it is now, where there is one.
    pub task: Option<Progress<'a>>,
    /// Where the note stands: decides which commands it offers.
    pub place: Place,
    /// Links that may stand in an agent's text.
    pub links: &'a Links,
    /// What was found in the repository, for the note that asks for it.
    pub contact: Option<&'a Contact>,
}

/// The note in Markdown.
#[must_use]
pub fn comment(note: &Note, around: &Around<'_>) -> String {
    let at = ReadAt::from(around.place);
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
                Asked::Command { line } => neutral::code_span_within(line),
                Asked::Assignment => "what you asked for by assigning this issue".to_owned(),
                Asked::Label => "what you asked for by setting the label".to_owned(),
            },
            refusal(rejection, at)
        ),
        Note::Mistyped { to, line, problem, nearest } => {
            // The usage is of Baton's own table; people copy it.
            let nearest = match nearest {
                Some(nearest) => format!(" Did you mean `{nearest}`?"),
                None if *problem == Problem::Unknown.to_string() => " `/baton help` lists the commands.".to_owned(),
                // The problem itself says what to type.
                None => String::new(),
            };
            format!(
                "{}, {} was not carried out: {problem}.{nearest}",
                neutral::literal(&to.login),
                neutral::code_span_within(line)
            )
        }
        Note::Status => match &around.task {
            Some(view) => progress::status(view, at),
            None => "Baton has no task on this issue. `/plan` asks for one.".to_owned(),
        },
        Note::Help => help(around),
        Note::Doctor => match around.contact {
            Some(contact) => super::contact::comment(contact),
            None => "Baton could not look at this repository. `/baton doctor` tries again.".to_owned(),
        },
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
        Note::Cancelled { because } => cancelled(because, at),
        Note::Failed { reason, work_kept } => failed(reason, *work_kept, around.links),
        Note::Asks { question } => match question {
            Question::Exhausted { limit, .. } => format!(
                "The agent was stopped because it reached {}. What it changed is kept.\n\n{}; `/baton cancel` ends the task.",
                match limit {
                    Exhausted::Time => "its time limit",
                    Exhausted::Turns => "its limit on model calls",
                    Exhausted::Tokens => "its token limit",
                    Exhausted::Cost => "its spending limit",
                },
                if around.task.as_ref().is_some_and(|view| view.task.money_left().0 == 0) {
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
        Note::OpenedAsDraft { pull, doubt } => format!(
            "Pull request #{pull} is open as a draft, and nobody was asked to review it: {} A person has to look, and \
             to decide: push what is missing to its branch, mark it ready, or close it.",
            match doubt {
                Doubt::Missing => "there is no evidence that it works.",
                Doubt::Failing =>
                    "something fails that did not fail before, and the agent has used all its attempts to correct it.",
                Doubt::Muted => "tests were removed or muted, or the way they are run was changed.",
            }
        ),
        Note::LastForNow { answer, next } => format!(
            "{}\n\nThis was the tenth answer to you here within an hour; the next one comes after {} UTC. Valid commands \
             are still carried out.",
            comment(answer, around).trim_end(),
            next.hour_and_minute()
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
    let task = around.task.as_ref().map(|view| view.task);
    // Without a task no command depends on the time.
    let now = around.task.as_ref().map_or(Timestamp(0), |view| view.now);
    format!(
        "{state}A command stands at the start of a line of a new comment. Writers are those who may write to this \
         repository.\n\n{}",
        spec::help_table(around.place, |spec| makes_sense(spec, task, around.place, now))
    )
}

/// Why not, and what to do instead, for whoever reads it `at` that place.
#[must_use]
pub fn refusal(rejection: &Rejection, at: ReadAt) -> String {
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
            format!("no plan waits for an answer; the task is `{}`. {}", state.as_str(), way_out(*state, at))
        }
        Rejection::PlanNotPosted => {
            format!("the plan has not been posted yet; answer it when you can read it {}.", at.here())
        }
        Rejection::NotTheNewest { asked, newest } => format!(
            "revision {asked} is not the newest plan. Read revision {newest}; {} approves it.",
            at.command(&format!("plan approve {newest}"))
        ),
        Rejection::PlanIsNewer { revision } => format!(
            "plan {revision} was posted after your comment, so you cannot have meant it. Read it; {} approves it.",
            at.command(&format!("plan approve {revision}"))
        ),
        Rejection::IssueChanged { revision } => format!(
            "the title or the body of the issue changed after plan {revision} was written, so that plan is for another text. \
             {} writes a new one.",
            at.command("plan")
        ),
        Rejection::PlanCommentChanged { revision } => format!(
            "the comment with plan {revision} was edited or deleted, so what you read may not be what Baton would do. {} \
             writes a new one.",
            at.command("plan")
        ),
        Rejection::OnlyOnIssue => "it belongs on the issue, not on the pull request.".to_owned(),
        Rejection::OfAnEarlierTask { pull } => format!(
            "pull request #{pull} is of an earlier attempt at its issue, and a later one has taken over. Say it on the issue, \
             or on the pull request of that attempt."
        ),
        Rejection::BeforeThisTask => {
            "it was written before this task was asked for, so it cannot have meant it. Comment it again if you do mean this \
             task."
                .to_owned()
        }
        Rejection::IssueClosed => "the issue is closed. Reopen it first.".to_owned(),
        Rejection::IssueLocked => "the conversation of this issue is locked. Unlock it first.".to_owned(),
        Rejection::AlreadyPlanning => {
            format!("a plan is being written right now; it will be posted {}.", at.here())
        }
        Rejection::UnderWay { state } => {
            format!(
                "the plan is approved already and the task is `{}`. {} stops it.",
                state.as_str(),
                at.command("baton cancel")
            )
        }
        Rejection::Ended { state } => {
            format!("the task has ended (`{}`). {} begins a new one.", state.as_str(), at.command("plan"))
        }
        Rejection::FailedBefore => format!(
            "the last attempt on this issue failed. {} goes on from there, {} begins with a new plan.",
            at.command("baton retry"),
            at.command("plan")
        ),
        Rejection::NothingToRetry { state } => format!(
            "only a task that failed or waits for an answer can be retried; this one is `{}`. {}",
            state.as_str(),
            way_out(*state, at)
        ),
        Rejection::NothingToPause { state } => {
            format!("there is nothing to pause; the task is `{}`. {}", state.as_str(), way_out(*state, at))
        }
        Rejection::NotPaused { state } => {
            format!("the task is not paused; it is `{}`. {}", state.as_str(), way_out(*state, at))
        }
        Rejection::BudgetSpent => format!(
            "the task's money is used up. {} raises its limit; then {} goes on.",
            at.command("baton budget AMOUNT"),
            at.command("baton retry")
        ),
        Rejection::NotYet { command } => format!("`/{command}` is not available in this version."),
        Rejection::Outdated => "it came too late to change anything.".to_owned(),
    }
}

/// The next step that makes sense in a state.
fn way_out(state: StateName, at: ReadAt) -> String {
    match state {
        StateName::Planning => format!("The plan will be posted {}.", at.here()),
        StateName::AwaitingApproval => format!("{} approves the plan.", at.command("plan approve")),
        StateName::Queued | StateName::Implementing | StateName::Verifying | StateName::Revising => {
            format!("{} stops it.", at.command("baton cancel"))
        }
        StateName::InReview => "The pull request is open.".to_owned(),
        StateName::Paused => format!("{} goes on.", at.command("baton resume")),
        StateName::WaitingForUser => format!("{} goes on.", at.command("baton retry")),
        StateName::Failed => {
            format!("{} goes on, {} begins with a new plan.", at.command("baton retry"), at.command("plan"))
        }
        StateName::Merged | StateName::Closed | StateName::Cancelled | StateName::Expired => {
            format!("{} begins a new one.", at.command("plan"))
        }
    }
}

fn cancelled(because: &Withdrawal, at: ReadAt) -> String {
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
        "{what} Nothing more will be pushed; a branch or pull request that is already there is left as it is. {} begins \
         anew.",
        at.command("plan")
    )
}

/// What broke, without advice: for a place where none of the commands helps.
#[must_use]
pub fn what_failed(reason: &Failure) -> String {
    let list = |items: &[String]| items.iter().map(|item| format!("- {}\n", neutral::inline(item))).collect::<String>();
    match reason {
        Failure::RunBroke { run, reason } => format!("Run {run} broke:\n\n{}", neutral::code_block(reason, "")),
        Failure::Configuration { problems } => format!(
            "`.github/baton.yml` on the default branch cannot be used, and Baton does not guess:\n\n{}",
            list(problems)
        ),
        Failure::PatchRefused { findings } => {
            format!("The patch breaks the rules of this installation, so it was not pushed:\n\n{}", list(findings))
        }
        Failure::Refused { what, refusal, said } => super::refusal::what(what, refusal, said),
        Failure::Effect { what, reason } => format!("Baton could not {what}:\n\n{}", neutral::code_block(reason, "")),
    }
}

fn failed(reason: &Failure, work_kept: bool, links: &Links) -> String {
    let kept = if work_kept { "What was done so far is kept. " } else { "" };
    let advice = match reason {
        Failure::RunBroke { run, .. } => format!(
            "\n{kept}`/baton retry` tries again; if it keeps happening, the operator of this bot finds the whole story with \
             `baton task log {}`.",
            run.task
        ),
        Failure::Configuration { .. } => "Correct the file, then comment `/baton retry`.".to_owned(),
        Failure::PatchRefused { .. } => {
            "It is kept; the operator can look at it with `baton task diff`. `/baton retry` \
                                         sends the agent back to correct it, `/plan` begins with a new plan."
                .to_owned()
        }
        Failure::Refused { refusal, .. } => format!("\n{}", super::refusal::advice(refusal, work_kept, links)),
        Failure::Effect { .. } => {
            format!("\nIt has given up. {kept}`/baton retry` tries again, `/plan` begins with a new plan.")
        }
    };
    format!("{}\n{advice}", what_failed(reason))
}
