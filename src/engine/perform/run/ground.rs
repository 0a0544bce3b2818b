//! Where a run starts: the fetched commit, and what the repository says about itself there.

use baton_core::domain::effect::{Purpose, RunOrder};
use baton_core::domain::event::Event;
use baton_core::domain::ids::{CommitSha, RunId};
use baton_core::domain::settings::RepositorySettings;
use baton_core::domain::task::Task;
use baton_github::Repository;
use baton_queue::Failure;

use super::kept::{Left, Resumed};
use crate::engine::project::Commands;
use crate::engine::{Engine, error};

/// Where a run starts, and what it knows of the repository.
pub(super) struct Ground {
    /// The commit that its purpose starts from.
    pub origin: CommitSha,
    /// The commit whose files the agent sees: that one, or what was kept of a work on it.
    pub start: CommitSha,
    /// The commit the work is a change of.
    pub base: CommitSha,
    pub settings: RepositorySettings,
    pub commands: Commands,
    /// What the repository tells agents: path and text.
    pub instructions: Vec<(String, String)>,
    /// The run whose conversation is taken up, where none was kept.
    pub after: Option<RunId>,
    /// The work that is gone on with.
    pub resumed: Option<Box<Resumed>>,
    /// Why there is work that cannot be gone on with.
    pub unusable: Option<String>,
}

impl Engine {
    /// Fetches what the run starts from, and reads what the repository says about itself there.
    pub(super) async fn ground(
        &self,
        github: &Repository,
        order: &RunOrder,
        task: &Task,
    ) -> Result<Result<Ground, Event>, Failure> {
        let id = github.reference().id;
        let (origin, base, after) = match &order.purpose {
            Purpose::Plan { .. } => {
                let (_, head) = self.fetch_default(github, Some(task.id)).await?;
                (head.clone(), head, None)
            }
            Purpose::Implement { plan, .. } => {
                self.fetch_commit(github, task, &plan.base).await?;
                (plan.base.clone(), plan.base.clone(), None)
            }
            Purpose::Revise { patch, after, .. } => (patch.head.clone(), patch.base.clone(), Some(*after)),
        };
        let (resumed, unusable) = match self.left_over(task, order, &origin).await? {
            Left::Nothing => (None, None),
            Left::Work(resumed) => (Some(resumed), None),
            Left::Unusable(reason) => (None, Some(reason)),
        };
        let start = resumed.as_ref().and_then(|resumed| resumed.head.clone()).unwrap_or_else(|| origin.clone());
        // What steers the work is what was approved with the plan, wherever the work stands by now.
        let approved_at = match &order.purpose {
            Purpose::Plan { .. } => &base,
            Purpose::Implement { plan, .. } | Purpose::Revise { plan, .. } => &plan.base,
        };
        let settings = match self.settings_at(id, approved_at).await? {
            Ok(settings) => settings,
            Err(problems) => {
                let problems = problems.iter().map(ToString::to_string).collect();
                return Ok(Err(Event::ConfigurationInvalid { run: order.run, problems }));
            }
        };
        let commands = self.commands_at(id, approved_at, &settings).await?;
        let instructions = self.instructions_at(id, approved_at).await?;
        Ok(Ok(Ground { origin, start, base, settings, commands, instructions, after, resumed, unusable }))
    }

    async fn fetch_commit(&self, github: &Repository, task: &Task, commit: &CommitSha) -> Result<(), Failure> {
        let id = github.reference().id;
        if self.parts().git.resolve(id, commit.as_str()).await.map_err(|e| error::git(&e))?.is_some() {
            return Ok(());
        }
        self.with_git(github, baton_github::GitAccess::Fetch, async |remote| {
            let fetched = self.fetching(Some(task.id), async |git| git.fetch_commit(id, &remote, commit).await).await;
            fetched.map_err(|e| error::fetch(&e))
        })
        .await
    }
}
