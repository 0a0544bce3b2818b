//! A task from plan to last revision: one agent, one tree, each run told what the engine would tell it, Baton's own
//! test run in between.

use baton_agent::{Agent, AgentFailure};
use baton_core::domain::enclosure::WorkspaceAccess;
use baton_core::domain::evidence::{Evidence, TestRun};
use baton_core::domain::ids::{RunId, TaskId};
use baton_core::domain::plan::PlanDraft;
use baton_core::domain::run::{Finish, RunEnd, RunKind, RunOutcome, RunRequest, Spent};
use baton_core::domain::settings::TaskPolicy;
use baton_core::domain::task::Mend;
use baton_core::domain::usage::RunBudget;
use baton_core::prose::feedback;
use baton_verify::{Comparison, ShellCommand, TestCommand, compare, detect, given};

use crate::files::{Tree, sample};
use crate::room;
use crate::solution::issue;

/// A task that is being done.
pub struct Task {
    repository: String,
    title: String,
    body: String,
    setup: Vec<ShellCommand>,
    test: Vec<TestCommand>,
    base: Option<TestRun>,
    /// The files as the runs so far have left them.
    pub tree: Tree,
    /// The plan that was handed in.
    pub plan: Option<PlanDraft>,
    conversation: Option<serde_json::Value>,
    feedback: Option<String>,
    runs: u32,
}

impl Task {
    /// A new task on a sample repository; `nonce` is the tracking id in its issue.
    pub fn new(repository: &str, nonce: &str) -> Self {
        let tree = sample(repository);
        let listing: Vec<String> = tree.keys().cloned().collect();
        let found = detect(&listing, &|path| tree.get(path).cloned());
        let named = tree.get(".github/baton.yml").map(|settings| {
            let line = settings.lines().find_map(|line| line.trim().strip_prefix("test: ")).unwrap();
            given(&[line.to_owned()], &[], &|_| None)
        });
        let (title, body) = issue(repository, nonce);
        Self {
            repository: format!("acme/{repository}"),
            title,
            body,
            setup: found.setup,
            test: named.unwrap_or(found.test),
            base: None,
            tree,
            plan: None,
            conversation: None,
            feedback: None,
            runs: 0,
        }
    }

    /// How often Baton sends an agent back by default.
    pub fn rounds() -> u32 {
        TaskPolicy::default().max_rounds
    }

    fn request(&mut self, kind: RunKind) -> RunRequest {
        self.runs += 1;
        let instructions = self.tree.get("AGENTS.md").map(|text| ("AGENTS.md".to_owned(), text.clone()));
        let is_revision = kind == RunKind::Revise;
        RunRequest {
            run: RunId { task: TaskId(1), number: self.runs },
            kind,
            repository: self.repository.clone(),
            issue_number: 7,
            title: self.title.clone(),
            body: self.body.clone(),
            comments: Vec::new(),
            instructions: instructions.into_iter().collect(),
            commands: self
                .setup
                .iter()
                .map(|command| command.command.clone())
                .chain(self.test.iter().map(|command| command.command.clone()))
                .collect(),
            plan: self.plan.clone(),
            revise: None,
            feedback: self.feedback.take().filter(|_| is_revision),
            budget: RunBudget::default(),
            spent: Spent::default(),
            conversation: self.conversation.take().filter(|_| is_revision),
        }
    }

    /// Does one run; the plan, the changes and the conversation are kept for the next one.
    pub async fn run(&mut self, agent: &dyn Agent, kind: RunKind) -> Result<RunOutcome, AgentFailure> {
        let access = match kind {
            RunKind::Plan => WorkspaceAccess::ReadOnly,
            RunKind::Implement | RunKind::Revise => WorkspaceAccess::Writable,
        };
        let request = self.request(kind);
        let outcome = room::work(agent, request, &mut self.tree, access, &self.setup).await?;
        if let RunEnd::Finished(Finish::Plan { draft }) = &outcome.end {
            self.plan = Some(draft.clone());
        }
        self.conversation = Some(outcome.conversation.clone());
        Ok(outcome)
    }

    /// What Baton finds when it tests what the runs have left; the next run is told.
    pub async fn judge(&mut self) -> Evidence {
        let base = match self.base.take() {
            Some(base) => base,
            None => room::tests(&sample(self.repository.trim_start_matches("acme/")), &self.setup, &self.test).await,
        };
        let branch = room::tests(&self.tree, &self.setup, &self.test).await;
        let again = Comparison {
            base: &base,
            branch: &branch,
            rerun: Some(&branch),
            branch_tests_on_base: None,
            config_changed: &[],
        };
        let evidence = compare(again);
        self.base = Some(base);
        self.feedback = Some(feedback::for_agent(&Mend::Failing { evidence: Box::new(evidence.clone()) }));
        evidence
    }
}
