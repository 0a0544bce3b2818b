//! First contact: what a repository is like before anybody hands over an issue there. Looked at when the App is installed,
//! quietly, and whenever somebody asks with `/baton doctor`. Writes nothing to GitHub.

use baton_core::domain::contact::{AgentAtHand, Contact, Content, LimitsInForce, RepositoryFile, Rules};
use baton_core::domain::ids::{BranchName, IssueNumber, RepositoryId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::plan::PlannedCommands;
use baton_core::domain::settings::RepositorySettings;
use baton_github::{GitHubError, Repository, missing_permissions};
use baton_queue::{Failure, Handled, JobContext};
use baton_sandbox::Toolchains;
use baton_store::{NewJob, Outcome, StoreError, Tx};
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, error};

/// The kind of the job that looks at a repository for the first time.
pub(in crate::engine) const CONTACT: &str = "contact";

/// Repositories of one installation that are looked at at once; the others are met when somebody asks there.
pub(in crate::engine) const MET_AT_ONCE: usize = 20;

/// Attempts at what nobody waits for.
const ATTEMPTS: u32 = 5;

/// Programs of toolchains that are often installed for one user: rustup, nvm, pyenv and the like.
const PROGRAMS: [&str; 12] =
    ["cargo", "go", "node", "npm", "npx", "pnpm", "yarn", "bun", "python3", "uv", "mix", "dotnet"];

/// What such a job carries.
#[derive(Debug, Serialize, Deserialize)]
struct Meeting {
    repository: RepositoryRef,
}

/// Where it is written down what was found.
#[must_use]
pub fn contact_key(repository: RepositoryId) -> String {
    format!("contact/{repository}")
}

impl Engine {
    /// Has repositories looked at, in the caller's transaction.
    pub(in crate::engine) async fn meet(&self, tx: &mut Tx, repositories: &[RepositoryRef]) -> Result<(), StoreError> {
        for repository in repositories {
            let mut job = NewJob::new(CONTACT, &Meeting { repository: repository.clone() })?;
            job.repository = repository.id.to_string();
            job.dedupe_key = Some(contact_key(repository.id));
            job.max_attempts = ATTEMPTS;
            tx.enqueue(&job, self.now()).await?;
        }
        Ok(())
    }

    /// Looks at a repository and writes down what was found.
    pub(in crate::engine) async fn make_contact(&self, context: &JobContext) -> Result<Handled, Failure> {
        let Meeting { repository } = context.job.payload.read("contact job")?;
        let found = match self.look_around(&self.parts().github.repository(&repository)).await {
            Ok(contact) => Some(contact),
            // Uninstalled or gone meanwhile: nobody waits for this, and whoever asks later is told then.
            Err(Failure::Permanent { reason } | Failure::Refused { reason, .. }) => {
                tracing::info!(repository = %repository.name, reason, "a repository could not be looked at");
                None
            }
            Err(failure) => return Err(failure),
        };
        let now = self.now();
        let mut tx = self.store().begin().await?;
        if let Some(contact) = found {
            let in_the_way = contact.is_in_the_way();
            tracing::info!(repository = %repository.name, in_the_way, "looked at a repository for the first time");
            tx.remember(&contact_key(repository.id), &contact, now).await?;
        }
        tx.complete(&context.lease, &Outcome::Done(None), now).await?;
        tx.commit().await?;
        Ok(Handled::Completed)
    }

    /// Keeps what was found, for the operator.
    pub(super) async fn write_down(&self, repository: RepositoryId, contact: &Contact) -> Result<(), StoreError> {
        let mut tx = self.store().begin().await?;
        tx.remember(&contact_key(repository), contact, self.now()).await?;
        tx.commit().await
    }

    /// What a repository is like now.
    pub(super) async fn look_around(&self, github: &Repository) -> Result<Contact, Failure> {
        let refused = |refused: GitHubError| error::github(&refused, self.now());
        let info = github.info().await.map_err(refused)?;
        let grants = self.parts().github.grants().await.map_err(refused)?;
        let granted = grants.into_iter().find(|grant| grant.installation == github.reference().installation);
        let is_empty = match github.branch_head(&info.default_branch).await {
            Ok(head) => head.is_none(),
            Err(GitHubError::Conflict { .. }) => true,
            Err(error) => return Err(refused(error)),
        };
        Ok(Contact {
            at: self.now(),
            archived: info.archived,
            content: if is_empty { None } else { Some(self.content(github, &info.default_branch).await?) },
            missing_permissions: granted.map(|grant| missing_permissions(&grant.permissions)).unwrap_or_default(),
            branch: info.default_branch,
        })
    }

    async fn content(&self, github: &Repository, default_branch: &str) -> Result<Content, Failure> {
        let id = github.reference().id;
        let (_, head) = self.fetch_default(github, None).await?;
        let (file, settings) = match self.settings_at(id, &head).await? {
            Ok(settings) if self.has_settings_at(id, &head).await? => (RepositoryFile::Good, settings),
            Ok(settings) => (RepositoryFile::Absent, settings),
            Err(problems) => {
                let problems = problems.iter().map(ToString::to_string).collect();
                (RepositoryFile::Faulty { problems }, RepositorySettings::default())
            }
        };
        let commands = self.commands_at(id, &head, &settings).await?;
        let policy = self.parts().task_policy.narrowed_by(&settings);
        let agent = match self.parts().agents.get(settings.agent.as_deref()) {
            Ok((name, agent)) => AgentAtHand::Named { name: name.to_owned(), label: agent.label() },
            Err(problem) => AgentAtHand::Missing { problem },
        };
        let planned = commands.planned();
        Ok(Content {
            rules: self.rules(github, default_branch, &settings).await?,
            missing_programs: self.missing_programs(&planned),
            commit: head.short().to_owned(),
            languages: commands.languages.iter().map(|language| language.name().to_owned()).collect(),
            commands: planned,
            file,
            agent,
            limits: LimitsInForce {
                minutes: policy.run.seconds / 60,
                tokens: policy.run.tokens,
                run: policy.run.cost,
                task: policy.task_cost,
                files: policy.patch.max_files,
                lines: policy.patch.max_lines,
            },
        })
    }

    /// What GitHub's rulesets ask of a branch as Baton would name it, and of the default branch.
    async fn rules(
        &self,
        github: &Repository,
        default_branch: &str,
        settings: &RepositorySettings,
    ) -> Result<Option<Rules>, Failure> {
        let refused = |refused: GitHubError| error::github(&refused, self.now());
        let prefix = settings.branch_prefix.as_deref().unwrap_or("baton");
        let own = BranchName::for_issue(prefix, IssueNumber(1), "first contact", 1);
        let of_own = github.rules_for(own.as_str()).await.map_err(refused)?;
        let of_default = github.rules_for(default_branch).await.map_err(refused)?;
        Ok(of_own.zip(of_default).map(|(own, default)| Rules { prefix: prefix.to_owned(), own, default }))
    }

    /// What the commands begin with and no sandbox finds, of the programs that people keep outside `/usr`.
    fn missing_programs(&self, commands: &PlannedCommands) -> Vec<String> {
        let folders = &self.parts().sandbox_config.read_only_paths;
        let toolchains = Toolchains::found_in(folders);
        let begins = |program: &str| {
            commands.setup.iter().chain(&commands.test).any(|line| line.split_whitespace().next() == Some(program))
        };
        let missing = PROGRAMS.iter().filter(|program| begins(program) && !toolchains.finds(program, folders));
        missing.map(|program| (*program).to_owned()).collect()
    }
}
