//! Objects by their global id, and as GraphQL writes them.

use serde_json::{Value, json};

use crate::clock::stamp;
use crate::json::issue_node;
use crate::refusal::Refusal;
use crate::rest::access::Identity;
use crate::world::World;
use crate::world::account::AccountKind;
use crate::world::issue::Edit;

/// What a global id stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node {
    Account(u64),
    Repository(u64),
    Thread { repo: u64, number: u64 },
    Comment { repo: u64, number: u64, id: u64 },
    ReviewThread { repo: u64, number: u64, first: u64 },
}

impl Node {
    pub(super) fn repo(self) -> Option<u64> {
        match self {
            Self::Account(_) => None,
            Self::Repository(repo) => Some(repo),
            Self::Thread { repo, .. } | Self::Comment { repo, .. } | Self::ReviewThread { repo, .. } => Some(repo),
        }
    }
}

impl World {
    /// The object of a global id, when `who` may see it.
    pub(super) fn node(&self, who: Identity, id: &str) -> Result<Node, Refusal> {
        let missing = || Refusal::new(404, format!("Could not resolve to a node with the global id of '{id}'."));
        let node = self.find_node(id).ok_or_else(missing)?;
        let visible = node.repo().is_none_or(|repo| self.can_see(who, repo));
        if visible { Ok(node) } else { Err(missing()) }
    }

    fn find_node(&self, id: &str) -> Option<Node> {
        let (prefix, rest) = id.split_once('_')?;
        let number: u64 = rest.get(4..)?.parse().ok()?;
        let threads = || self.repositories.values().flat_map(|repo| repo.issues.values().map(move |it| (repo.id, it)));
        match prefix {
            "U" | "BOT" | "O" => self.account(number).map(|account| Node::Account(account.id)),
            "R" => self.repo(number).map(|repo| Node::Repository(repo.id)),
            "I" | "PR" => threads()
                .find(|(_, issue)| issue_node(issue) == id)
                .map(|(repo, issue)| Node::Thread { repo, number: issue.number }),
            "IC" => threads()
                .find(|(_, issue)| issue.comments.iter().any(|it| it.id == number))
                .map(|(repo, issue)| Node::Comment { repo, number: issue.number, id: number }),
            "PRRT" => threads()
                .find(|(_, issue)| {
                    let comments = issue.pull.iter().flat_map(|pull| &pull.review_comments);
                    comments.into_iter().any(|it| it.id == number && it.in_reply_to.is_none())
                })
                .map(|(repo, issue)| Node::ReviewThread { repo, number: issue.number, first: number }),
            _ => None,
        }
    }

    pub(super) fn node_value(&self, node: Node) -> Value {
        match node {
            Node::Account(id) => self.actor_value(id),
            Node::Repository(repo) => self.repository_value(repo),
            Node::Thread { repo, number } => self.thread_value(repo, number),
            Node::Comment { repo, number, id } => self.comment_value(repo, number, id),
            Node::ReviewThread { repo, number, first } => self.review_thread_value(repo, number, first),
        }
    }

    pub(super) fn actor_value(&self, id: u64) -> Value {
        let kind = self.account(id).map_or(AccountKind::User, |account| account.kind);
        // GraphQL names a bot by its App's slug, without the brackets of REST.
        let login = self.login(id).trim_end_matches("[bot]");
        let node = self.user_json(id).get("node_id").cloned();
        json!({"__typename": kind.name(), "id": node, "login": login, "databaseId": id,
            "url": format!("{}/{login}", self.urls.web), "resourcePath": format!("/{login}")})
    }

    /// A repository without its threads.
    pub(super) fn repository_value(&self, repo: u64) -> Value {
        let Some(it) = self.repo(repo) else { return Value::Null };
        let able = self.accounts.iter().filter(|account| self.assignable(repo, account.id));
        let able = able.map(|account| self.actor_value(account.id)).collect();
        json!({"__typename": "Repository", "id": format!("R_kgDO{repo}"), "databaseId": repo, "name": it.name,
            "nameWithOwner": self.full_name(repo), "owner": self.actor_value(it.owner), "isPrivate": it.private,
            "isArchived": it.archived, "url": self.repo_html_url(repo), "description": it.description,
            "suggestedActors": list(able),
            "defaultBranchRef": {"__typename": "Ref", "name": it.default_branch}})
    }

    pub(super) fn thread_value(&self, repo: u64, number: u64) -> Value {
        let Some(issue) = self.issue(repo, number) else { return Value::Null };
        let kind = if issue.pull.is_some() { "PullRequest" } else { "Issue" };
        let path = if issue.pull.is_some() { "pull" } else { "issues" };
        let state = match crate::reading::state(issue) {
            "open" => "OPEN",
            "merged" => "MERGED",
            _ => "CLOSED",
        };
        let comments: Vec<Value> = issue.comments.iter().map(|it| self.comment_value(repo, number, it.id)).collect();
        let labels: Vec<Value> = crate::reading::label_names(self, repo, issue)
            .into_iter()
            .map(|name| json!({"__typename": "Label", "name": name}))
            .collect();
        let mut value = json!({"__typename": kind, "id": issue_node(issue), "databaseId": issue.id, "number": number,
            "title": issue.title, "body": issue.body.clone().unwrap_or_default(), "state": state,
            "url": format!("{}/{path}/{number}", self.repo_html_url(repo)), "locked": issue.locked,
            "author": self.actor_value(issue.author), "createdAt": stamp(issue.created_at),
            "updatedAt": stamp(issue.updated_at), "closed": !issue.open, "lastEditedAt": last_edit(&issue.edits),
            "repository": self.repository_value(repo),
            "assignees": list(issue.assignees.iter().map(|id| self.actor_value(*id)).collect()),
            "labels": list(labels), "comments": list(comments)});
        if let Some(pull) = &issue.pull {
            let firsts = pull.review_comments.iter().filter(|it| it.in_reply_to.is_none());
            let threads = firsts.map(|it| self.review_thread_value(repo, number, it.id)).collect();
            let more = json!({"isDraft": pull.draft, "merged": pull.merge.is_some(), "headRefName": pull.head_ref,
                "headRefOid": pull.head_sha, "baseRefName": pull.base_ref, "baseRefOid": pull.base_sha,
                "reviewThreads": list(threads)});
            crate::json::merge(&mut value, more);
        }
        value
    }

    pub(super) fn comment_value(&self, repo: u64, number: u64, id: u64) -> Value {
        let Some(comment) = self.comment(repo, id) else { return Value::Null };
        let path = if self.pull(repo, number).is_some() { "pull" } else { "issues" };
        json!({"__typename": "IssueComment", "id": format!("IC_kwDO{id}"), "databaseId": id, "body": comment.body,
            "author": self.actor_value(comment.author), "createdAt": stamp(comment.created_at),
            "updatedAt": stamp(comment.updated_at), "lastEditedAt": last_edit(&comment.edits),
            "isMinimized": comment.minimized.is_some(),
            "minimizedReason": comment.minimized.as_ref().map(|why| why.to_lowercase()),
            "url": format!("{}/{path}/{number}#issuecomment-{id}", self.repo_html_url(repo))})
    }

    pub(super) fn review_thread_value(&self, repo: u64, number: u64, first: u64) -> Value {
        let comments = self.pull(repo, number).map(|pull| pull.review_comments.as_slice()).unwrap_or_default();
        let Some(start) = comments.iter().find(|it| it.id == first) else { return Value::Null };
        let own = comments.iter().filter(|it| it.id == first || it.in_reply_to == Some(first));
        let own = own.map(|it| {
            json!({"__typename": "PullRequestReviewComment", "id": format!("PRRC_kwDO{}", it.id), "databaseId": it.id,
                "body": it.body, "path": it.path, "author": self.actor_value(it.author),
                "createdAt": stamp(it.created_at)})
        });
        json!({"__typename": "PullRequestReviewThread", "id": format!("PRRT_kwDO{first}"), "path": start.path,
            "line": start.line, "isResolved": start.resolved_by.is_some(), "isOutdated": false,
            "resolvedBy": start.resolved_by.map(|id| self.actor_value(id)), "comments": list(own.collect())})
    }
}

/// When a body was last changed; a title is no body.
fn last_edit(edits: &[Edit]) -> Value {
    edits.iter().rev().find(|edit| edit.field == "body").map_or(Value::Null, |edit| stamp(edit.at).into())
}

/// A connection with everything on its one page.
pub(super) fn list(nodes: Vec<Value>) -> Value {
    let edges: Vec<Value> = nodes.iter().map(|node| json!({"__typename": "Edge", "node": node})).collect();
    json!({"__typename": "Connection", "totalCount": nodes.len(), "nodes": nodes, "edges": edges,
        "pageInfo": {"__typename": "PageInfo", "hasNextPage": false, "hasPreviousPage": false,
            "startCursor": null, "endCursor": null}})
}
