//! `baton job …`: the queue as a list, what was given up on in it (the dead letters), and what helps.

use anyhow::anyhow;
use baton_core::domain::ids::TaskId;
use baton_store::{Job, JobFilter, JobId, JobState, Store, StoreError};
use clap::{Args, Subcommand};

use super::assemble::{self, configuration};
use super::given::Given;
use super::paint::Tone;
use super::table::{Cell, line, print, visible};
use super::{Fault, logs};
use crate::clock;
use crate::engine::{Letter, LetterTask, Way, letter, replay};

/// The command that lists what was given up on.
pub(super) const LIST_DEAD: &str = "baton job list --state dead";

/// Dead jobs that are read at once.
const PAGE: u32 = 200;

/// The most that a list shows of an error.
const ERROR_SHOWN: usize = 100;

/// What can be done with jobs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List jobs, newest first. `--state dead` lists what was given up on.
    List {
        /// Only in this state.
        #[arg(long, value_parser = JobState::ALL.map(JobState::name))]
        state: Option<String>,
        /// Only of this kind, such as open_pull.
        #[arg(long)]
        kind: Option<String>,
        /// Only of the task with this number.
        #[arg(long)]
        task: Option<i64>,
        /// Show at most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show one: what it was to do, how often it was tried, why it ended, and what helps.
    Show {
        /// The job's number, see `baton job list`.
        id: i64,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Do again what was given up on, with all its attempts before it. What was done already is not done twice.
    Replay(Which),
    /// Take off the list what nobody wants done any more.
    Dismiss(Which),
}

/// Which of the jobs that were given up on.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// Jobs' numbers, see `baton job list --state dead`.
    ids: Vec<i64>,
    /// All of them. To replay: all that a replay helps.
    #[arg(long)]
    all_dead: bool,
}

pub(super) async fn job(given: &Given, verb: Verb) -> Result<(), Fault> {
    logs::start("warn");
    let config = configuration(given)?;
    let store = assemble::store(&config, false).await?;
    match verb {
        Verb::List { state, kind, task, limit, json } => {
            let state = state.and_then(|name| JobState::ALL.into_iter().find(|it| it.name() == name));
            let filter = JobFilter { state, kind: kind.as_deref(), task: task.map(TaskId), ..JobFilter::default() };
            list(&store, &filter, limit, json).await
        }
        Verb::Show { id, json } => show(&store, JobId(id), json).await,
        Verb::Replay(Which { ids, all_dead: false }) => {
            for id in ids {
                replay(&store, JobId(id), clock::now()).await.map_err(refused)?;
                line(&format!("Job {id} will be done again."));
            }
            Ok(())
        }
        Verb::Replay(_) => replay_all(&store).await,
        Verb::Dismiss(Which { ids, all_dead }) => {
            let ids = if all_dead { dead(&store).await?.iter().map(|job| job.id).collect() } else { numbered(&ids) };
            for id in &ids {
                store.dismiss_job(*id).await.map_err(refused)?;
            }
            line(&format!("{} off the list.", jobs(ids.len())));
            Ok(())
        }
    }
}

fn numbered(ids: &[i64]) -> Vec<JobId> {
    ids.iter().copied().map(JobId).collect()
}

fn jobs(count: usize) -> String {
    if count == 1 { "1 job is".to_owned() } else { format!("{count} jobs are") }
}

fn refused(error: StoreError) -> Fault {
    match error {
        StoreError::NotFound(_) => Fault::usage(error),
        other => Fault::failed(other),
    }
}

async fn list(store: &Store, filter: &JobFilter<'_>, limit: u32, json: bool) -> Result<(), Fault> {
    let mut letters = Vec::new();
    for job in store.newest_jobs(filter, None, limit).await.map_err(Fault::failed)? {
        letters.push(letter(store, job).await.map_err(Fault::failed)?);
    }
    let header = ["JOB", "STATE", "WHAT", "TASK", "TRIED", "WHEN", "WHY", "WHAT HELPS"];
    print(json, &header, &letters, |letter| {
        let job = &letter.job;
        vec![
            job.id.to_string().into(),
            Cell::toned(tone(job.state), job.state.name()),
            letter.what.clone().into(),
            letter.task.as_ref().map_or_else(String::new, short).into(),
            format!("{} of {}", job.attempts, job.max_attempts).into(),
            when(job).into(),
            shown(job).into(),
            letter.help.as_ref().map_or_else(String::new, |help| help.command.clone()).into(),
        ]
    });
    Ok(())
}

fn short(task: &LetterTask) -> String {
    format!("{} ({}#{})", task.id, task.repository, task.issue)
}

/// When it ended, was begun, or may begin.
fn when(job: &Job) -> String {
    match job.state {
        JobState::Queued => job.run_at.to_string(),
        JobState::Running => job.started_at.unwrap_or(job.created_at).to_string(),
        JobState::Done | JobState::Dead | JobState::Cancelled => job.finished_at.unwrap_or(job.created_at).to_string(),
    }
}

/// Why it died or waits, in one line.
fn shown(job: &Job) -> String {
    if job.state == JobState::Done {
        return String::new();
    }
    let error = job.last_error.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
    let short: String = error.chars().take(ERROR_SHOWN).collect();
    if short.len() < error.len() { format!("{short}…") } else { short }
}

fn tone(state: JobState) -> Tone {
    match state {
        JobState::Queued | JobState::Running => Tone::Busy,
        JobState::Done => Tone::Good,
        JobState::Dead => Tone::Bad,
        JobState::Cancelled => Tone::Faint,
    }
}

async fn show(store: &Store, id: JobId, json: bool) -> Result<(), Fault> {
    let found = store.job(id).await.map_err(Fault::failed)?;
    let job = found.ok_or_else(|| Fault::usage(anyhow!("there is no job {id}; `baton job list` shows them")))?;
    let letter = letter(store, job).await.map_err(Fault::failed)?;
    if json {
        line(&serde_json::to_string(&letter).map_err(Fault::failed)?);
        return Ok(());
    }
    for text in told(&letter) {
        line(&visible(&text));
    }
    Ok(())
}

fn told(letter: &Letter) -> Vec<String> {
    let job = &letter.job;
    let mut lines = vec![format!("job {} · {} · {}", job.id, job.kind, job.state.name())];
    lines.push(format!("to {}", letter.what));
    if let Some(task) = &letter.task {
        lines.push(format!("for task {}, {}#{}, {}", task.id, task.repository, task.issue, task.state));
    }
    lines.push(format!("asked for {}, tried {} of {} times", job.created_at, job.attempts, job.max_attempts));
    if job.losses > 0 {
        lines.push(format!("its worker was lost {} times while it was under way", job.losses));
    }
    match job.state {
        JobState::Queued => lines.push(format!("waits until {}", job.run_at)),
        JobState::Running => {
            lines.push(format!("under way since {}, by {}", when(job), job.lease_owner.as_deref().unwrap_or("nobody")));
        }
        JobState::Done | JobState::Dead | JobState::Cancelled => lines.push(format!("ended {}", when(job))),
    }
    if let Some(error) = &job.last_error {
        lines.push(format!("the last attempt failed: {error}"));
    }
    if let Some(help) = &letter.help {
        lines.push(format!("what helps: `{}`, for {}", help.command, help.because));
    }
    lines.push(format!("what it carries: {}", job.payload.as_str()));
    lines
}

/// Everything that was given up on, oldest first.
async fn dead(store: &Store) -> Result<Vec<Job>, Fault> {
    let filter = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
    let mut all: Vec<Job> = Vec::new();
    loop {
        let page = store.jobs(&filter, all.last().map(|job| job.id), PAGE).await.map_err(Fault::failed)?;
        let is_last = page.len() < PAGE as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// What a replay does not help is named with what does.
async fn replay_all(store: &Store) -> Result<(), Fault> {
    let mut replayed = 0;
    for job in dead(store).await? {
        let id = job.id;
        let Letter { help: Some(help), what, .. } = letter(store, job).await.map_err(Fault::failed)? else { continue };
        if help.way != Way::Replay {
            line(&visible(&format!("Job {id} ({what}) stays: `{}`, for {}.", help.command, help.because)));
            continue;
        }
        match replay(store, id, clock::now()).await {
            Ok(()) => replayed += 1,
            Err(error @ (StoreError::Conflict(_) | StoreError::NotFound(_))) => {
                line(&format!("Job {id} stays: {error}."))
            }
            Err(error) => return Err(Fault::failed(error)),
        }
    }
    line(&format!("{} done again.", jobs(replayed)));
    Ok(())
}
