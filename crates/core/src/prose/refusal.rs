//! What people read when GitHub says no: what happened, what was kept, what to do. One sentence each for every reason.

use super::bounded::ellipsis;
use super::neutral::{self, Links};
use crate::domain::refusal::Refusal;

/// What happened, in Markdown. `what` completes "could not …"; `said` are GitHub's words, shown only where they say more than
/// Baton understood.
#[must_use]
pub(super) fn what(what: &str, refusal: &Refusal, said: &str) -> String {
    let happened = format!("GitHub did not let Baton {what}: {}", happened(refusal));
    match (is_quoted(refusal), said.trim().is_empty()) {
        (true, false) => format!("{happened}\n\n{}", neutral::code_block(said, "")),
        (true, true) => format!("GitHub did not let Baton {what}, and does not say why."),
        (false, _) => happened,
    }
}

/// The same in one line, for a terminal.
#[must_use]
pub fn line(what: &str, refusal: &Refusal, said: &str) -> String {
    let more = if is_quoted(refusal) { said } else { "" };
    let all = format!("GitHub did not let Baton {what}: {} {more}", happened(refusal));
    ellipsis(&all.split_whitespace().collect::<Vec<_>>().join(" "), neutral::INLINE_CHARS)
}

/// Whether GitHub's own words are worth reading: those that Baton does not understand to the end.
fn is_quoted(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Hook | Refusal::Other | Refusal::OverQuota | Refusal::Restricted => true,
        Refusal::BranchProtected { rules } | Refusal::Ruleset { rules } => rules.is_empty(),
        Refusal::TooLarge { files } => files.is_empty(),
        _ => false,
    }
}

fn happened(refusal: &Refusal) -> String {
    match refusal {
        Refusal::BranchProtected { rules } => format!("the branch is protected.{}", list(rules, neutral::literal)),
        Refusal::Ruleset { rules } => {
            format!("a ruleset of this repository or its organisation forbids it.{}", list(rules, neutral::literal))
        }
        Refusal::Secrets { found } => {
            let lines: Vec<String> = found
                .iter()
                .map(|one| match one.kind.as_str() {
                    "" => neutral::code_span(&one.place),
                    kind => format!("{}: {}", neutral::code_span(&one.place), neutral::literal(kind)),
                })
                .collect();
            let where_ = if lines.is_empty() { String::new() } else { format!("\n\n- {}", lines.join("\n- ")) };
            format!("its push protection found what looks like a secret.{where_}")
        }
        Refusal::TooLarge { files } => {
            format!("something in it is larger than GitHub takes.{}", list(files, neutral::code_span))
        }
        Refusal::OverQuota => {
            "there is no room left; the repository or its owner has reached a limit on storage.".into()
        }
        Refusal::Workflow { path } => format!(
            "{} a workflow file, and the App has no permission to write those (`workflows: write`).",
            path.as_ref().map_or("it changes".to_owned(), |path| format!("{} is", neutral::code_span(path)))
        ),
        Refusal::BranchTaken => {
            "a branch of that name is there already with commits that are not Baton's. It is left as it is.".into()
        }
        Refusal::Hook => "a hook of the server refused it.".into(),
        Refusal::Archived => "this repository is archived, so it is read-only.".into(),
        Refusal::Empty => "this repository is empty; there is no commit to start from.".into(),
        Refusal::BaseMissing => "the default branch is not there, or has no commit.".into(),
        Refusal::Permission { needs, unaccepted, .. } => {
            let needed = needs.as_ref().map(|needs| format!(" ({})", neutral::code_span(needs))).unwrap_or_default();
            if unaccepted.is_empty() {
                format!("the App lacks a permission{needed}.")
            } else {
                format!(
                    "the App lacks a permission{needed}. It asks for more than this installation's owner has accepted:{}",
                    list(unaccepted, neutral::code_span)
                )
            }
        }
        Refusal::Suspended => "the App's installation is suspended.".into(),
        Refusal::NotInstalled => "the App is not installed on this repository.".into(),
        Refusal::Hidden => "it is not there, or the App may not see it.".into(),
        Refusal::IssuesOff => "issues are switched off in this repository.".into(),
        Refusal::PullsOff => "pull requests are switched off in this repository.".into(),
        Refusal::Locked => "the conversation is locked, for Baton too.".into(),
        Refusal::NoCommits => "the branch has no commit that the default branch lacks.".into(),
        Refusal::PullExists => "there is a pull request from this branch already.".into(),
        Refusal::Restricted => "only some people may do that in this repository.".into(),
        Refusal::Blocked => "GitHub has closed access to this repository.".into(),
        Refusal::Gone => "it is gone.".into(),
        Refusal::Other => "it says why in its own words.".into(),
    }
}

/// What was kept, and what to do, with the command that goes on from there.
pub(super) fn advice(refusal: &Refusal, work_kept: bool, links: &Links) -> String {
    format!("{}{}", if work_kept { "The work is kept. " } else { "" }, remedy(refusal, work_kept, links))
}

fn remedy(refusal: &Refusal, work_kept: bool, links: &Links) -> String {
    let page = |name: &str, path: &str| match links.page() {
        Some(page) => format!("[{name}]({page}/{path})"),
        None => name.to_owned(),
    };
    let again = "then comment `/baton retry`.";
    match refusal {
        Refusal::BranchProtected { .. } => format!(
            "Let the App push branches that begin with `baton/`, in the {}; {again}",
            page("branch protection rules", "settings/branches")
        ),
        Refusal::Ruleset { .. } => format!(
            "Add the App to the bypass list of that ruleset, or leave branches that begin with `baton/` out of it, in the {}; \
             {again}",
            page("rulesets", "rules")
        ),
        Refusal::Secrets { .. } => format!(
            "If it is a real secret, treat it as leaked and replace it; `/plan` begins with a new plan, which should say that \
             no secret belongs in the file. If it is none, a person who may allow it can do so in the {}; {again}",
            page("security settings", "security/secret-scanning")
        ),
        Refusal::TooLarge { .. } => {
            "GitHub takes no file above 100 MB. `/plan` begins with a new plan, which should say how to do without that \
             file; `/baton retry` pushes the same work again."
                .to_owned()
        }
        Refusal::OverQuota => format!("The owner has to make room or raise the limit; {again}"),
        Refusal::Workflow { .. } => {
            "Only the operator of this bot can give it that permission, and the installation's owner has to accept it; then \
             comment `/baton retry`. Without it, `/plan` begins with a new plan that leaves workflows alone."
                .to_owned()
        }
        Refusal::BranchTaken => format!("Rename or delete that branch, {again}"),
        Refusal::Hook | Refusal::Other => format!("Put right what it names, {again} `/plan` begins with a new plan."),
        Refusal::Archived => format!("Whoever administers it can unarchive it; {again}"),
        Refusal::Empty => format!("Push a first commit to the default branch, {again}"),
        Refusal::BaseMissing => format!("Choose a default branch in the {}, {again}", page("settings", "settings")),
        Refusal::Permission { unaccepted, page, .. } => {
            let installation = match page {
                Some(page) if unaccepted.is_empty() => format!("[the installation's settings]({page})"),
                Some(page) => format!("[the installation's new permissions]({page}/permissions/update)"),
                None => "the installation's settings".to_owned(),
            };
            if unaccepted.is_empty() {
                format!(
                    "The operator has to add it to the App's settings, and the owner to accept it in {installation}; {again}"
                )
            } else {
                format!("The owner can accept them in {installation}; {again}")
            }
        }
        Refusal::Suspended => format!("Its owner can switch it on again in the installation's settings; {again}"),
        Refusal::NotInstalled => format!("Install it on this repository, {again}"),
        Refusal::Hidden => format!("See that the App is installed on this repository, {again}"),
        Refusal::IssuesOff | Refusal::PullsOff => {
            format!("Switch them on in the {}, {again}", page("settings", "settings"))
        }
        Refusal::Locked => format!("Unlock the conversation, {again}"),
        Refusal::NoCommits => "If the work is still wanted, `/plan` begins with a new plan.".to_owned(),
        Refusal::PullExists => {
            format!("Close it, or let it be the answer, in the {}; {again}", page("pull requests", "pulls"))
        }
        Refusal::Restricted => {
            format!("Lift the limit, or let the App through, in the {}; {again}", page("settings", "settings"))
        }
        Refusal::Blocked => format!("GitHub's support knows why; {again}"),
        Refusal::Gone if work_kept => format!("Bring it back, {again}"),
        Refusal::Gone => "There is nothing left to do about it.".to_owned(),
    }
}

fn list(items: &[String], shown: impl Fn(&str) -> String) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!("\n\n{}", items.iter().map(|item| format!("- {}\n", shown(item))).collect::<String>().trim_end())
}
