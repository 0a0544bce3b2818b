//! `baton task …`: lists, one task whole, its log, and the operator's word.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use baton_core::command::Command;
use baton_core::domain::ids::{IssueNumber, RepositoryName, RunId, TaskId};
use baton_core::domain::run::AgentEvent;
use baton_core::domain::task::{Failure, State, StateName, Task};
use baton_core::domain::usage::Usage;
use baton_core::prose;
use baton_store::{Store, TaskFilter, TaskRow};
use clap::Subcommand;
use clap::builder::NonEmptyStringValueParser;

use super::assemble::{self, configuration};
use super::given::Given;
use super::paint::{Tone, paint};
use super::table::{Cell, line, print, visible};
use super::{Fault, logs};
use crate::clock;
use crate::engine::{About, Waiting, transfer_of, unfinished, waiting};

/// What can be done with tasks. TASK is a task's number, or `OWNER/REPO#N` for the newest task on an issue.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List tasks, newest first.
    List {
        /// Only tasks in this state.
        #[arg(long, value_parser = StateName::ALL.map(StateName::as_str))]
        state: Option<String>,
        /// Only tasks that have not ended.
        #[arg(long)]
        live: bool,
        /// Show at most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show a task with its history.
    Show {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show what the agent of a task said and did.
    Log {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// Go on until the task comes to rest.
        #[arg(short, long)]
        follow: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show the newest plan.
    Plan {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show the patch as it stands in Baton's own repository, or what is kept of a work that is not finished.
    Diff {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
    },
    /// Approve the newest plan, or revision REV if it still is the newest.
    Approve {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// The revision.
        rev: Option<u32>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Ask for a new revision of the plan.
    Revise {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// What to take into account.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        text: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Reject the plan and end the task.
    Reject {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// Why; it is shown on the issue.
        text: Option<String>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// End a task; a running agent is stopped.
    Cancel {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Let a failed or stopped task go on.
    Retry {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Hold a task until it is resumed; a running agent is stopped.
    Pause {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Let a paused task go on.
    Resume {
        /// A task's number, or OWNER/REPO#N for the newest task on that issue.
        task: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn task(given: &Given, verb: Verb) -> Result<(), Fault> {
    logs::start("warn");
    let config = configuration(given)?;
    let store = assemble::store(&config, false).await?;
    match verb {
        Verb::List { state, live, limit, json } => list(&store, state.as_deref(), live, limit, json).await,
        Verb::Show { task, json } => show(&store, &find(&store, &task).await?, json).await,
        Verb::Log { task, follow, json } => log(&store, find(&store, &task).await?.id, follow, json).await,
        Verb::Plan { task, json } => plan(&find(&store, &task).await?, json),
        Verb::Diff { task } => diff(&config, &store, &find(&store, &task).await?).await,
        Verb::Approve { task, rev, json } => {
            steer(&config, store, &task, Command::Approve { revision: rev }, json).await
        }
        Verb::Revise { task, text, json } => steer(&config, store, &task, Command::Revise { text }, json).await,
        Verb::Reject { task, text, json } => steer(&config, store, &task, Command::Reject { text }, json).await,
        Verb::Cancel { task, json } => steer(&config, store, &task, Command::Cancel, json).await,
        Verb::Retry { task, json } => steer(&config, store, &task, Command::Retry, json).await,
        Verb::Pause { task, json } => steer(&config, store, &task, Command::Pause, json).await,
        Verb::Resume { task, json } => steer(&config, store, &task, Command::Resume, json).await,
    }
}

async fn find(store: &Store, named: &str) -> Result<TaskRow, Fault> {
    let no_name = || Fault::usage(anyhow!("`{named}` is neither a task's number nor OWNER/REPO#N"));
    let found = match named.rsplit_once('#') {
        Some((repository, number)) => {
            let name: RepositoryName = repository.parse().map_err(|_| no_name())?;
            newest_of(store, &name, IssueNumber(number.parse().map_err(|_| no_name())?)).await?
        }
        None => store.task(TaskId(named.parse().map_err(|_| no_name())?)).await.map_err(Fault::failed)?,
    };
    found.ok_or_else(|| Fault::usage(anyhow!("there is no task {named}; `baton task list` shows them")))
}

async fn newest_of(store: &Store, name: &RepositoryName, issue: IssueNumber) -> Result<Option<TaskRow>, Fault> {
    let filter = TaskFilter { issue: Some(issue), ..TaskFilter::default() };
    let rows = store.tasks(&filter, None, 200).await.map_err(Fault::failed)?;
    Ok(rows.into_iter().find(|row| row.repository.parse::<RepositoryName>().is_ok_and(|there| there == *name)))
}

fn read(row: &TaskRow) -> Result<Task, Fault> {
    row.document.read("task").map_err(Fault::failed)
}

async fn list(store: &Store, state: Option<&str>, live: bool, limit: u32, json: bool) -> Result<(), Fault> {
    let filter = TaskFilter { state, live: live.then_some(true), ..TaskFilter::default() };
    let rows = store.tasks(&filter, None, limit).await.map_err(Fault::failed)?;
    let mut waits = BTreeMap::new();
    for row in rows.iter().filter(|row| row.live && !json) {
        let Ok(task) = read(row) else { continue };
        let next = waiting(store, &task).await.map_err(Fault::failed)?.into_iter().find(|one| one.awaited);
        waits.insert(row.id, next.map_or_else(String::new, |one| one.until.to_string()));
    }
    print(json, &["TASK", "ISSUE", "STATE", "WAITS UNTIL", "COST", "UPDATED", "TITLE"], &rows, |row| {
        let task = read(row).ok();
        vec![
            row.id.to_string().into(),
            format!("{}#{}", row.repository, row.issue).into(),
            Cell::toned(Tone::of_state_named(&row.state), &row.state),
            waits.get(&row.id).cloned().unwrap_or_default().into(),
            task.as_ref().map_or_else(String::new, |task| task.usage.cost.to_string()).into(),
            row.updated_at.to_string().into(),
            task.map_or_else(String::new, |task| task.issue.title.chars().take(60).collect::<String>()).into(),
        ]
    });
    Ok(())
}

async fn show(store: &Store, row: &TaskRow, json: bool) -> Result<(), Fault> {
    let history = store.history(row.id, 0, 1_000).await.map_err(Fault::failed)?;
    let runs = store.runs(row.id).await.map_err(Fault::failed)?;
    let task = read(row)?;
    let transfer = transfer_of(store, &task, clock::now()).await.map_err(Fault::failed)?;
    let waiting = waiting(store, &task).await.map_err(Fault::failed)?;
    let kept = store.kept_about(row.id).await.map_err(Fault::failed)?;
    if json {
        let kept = kept.as_ref().map(|kept| serde_json::json!({ "run": kept.run, "at": kept.at, "about": kept.about }));
        let whole = serde_json::json!({
            "task": row, "runs": runs, "history": history, "fetching": transfer, "waiting": waiting, "kept": kept,
        });
        line(&whole.to_string());
        return Ok(());
    }
    let state = paint(Tone::of_state_named(&row.state), &row.state);
    line(&format!("task {} · {}#{} · {state}", row.id, row.repository, row.issue));
    line(&visible(&format!("  {}", task.issue.title)));
    line(&format!(
        "  asked for by {} · {} runs · {} tokens · {}",
        visible(&task.requester.login),
        task.runs,
        task.usage.tokens(),
        task.usage.cost
    ));
    if let Some(transfer) = &transfer {
        line(&visible(&format!("  {}", prose::transfer::line(&row.repository, transfer))));
    }
    if let Some(pull) = row.pull_request {
        line(&visible(&format!("  pull request {}#{pull}", row.repository)));
    }
    if let Some(kept) = &kept {
        let files = match kept.about.read::<About>("kept work").map_err(Fault::failed)?.files {
            0 => "no files yet".to_owned(),
            1 => format!("1 file, `baton task diff {}` shows it", row.id),
            n => format!("{n} files, `baton task diff {}` shows them", row.id),
        };
        line(&visible(&format!("  unfinished work of run {}, kept at {}: {files}", kept.run, kept.at)));
    }
    if let State::Failed(failed) = &task.state {
        line(&paint(Tone::Bad, &visible(&format!("  {}", broke(&failed.reason)))));
    }
    if !waiting.is_empty() {
        line(&format!("\n{}", paint(Tone::Strong, "waiting")));
    }
    for one in &waiting {
        line(&visible(&format!("  to {}, {}", one.what, why(one))));
    }
    if !runs.is_empty() {
        line(&format!("\n{}", paint(Tone::Strong, "runs")));
    }
    for run in &runs {
        let usage: Usage =
            run.usage.as_ref().map(|usage| usage.read("usage")).transpose().map_err(Fault::failed)?.unwrap_or_default();
        let ending: serde_json::Value =
            run.ending.as_ref().map(|it| it.read("ending")).transpose().map_err(Fault::failed)?.unwrap_or_default();
        let ended = ending["ended"].as_str().unwrap_or("has not ended");
        let kept_at = RunId::parse(&run.id).and_then(|run| task.went_on_from(run));
        let went_on = kept_at.map_or_else(String::new, |at| format!(" · {}", prose::kept::went_on(at, clock::now())));
        line(&visible(&format!(
            "  {:<6} {:<10} {} · {} · {} tokens · {} · {ended}{went_on}",
            run.id,
            run.kind,
            run.agent,
            run.model,
            usage.tokens(),
            usage.cost
        )));
    }
    line(&format!("\n{}", paint(Tone::Strong, "history")));
    for entry in &history {
        let event: serde_json::Value = entry.event.read("event").map_err(Fault::failed)?;
        let what = event["event"].as_str().unwrap_or("?").replace('_', " ");
        let detail = event["command"]["command"].as_str().or(event["wait"]["why"].as_str());
        let command = match event["event"].as_str() {
            Some("kept_work_unusable") => {
                format!(" ({}); the run starts anew", event["reason"].as_str().unwrap_or("?"))
            }
            _ => detail.map_or_else(String::new, |it| format!(" ({})", it.replace('_', " "))),
        };
        let state = paint(Tone::of_state_named(&entry.state_after), &format!("{:<18}", entry.state_after));
        let what = visible(&format!("{:<24} by {}", format!("{what}{command}"), entry.actor));
        line(&format!("  {}  {state} {what}", paint(Tone::Faint, &entry.at.to_string())));
    }
    Ok(())
}

/// Until when something waits and what for, for a terminal.
fn why(waiting: &Waiting) -> String {
    let wait = waiting.wait.map(|wait| format!("{}, since {}", wait.why, wait.since));
    let failed = waiting.failed.as_ref();
    let failed = failed.map(|it| format!("attempt {} of {} failed: {}", it.attempts, it.of, it.error));
    let because = [wait, failed].into_iter().flatten().collect::<Vec<_>>().join("; ");
    format!("until {}: {because}", waiting.until)
}

/// Why a task failed, for a terminal: without the advice that its issue gives.
pub(super) fn broke(reason: &Failure) -> String {
    match reason {
        Failure::RunBroke { reason, .. } => format!("the agent's run broke: {reason}"),
        Failure::Configuration { problems } => problems.join("; "),
        Failure::PatchRefused { findings } => format!("the patch breaks the rules: {}", findings.join("; ")),
        Failure::Refused { what, refusal, said } => prose::refusal::line(what, refusal, said),
        Failure::Effect { what, reason } => format!("Baton could not {what}: {reason}"),
    }
}

async fn log(store: &Store, id: TaskId, follow: bool, json: bool) -> Result<(), Fault> {
    let mut seen: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
    loop {
        for run in store.runs(id).await.map_err(Fault::failed)? {
            let after = seen.get(&run.id).copied().unwrap_or(0);
            let Some(run_id) = RunId::parse(&run.id) else { continue };
            let entries = store.run_log(run_id, after, 1_000).await.map_err(Fault::failed)?;
            if after == 0 && !entries.is_empty() && !json {
                line(&format!("── run {} · {} · {} · {}", run.id, run.kind, run.agent, visible(&run.model)));
            }
            for entry in entries {
                seen.insert(run.id.clone(), entry.seq);
                if json {
                    line(&serde_json::json!({ "run": run.id, "entry": entry }).to_string());
                } else {
                    line(&visible(&told(&entry.entry.read("log entry").map_err(Fault::failed)?)));
                }
            }
        }
        let live = store.task(id).await.map_err(Fault::failed)?.is_some_and(|row| {
            matches!(row.state.as_str(), "planning" | "queued" | "implementing" | "verifying" | "revising")
        });
        if !follow || !live {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn told(event: &AgentEvent) -> String {
    match event {
        AgentEvent::Started { agent, model } => format!("started: {agent}, {model}"),
        AgentEvent::Text { text } => text.clone(),
        AgentEvent::ToolStarted { request, .. } => {
            let mut asked = serde_json::to_value(request).unwrap_or_default();
            if let Some(map) = asked.as_object_mut() {
                map.remove("tool");
            }
            format!("▸ {} {asked}", request.name())
        }
        AgentEvent::ToolFinished { reply, .. } => {
            reply.text.lines().map(|l| format!("  │ {l}")).collect::<Vec<_>>().join("\n")
        }
        AgentEvent::Used { usage } => format!("  ({} tokens, {})", usage.tokens(), usage.cost),
        AgentEvent::Retrying { reason, after_millis } => format!("… {reason}; again in {after_millis} ms"),
        AgentEvent::Notice { text } => format!("· {text}"),
    }
}

fn plan(row: &TaskRow, json: bool) -> Result<(), Fault> {
    let task = read(row)?;
    let plan = match (&task.state, task.work()) {
        (State::AwaitingApproval(waiting), _) => Some(&waiting.plan),
        (_, Some(work)) => Some(&work.plan),
        _ => None,
    };
    let plan =
        plan.ok_or_else(|| Fault::failed(anyhow!("task {} has no plan at this time ({})", row.id, row.state)))?;
    if json {
        line(&serde_json::to_string(plan).map_err(Fault::failed)?);
        return Ok(());
    }
    line(&format!("plan {} of task {}, for commit {}", plan.revision, row.id, plan.base.short()));
    let draft = &plan.draft;
    line(&visible(&format!("\n{}", draft.goal)));
    let commands: Vec<String> = plan.commands.setup.iter().chain(&plan.commands.test).cloned().collect();
    for (title, items) in [
        ("files", &draft.files),
        ("steps", &draft.steps),
        ("risks", &draft.risks),
        ("questions", &draft.questions),
        ("commands that Baton runs", &commands),
    ] {
        if !items.is_empty() {
            line(&format!("\n{}", paint(Tone::Strong, title)));
        }
        for item in items {
            line(&visible(&format!("  - {item}")));
        }
    }
    line(&format!("\n{}\n  {}", paint(Tone::Strong, "testing"), visible(&draft.testing)));
    Ok(())
}

async fn diff(config: &crate::config::Config, store: &Store, row: &TaskRow) -> Result<(), Fault> {
    use baton_core::domain::task::Closed;
    let task = read(row)?;
    let git = assemble::git(config)?;
    let text =
        async |base, head| git.diff_text(row.repository_id, base, head, 4 * 1024 * 1024).await.map_err(Fault::failed);
    if let Some(found) = unfinished(store, &git, &task).await.map_err(Fault::failed)? {
        line(&paint(Tone::Strong, &prose::kept::unfinished(found.kept_at, clock::now())));
        line(&visible(&text(&found.base, &found.head).await?));
        return Ok(());
    }
    fn patch(state: &State) -> Option<&baton_core::domain::task::PatchRef> {
        match state {
            State::Verifying(s) => Some(&s.patch),
            State::Revising(s) => Some(&s.patch),
            State::InReview(s) | State::Merged(s) | State::Closed(Closed::PullClosed(s)) => Some(&s.patch),
            State::Paused(s) => patch(&s.resume),
            State::WaitingForUser(s) => patch(&s.resume),
            State::Failed(s) => patch(&s.resume),
            _ => None,
        }
    }
    let patch = patch(&task.state)
        .ok_or_else(|| Fault::failed(anyhow!("task {} has no patch at this time ({})", row.id, row.state)))?;
    line(&visible(&text(&patch.base, &patch.head).await?));
    Ok(())
}

async fn steer(
    config: &crate::config::Config,
    store: Store,
    named: &str,
    command: Command,
    json: bool,
) -> Result<(), Fault> {
    let id = find(&store, named).await?.id;
    let engine = assemble::engine(config, store).await?;
    let task = engine.command_task(id, command).await.map_err(Fault::failed)?;
    let state = task.state.name().as_str();
    line(&match json {
        true => serde_json::json!({ "task": id, "state": state }).to_string(),
        false => format!("Task {id} is now `{state}`."),
    });
    Ok(())
}
