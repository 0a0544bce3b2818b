//! The pull request: found by its head or opened, and brought up to date.

use baton_core::domain::event::Event;
use baton_core::domain::ids::{BranchName, IssueNumber, RunId};
use baton_core::domain::refusal::Refusal;
use baton_core::domain::run::RunKind;
use baton_core::domain::task::{PatchRef, Proof, Task};
use baton_core::domain::usage::Usage;
use baton_core::prose;
use baton_core::prose::pull::{PullRequest, RunLine};
use baton_github::{Found, GitHubError, NewPull, PullRequest as OnGitHub, PullState, Repository, ReviewRequest};
use baton_queue::{Failure, Handled, JobContext};

use crate::engine::{Engine, error};

impl Engine {
    pub(super) async fn open_pull(
        &self,
        context: &JobContext,
        github: &Repository,
        branch: &BranchName,
        patch: &PatchRef,
        proof: &Proof,
    ) -> Result<Handled, Failure> {
        let task = self.task_of(context).await?;
        let Some(work) = task.work().cloned() else { return self.finish(context, vec![]).await };
        if !self.is_awaited(context).await? {
            return self.finish(context, vec![]).await;
        }
        let refused = |refused: GitHubError| error::github(&refused, self.now());
        let (base, _) = github.default_branch().await.map_err(refused)?;
        let template = self.template_at(github.reference().id, &patch.base).await?;
        let runs = self.run_lines(&task).await?;
        let links = self.links(github.reference());
        let title = prose::pull::title(&work);
        let body = prose::pull::body(&PullRequest {
            task: task.id,
            requester: &task.requester,
            work: &work,
            patch,
            proof,
            runs: &runs,
            issue_edited_since: task.issue.digest() != work.plan.issue_digest,
            template: template.as_deref(),
            links: &links,
        });
        let draft = !proof.evidence.is_good();
        let new = NewPull { head: branch, commit: &patch.head, base: &base, title: &title, body: &body, draft };
        let pull = match github.create_pull(&new).await.map_err(refused)? {
            Found::Created(pull) => pull,
            Found::Existing(pull) if !self.is_by_us(&pull).await? => {
                let reason =
                    format!("pull request #{} from the branch `{branch}` was opened by somebody else", pull.number);
                return Err(Failure::Refused { reason, refusal: Box::new(Refusal::PullExists) });
            }
            // A person was faster: it is what it is.
            Found::Existing(pull) if pull.state != PullState::Open => {
                let merged = pull.state == PullState::Merged;
                let events = vec![
                    Event::PullOpened { pull: pull.number },
                    Event::PullClosed { pull: pull.number, merged, by: None },
                ];
                return self.finish(context, events).await;
            }
            Found::Existing(pull) => {
                let pull = github.update_pull(pull.number, &title, &body).await.map_err(refused)?;
                if pull.draft != draft {
                    github.set_draft(pull.number, draft).await.map_err(refused)?;
                }
                pull
            }
        };
        for label in &task.settings.labels {
            if let Err(error) = github.add_label(pull.number, label).await {
                tracing::warn!(task = %task.id, label, %error, "the pull request could not be labelled");
            }
        }
        self.finish(context, vec![Event::PullOpened { pull: pull.number }]).await
    }

    async fn is_by_us(&self, pull: &OnGitHub) -> Result<bool, Failure> {
        match &pull.author {
            Some(author) => self.is_ourselves(author.person.id).await,
            None => Ok(false),
        }
    }

    pub(super) async fn request_review(
        &self,
        context: &JobContext,
        github: &Repository,
        pull: IssueNumber,
        logins: &[String],
    ) -> Result<Handled, Failure> {
        // One at a time: GitHub refuses the whole list for one name it does not take.
        for login in logins {
            match github.request_reviewers(pull, std::slice::from_ref(login)).await {
                Ok(ReviewRequest::Requested) => {}
                Ok(ReviewRequest::NotACollaborator | ReviewRequest::IsTheAuthor) => {
                    tracing::info!(login, %pull, "cannot be asked for a review");
                }
                Err(refused) => return Err(error::github(&refused, self.now())),
            }
        }
        self.finish(context, vec![]).await
    }

    async fn run_lines(&self, task: &Task) -> Result<Vec<RunLine>, Failure> {
        let mut lines = Vec::new();
        for run in self.store().runs(task.id).await? {
            let usage = match &run.usage {
                Some(usage) => usage.read::<Usage>("a run's usage")?,
                None => Usage::default(),
            };
            let ended = run.ended_at.unwrap_or_else(|| self.now());
            lines.push(RunLine {
                kind: match run.kind.as_str() {
                    "plan" => RunKind::Plan,
                    "implement" => RunKind::Implement,
                    _ => RunKind::Revise,
                },
                agent: format!("{} · {}", run.agent, run.model),
                seconds: ended.since(run.started_at).as_secs(),
                usage,
                went_on_from: RunId::parse(&run.id).and_then(|run| task.went_on_from(run)),
                ended,
            });
        }
        Ok(lines)
    }
}
