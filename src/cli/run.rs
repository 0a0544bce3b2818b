//! `baton run`: the same work on a local clone, without GitHub. The clone's committed state is put on a stage, the plan is
//! shown and asked about on the terminal, and the branch that comes out is put into the clone.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use baton_core::domain::ids::{BranchName, RepositoryId};
use baton_core::domain::task::{State, Task};
use baton_git::{CloneHead, Remote, author_of_clone, head_of_clone};
use clap::Args;
use github_sim::Files;
use tokio::sync::watch;

use super::assemble::{self, configuration};
use super::given::Given;
use super::stage::{MACHINE_USER, MAINTAINER, Stage, say_how_far, told_to_stop};
use super::table::{line, visible};
use super::{Fault, logs};

/// What to work on.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The clone. Its committed state is worked on; nothing in it changes but for the new branch.
    #[arg(long, value_name = "PATH")]
    repo: PathBuf,
    /// The issue: the title in the first line, then the text.
    #[arg(long, value_name = "FILE")]
    issue: PathBuf,
    /// Approve the plan without asking.
    #[arg(long)]
    yes: bool,
}

/// The clone's name on the stage.
const NAME: &str = "local/clone";

/// A command takes effect at once; a busy machine takes longer.
const MOMENT: Duration = Duration::from_secs(120);

/// A run may take as long as its own limits allow; this only ends a wait for nothing.
const PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);

pub(super) async fn run(given: &Given, arguments: Arguments) -> Result<(), Fault> {
    logs::start("error");
    let config = configuration(given)?;
    let (title, body) = issue(&arguments.issue)?;
    if !arguments.yes && !std::io::stdin().is_terminal() {
        return Err(Fault::usage(anyhow!(
            "the plan has to be approved, and there is no terminal to ask on; `--yes` approves it unseen"
        )));
    }
    let head = head_of_clone(&arguments.repo).await.map_err(Fault::usage)?;
    let author = author_of_clone(&head.root).await.map_err(Fault::usage)?;
    if head.has_changes {
        line("  note: what is not committed in the clone does not take part");
    }
    // Before anything is set up: without an agent there is nothing to run.
    crate::engine::Agents::new(&config).map_err(Fault::usage)?;
    let files = Files::none().with("README.md", "empty\n");
    let stage = Stage::set(config, vec![(NAME.to_owned(), files)], Some(author)).await?;
    let outcome = tokio::select! {
        outcome = work(&stage, &arguments, &head, &title, &body) => outcome,
        signal = told_to_stop() => {
            Err(Fault::failed(anyhow!("stopped by {signal}; nothing in the clone was changed, and the work so far is gone")))
        }
    };
    stage.close().await?;
    outcome
}

fn issue(file: &Path) -> Result<(String, String), Fault> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string()).map_err(Fault::usage)?;
    let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
    let title = title.trim().trim_start_matches('#').trim();
    if title.is_empty() {
        return Err(Fault::usage(anyhow!("{}: the first line must be the issue's title", file.display())));
    }
    Ok((title.to_owned(), body.trim().to_owned()))
}

async fn work(stage: &Stage, arguments: &Arguments, head: &CloneHead, title: &str, body: &str) -> Result<(), Fault> {
    let refused = |error| Fault::failed(anyhow!("the stage refuses: {error}"));
    put_on_stage(stage, head).await?;
    let alice = stage.sim.person(MAINTAINER);
    let issue = alice.opens_issue(NAME, title, body).map_err(refused)?;
    alice.assigns(NAME, issue, MACHINE_USER).map_err(refused)?;
    line(&format!("Working on `{title}` from {} ({}).", head.branch, head.commit.short()));

    loop {
        let task = stage
            .wait_for(NAME, issue, PATIENCE, |task| {
                matches!(task.state, State::InReview(_) | State::WaitingForUser(_))
                    || (matches!(task.state, State::AwaitingApproval(_)) && newest_plan_is_posted(task))
            })
            .await?;
        let answer = match &task.state {
            State::InReview(_) => return hand_over(stage, head, &task, issue).await,
            State::AwaitingApproval(waiting) => {
                show_newest(stage, issue, &format!("### Plan, revision {}", waiting.plan.revision))?;
                if arguments.yes { Answer::Approve } else { ask(&PLAN).await? }
            }
            _ => {
                show_newest(stage, issue, "The agent was stopped")?;
                if arguments.yes {
                    return Err(Fault::failed(anyhow!("a limit was reached; see above")));
                }
                ask(&LIMIT).await?
            }
        };
        let before = task.state.clone();
        alice.says(NAME, issue, &answer.as_comment()).map_err(refused)?;
        let left = stage.wait_for(NAME, issue, MOMENT, |task| task.state != before || task.ended()).await?;
        if left.ended() {
            return Err(Fault::failed(anyhow!("ended as asked; nothing in the clone was changed")));
        }
    }
}

fn newest_plan_is_posted(task: &Task) -> bool {
    matches!(&task.state, State::AwaitingApproval(waiting) if task.plan_comment(waiting.plan.revision).is_some())
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Approve,
    Reject,
    Revise(String),
    Retry,
    Cancel,
}

impl Answer {
    /// As a comment says it.
    fn as_comment(&self) -> String {
        match self {
            Self::Approve => "/plan approve".to_owned(),
            Self::Reject => "/plan reject".to_owned(),
            Self::Revise(wish) => format!("/plan revise {wish}"),
            Self::Retry => "/baton retry".to_owned(),
            Self::Cancel => "/baton cancel".to_owned(),
        }
    }
}

/// A question with its answers.
struct Question {
    asked: &'static str,
    read: fn(&str) -> Option<Answer>,
}

const PLAN: Question = Question {
    asked: "Type `approve`, `reject`, or what to change about the plan:",
    read: |typed| match typed {
        "a" | "approve" | "y" | "yes" | "/plan approve" => Some(Answer::Approve),
        "reject" | "q" | "quit" | "n" | "no" | "cancel" | "/plan reject" => Some(Answer::Reject),
        typed => {
            let wish = typed.strip_prefix("/plan revise").map_or(typed, str::trim);
            // What looks like another command is a slip, not a wish.
            (!wish.is_empty() && !wish.starts_with('/')).then(|| Answer::Revise(wish.to_owned()))
        }
    },
};

const LIMIT: Question = Question {
    asked: "Type `retry` to let it go on with the same limit again, or `cancel`:",
    read: |typed| match typed {
        "r" | "retry" | "/baton retry" => Some(Answer::Retry),
        "c" | "cancel" | "q" | "quit" | "/baton cancel" => Some(Answer::Cancel),
        _ => None,
    },
};

/// Asks until there is an answer.
async fn ask(question: &Question) -> Result<Answer, Fault> {
    loop {
        line(&format!("\n{}", question.asked));
        let (sender, read) = tokio::sync::oneshot::channel();
        // A thread of its own: a blocked read must not hold up the end of the program.
        std::thread::spawn(move || {
            let mut typed = String::new();
            let _nobody_waits = sender.send(std::io::stdin().read_line(&mut typed).map(|bytes| (bytes, typed)));
        });
        match read.await.context("asking").map_err(Fault::failed)?.context("asking").map_err(Fault::failed)? {
            (0, _) => return Err(Fault::failed(anyhow!("nobody answers; nothing in the clone was changed"))),
            (_, typed) => match (question.read)(typed.trim()) {
                Some(answer) => return Ok(answer),
                None => line("That is no answer to this."),
            },
        }
    }
}

/// The clone's history becomes the stage repository's default branch.
async fn put_on_stage(stage: &Stage, head: &CloneHead) -> Result<(), Fault> {
    let git = assemble::git_of_clones(&stage.config)?;
    let id = RepositoryId(i64::try_from(stage.number(NAME)).unwrap_or_default());
    let (told, hears) = watch::channel(None);
    let telling = git.telling(told);
    let commit = tokio::select! {
        commit = telling.take_in(id, head) => commit.map_err(Fault::usage)?,
        never = say_how_far(hears) => match never {},
    };
    let token = stage.sim.personal_token(MAINTAINER).map_err(|e| Fault::failed(anyhow!("{e}")))?;
    let url = format!("{}/{NAME}.git", stage.sim.git_url().trim_end_matches('/'));
    let remote = Remote::new(&url, Some(token.into())).map_err(Fault::failed)?;
    let there = stage.sim.branch_head(NAME, "main").and_then(|sha| sha.parse().ok());
    let main = BranchName::try_from("main".to_owned()).map_err(Fault::failed)?;
    git.push(id, &commit, &main, there.as_ref(), &remote).await.map_err(Fault::failed)?;
    Ok(())
}

fn thread(stage: &Stage, number: u64) -> Result<String, Fault> {
    stage.sim.thread(NAME, number).map_err(|error| Fault::failed(anyhow!("{error}")))
}

/// The newest of Baton's posts that begins with this: what there is to decide about, without the rest of the thread.
fn show_newest(stage: &Stage, issue: u64, beginning: &str) -> Result<(), Fault> {
    let thread = thread(stage, issue)?;
    let posts = thread.split("\n--- @").filter_map(|post| post.split_once('\n').map(|(_, text)| text));
    let newest = posts.filter(|text| text.trim_start().starts_with(beginning)).last().unwrap_or(&thread);
    line(&format!("\n{}", visible(newest.trim())));
    Ok(())
}

/// Puts the branch into the clone and says how to go on.
async fn hand_over(stage: &Stage, clone: &CloneHead, task: &Task, issue: u64) -> Result<(), Fault> {
    let State::InReview(review) = &task.state else {
        return Err(Fault::failed(anyhow!("the task is `{}`", task.state.name().as_str())));
    };
    let git = assemble::git_of_clones(&stage.config)?;
    let id = RepositoryId(i64::try_from(stage.number(NAME)).unwrap_or_default());
    let branch = git.hand_out(id, &review.patch.head, clone, &review.work.branch).await.map_err(Fault::failed)?;
    let pull = u64::try_from(review.pull.0).unwrap_or(issue);
    line(&format!("\n{}", visible(thread(stage, pull)?.trim())));
    let root = clone.root.display();
    line(&format!("\nThe branch `{branch}` is in {root}. Look at it with:"));
    line(&format!("  git -C {root} log -p {}..{branch}", review.patch.base.short()));
    if review.proof.evidence.is_good() {
        Ok(())
    } else {
        Err(Fault::failed(anyhow!("the branch is there, but its evidence is not good; see above")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_an_answer_or_asked_again() {
        let plan = |typed: &str| (PLAN.read)(typed).map(|answer| answer.as_comment());
        let limit = |typed: &str| (LIMIT.read)(typed).map(|answer| answer.as_comment());
        let comment = |text: &str| Some(text.to_owned());
        assert_eq!(plan("yes"), comment("/plan approve"));
        assert_eq!(plan("/plan approve"), comment("/plan approve"));
        assert_eq!(plan("q"), comment("/plan reject"));
        assert_eq!(plan("use the standard library"), comment("/plan revise use the standard library"));
        assert_eq!(plan("/plan revise keep it short"), comment("/plan revise keep it short"));
        for slip in ["", "/plan foo", "/baton status", "/plan revise"] {
            assert_eq!(plan(slip), None, "{slip}");
        }
        assert_eq!(limit("retry"), comment("/baton retry"));
        assert_eq!(limit("yes please"), None);
    }
}
