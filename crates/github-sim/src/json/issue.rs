//! Issues, comments and reactions as GitHub writes them.

use serde_json::{Value, json};

use crate::clock::{stamp, stamp_or_null};
use crate::world::World;
use crate::world::issue::{Comment, Issue, REACTIONS, Reaction};
use crate::world::permission::Role;

impl World {
    pub(crate) fn issue_json(&self, repo: u64, number: u64) -> Value {
        let Some(issue) = self.issue(repo, number) else { return Value::Null };
        let url = format!("{}/issues/{number}", self.repo_url(repo));
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        let labels: Vec<Value> = self.labels_json(repo, issue);
        let mut answer = json!({
            "url": url,
            "repository_url": self.repo_url(repo),
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"),
            "html_url": format!("{}/{kind}/{number}", self.repo_html_url(repo)),
            "id": issue.id,
            "node_id": issue_node(issue),
            "number": number,
            "title": issue.title,
            "user": self.user_json(issue.author),
            "labels": labels,
            "state": if issue.open { "open" } else { "closed" },
            "locked": issue.locked,
            "assignee": issue.assignees.first().map(|user| self.user_json(*user)),
            "assignees": issue.assignees.iter().map(|user| self.user_json(*user)).collect::<Vec<_>>(),
            "milestone": null,
            "comments": issue.comments.len(),
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": stamp_or_null(issue.closed_at),
            "author_association": self.association(repo, issue.author),
            "active_lock_reason": issue.lock_reason,
            "body": issue.body,
            "closed_by": issue.closed_by.map(|user| self.user_json(user)),
            "reactions": reactions_json(&url, &issue.reactions),
            "timeline_url": format!("{url}/timeline"),
            "performed_via_github_app": self.via_json(issue.via_app),
            "state_reason": issue.state_reason,
        });
        if let (Some(pull), Value::Object(fields)) = (&issue.pull, &mut answer) {
            let (api, html) = (
                format!("{}/pulls/{number}", self.repo_url(repo)),
                format!("{}/pull/{number}", self.repo_html_url(repo)),
            );
            fields.insert("draft".into(), pull.draft.into());
            fields.insert(
                "pull_request".into(),
                json!({
                    "url": api, "html_url": html, "diff_url": format!("{html}.diff"),
                    "patch_url": format!("{html}.patch"), "merged_at": stamp_or_null(pull.merge.as_ref().map(|it| it.at)),
                }),
            );
        }
        answer
    }

    pub(crate) fn labels_json(&self, repo: u64, issue: &Issue) -> Vec<Value> {
        let Some(repository) = self.repo(repo) else { return Vec::new() };
        let labels = issue.labels.iter().filter_map(|id| repository.label_by_id(*id));
        labels.map(|label| self.label_json(repo, label)).collect()
    }

    pub(crate) fn comment_json(&self, repo: u64, number: u64, comment: &Comment) -> Value {
        let pull = self.pull(repo, number).is_some();
        let kind = if pull { "pull" } else { "issues" };
        let url = format!("{}/issues/comments/{}", self.repo_url(repo), comment.id);
        json!({
            "url": url,
            "html_url": format!("{}/{kind}/{number}#issuecomment-{}", self.repo_html_url(repo), comment.id),
            "issue_url": format!("{}/issues/{number}", self.repo_url(repo)),
            "id": comment.id,
            "node_id": format!("IC_kwDO{}", comment.id),
            "user": self.user_json(comment.author),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "body": comment.body,
            "author_association": self.association(repo, comment.author),
            "reactions": reactions_json(&url, &comment.reactions),
            "performed_via_github_app": self.via_json(comment.via_app),
        })
    }

    pub(crate) fn reaction_json(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id,
            "node_id": format!("REA_kwDO{}", reaction.id),
            "user": self.user_json(reaction.user),
            "content": reaction.content,
            "created_at": stamp(reaction.created_at),
        })
    }

    /// What `author_association` says; members of an organisation count as contributors only, as on GitHub when
    /// their membership is private.
    pub(crate) fn association(&self, repo: u64, user: u64) -> &'static str {
        let Some(repository) = self.repo(repo) else { return "NONE" };
        if repository.owner == user {
            return "OWNER";
        }
        if self.account(repository.owner).is_some_and(|owner| owner.owners.contains(&user)) {
            return "MEMBER";
        }
        if self.granted_role(repo, user) > Role::None { "COLLABORATOR" } else { "NONE" }
    }

    pub(crate) fn via_json(&self, app: Option<u64>) -> Value {
        app.and_then(|id| self.app(id)).map_or(Value::Null, |app| self.app_json(app))
    }
}

/// The GraphQL id of an issue or of the pull request in its place.
pub(crate) fn issue_node(issue: &Issue) -> String {
    issue.pull.as_ref().map_or_else(|| format!("I_kwDO{}", issue.id), |pull| format!("PR_kwDO{}", pull.id))
}

fn reactions_json(url: &str, reactions: &[Reaction]) -> Value {
    let mut counts = json!({"url": format!("{url}/reactions"), "total_count": reactions.len()});
    if let Value::Object(fields) = &mut counts {
        for content in REACTIONS {
            fields.insert(content.into(), reactions.iter().filter(|it| it.content == content).count().into());
        }
    }
    counts
}
