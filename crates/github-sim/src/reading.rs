//! What a reader would see, as plain text and small records: for snapshots in tests.

use std::fmt::Write;

use serde::Serialize;

use crate::clock::stamp;
use crate::refusal::Refusal;
use crate::sim::{Sim, find};
use crate::world::World;
use crate::world::issue::{Edit, Issue};

/// A pull request in short.
#[derive(Debug, Clone, Serialize)]
pub struct PullRecord {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its body.
    pub body: String,
    /// `open`, `closed` or `merged`.
    pub state: &'static str,
    /// Not ready for review.
    pub draft: bool,
    /// The author's login.
    pub author: String,
    /// The branch it comes from.
    pub head: String,
    /// That branch's commit.
    pub head_sha: String,
    /// The branch it goes to.
    pub base: String,
    /// Labels on it.
    pub labels: Vec<String>,
    /// Who is asked for a review.
    pub requested_reviewers: Vec<String>,
}

/// What a title or text was before somebody changed it.
#[derive(Debug, Clone, Serialize)]
pub struct EditRecord {
    /// When it was changed.
    pub at: String,
    /// Who changed it.
    pub by: String,
    /// `title`, `body`, or `comment ID`.
    pub what: String,
    /// The text before.
    pub from: String,
}

/// A check run in short.
#[derive(Debug, Clone, Serialize)]
pub struct CheckRunRecord {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The commit it is on.
    pub head_sha: String,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// How it ended.
    pub conclusion: Option<String>,
    /// The App's own id for it.
    pub external_id: String,
    /// The output's title.
    pub title: Option<String>,
    /// The output's summary.
    pub summary: Option<String>,
}

impl Sim {
    /// The whole conversation of an issue or pull request as text: head, body, and each comment with its author,
    /// reactions, and whether it is folded away.
    ///
    /// # Errors
    /// When there is no such thread.
    pub fn thread(&self, full_name: &str, number: u64) -> Result<String, Refusal> {
        let world = self.lock();
        let repo = find(&world, full_name)?;
        world.issue(repo, number).map(|issue| thread(&world, repo, issue)).ok_or_else(Refusal::not_found)
    }

    /// The pull requests of a repository, by number.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn pulls(&self, full_name: &str) -> Result<Vec<PullRecord>, Refusal> {
        let world = self.lock();
        let repo = find(&world, full_name)?;
        let issues = world.repo(repo).into_iter().flat_map(|repo| repo.issues.values());
        Ok(issues.filter_map(|issue| pull(&world, repo, issue)).collect())
    }

    /// The check runs of a repository, in the order made.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn check_runs(&self, full_name: &str) -> Result<Vec<CheckRunRecord>, Refusal> {
        let world = self.lock();
        let repo = find(&world, full_name)?;
        let runs = world.repo(repo).map(|repo| repo.check_runs.as_slice()).unwrap_or_default();
        Ok(check_runs(runs))
    }

    /// The names of a repository's branches.
    ///
    /// # Errors
    /// When the repository is unknown.
    pub fn branches(&self, full_name: &str) -> Result<Vec<String>, Refusal> {
        let world = self.lock();
        let refs = world.git.refs(find(&world, full_name)?, "refs/heads");
        Ok(refs.into_iter().map(|(name, _)| name.trim_start_matches("refs/heads/").to_owned()).collect())
    }

    /// The commit a branch points at; `None` without such a branch.
    pub fn branch_head(&self, full_name: &str, branch: &str) -> Option<String> {
        let world = self.lock();
        world.git.branch(find(&world, full_name).ok()?, branch)
    }

    /// A file on a branch; `None` when it is not there.
    pub fn branch_file(&self, full_name: &str, branch: &str, path: &str) -> Option<Vec<u8>> {
        let world = self.lock();
        let repo = find(&world, full_name).ok()?;
        let tip = world.git.branch(repo, branch)?;
        world.git.file(repo, &tip, path)
    }

    /// A pull request's difference to its base.
    ///
    /// # Errors
    /// When there is no such pull request.
    pub fn diff(&self, full_name: &str, number: u64) -> Result<String, Refusal> {
        let world = self.lock();
        let repo = find(&world, full_name)?;
        world.pull_diff(repo, number).ok_or_else(Refusal::not_found)
    }

    /// The edit history of a thread: of its head first, then of each comment.
    ///
    /// # Errors
    /// When there is no such thread.
    pub fn edits(&self, full_name: &str, number: u64) -> Result<Vec<EditRecord>, Refusal> {
        let world = self.lock();
        let issue = world.issue(find(&world, full_name)?, number).ok_or_else(Refusal::not_found)?;
        let head = issue.edits.iter().map(|edit| (edit.field.to_owned(), edit));
        let comments =
            issue.comments.iter().flat_map(|it| it.edits.iter().map(|edit| (format!("comment {}", it.id), edit)));
        let record = |(what, edit): (String, &Edit)| EditRecord {
            at: stamp(edit.at),
            by: world.login(edit.by).to_owned(),
            what,
            from: edit.from.clone(),
        };
        Ok(head.chain(comments).map(record).collect())
    }

    /// The logins assigned to an issue.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn assignees(&self, full_name: &str, number: u64) -> Result<Vec<String>, Refusal> {
        let world = self.lock();
        let issue = world.issue(find(&world, full_name)?, number).ok_or_else(Refusal::not_found)?;
        Ok(issue.assignees.iter().map(|id| world.login(*id).to_owned()).collect())
    }
}

pub(crate) fn check_runs(runs: &[crate::world::check::CheckRun]) -> Vec<CheckRunRecord> {
    let short = |run: &crate::world::check::CheckRun| CheckRunRecord {
        id: run.id,
        name: run.name.clone(),
        head_sha: run.head_sha.clone(),
        status: run.status.clone(),
        conclusion: run.conclusion.clone(),
        external_id: run.external_id.clone(),
        title: run.title.clone(),
        summary: run.summary.clone(),
    };
    runs.iter().map(short).collect()
}

impl World {
    pub(crate) fn pull_diff(&self, repo: u64, number: u64) -> Option<String> {
        let pull = self.pull(repo, number)?;
        let base = self.git.merge_base(repo, &pull.base_sha, &pull.head_sha).unwrap_or_else(|| pull.base_sha.clone());
        Some(self.git.diff(repo, &base, &pull.head_sha))
    }
}

/// `open`, `closed` or `merged`.
pub(crate) fn state(issue: &Issue) -> &'static str {
    match (issue.open, issue.pull.as_ref().is_some_and(|pull| pull.merge.is_some())) {
        (true, _) => "open",
        (false, true) => "merged",
        (false, false) => "closed",
    }
}

pub(crate) fn label_names(world: &World, repo: u64, issue: &Issue) -> Vec<String> {
    let labels = issue.labels.iter().filter_map(|id| world.repo(repo)?.label_by_id(*id));
    labels.map(|label| label.name.clone()).collect()
}

pub(crate) fn pull(world: &World, repo: u64, issue: &Issue) -> Option<PullRecord> {
    let pull = issue.pull.as_ref()?;
    Some(PullRecord {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone().unwrap_or_default(),
        state: state(issue),
        draft: pull.draft,
        author: world.login(issue.author).to_owned(),
        head: pull.head_ref.clone(),
        head_sha: pull.head_sha.clone(),
        base: pull.base_ref.clone(),
        labels: label_names(world, repo, issue),
        requested_reviewers: pull.requested_reviewers.iter().map(|id| world.login(*id).to_owned()).collect(),
    })
}

pub(crate) fn thread(world: &World, repo: u64, issue: &Issue) -> String {
    let draft = if issue.pull.as_ref().is_some_and(|pull| pull.draft) { " draft" } else { "" };
    let kind = if issue.pull.is_some() { "pull request" } else { "issue" };
    let mut text = format!("# {} #{} ({}{draft} {kind})\n", issue.title, issue.number, state(issue));
    let names = |ids: &[u64]| ids.iter().map(|id| world.login(*id)).collect::<Vec<_>>().join(", ");
    let labels = label_names(world, repo, issue).join(", ");
    if !labels.is_empty() {
        line(&mut text, &format!("labels: {labels}"));
    }
    if !issue.assignees.is_empty() {
        line(&mut text, &format!("assignees: {}", names(&issue.assignees)));
    }
    let body = issue.body.as_deref().unwrap_or_default();
    post(&mut text, world.login(issue.author), "", &reactions(&issue.reactions), body);
    for comment in &issue.comments {
        let folded = comment.minimized.as_ref().map(|why| format!(" (minimized: {})", why.to_lowercase()));
        let login = world.login(comment.author);
        post(&mut text, login, &folded.unwrap_or_default(), &reactions(&comment.reactions), &comment.body);
    }
    for review in issue.pull.iter().flat_map(|pull| &pull.reviews) {
        let verdict = format!(" ({})", review.state.name().to_lowercase());
        post(&mut text, world.login(review.author), &verdict, "", &review.body);
    }
    text
}

fn reactions(reactions: &[crate::world::issue::Reaction]) -> String {
    let all: Vec<&str> = reactions.iter().map(|reaction| reaction.content.as_str()).collect();
    if all.is_empty() { String::new() } else { format!(" [{}]", all.join(" ")) }
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}

fn post(text: &mut String, login: &str, note: &str, reactions: &str, body: &str) {
    line(text, &format!("\n--- @{login}{note}{reactions}\n{}", body.trim_end()));
}
