//! `POST /_sim/people/LOGIN`: one deed of a person, named by the library's verb.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::git::commit::Files;
use crate::person::Verdict;
use crate::refusal::Refusal;
use crate::sim::Sim;

/// The particulars of a deed; which ones count depends on the verb.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Deed {
    verb: String,
    repo: String,
    /// The number of an issue or a pull request.
    number: u64,
    /// The id of a comment.
    comment: u64,
    /// The id of a check run or suite.
    check: u64,
    /// A reaction, a reason, a button.
    word: String,
    /// The commit a force-push goes on top of.
    onto: String,
    draft: bool,
    title: Option<String>,
    body: Option<String>,
    login: String,
    label: String,
    /// `approves`, `requests_changes`, `comments`.
    verdict: String,
    branch: String,
    head: String,
    base: String,
    message: String,
    path: String,
    line: u64,
    files: BTreeMap<String, String>,
    to: String,
    quietly: bool,
}

/// Does it; what it made.
pub(super) fn act(sim: &Sim, login: &str, deed: &Deed) -> Result<Value, Refusal> {
    let person = if deed.quietly { sim.person(login).quietly() } else { sim.person(login) };
    let (repo, number) = (deed.repo.as_str(), deed.number);
    let (title, body) = (deed.title.as_deref(), deed.body.as_deref());
    let words = body.unwrap_or_default();
    let done = json!({"ok": true});
    match deed.verb.as_str() {
        "opens_issue" => Ok(json!({"number": person.opens_issue(repo, title.unwrap_or_default(), words)?})),
        "says" => Ok(json!({"comment": person.says(repo, number, words)?})),
        "edits_comment" => person.edits_comment(repo, deed.comment, words).map(|()| done),
        "deletes_comment" => person.deletes_comment(repo, deed.comment).map(|()| done),
        "edits_issue" => person.edits_issue(repo, number, title, body).map(|()| done),
        "assigns" => person.assigns(repo, number, &deed.login).map(|()| done),
        "unassigns" => person.unassigns(repo, number, &deed.login).map(|()| done),
        "labels" => person.labels(repo, number, &deed.label).map(|()| done),
        "unlabels" => person.unlabels(repo, number, &deed.label).map(|()| done),
        "closes" => person.closes(repo, number).map(|()| done),
        "reopens" => person.reopens(repo, number).map(|()| done),
        "locks" => person.locks(repo, number).map(|()| done),
        "deletes_issue" => person.deletes_issue(repo, number).map(|()| done),
        "transfers_issue" => Ok(json!({"number": person.transfers_issue(repo, number, &deed.to)?})),
        "reviews" => Ok(json!({"review": person.reviews(repo, number, verdict(&deed.verdict)?, words)?})),
        "comments_on_line" => {
            Ok(json!({"comment": person.comments_on_line(repo, number, &deed.path, deed.line, words)?}))
        }
        "opens_pull" => {
            Ok(json!({"number": person.opens_pull(repo, &deed.head, &deed.base, title.unwrap_or_default(), words)?}))
        }
        "merges" => Ok(json!({"sha": person.merges(repo, number)?})),
        "pushes" => {
            let files = deed.files.iter().fold(Files::none(), |files, (path, text)| files.with(path, text.as_str()));
            Ok(json!({"sha": person.pushes(repo, &deed.branch, files, &deed.message)?}))
        }
        "force_pushes" => {
            let files = deed.files.iter().fold(Files::none(), |files, (path, text)| files.with(path, text.as_str()));
            Ok(json!({"sha": person.force_pushes(repo, &deed.branch, &deed.onto, files, &deed.message)?}))
        }
        "unlocks" => person.unlocks(repo, number).map(|()| done),
        "closes_as" => person.closes_as(repo, number, &deed.word).map(|()| done),
        "reacts" => Ok(json!({"reaction": person.reacts(repo, deed.comment, &deed.word)?})),
        "minimizes" => {
            let reason = Some(deed.word.as_str()).filter(|word| !word.is_empty());
            person.minimizes(repo, deed.comment, reason).map(|()| done)
        }
        "asks_for_review" => person.asks_for_review(repo, number, &deed.login).map(|()| done),
        "marks_draft" => person.marks_draft(repo, number, deed.draft).map(|()| done),
        "presses" => person.presses(repo, deed.check, &deed.word).map(|()| done),
        "reruns_check" => person.reruns_check(repo, deed.check).map(|()| done),
        "reruns_suite" => person.reruns_suite(repo, deed.check).map(|()| done),
        "renames_branch" => person.renames_branch(repo, &deed.branch, &deed.to).map(|()| done),
        "transfers" => person.transfers(repo, &deed.to).map(|()| done),
        "deletes_branch" => person.deletes_branch(repo, &deed.branch).map(|()| done),
        "forks" => Ok(json!({"repo": person.forks(repo)?})),
        other => Err(Refusal::new(422, format!("there is no verb {other:?}; they are those of the library's Person"))),
    }
}

fn verdict(word: &str) -> Result<Verdict, Refusal> {
    match word {
        "approves" => Ok(Verdict::Approves),
        "requests_changes" => Ok(Verdict::RequestsChanges),
        "comments" => Ok(Verdict::Comments),
        _ => Err(Refusal::new(422, "verdict is one of approves, requests_changes, comments")),
    }
}
