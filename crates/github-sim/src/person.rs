//! What people do, as verbs. Each goes the way a REST call of that person would, with the same rights and refusals.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::change::review::NewReviewComment;
use crate::git::commit::{File, Files};
use crate::refusal::Refusal;
use crate::rest::access::Identity;
use crate::rest::serve::call_as;
use crate::sim::{Sim, find};
use crate::world::account::AccountKind;
use crate::world::permission::{Level, Role};
use crate::world::pull::ReviewState;
use crate::world::{Actor, World};

/// What a reviewer thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is good.
    Approves,
    /// It must change.
    RequestsChanges,
    /// Neither.
    Comments,
}

/// Somebody who acts on the simulated GitHub.
#[derive(Debug, Clone, Copy)]
pub struct Person<'a> {
    sim: &'a Sim,
    login: &'a str,
    quiet: bool,
}

impl<'a> Person<'a> {
    pub(crate) fn new(sim: &'a Sim, login: &'a str) -> Self {
        Self { sim, login, quiet: false }
    }

    /// The same person, but what they do sends no webhook: as if GitHub lost it.
    #[must_use]
    pub fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Does something as this person while nobody else touches the world.
    pub(crate) fn act<T>(&self, deed: impl FnOnce(&mut World, u64) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let mut world = self.sim.lock();
        let user = world.ensure_account(self.login, AccountKind::User)?;
        let before = std::mem::replace(&mut world.outbox.quiet, self.quiet);
        let done = deed(&mut world, user);
        world.outbox.quiet = before;
        done
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Value) -> Result<Value, Refusal> {
        self.act(|world, user| {
            let who = Identity::Person { user, token: None };
            Ok(call_as(world, who, method, path, body)?.body.unwrap_or_default())
        })
    }

    /// Opens an issue; its number.
    ///
    /// # Errors
    /// GitHub's refusal, as for every verb here.
    pub fn opens_issue(&self, repo: &str, title: &str, body: &str) -> Result<u64, Refusal> {
        let issue = self.call("POST", &format!("/repos/{repo}/issues"), json!({"title": title, "body": body}))?;
        Ok(number(&issue))
    }

    /// Comments on an issue or pull request; the comment's id.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn says(&self, repo: &str, issue: u64, text: &str) -> Result<u64, Refusal> {
        let comment = self.call("POST", &format!("/repos/{repo}/issues/{issue}/comments"), json!({"body": text}))?;
        Ok(comment.get("id").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Changes a comment.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn edits_comment(&self, repo: &str, comment: u64, text: &str) -> Result<(), Refusal> {
        self.call("PATCH", &format!("/repos/{repo}/issues/comments/{comment}"), json!({"body": text})).map(drop)
    }

    /// Deletes a comment.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn deletes_comment(&self, repo: &str, comment: u64) -> Result<(), Refusal> {
        self.call("DELETE", &format!("/repos/{repo}/issues/comments/{comment}"), Value::Null).map(drop)
    }

    /// Changes title, body or both of an issue or pull request.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn edits_issue(&self, repo: &str, issue: u64, title: Option<&str>, body: Option<&str>) -> Result<(), Refusal> {
        let mut fields = serde_json::Map::new();
        fields.extend(title.map(|title| ("title".to_owned(), json!(title))));
        fields.extend(body.map(|body| ("body".to_owned(), json!(body))));
        self.call("PATCH", &format!("/repos/{repo}/issues/{issue}"), fields.into()).map(drop)
    }

    /// Assigns somebody.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn assigns(&self, repo: &str, issue: u64, login: &str) -> Result<(), Refusal> {
        self.call("POST", &format!("/repos/{repo}/issues/{issue}/assignees"), json!({"assignees": [login]})).map(drop)
    }

    /// Takes an assignment back.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn unassigns(&self, repo: &str, issue: u64, login: &str) -> Result<(), Refusal> {
        self.call("DELETE", &format!("/repos/{repo}/issues/{issue}/assignees"), json!({"assignees": [login]})).map(drop)
    }

    /// Puts a label on.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn labels(&self, repo: &str, issue: u64, label: &str) -> Result<(), Refusal> {
        self.call("POST", &format!("/repos/{repo}/issues/{issue}/labels"), json!({"labels": [label]})).map(drop)
    }

    /// Takes a label off.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn unlabels(&self, repo: &str, issue: u64, label: &str) -> Result<(), Refusal> {
        let label = utf8_percent_encode(label, NON_ALPHANUMERIC);
        self.call("DELETE", &format!("/repos/{repo}/issues/{issue}/labels/{label}"), Value::Null).map(drop)
    }

    /// Closes an issue as completed, or a pull request without merging it.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn closes(&self, repo: &str, issue: u64) -> Result<(), Refusal> {
        self.call("PATCH", &format!("/repos/{repo}/issues/{issue}"), json!({"state": "closed"})).map(drop)
    }

    /// Opens it again.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn reopens(&self, repo: &str, issue: u64) -> Result<(), Refusal> {
        self.call("PATCH", &format!("/repos/{repo}/issues/{issue}"), json!({"state": "open"})).map(drop)
    }

    /// Locks the conversation to writers.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn locks(&self, repo: &str, issue: u64) -> Result<(), Refusal> {
        self.call("PUT", &format!("/repos/{repo}/issues/{issue}/lock"), Value::Null).map(drop)
    }

    /// Deletes an issue, which takes an admin.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn deletes_issue(&self, repo: &str, issue: u64) -> Result<(), Refusal> {
        self.act(|world, user| {
            let (repo, by) = admin(world, repo, user)?;
            world.delete_issue(&by, repo, issue)
        })
    }

    /// Moves an issue to another repository, which takes an admin; its number there.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn transfers_issue(&self, repo: &str, issue: u64, to: &str) -> Result<u64, Refusal> {
        self.act(|world, user| {
            let ((repo, by), to) = (admin(world, repo, user)?, find(world, to)?);
            world.transfer_issue(&by, repo, issue, to)
        })
    }

    /// Reviews a pull request; the review's id.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn reviews(&self, repo: &str, pull: u64, verdict: Verdict, body: &str) -> Result<u64, Refusal> {
        let event = match verdict {
            Verdict::Approves => "APPROVE",
            Verdict::RequestsChanges => "REQUEST_CHANGES",
            Verdict::Comments => "COMMENT",
        };
        let path = format!("/repos/{repo}/pulls/{pull}/reviews");
        let review = self.call("POST", &path, json!({"event": event, "body": body}))?;
        Ok(review.get("id").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Comments on one line of a pull request's difference; the id of the first comment of the new thread.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn comments_on_line(&self, repo: &str, pull: u64, path: &str, line: u64, body: &str) -> Result<u64, Refusal> {
        self.act(|world, user| {
            let repo = find(world, repo)?;
            let who = Identity::Person { user, token: None };
            world.admit_to_repository(who, &[], Level::Write, Role::Read, repo)?;
            let by = world.person_actor(user);
            let comment = NewReviewComment {
                path: path.into(),
                line: Some(line),
                side: "RIGHT".into(),
                body: body.into(),
                in_reply_to: None,
            };
            let review = world.add_review(&by, repo, pull, ReviewState::Commented, "", vec![comment])?;
            let comments = world.pull(repo, pull).map(|pull| pull.review_comments.as_slice()).unwrap_or_default();
            let made = comments.iter().find(|it| it.review == review);
            made.map(|it| it.id).ok_or_else(Refusal::not_found)
        })
    }

    /// Opens a pull request; its number.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn opens_pull(&self, repo: &str, head: &str, base: &str, title: &str, body: &str) -> Result<u64, Refusal> {
        let fields = json!({"head": head, "base": base, "title": title, "body": body});
        Ok(number(&self.call("POST", &format!("/repos/{repo}/pulls"), fields)?))
    }

    /// Merges a pull request with a merge commit; the commit's id.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn merges(&self, repo: &str, pull: u64) -> Result<String, Refusal> {
        let merged = self.call("PUT", &format!("/repos/{repo}/pulls/{pull}/merge"), Value::Null)?;
        Ok(merged.get("sha").and_then(Value::as_str).unwrap_or_default().to_owned())
    }

    /// Commits files on top of a branch (made from the default branch if need be) and pushes; the commit's id.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn pushes(&self, repo: &str, branch: &str, files: impl Into<Files>, message: &str) -> Result<String, Refusal> {
        let files = files.into();
        let changes = files.0.iter().map(|(path, file)| (path.as_str(), Some(file))).collect();
        self.push(repo, branch, None, message, changes)
    }

    /// Commits files on top of another commit or branch and moves the branch there, whatever it drops: a force-push; the
    /// commit's id.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn force_pushes(
        &self,
        repo: &str,
        branch: &str,
        onto: &str,
        files: impl Into<Files>,
        message: &str,
    ) -> Result<String, Refusal> {
        let files = files.into();
        let changes = files.0.iter().map(|(path, file)| (path.as_str(), Some(file))).collect();
        self.push(repo, branch, Some(onto), message, changes)
    }

    /// Deletes files from a branch and pushes that; the commit's id.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn removes_files(&self, repo: &str, branch: &str, paths: &[&str], message: &str) -> Result<String, Refusal> {
        self.push(repo, branch, None, message, paths.iter().map(|path| (*path, None)).collect())
    }

    fn push(
        &self,
        repo: &str,
        branch: &str,
        onto: Option<&str>,
        message: &str,
        changes: Vec<(&str, Option<&File>)>,
    ) -> Result<String, Refusal> {
        self.act(|world, user| {
            let repo = find(world, repo)?;
            let who = Identity::Person { user, token: None };
            world.admit_to_repository(who, &["contents"], Level::Write, Role::Write, repo)?;
            let by = world.person_actor(user);
            world.push_files(&by, repo, branch, onto, (message, changes))
        })
    }

    /// Deletes a branch.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn deletes_branch(&self, repo: &str, branch: &str) -> Result<(), Refusal> {
        self.call("DELETE", &format!("/repos/{repo}/git/refs/heads/{branch}"), Value::Null).map(drop)
    }

    /// Copies a repository to this person's account; the copy's full name.
    ///
    /// # Errors
    /// As [`Self::opens_issue`].
    pub fn forks(&self, repo: &str) -> Result<String, Refusal> {
        self.act(|world, user| {
            let repo = find(world, repo)?;
            if !world.can_see(Identity::Person { user, token: None }, repo) {
                return Err(Refusal::not_found());
            }
            let fork = world.fork(repo, user)?;
            Ok(world.full_name(fork))
        })
    }
}

fn number(thread: &Value) -> u64 {
    thread.get("number").and_then(Value::as_u64).unwrap_or_default()
}

/// The repository, and the person as one who may administrate it.
pub(crate) fn admin(world: &World, repo: &str, user: u64) -> Result<(u64, Actor), Refusal> {
    let repo = find(world, repo)?;
    if world.role(repo, user) < Role::Admin {
        return Err(Refusal::needs_admin());
    }
    Ok((repo, world.person_actor(user)))
}
