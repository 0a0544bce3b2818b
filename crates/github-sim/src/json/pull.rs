//! Pull requests, reviews and review comments as GitHub writes them.

use serde_json::{Value, json};

use super::issue_node;
use crate::clock::{stamp, stamp_or_null};
use crate::world::World;
use crate::world::pull::{Review, ReviewComment};

impl World {
    /// The short form that stands in lists.
    pub(crate) fn pull_json(&self, repo: u64, number: u64) -> Value {
        let (Some(issue), Some(pull)) = (self.issue(repo, number), self.pull(repo, number)) else { return Value::Null };
        let url = format!("{}/pulls/{number}", self.repo_url(repo));
        let html = format!("{}/pull/{number}", self.repo_html_url(repo));
        let issue_url = format!("{}/issues/{number}", self.repo_url(repo));
        let statuses = format!("{}/statuses/{}", self.repo_url(repo), pull.head_sha);
        json!({
            "url": url,
            "id": pull.id,
            "node_id": issue_node(issue),
            "html_url": html,
            "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"),
            "issue_url": issue_url,
            "number": number,
            "state": if issue.open { "open" } else { "closed" },
            "locked": issue.locked,
            "title": issue.title,
            "user": self.user_json(issue.author),
            "body": issue.body,
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": stamp_or_null(issue.closed_at),
            "merged_at": stamp_or_null(pull.merge.as_ref().map(|merge| merge.at)),
            "merge_commit_sha": pull.merge.as_ref().map(|merge| merge.sha.as_str()),
            "assignee": issue.assignees.first().map(|user| self.user_json(*user)),
            "assignees": issue.assignees.iter().map(|user| self.user_json(*user)).collect::<Vec<_>>(),
            "requested_reviewers": pull.requested_reviewers.iter().map(|user| self.user_json(*user)).collect::<Vec<_>>(),
            "requested_teams": [],
            "labels": self.labels_json(repo, issue),
            "milestone": null,
            "draft": pull.draft,
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{}/pulls/comments{{/number}}", self.repo_url(repo)),
            "comments_url": format!("{issue_url}/comments"),
            "statuses_url": statuses,
            "head": self.side_json(pull.head_repo, &pull.head_ref, &pull.head_sha),
            "base": self.side_json(repo, &pull.base_ref, &pull.base_sha),
            "_links": {
                "self": {"href": url},
                "html": {"href": html},
                "issue": {"href": issue_url},
                "comments": {"href": format!("{issue_url}/comments")},
                "review_comments": {"href": format!("{url}/comments")},
                "review_comment": {"href": format!("{}/pulls/comments{{/number}}", self.repo_url(repo))},
                "commits": {"href": format!("{url}/commits")},
                "statuses": {"href": statuses},
            },
            "author_association": self.association(repo, issue.author),
            "auto_merge": null,
            "active_lock_reason": issue.lock_reason,
        })
    }

    /// The long form of `GET /pulls/{n}` and of webhooks: with counts, mergeability and who merged it.
    pub(crate) fn full_pull_json(&self, repo: u64, number: u64) -> Value {
        let mut answer = self.pull_json(repo, number);
        let (Some(issue), Some(pull)) = (self.issue(repo, number), self.pull(repo, number)) else { return answer };
        let base = self.git.merge_base(repo, &pull.base_sha, &pull.head_sha).unwrap_or_else(|| pull.base_sha.clone());
        let files = self.git.changed_files(repo, &base, &pull.head_sha);
        let merged = pull.merge.is_some();
        let mergeable = (!merged && issue.open).then(|| self.mergeable(repo, number));
        let state = match mergeable {
            None => "unknown",
            Some(false) => "dirty",
            Some(true) if pull.draft => "draft",
            Some(true) => "clean",
        };
        let more = json!({
            "merged": merged,
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": state,
            "merged_by": pull.merge.as_ref().map(|merge| self.user_json(merge.by)),
            "comments": issue.comments.len(),
            "review_comments": pull.review_comments.len(),
            "maintainer_can_modify": pull.maintainer_can_modify,
            "commits": self.git.commits_between(repo, &base, &pull.head_sha).len(),
            "additions": files.iter().map(|file| file.additions).sum::<u64>(),
            "deletions": files.iter().map(|file| file.deletions).sum::<u64>(),
            "changed_files": files.len(),
        });
        super::merge(&mut answer, more);
        answer
    }

    /// Whether the head merges into the base's present tip without a conflict.
    pub(crate) fn mergeable(&self, repo: u64, number: u64) -> bool {
        self.pull(repo, number).is_some_and(|pull| {
            let tip = self.git.branch(repo, &pull.base_ref);
            tip.is_some_and(|tip| self.git.merged_tree(repo, &tip, &pull.head_sha).is_some())
        })
    }

    fn side_json(&self, repo: u64, branch: &str, sha: &str) -> Value {
        let owner = self.repo(repo).map_or(0, |repo| repo.owner);
        json!({
            "label": format!("{}:{branch}", self.login(owner)),
            "ref": branch,
            "sha": sha,
            "user": self.user_json(owner),
            "repo": self.repository_json(repo),
        })
    }

    pub(crate) fn review_json(&self, repo: u64, number: u64, review: &Review) -> Value {
        let pull = format!("{}/pulls/{number}", self.repo_url(repo));
        let html = format!("{}/pull/{number}#pullrequestreview-{}", self.repo_html_url(repo), review.id);
        json!({
            "id": review.id,
            "node_id": format!("PRR_kwDO{}", review.id),
            "user": self.user_json(review.author),
            "body": review.body,
            "state": review.state.name(),
            "html_url": html,
            "pull_request_url": pull,
            "_links": {"html": {"href": html}, "pull_request": {"href": pull}},
            "submitted_at": stamp(review.submitted_at),
            "commit_id": review.commit,
            "author_association": self.association(repo, review.author),
        })
    }

    pub(crate) fn review_comment_json(&self, repo: u64, number: u64, it: &ReviewComment) -> Value {
        let url = format!("{}/pulls/comments/{}", self.repo_url(repo), it.id);
        let pull = format!("{}/pulls/{number}", self.repo_url(repo));
        let html = format!("{}/pull/{number}#discussion_r{}", self.repo_html_url(repo), it.id);
        let mut answer = json!({
            "url": url,
            "pull_request_review_id": it.review,
            "id": it.id,
            "node_id": format!("PRRC_kwDO{}", it.id),
            "diff_hunk": "",
            "path": it.path,
            "commit_id": it.commit,
            "original_commit_id": it.commit,
            "user": self.user_json(it.author),
            "body": it.body,
            "created_at": stamp(it.created_at),
            "updated_at": stamp(it.updated_at),
            "html_url": html,
            "pull_request_url": pull,
            "author_association": self.association(repo, it.author),
            "_links": {"self": {"href": url}, "html": {"href": html}, "pull_request": {"href": pull}},
            "start_line": null,
            "original_start_line": null,
            "start_side": null,
            "line": it.line,
            "original_line": it.line,
            "side": it.side,
            "position": it.line,
            "original_position": it.line,
            "subject_type": if it.line.is_some() { "line" } else { "file" },
        });
        if let (Some(first), Value::Object(fields)) = (it.in_reply_to, &mut answer) {
            fields.insert("in_reply_to_id".into(), first.into());
        }
        answer
    }
}
