//! The pull request: title, body with its evidence, commit message with its trailers.

mod commands;
mod commit;

use super::neutral::{self, Links};
use crate::domain::actor::Person;
use crate::domain::evidence::{Doubt, Evidence, TestName};
use crate::domain::ids::{IssueNumber, TaskId};
use crate::domain::patch::secrets::redact;
use crate::domain::run::RunKind;
use crate::domain::task::{ApprovedThrough, PatchRef, Proof, Work};
use crate::domain::time::Timestamp;
use crate::domain::usage::Usage;

/// One run as the pull request shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLine {
    /// What it was for.
    pub kind: RunKind,
    /// The agent's name, kind and model, for people.
    pub agent: String,
    /// How long it took.
    pub seconds: u64,
    /// What it used.
    pub usage: Usage,
    /// When that was kept from which it went on after it was broken off, if it did.
    pub went_on_from: Option<Timestamp>,
    /// When it ended.
    pub ended: Timestamp,
}

/// Everything the pull request says.
#[derive(Clone, Debug)]
pub struct PullRequest<'a> {
    /// The task.
    pub task: TaskId,
    /// Who asked for the work.
    pub requester: &'a Person,
    /// What was approved.
    pub work: &'a Work,
    /// The patch.
    pub patch: &'a PatchRef,
    /// What was found out about it.
    pub proof: &'a Proof,
    /// All runs, in order.
    pub runs: &'a [RunLine],
    /// Whether the issue's text changed after the approval.
    pub issue_edited_since: bool,
    /// The repository's pull request template.
    pub template: Option<&'a str>,
    /// Links that may stand in the agent's text.
    pub links: &'a Links,
}

/// The title: the issue's, on one line.
#[must_use]
pub fn title(work: &Work) -> String {
    redact(&neutral::title(&work.issue.title))
}

/// The body in Markdown.
#[must_use]
pub fn body(pull: &PullRequest<'_>) -> String {
    let summary = neutral::block(&pull.patch.summary, pull.links);
    let evidence = evidence(&pull.proof.evidence);
    let closes = format!("Closes #{}", pull.work.issue.number);
    let mut out = match pull.template {
        Some(template) if !template.trim().is_empty() => fill(template, &summary, &evidence, &closes),
        _ => format!("{summary}\n\n{closes}\n\n### Evidence\n\n{evidence}"),
    };
    out.push_str("\n\n---\n\n");
    out.push_str(&provenance(pull));
    super::bounded::body(&out)
}

/// Where a commit comes from, as its message says it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The issue it answers.
    pub issue: IssueNumber,
    /// The task.
    pub task: TaskId,
    /// Who asked for it.
    pub requester: &'a Person,
    /// GitHub's host, by which it knows the requester's address.
    pub noreply_host: &'a str,
}

/// The commit's message: subject, body, and trailers that only Baton writes. Without an origin, there is no issue, task or
/// account that anybody could look up, and none is named.
#[must_use]
pub fn commit_message(title: &str, summary: &str, origin: Option<Origin<'_>>) -> String {
    let mut message = format!("{}\n\n{}\n", commit::subject(&redact(title)), commit::body(&redact(summary)));
    if let Some(Origin { issue, task, requester, noreply_host }) = origin {
        message.push_str(&format!(
            "\nFor issue {issue}.\n\nBaton-Task: {task}\nCo-authored-by: {} <{}+{}@users.noreply.{noreply_host}>\n",
            requester.login, requester.id, requester.login,
        ));
    }
    redact(&message)
}

fn provenance(pull: &PullRequest<'_>) -> String {
    let work = pull.work;
    let how = match work.approval.through {
        ApprovedThrough::Comment { .. } => "by comment",
        ApprovedThrough::Label => "in advance, by the label `baton:auto`",
        ApprovedThrough::CommandLine => "on the operator's command line",
    };
    let mut out = format!(
        "Plan {revision} ({digest}), asked for by {requester}, approved by {approver} {how}.",
        revision = work.plan.revision,
        digest = work.plan.digest.short(),
        requester = neutral::literal(&pull.requester.login),
        approver = neutral::literal(&work.approval.by.login),
    );
    if pull.issue_edited_since {
        out.push_str(" **The issue was edited after that approval; this pull request is for the text as approved.**");
    }
    if !pull.proof.notices.is_empty() {
        out.push_str("\n\n**Look at these with care:**\n\n");
        for notice in &pull.proof.notices {
            out.push_str(&format!("- {}\n", neutral::inline(notice)));
        }
    }
    out.push_str(
        "\n\nThe agent and the tests ran in a sandbox without any network.\n\n\
         | Run | Agent | Time | Tokens | Cost |\n|---|---|---|---|---|\n",
    );
    for run in pull.runs {
        out.push_str(&format!(
            "| {}{} | {} | {} | {} | {} |\n",
            run.kind.name(),
            run.went_on_from.map_or_else(String::new, |at| format!("; {}", super::kept::went_on(at, run.ended))),
            neutral::literal(&run.agent),
            super::duration(std::time::Duration::from_secs(run.seconds)),
            super::number(run.usage.tokens()),
            super::money(run.usage.cost),
        ));
    }
    out.push_str(&format!(
        "\n<sub>Task {} · Baton opens pull requests; people review and merge them.</sub>\n",
        pull.task
    ));
    out
}

/// The evidence in Markdown: a verdict, a table, and the commands as Baton ran them.
#[must_use]
pub fn evidence(evidence: &Evidence) -> String {
    let mut out = verdict(evidence);
    out.push('\n');
    if evidence.names_tests() {
        out.push_str(&table(evidence));
    }
    if !evidence.config_changed.is_empty() {
        let files: Vec<_> = evidence.config_changed.iter().map(|file| neutral::code_span(file)).collect();
        out.push_str(&format!("\n**Test or runner configuration changed:** {}\n", files.join(", ")));
    }
    for command in &evidence.broken_commands {
        out.push_str(&format!("\n**Fails on the branch and did not on the base:** {}\n", neutral::code_span(command)));
    }
    out.push_str(&commands::section("on the base", &evidence.base_commands));
    out.push_str(&commands::section("on the branch", &evidence.branch_commands));
    out
}

fn table(evidence: &Evidence) -> String {
    let mut out = String::from("\n| Tests | Number | Which |\n|---|---|---|\n");
    let mut row = |label: &str, tests: &[TestName], always: bool| {
        if always || !tests.is_empty() {
            out.push_str(&format!("| {label} | {} | {} |\n", tests.len(), names(tests)));
        }
    };
    row("fixed: failed on the base, pass now", &evidence.fixed, false);
    row("added: fail on the base's source, pass now", &evidence.added_failing_on_base, false);
    row("added, pass", &evidence.added, false);
    row("**added, fail**", &evidence.added_failing, false);
    row("**broken: passed on the base, fail now**", &evidence.newly_failing, true);
    row("failing on the base already", &evidence.failing_before, false);
    row("flaky: failed, then passed when run again", &evidence.flaky, false);
    row("**removed**", &evidence.removed, false);
    row("**newly skipped or ignored**", &evidence.newly_skipped, false);
    out.push_str(&format!("| still passing | {} | |\n", evidence.still_passing));
    out
}

fn verdict(evidence: &Evidence) -> String {
    match evidence.doubt() {
        Some(Doubt::Missing) => format!(
            "⚠️ **There is no evidence:** {} This pull request stays a draft.",
            neutral::inline(evidence.missing.as_deref().unwrap_or_default())
        ),
        Some(Doubt::Failing) => {
            "❌ **Something fails that did not fail before.** This pull request stays a draft; the \
                                 agent has used all its attempts to correct it."
                .to_owned()
        }
        Some(Doubt::Muted) => {
            "⚠️ **Tests were removed or muted, or the way they are run was changed.** A person has to \
                               look; this pull request stays a draft."
                .to_owned()
        }
        None => {
            let nothing_shows_it = if evidence.shows_the_change() {
                ""
            } else {
                " But no test fails without this change, so nothing shows that it does what the issue asks."
            };
            format!(
                "✅ **Baton ran the tests on the base and on the branch.** Nothing fails that did not fail \
                 before.{nothing_shows_it}"
            )
        }
    }
}

/// At most this many names in one cell; the rest is counted.
const NAMES_SHOWN: usize = 12;

fn names(tests: &[TestName]) -> String {
    let mut shown: Vec<String> = tests.iter().take(NAMES_SHOWN).map(|test| neutral::code_span(&test.0)).collect();
    if tests.len() > NAMES_SHOWN {
        shown.push(format!("and {} more", tests.len() - NAMES_SHOWN));
    }
    shown.join("<br>")
}

/// Fills the headings of the repository's own template that ask for what Baton knows; leaves the others for people.
fn fill(template: &str, summary: &str, evidence: &str, closes: &str) -> String {
    let mut out = String::new();
    let (mut said_what, mut said_tests, mut said_issue) = (false, false, false);
    for line in without_html_comments(template).lines() {
        out.push_str(line);
        out.push('\n');
        let Some(heading) = line.trim_start().strip_prefix('#') else { continue };
        let heading = heading.to_ascii_lowercase();
        let asks = |words: &[&str]| words.iter().any(|word| heading.contains(word));
        if !said_tests && asks(&["test", "verif", "evidence", "checked"]) {
            out.push_str(&format!("\n{evidence}\n"));
            said_tests = true;
        } else if !said_issue && asks(&["issue", "ticket", "closes", "related"]) {
            out.push_str(&format!("\n{closes}\n"));
            said_issue = true;
        } else if !said_what && asks(&["what", "why", "summary", "description", "change", "overview"]) {
            out.push_str(&format!("\n{summary}\n"));
            said_what = true;
        }
    }
    let mut front = String::new();
    if !said_what {
        front.push_str(&format!("{summary}\n\n"));
    }
    if !said_issue {
        front.push_str(&format!("{closes}\n\n"));
    }
    let back = if said_tests { String::new() } else { format!("\n### Evidence\n\n{evidence}\n") };
    format!("{front}{}{back}", out.trim())
}

/// A template's comments are hints for the person who fills it in.
fn without_html_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        match after.split_once("-->") {
            Some((_, later)) => rest = later,
            None => return out,
        }
    }
    out.push_str(rest);
    out
}
