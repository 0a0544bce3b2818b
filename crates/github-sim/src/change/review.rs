//! Reviews, their line comments and threads, and who is asked for one.

use serde_json::json;

use super::limits::check_body;
use super::{Done, Refusal};
use crate::world::pull::{Review, ReviewComment, ReviewState};
use crate::world::{Actor, World};

/// A comment on a line of the difference.
#[derive(Debug, Clone)]
pub(crate) struct NewReviewComment {
    pub path: String,
    pub line: Option<u64>,
    pub side: String,
    pub body: String,
    pub in_reply_to: Option<u64>,
}

impl World {
    pub(crate) fn add_review(
        &mut self,
        by: &Actor,
        repo: u64,
        number: u64,
        state: ReviewState,
        body: &str,
        comments: Vec<NewReviewComment>,
    ) -> Done<u64> {
        check_body("PullRequestReview", body)?;
        let author = self.issue(repo, number).ok_or_else(Refusal::not_found)?.author;
        let unprocessable =
            |text: &str| Refusal { errors: Some(json!([text])), ..Refusal::new(422, "Unprocessable Entity") };
        match state {
            ReviewState::Approved if author == by.user => {
                return Err(unprocessable("Review Can not approve your own pull request"));
            }
            ReviewState::ChangesRequested if author == by.user => {
                return Err(unprocessable("Review Can not request changes on your own pull request"));
            }
            ReviewState::ChangesRequested | ReviewState::Commented if body.trim().is_empty() && comments.is_empty() => {
                return Err(unprocessable("Review Could not submit review: body is required"));
            }
            _ => {}
        }
        let (id, now) = (self.fresh_id(), self.now());
        let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
        let commit = pull.head_sha.clone();
        pull.requested_reviewers.retain(|user| *user != by.user);
        pull.reviews.push(Review { id, author: by.user, body: body.into(), state, commit, submitted_at: now });
        self.note_mentions(by, repo, number, body);
        self.record(by, "review.create", Some(repo), json!({"number": number, "state": state.name(), "body": body}));
        for comment in comments {
            self.add_review_comment(by, repo, number, id, comment)?;
        }
        if state != ReviewState::Pending {
            self.announce_review(by, repo, number, id);
        }
        Ok(id)
    }

    fn announce_review(&mut self, by: &Actor, repo: u64, number: u64, id: u64) {
        let review = self.pull(repo, number).and_then(|pull| pull.reviews.iter().find(|review| review.id == id));
        let Some(review) = review else { return };
        // The webhook writes the state in lower case, the API in upper case.
        let mut written = self.review_json(repo, number, review);
        crate::json::merge(&mut written, json!({"state": review.state.name().to_lowercase()}));
        let particulars = vec![("review", written), ("pull_request", self.pull_json(repo, number))];
        self.emit("pull_request_review", Some("submitted"), repo, by, particulars);
    }

    pub(crate) fn add_review_comment(
        &mut self,
        by: &Actor,
        repo: u64,
        number: u64,
        review: u64,
        new: NewReviewComment,
    ) -> Done<u64> {
        check_body("PullRequestReviewComment", &new.body)?;
        let (id, now) = (self.fresh_id(), self.now());
        self.note_mentions(by, repo, number, &new.body);
        let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
        let comment = ReviewComment {
            id,
            review,
            author: by.user,
            body: new.body,
            path: new.path,
            line: new.line,
            side: new.side,
            commit: pull.head_sha.clone(),
            in_reply_to: new.in_reply_to,
            resolved_by: None,
            created_at: now,
            updated_at: now,
        };
        let detail = json!({"number": number, "path": comment.path, "line": comment.line, "body": comment.body});
        pull.review_comments.push(comment);
        self.record(by, "review_comment.create", Some(repo), detail);
        let written = self
            .pull(repo, number)
            .and_then(|pull| pull.review_comments.iter().find(|it| it.id == id))
            .map(|it| self.review_comment_json(repo, number, it));
        let particulars = vec![("comment", json!(written)), ("pull_request", self.pull_json(repo, number))];
        self.emit("pull_request_review_comment", Some("created"), repo, by, particulars);
        Ok(id)
    }

    /// Marks the thread that starts with this comment as resolved, or not.
    pub(crate) fn resolve_thread(
        &mut self,
        by: &Actor,
        repo: u64,
        number: u64,
        first: u64,
        resolved: bool,
    ) -> Done<()> {
        let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
        let comment = pull.review_comments.iter_mut().find(|it| it.id == first && it.in_reply_to.is_none());
        comment.ok_or_else(Refusal::not_found)?.resolved_by = resolved.then_some(by.user);
        let action = if resolved { "resolved" } else { "unresolved" };
        self.record(by, &format!("review_thread.{action}"), Some(repo), json!({"number": number, "thread": first}));
        let pull = self.pull_json(repo, number);
        let thread = json!({"node_id": format!("PRRT_kwDO{first}")});
        let particulars = vec![("pull_request", pull), ("thread", thread)];
        self.emit("pull_request_review_thread", Some(action), repo, by, particulars);
        Ok(())
    }

    pub(crate) fn request_reviewers(&mut self, by: &Actor, repo: u64, number: u64, logins: &[String]) -> Done<()> {
        let mut asked = Vec::new();
        for login in logins {
            let user = self.account_by_login(login).map(|account| account.id);
            let able = user.filter(|user| self.assignable(repo, *user));
            asked.push(able.ok_or_else(|| {
                let message = "Reviews may only be requested from collaborators. One or more of the users or teams you \
                               specified is not a collaborator of the ";
                Refusal::new(422, format!("{message}{} repository.", self.full_name(repo)))
            })?);
        }
        if self.issue(repo, number).is_some_and(|issue| asked.contains(&issue.author)) {
            return Err(Refusal::new(422, "Review cannot be requested from pull request author."));
        }
        for user in asked {
            let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
            if pull.requested_reviewers.contains(&user) {
                continue;
            }
            pull.requested_reviewers.push(user);
            self.announce_reviewer(by, repo, number, user, true);
        }
        Ok(())
    }

    pub(crate) fn remove_reviewers(&mut self, by: &Actor, repo: u64, number: u64, logins: &[String]) -> Done<()> {
        for login in logins {
            let Some(user) = self.account_by_login(login).map(|account| account.id) else { continue };
            let pull = self.pull_mut(repo, number).ok_or_else(Refusal::not_found)?;
            if let Some(at) = pull.requested_reviewers.iter().position(|id| *id == user) {
                pull.requested_reviewers.remove(at);
                self.announce_reviewer(by, repo, number, user, false);
            }
        }
        Ok(())
    }

    fn announce_reviewer(&mut self, by: &Actor, repo: u64, number: u64, user: u64, on: bool) {
        let action = if on { "review_requested" } else { "review_request_removed" };
        let (reviewer, requester) = (self.user_json(user), self.user_json(by.user));
        let extra = vec![("requested_reviewer", reviewer.clone()), ("review_requester", requester)];
        self.note_event(by, repo, number, action, extra, None);
        let login = self.login(user).to_owned();
        self.record(by, &format!("pull.{action}"), Some(repo), json!({"number": number, "reviewer": login}));
        self.emit_issue(by, repo, number, action, vec![("requested_reviewer", reviewer)]);
    }
}
