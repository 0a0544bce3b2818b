//! What an agent is told: the issue as planned or approved, writers' comments, instructions, commands. Hidden text is
//! taken out before any model sees it.

use std::collections::BTreeMap;

use baton_core::domain::actor::{AccountKind, Role};
use baton_core::domain::effect::{Purpose, RunOrder};
use baton_core::domain::issue::IssueSnapshot;
use baton_core::domain::plan::PlanDraft;
use baton_core::domain::run::{RunRequest, TrustedComment};
use baton_core::domain::task::{PlanCause, Task};
use baton_core::domain::time::Timestamp;
use baton_core::domain::usage::MicroDollars;
use baton_core::prose;
use baton_core::prose::untrusted::{visible, visible_line};
use baton_github::Repository;
use baton_queue::Failure;

use super::{Ground, RunRecord};
use crate::engine::{Engine, error};

/// So many people's rights are asked for at most; who comments later is left out.
const COMMENTERS: usize = 20;

/// So many characters of comments are told to an agent: of the newest ones, for they know what the others said.
const COMMENTS_CHARS: usize = 60_000;

/// Told where files were kept of a broken-off run whose conversation is not gone on with.
const LEFT: &str = "The working copy holds what an earlier attempt at this had changed when it was broken off. Look at it \
                    before you go on.";

impl Engine {
    pub(super) async fn brief(
        &self,
        github: &Repository,
        order: &RunOrder,
        task: &Task,
        ground: &Ground,
    ) -> Result<RunRequest, Failure> {
        let (issue, until): (&IssueSnapshot, Option<Timestamp>) = match &order.purpose {
            Purpose::Plan { .. } => (&task.issue, None),
            Purpose::Implement { issue, approval, .. } | Purpose::Revise { issue, approval, .. } => {
                (issue, Some(approval.at))
            }
        };
        let (plan, revise, mut feedback) = purpose_texts(&order.purpose);
        let resumed = ground.resumed.as_deref();
        let conversation = match (resumed, ground.after) {
            (Some(resumed), _) => resumed.conversation.clone(),
            (None, Some(run)) => self.conversation_of(run).await?,
            (None, None) => None,
        };
        if conversation.is_none() && resumed.is_some_and(|resumed| resumed.head.is_some()) {
            feedback = Some(feedback.map_or_else(|| LEFT.to_owned(), |feedback| format!("{LEFT}\n\n{feedback}")));
        }
        let spent = self.spent(order.run, resumed).await?;
        let mut budget = task.effective_policy().run;
        // What this run has used already is not left for the task, but it counts towards the run's limit too.
        budget.cost = budget.cost.min(MicroDollars(task.money_left().0.saturating_add(spent.usage.cost.0)));
        Ok(RunRequest {
            run: order.run,
            kind: order.purpose.kind(),
            repository: task.repository.name.to_string(),
            issue_number: issue.number.0,
            title: visible_line(&issue.title).text,
            body: visible(&issue.body).text,
            comments: self.writers_comments(github, issue, until).await?,
            instructions: ground.instructions.clone(),
            commands: ground.commands.planned().setup.into_iter().chain(ground.commands.planned().test).collect(),
            plan,
            revise,
            feedback,
            budget,
            spent,
            conversation,
        })
    }

    async fn conversation_of(&self, run: baton_core::domain::ids::RunId) -> Result<Option<serde_json::Value>, Failure> {
        let Some(run) = self.store().run(run).await? else { return Ok(None) };
        let Some(ending) = run.ending else { return Ok(None) };
        let record: RunRecord = ending.read("a run's ending")?;
        Ok(Some(record.conversation).filter(|conversation| !conversation.is_null()))
    }

    /// Comments by people who may write here now, without commands and hidden text; after the approval none is heard.
    async fn writers_comments(
        &self,
        github: &Repository,
        issue: &IssueSnapshot,
        until: Option<Timestamp>,
    ) -> Result<Vec<TrustedComment>, Failure> {
        let refused = |refused: baton_github::GitHubError| error::github(&refused, self.now());
        let mut roles: BTreeMap<i64, Role> = BTreeMap::new();
        let mut kept = Vec::new();
        for comment in github.comments(issue.number).await.map_err(refused)? {
            let Some(author) = comment.author else { continue };
            if author.kind != AccountKind::User
                || until.is_some_and(|until| comment.created_at > until || comment.updated_at > until)
            {
                continue;
            }
            let role = match roles.get(&author.person.id.0) {
                Some(role) => *role,
                None if roles.len() >= COMMENTERS => continue,
                None => {
                    let role = self.actor(github, author.person.clone(), author.kind).await?.role;
                    roles.insert(author.person.id.0, role);
                    role
                }
            };
            let text = visible(&comment.body).text;
            if role >= Role::Write && !text.trim().is_empty() && !text.trim_start().starts_with('/') {
                kept.push(TrustedComment { author: author.person.login, text });
            }
        }
        Ok(newest(kept, COMMENTS_CHARS))
    }
}

/// The newest comments that there is room for, in their order, and a word about the others.
fn newest(mut comments: Vec<TrustedComment>, chars: usize) -> Vec<TrustedComment> {
    let mut room = chars;
    let fitting = comments.iter().rev().take_while(|comment| {
        let length = comment.text.chars().count();
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    });
    let left_out = comments.len() - fitting.count();
    if left_out > 0 {
        let word = format!("({left_out} earlier comments are left out here: together they are too long.)");
        comments.splice(..left_out, [TrustedComment { author: "Baton".to_owned(), text: word }]);
    }
    comments
}

type Texts = (Option<PlanDraft>, Option<(PlanDraft, String)>, Option<String>);

fn purpose_texts(purpose: &Purpose) -> Texts {
    match purpose {
        Purpose::Plan { cause: PlanCause::Fresh } => (None, None, None),
        Purpose::Plan { cause: PlanCause::Revise { previous, wish } } => {
            (None, Some((previous.draft.clone(), visible(wish).text)), None)
        }
        Purpose::Plan { cause: PlanCause::Conflict { previous, files } } => {
            let wish = format!(
                "The default branch has changed since this plan was carried out, in the same places ({}). Write a plan for \
                 what the repository is now.",
                files.join(", ")
            );
            (None, Some((previous.draft.clone(), wish)), None)
        }
        Purpose::Implement { plan, .. } => (Some(plan.draft.clone()), None, None),
        Purpose::Revise { plan, mend, .. } => (Some(plan.draft.clone()), None, Some(prose::feedback::for_agent(mend))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comments_that_fit_are_told() {
        let comments = |texts: &[&str]| -> Vec<TrustedComment> {
            texts.iter().map(|text| TrustedComment { author: "alice".into(), text: (*text).into() }).collect()
        };
        let told = |texts: &[&str], chars| -> Vec<String> {
            newest(comments(texts), chars).into_iter().map(|one| format!("{}: {}", one.author, one.text)).collect()
        };
        assert_eq!(told(&["one", "two"], 6), ["alice: one", "alice: two"]);
        let left =
            |count: usize| format!("Baton: ({count} earlier comments are left out here: together they are too long.)");
        assert_eq!(told(&["one", "two", "three"], 8), [left(1), "alice: two".into(), "alice: three".into()]);
        assert_eq!(told(&["a", "much too long", "b"], 8), [left(2), "alice: b".into()]);
        assert_eq!(told(&["much too long"], 8), [left(1)]);
        assert_eq!(told(&[], 8), Vec::<String>::new());
    }
}
