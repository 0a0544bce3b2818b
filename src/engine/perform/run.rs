//! One run: a fetched base, a sandbox, an agent, and what comes out of it. The one file where git, sandbox and agent meet.

mod bill;
mod brief;
mod ground;
mod keeping;
mod kept;
mod log;
mod take_out;

use baton_agent::{AgentFailure, tool_port};
use baton_core::domain::actor::{AccountKind, Role};
use baton_core::domain::closing::closes;
use baton_core::domain::effect::{Purpose, RunOrder};
use baton_core::domain::enclosure::WorkspaceAccess;
use baton_core::domain::event::Event;
use baton_core::domain::ids::{IssueNumber, RunId};
use baton_core::domain::run::{RunOutcome, RunRequest};
use baton_core::domain::task::{ApprovedThrough, PlanCause, Task};
use baton_core::domain::tool::ToolReply;
use baton_core::domain::usage::Usage;
use baton_core::prose::neutral;
use baton_git::CheckoutOf;
use baton_github::{CheckConclusion, CheckRunUpdate, CheckState, GitHubError, Repository};
use baton_queue::{Failure, Handled, JobContext};
use baton_sandbox::{SandboxError, Session};
use baton_store::{Json, NewRun};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::progress::CHECK_NAME;
use crate::engine::agents::Named;
use crate::engine::{Engine, enclose, error};
use bill::sum;
use ground::Ground;
use keeping::Keeper;
use log::Log;

pub use kept::{About, Unfinished, UnfinishedError, unfinished};

/// An agent that fails after it has spent money is tried so often.
const PAID_ATTEMPTS: u32 = 3;

/// How a run ended, as it is kept: what a later run needs to go on from it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunRecord {
    /// How it ended, for people.
    pub ended: String,
    /// The agent's conversation.
    pub conversation: serde_json::Value,
}

/// What a run came to, before it is written down.
struct Came {
    /// Without what it used, which is booked when it is applied.
    event: Event,
    record: RunRecord,
    /// Whether nobody will go on from what was kept of it.
    is_over: bool,
    /// What it used and does not stand in its log.
    unlogged: Usage,
}

impl Engine {
    pub(super) async fn run(
        &self,
        context: &JobContext,
        github: &Repository,
        order: &RunOrder,
    ) -> Result<Handled, Failure> {
        let mut task = self.task_of(context).await?;
        if task.current_run() != Some(order.run) {
            return self.finish(context, vec![]).await;
        }
        // Where nothing can be written in the end, nothing is spent.
        if github.info().await.map_err(|refused| error::github(&refused, self.now()))?.archived {
            return Err(error::github(&GitHubError::Archived, self.now()));
        }
        if let Purpose::Implement { approval, .. } = &order.purpose
            && let ApprovedThrough::Comment { id } = approval.through
        {
            self.wait_out_doubt(github, task.issue.number, id).await?;
        }
        if let Purpose::Implement { approval, .. } | Purpose::Revise { approval, .. } = &order.purpose
            && let Some(because) = self.void_approval(github, task.issue.number, approval).await?
        {
            return self.finish(context, vec![Event::ApprovalVoided { because }]).await;
        }
        task = match self.say_started(context, order.run).await? {
            Some(task) => task,
            None => return self.finish(context, vec![]).await,
        };
        // What a lost worker's attempt used counts before anything more is spent.
        self.bill(task.id, order.run, Usage::default()).await?;
        task = self.task_by_id(task.id).await?;
        if let Some(pull) = self.served_by(github, order, &task).await? {
            return self.finish(context, vec![Event::AlreadyServed { run: order.run, pull }]).await;
        }
        let ground = match self.ground(github, order, &task).await? {
            Ok(ground) => ground,
            Err(event) => {
                self.show_configuration(github, &event).await;
                return self.finish(context, vec![event]).await;
            }
        };
        let (agent_name, agent) = match self.parts().agents.get(ground.settings.agent.as_deref()) {
            Ok((name, agent)) => (name.to_owned(), agent.clone()),
            Err(problem) => {
                let problems = vec![format!(".github/baton.yml: `agent`: {problem}")];
                return self.finish(context, vec![Event::ConfigurationInvalid { run: order.run, problems }]).await;
            }
        };
        let request = self.brief(github, order, &task, &ground).await?;
        let mut tx = self.store().begin().await?;
        let run = NewRun { id: order.run, kind: order.purpose.kind().name(), agent: &agent_name, model: &agent.model };
        tx.begin_run(&run, self.now()).await?;
        if let Some(found) = found_work(order.run, &ground)
            && let Err(rejection) = self.apply(&mut tx, task.id, &found, Some(context.job.id)).await?
        {
            tracing::debug!(run = %order.run, ?rejection, "the task does not wait for this run any more");
        }
        tx.commit().await?;

        let came = self.in_sandbox(context, order, &task, &ground, &agent, request).await?;
        let Some(mut came) = came else { return Ok(Handled::Stopped) };
        let mut whole = sum(&self.store().used(order.run).await?)?;
        whole += came.unlogged;
        let mut tx = self.store().begin().await?;
        let usage = self.unbooked(&mut tx, task.id, order.run, came.unlogged).await?;
        if let Some(booked) = came.event.booked() {
            *booked = usage;
        }
        tx.end_run(order.run, &Json::of(&came.record)?, &Json::of(&whole)?, self.now()).await?;
        if came.is_over {
            tx.forget_kept(task.id).await?;
        }
        self.finish_in(tx, context, vec![came.event]).await
    }

    /// Tells the task that its run has begun; nothing if it waits for another one by now.
    async fn say_started(&self, context: &JobContext, run: RunId) -> Result<Option<Task>, Failure> {
        let id = context.job.task.ok_or_else(|| Failure::bug("a run without a task"))?;
        let mut tx = self.store().begin().await?;
        let started = self.apply(&mut tx, id, &Event::RunStarted { run }, Some(context.job.id)).await?;
        tx.commit().await?;
        Ok(started.ok())
    }

    /// A person's open pull request that already closes the issue, asked before anything is spent on a first plan.
    async fn served_by(
        &self,
        github: &Repository,
        order: &RunOrder,
        task: &Task,
    ) -> Result<Option<IssueNumber>, Failure> {
        if !matches!(order.purpose, Purpose::Plan { cause: PlanCause::Fresh }) {
            return Ok(None);
        }
        let (name, number) = (&github.reference().name, task.issue.number);
        let found = github
            .open_pull_where(|author, body| {
                author.is_some_and(|author| author.kind == AccountKind::User) && closes(body, name, number)
            })
            .await
            .map_err(|refused| error::github(&refused, self.now()))?;
        let Some((pull, author)) = found else { return Ok(None) };
        // Anybody can open a pull request from a fork; only a writer's keeps Baton away.
        let author = self.actor(github, author.person, author.kind).await?;
        Ok((author.role >= Role::Write).then_some(pull))
    }

    /// A file that cannot be used is shown where people look for it too: as a check run on the commit that has it. The
    /// comment says it all; a check run that cannot be made is no reason to fail.
    async fn show_configuration(&self, github: &Repository, event: &Event) {
        let Event::ConfigurationInvalid { problems, .. } = event else { return };
        let Ok((_, head)) = github.default_branch().await else { return };
        let summary: String = problems.iter().map(|problem| format!("- {}\n", neutral::literal(problem))).collect();
        let update = CheckRunUpdate {
            state: CheckState::Completed(CheckConclusion::Failure),
            title: ".github/baton.yml cannot be used",
            summary: &summary,
            text: None,
            details_url: None,
        };
        if let Err(refused) = github.set_check_run(CHECK_NAME, "configuration", &head, &update).await {
            tracing::warn!(%refused, "the check run about the configuration could not be set");
        }
    }

    /// Lets the agent work in a sandbox of its own. `None` when the job was told to stop.
    async fn in_sandbox(
        &self,
        context: &JobContext,
        order: &RunOrder,
        task: &Task,
        ground: &Ground,
        agent: &Named,
        mut request: RunRequest,
    ) -> Result<Option<Came>, Failure> {
        let id = task.repository.id;
        let checkout = self
            .parts()
            .git
            .checkout(id, &CheckoutOf::Commit(ground.start.clone()), self.now())
            .await
            .map_err(|e| error::checkout(&e))?;
        let access = match order.purpose {
            Purpose::Plan { .. } => WorkspaceAccess::ReadOnly,
            Purpose::Implement { .. } | Purpose::Revise { .. } => WorkspaceAccess::Writable,
        };
        // The agent's own limit ends the run in good order; the sandbox's is for an agent that does not keep it.
        let set_up = super::tests::COMMAND_SECONDS.saturating_mul(ground.commands.setup.len() as u64);
        let left = request.budget.seconds.saturating_sub(request.spent.seconds);
        let wall = left.saturating_add(set_up).saturating_add(120);
        let seconds_before = request.spent.seconds;
        let mut session = self.enclose(format!("run-{}", order.run), checkout.path(), access, wall).await?;
        if access == WorkspaceAccess::Writable
            && let Some(broken) = super::tests::set_up(session.as_mut(), &ground.commands.setup).await?
        {
            request.commands.push(format!("(Baton ran the set-up before you; this failed: {broken})"));
        }

        let log = Log::new(self.clone(), order.run, context.job.task);
        let mut keeper = Keeper::new(self, context, &log, (task, order), ground, seconds_before);
        let outcome = self.converse(context, session.as_mut(), agent, request, &mut keeper).await;
        if let Err(failure) = &outcome {
            self.keep_what_broke(session.as_mut(), failure, ground, &mut keeper).await;
        }
        let result = match outcome {
            Ok(outcome) => self.take_out(session.as_mut(), order, task, ground, outcome, &mut keeper).await,
            Err(AgentFailure::Transient { reason, .. }) if context.job.attempts >= PAID_ATTEMPTS => {
                Err(Failure::permanent(reason))
            }
            Err(AgentFailure::Transient { reason, retry_after }) => Err(Failure::Transient { reason, retry_after }),
            Err(AgentFailure::Permanent { reason }) => {
                let record = RunRecord { ended: reason.clone(), conversation: serde_json::Value::Null };
                let event = Event::RunBroke { run: order.run, reason, usage: Usage::default() };
                Ok(Some(Came { event, record, is_over: false, unlogged: Usage::default() }))
            }
        };
        let is_told = matches!(result, Ok(Some(_))) && context.stop_reason().is_none();
        if !is_told {
            self.bill(task.id, order.run, log.unlogged()).await?;
        }
        session.stop().await;
        if context.stop_reason().is_some() {
            return Ok(None);
        }
        Ok(result?.map(|came| Came { unlogged: log.unlogged(), ..came }))
    }

    /// Keeps where an agent broke. What was kept before stays where the sandbox is gone too.
    async fn keep_what_broke(
        &self,
        session: &mut dyn Session,
        failure: &AgentFailure,
        ground: &Ground,
        keeper: &mut Keeper<'_>,
    ) {
        let kept = if keeper.has_heard() {
            keeper.keep(session).await
        } else if ground.resumed.is_some() && matches!(failure, AgentFailure::Permanent { .. }) {
            // It went on from a conversation and its model did not say a word: the next one begins a conversation of its own,
            // with the same files.
            keeper.keep_with(session, serde_json::Value::Null).await
        } else {
            return;
        };
        if let Err(gone) = kept {
            tracing::debug!(%gone, "nothing more can be kept of a run that broke");
        }
    }

    /// The agent asks, the sandbox answers, and all of it is written down as it happens.
    async fn converse(
        &self,
        context: &JobContext,
        session: &mut dyn Session,
        agent: &Named,
        request: RunRequest,
        keeper: &mut Keeper<'_>,
    ) -> Result<RunOutcome, AgentFailure> {
        let (port, mut calls) = tool_port();
        keeper.listen(calls.standing());
        let log = keeper.log();
        let (events, mut told) = mpsc::channel(64);
        // Not the job's own token: when the sandbox is lost, the agent has to stop and the job has to go on.
        let cancel: CancellationToken = context.cancel.child_token();
        let mut broken: Option<SandboxError> = None;
        let work = agent.agent.run(request, port, events, cancel.clone());
        let serve = async {
            let served = async {
                loop {
                    let call = tokio::select! {
                        biased;
                        call = calls.next() => call,
                        () = keeper.is_due() => {
                            keeper.keep(session).await?;
                            continue;
                        }
                    };
                    let Some(mut call) = call else { return Ok::<(), SandboxError>(()) };
                    keeper.before(session, &call.request).await?;
                    let reply = tokio::select! {
                        answered = session.tool(call.request.clone()) => match answered {
                            Err(SandboxError::Request(text)) => ToolReply { ok: false, text, exit: None },
                            answered => answered?,
                        },
                        // The agent was stopped while its tool runs: whoever stopped it ends the sandbox too.
                        () = call.abandoned() => return Ok(()),
                    };
                    keeper.replied(&call.request);
                    call.answer(reply);
                }
            };
            broken = served.await.err();
            // Whoever still waits for a reply hears that there will be none.
            drop(calls);
        };
        let write = async {
            while let Some(event) = told.recv().await {
                log.write(event).await;
            }
            log.flush().await;
        };
        let (outcome, (), ()) = tokio::join!(work, serve, write);
        match broken {
            None => outcome,
            Some(error @ SandboxError::WallClock { .. }) => Err(AgentFailure::Permanent { reason: error.to_string() }),
            Some(error) => match enclose::failure(&error) {
                Failure::Transient { reason, retry_after } => Err(AgentFailure::Transient { reason, retry_after }),
                Failure::Unanswered { reason } => Err(AgentFailure::Transient { reason, retry_after: None }),
                Failure::NotYet { reason, until, .. } => {
                    Err(AgentFailure::Transient { reason, retry_after: Some(until.since(self.now())) })
                }
                Failure::Permanent { reason } | Failure::Refused { reason, .. } | Failure::Bug { reason } => {
                    Err(AgentFailure::Permanent { reason })
                }
                newer @ Failure::Newer { .. } => Err(AgentFailure::Permanent { reason: newer.to_string() }),
            },
        }
    }
}

/// What a run found of earlier work, as its task is told.
fn found_work(run: RunId, ground: &Ground) -> Option<Event> {
    let continued = ground.resumed.as_ref().map(|resumed| Event::RunContinued { run, kept_at: resumed.kept_at });
    let unusable = ground.unusable.as_ref().map(|reason| Event::KeptWorkUnusable { run, reason: reason.clone() });
    continued.or(unusable)
}
