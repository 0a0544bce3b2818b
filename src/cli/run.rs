//! `baton run`: the same work on a local clone, without GitHub. The clone's committed state is put on a stage, the plan is
//! shown and asked about on the terminal, and the branch that comes out is put into the clone.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use baton_core::domain::ids::{BranchName, RepositoryId};
use baton_core::domain::task::{State, Task};
use baton_git::{CloneHead, Remote, head_of_clone};
use clap::Args;
use github_sim::Files;

use super::assemble::{self, configuration};
use super::given::Given;
use super::stage::{MACHINE_USER, MAINTAINER, Stage};
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
    if head.has_changes {
        line("  note: what is not committed in the clone does not take part");
    }
    // Before anything is set up: without an agent there is nothing to run.
    crate::engine::Agents::new(&config).map_err(Fault::usage)?;
    let stage = Stage::set(config, vec![(NAME.to_owned(), Files::none().with("README.md", "empty\n"))]).await?;
    let outcome = work(&stage, &arguments, &head, &title, &body).await;
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
    put_on_stage(stage, &arguments.repo, head).await?;
    let alice = stage.sim.person(MAINTAINER);
    let issue = alice.opens_issue(NAME, title, body).map_err(refused)?;
    alice.assigns(NAME, issue, MACHINE_USER).map_err(refused)?;
    line(&format!("Working on `{title}` from {} ({}).", head.branch, head.commit.short()));

    let task = loop {
        let task = stage
            .wait_for(NAME, issue, PATIENCE, |task| {
                matches!(task.state, State::InReview(_) | State::WaitingForUser(_))
                    || (matches!(task.state, State::AwaitingApproval(_)) && newest_plan_is_posted(task))
            })
            .await?;
        let answer = match &task.state {
            State::InReview(_) => break task,
            State::AwaitingApproval(_) => {
                show(stage, issue)?;
                if arguments.yes {
                    "/plan approve".to_owned()
                } else {
                    ask("approve, reject, or say what to change").await?
                }
            }
            _ => {
                show(stage, issue)?;
                if arguments.yes {
                    return Err(Fault::failed(anyhow!("a limit was reached; see above")));
                }
                ask("retry or cancel").await?
            }
        };
        let before = task.state.clone();
        alice.says(NAME, issue, &command(&answer)).map_err(refused)?;
        let left =
            stage.wait_for(NAME, issue, Duration::from_secs(60), |task| task.state != before || task.ended()).await?;
        if left.ended() {
            show(stage, issue)?;
            return Err(Fault::failed(anyhow!("ended as asked; nothing was changed")));
        }
    };
    hand_over(stage, arguments, &task, issue).await
}

fn newest_plan_is_posted(task: &Task) -> bool {
    matches!(&task.state, State::AwaitingApproval(waiting) if task.plan_comment(waiting.plan.revision).is_some())
}

/// What was typed as a comment's command; anything that is no command is a wish for the plan.
fn command(answer: &str) -> String {
    match answer.trim() {
        "a" | "approve" | "y" | "yes" => "/plan approve".to_owned(),
        "reject" | "q" | "quit" | "n" | "no" => "/plan reject".to_owned(),
        "retry" => "/baton retry".to_owned(),
        "cancel" => "/baton cancel".to_owned(),
        typed if typed.starts_with('/') => typed.to_owned(),
        wish => format!("/plan revise {wish}"),
    }
}

async fn ask(what: &str) -> Result<String, Fault> {
    line(&format!("\n{what}?"));
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).map(|bytes| (bytes, answer))
    });
    match read.await.context("asking").map_err(Fault::failed)?.context("asking").map_err(Fault::failed)? {
        (0, _) => Err(Fault::failed(anyhow!("nobody answers; nothing was changed"))),
        (_, answer) => Ok(answer),
    }
}

/// The clone's history becomes the stage repository's default branch.
async fn put_on_stage(stage: &Stage, clone: &Path, head: &CloneHead) -> Result<(), Fault> {
    let git = assemble::git_of_clones(&stage.config)?;
    let id = RepositoryId(i64::try_from(stage.number(NAME)).unwrap_or_default());
    let commit = git.take_in(id, clone, head).await.map_err(Fault::usage)?;
    let token = stage.sim.personal_token(MAINTAINER).map_err(|e| Fault::failed(anyhow!("{e}")))?;
    let url = format!("{}/{NAME}.git", stage.sim.git_url().trim_end_matches('/'));
    let remote = Remote::new(&url, Some(token.into())).map_err(Fault::failed)?;
    let there = stage.sim.branch_head(NAME, "main").and_then(|sha| sha.parse().ok());
    let main = BranchName::try_from("main".to_owned()).map_err(Fault::failed)?;
    git.push(id, &commit, &main, there.as_ref(), &remote).await.map_err(Fault::failed)?;
    Ok(())
}

fn show(stage: &Stage, issue: u64) -> Result<(), Fault> {
    let thread = stage.sim.thread(NAME, issue).map_err(|error| Fault::failed(anyhow!("{error}")))?;
    line(&format!("\n{}", visible(&thread)));
    Ok(())
}

/// Puts the branch into the clone and says how to go on.
async fn hand_over(stage: &Stage, arguments: &Arguments, task: &Task, issue: u64) -> Result<(), Fault> {
    let State::InReview(review) = &task.state else {
        return Err(Fault::failed(anyhow!("the task is `{}`", task.state.name().as_str())));
    };
    let git = assemble::git_of_clones(&stage.config)?;
    let id = RepositoryId(i64::try_from(stage.number(NAME)).unwrap_or_default());
    let branch = &review.work.branch;
    git.hand_out(id, &review.patch.head, &arguments.repo, branch).await.map_err(Fault::failed)?;
    let pull = u64::try_from(review.pull.0).unwrap_or(issue);
    show(stage, pull)?;
    line(&format!("The branch `{branch}` is in {}. Look at it with:", arguments.repo.display()));
    line(&format!("  git -C {} log -p {}..{branch}", arguments.repo.display(), review.patch.base.short()));
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
    fn what_is_typed_becomes_a_command() {
        let typed = ["a", "yes", "q", "retry", "/baton status", "use the standard library"];
        assert_eq!(
            typed.map(command),
            [
                "/plan approve",
                "/plan approve",
                "/plan reject",
                "/baton retry",
                "/baton status",
                "/plan revise use the standard library"
            ]
        );
    }
}
