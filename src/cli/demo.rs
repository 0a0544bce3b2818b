//! `baton demo`: the whole loop on this machine with nothing configured. The agent's words are a replay, and labelled so;
//! everything else is real: webhooks, the store, git over HTTP, the sandbox, the edit, the tests.

mod sample;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use baton_core::domain::task::StateName;
use clap::Args;

use super::stage::{MACHINE_USER, MAINTAINER, REPORTER, Stage, told_to_stop};
use super::table::{line, visible};
use super::{Fault, logs};
use crate::config::{AgentConfig, AgentKind, Config};

/// How the demo goes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Keep everything running at the end, to look around in a browser, until Ctrl-C.
    #[arg(long)]
    hold: bool,
}

/// The repository whose agent does well, and the one whose agent does not.
const CAREFUL: &str = "acme/dotfile";
const CARELESS: &str = "acme/dotfile-careless";

/// Setting up a sandbox and running a small test suite takes seconds; a busy machine takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn demo(arguments: Arguments) -> Result<(), Fault> {
    logs::start("error");
    line(
        "Baton's demo: a GitHub simulator, Baton's server and a worker run in this process. The agent is a replay of a",
    );
    line("recorded conversation; its tool calls, the tests and the push are done for real.\n");
    let folder = tempfile::tempdir().context("a folder for the replays").map_err(Fault::failed)?;
    let mut config = Config { agents: agents(folder.path()).map_err(Fault::failed)?, ..Config::default() };
    config.policy.agent = Some("careful".into());
    let repositories =
        vec![(CAREFUL.to_owned(), sample::tree(None)), (CARELESS.to_owned(), sample::tree(Some("careless")))];
    let stage = Stage::set(config, repositories, None).await?;
    line(&format!("GitHub (simulated)  {}", stage.sim.web_url()));
    line(&format!("Baton               http://{}", stage.config.server.listen));
    line(&format!("Files               {}\n", stage.folder().display()));

    let outcome = tokio::select! {
        outcome = play(&stage) => outcome,
        signal = told_to_stop() => Err(Fault::failed(anyhow!("the demo was stopped by {signal}"))),
    };
    if arguments.hold {
        if let Err(fault) = &outcome {
            line(&format!("\nThe demo failed: {}", fault.text()));
        }
        hold(&stage);
        told_to_stop().await;
    }
    stage.close().await?;
    outcome
}

/// Where to look while everything stays up.
fn hold(stage: &Stage) {
    line("\nEverything stays up. In a browser:");
    for name in [CAREFUL, CARELESS] {
        for (what, number) in [("issues", 1), ("pull", 2)] {
            line(&format!("  {}/{name}/{what}/{number}", stage.sim.web_url()));
        }
    }
    line("On the command line, in another terminal:");
    line(&format!("  BATON_STORE__URL=sqlite://{}/baton.db baton task list", stage.folder().display()));
    line("Ctrl-C ends it.");
}

fn agents(folder: &std::path::Path) -> anyhow::Result<BTreeMap<String, AgentConfig>> {
    let mut agents = BTreeMap::new();
    for (name, script) in [("careful", sample::RIGHT), ("careless", sample::WRONG)] {
        let file = folder.join(format!("{name}.json"));
        std::fs::write(&file, script)?;
        agents.insert(name.to_owned(), AgentConfig::replay(file));
    }
    debug_assert!(agents.values().all(|agent| agent.kind == AgentKind::Replay));
    Ok(agents)
}

async fn play(stage: &Stage) -> Result<(), Fault> {
    line("── 1. An issue goes in, a proven pull request comes out");
    let nonce = format!("CR-{:08X}", rand::random::<u32>());
    line(&format!(
        "  {REPORTER} (may only read) opens an issue; it asks for the change record {nonce} in the changelog"
    ));
    let first = hand_over(stage, CAREFUL, &nonce).await?;
    line(&format!("  {MAINTAINER} reads the plan and comments `/plan approve`"));
    approve(stage, CAREFUL, first)?;
    stage.wait_for(CAREFUL, first, PATIENCE, |task| task.state.name() == StateName::InReview).await?;
    // The review is asked for right after the pull request is open.
    stage.until(PATIENCE, || only_pull(stage, CAREFUL).is_ok_and(|pull| !pull.requested_reviewers.is_empty())).await;
    let pull = only_pull(stage, CAREFUL)?;
    check_good(stage, &pull, &nonce).map_err(Fault::failed)?;
    show(stage, CAREFUL, first, pull.number)?;
    show_nonce(stage, &pull, &nonce)?;

    line(&format!("  {MAINTAINER} reviews and merges pull request #{}", pull.number));
    let alice = stage.sim.person(MAINTAINER);
    let refused = |error| Fault::failed(anyhow!("the simulator refuses: {error}"));
    alice
        .reviews(CAREFUL, pull.number, github_sim::Verdict::Approves, "Thank you, this reads well.")
        .map_err(refused)?;
    alice.merges(CAREFUL, pull.number).map_err(refused)?;
    stage.wait_for(CAREFUL, first, PATIENCE, |task| task.state.name() == StateName::Merged).await?;

    line("\n── 2. The same issue with an agent that is wrong and sure of itself");
    let nonce = format!("CR-{:08X}", rand::random::<u32>());
    let second = hand_over(stage, CARELESS, &nonce).await?;
    line(&format!("  {MAINTAINER} reads the plan and comments `/plan approve`"));
    approve(stage, CARELESS, second)?;
    stage.wait_for(CARELESS, second, PATIENCE, |task| task.state.name() == StateName::InReview).await?;
    let is_shown = || stage.sim.thread(CARELESS, second).is_ok_and(|thread| thread.contains("`in_review`"));
    stage.until(PATIENCE, is_shown).await;
    let pull = only_pull(stage, CARELESS)?;
    check_bad(&pull).map_err(Fault::failed)?;
    show(stage, CARELESS, second, pull.number)?;

    line("── What was shown");
    line(
        "  a signed webhook in, a plan on the issue, an approval, an edit in the sandbox, a test that fails on the base and",
    );
    line(
        "  passes on the branch, a push over HTTP, a pull request with its evidence; and a wrong edit that stays a draft",
    );
    line("  and says which tests fail.");
    Ok(())
}

async fn hand_over(stage: &Stage, name: &str, nonce: &str) -> Result<u64, Fault> {
    let refused = |error| Fault::failed(anyhow!("the simulator refuses: {error}"));
    let (title, body) = sample::issue(nonce);
    let issue = stage.sim.person(REPORTER).opens_issue(name, &title, &body).map_err(refused)?;
    line(&format!("  {MAINTAINER} (may write) assigns it to {MACHINE_USER}"));
    stage.sim.person(MAINTAINER).assigns(name, issue, MACHINE_USER).map_err(refused)?;
    stage
        .wait_for(name, issue, PATIENCE, |task| {
            task.state.name() == StateName::AwaitingApproval && !task.plan_comments.is_empty()
        })
        .await?;
    Ok(issue)
}

fn approve(stage: &Stage, name: &str, issue: u64) -> Result<(), Fault> {
    let said = stage.sim.person(MAINTAINER).says(name, issue, "Sounds right.\n\n/plan approve");
    said.map(drop).map_err(|error| Fault::failed(anyhow!("the simulator refuses: {error}")))
}

fn only_pull(stage: &Stage, name: &str) -> Result<github_sim::PullRecord, Fault> {
    let mut pulls = stage.sim.pulls(name).map_err(|error| Fault::failed(anyhow!("{error}")))?;
    match (pulls.pop(), pulls.len()) {
        (Some(pull), 0) => Ok(pull),
        (_, others) => {
            Err(Fault::failed(anyhow!("there should be one pull request on {name}, and there are {others}")))
        }
    }
}

/// The line of the diff that could not have been written before this run.
fn show_nonce(stage: &Stage, pull: &github_sim::PullRecord, nonce: &str) -> Result<(), Fault> {
    let diff = stage.sim.diff(CAREFUL, pull.number).map_err(|error| Fault::failed(anyhow!("{error}")))?;
    line(&format!("  In the diff of pull request #{}:", pull.number));
    for added in diff.lines().filter(|line| line.starts_with('+') && line.contains(nonce)) {
        line(&format!("    {}", visible(added)));
    }
    Ok(())
}

/// The nonce did not exist before this run: it can only be in the diff if the edit was really made.
fn check_good(stage: &Stage, pull: &github_sim::PullRecord, nonce: &str) -> anyhow::Result<()> {
    let diff = stage.sim.diff(CAREFUL, pull.number).map_err(|error| anyhow!("{error}"))?;
    ensure!(diff.contains(nonce), "the change record {nonce} is not in the pull request's diff:\n{diff}");
    ensure!(!pull.draft, "the pull request is a draft, and its evidence should be good:\n{}", pull.body);
    ensure!(pull.body.contains("fail on the base's source, pass now"), "no test is shown to fail on the base");
    ensure!(pull.requested_reviewers.iter().any(|login| login == MAINTAINER), "nobody was asked for a review");
    Ok(())
}

fn check_bad(pull: &github_sim::PullRecord) -> anyhow::Result<()> {
    ensure!(pull.draft, "a patch that breaks a test must stay a draft");
    ensure!(pull.body.contains("broken: passed on the base, fail now"), "the broken test is not named:\n{}", pull.body);
    Ok(())
}

fn show(stage: &Stage, name: &str, issue: u64, pull: u64) -> Result<(), Fault> {
    let thread = |number| stage.sim.thread(name, number).map_err(|error| Fault::failed(anyhow!("{error}")));
    for (what, number) in [("issues", issue), ("pull", pull)] {
        line(&format!("\n┌── {}/{name}/{what}/{number}", stage.sim.web_url()));
        for text in visible(&thread(number)?).lines() {
            line(&format!("│ {text}"));
        }
        line("└──\n");
    }
    Ok(())
}
