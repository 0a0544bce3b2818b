//! The plan comment: one per revision, with everything a writer needs to decide, and the exact words to type.

use super::neutral::{self, Links};
use crate::domain::plan::{Plan, PlannedCommands};
use crate::domain::usage::Usage;

/// What the plan comment shows besides the plan.
#[derive(Clone, Debug)]
pub struct PlanComment<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What all runs of the task used so far.
    pub usage: Usage,
    /// How the agent is labelled, for example `native · some-model` or a replay.
    pub agent: &'a str,
    /// Files of the plan that the patch policy would refuse, as the host sees it.
    pub protected: &'a [String],
    /// Whether the plan was approved in advance by a label.
    pub approved_in_advance: bool,
    /// Links that may stand in the agent's text.
    pub links: &'a Links,
}

/// The comment in Markdown.
#[must_use]
pub fn comment(view: &PlanComment<'_>) -> String {
    let plan = view.plan;
    let draft = &plan.draft;
    let mut out = format!("### Plan, revision {}\n\n", plan.revision);
    out.push_str(&neutral::block(&draft.goal, view.links));
    out.push_str("\n\n");

    if draft.files.is_empty() {
        out.push_str("**Files:** the agent named none.\n\n");
    } else {
        out.push_str("**Files it expects to touch:**\n\n");
        for file in &draft.files {
            let guarded = if view.protected.contains(file) {
                " ⚠️ protected: a patch that touches this file is refused"
            } else {
                ""
            };
            out.push_str(&format!("- {}{guarded}\n", neutral::code_span(file)));
        }
        out.push('\n');
    }
    section(&mut out, "Steps", &numbered(&draft.steps));
    out.push_str(&format!("**How it will be tested:** {}\n\n", neutral::inline(&draft.testing)));
    out.push_str(&commands(&plan.commands));
    section(&mut out, "Risks", &bulleted(&draft.risks));
    section(&mut out, "Open questions", &bulleted(&draft.questions));

    if view.approved_in_advance {
        out.push_str("This plan was approved in advance by the label `baton:auto`; work begins now.\n\n");
    } else {
        out.push_str(&format!(
            "**To go on**, a person who may write to this repository comments one of these:\n\n\
             - `/plan approve {revision}` to have exactly this plan carried out\n\
             - `/plan revise TEXT` to have it changed as TEXT says\n\
             - `/plan reject` to end it here\n\n\
             If the title or the body of the issue changes, this plan no longer counts and a new one is needed: `/plan`.\n\n",
            revision = plan.revision,
        ));
    }
    out.push_str(&format!(
        "<sub>Starts at commit {base} · plan {digest} · {agent} · {tokens} tokens, {cost} so far</sub>\n",
        base = plan.base.short(),
        digest = plan.digest.short(),
        agent = neutral::literal(view.agent),
        tokens = super::number(view.usage.tokens()),
        cost = super::money(view.usage.cost),
    ));
    out
}

fn commands(commands: &PlannedCommands) -> String {
    if commands.test.is_empty() {
        return "**Baton found no command that runs tests.** The pull request will have no evidence and stay a draft; \
                name one under `commands: test:` in `.github/baton.yml`.\n\n"
            .to_owned();
    }
    let lines: Vec<&str> = commands.setup.iter().chain(&commands.test).map(String::as_str).collect();
    format!(
        "**Baton itself will run, on the base and on the branch** (from {}):\n\n{}\n\n",
        neutral::inline(&commands.source),
        neutral::code_block(&lines.join("\n"), "sh")
    )
}

fn section(out: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        out.push_str(&format!("**{title}:**\n\n{body}\n"));
    }
}

fn numbered(items: &[String]) -> String {
    items.iter().enumerate().map(|(i, item)| format!("{}. {}\n", i + 1, neutral::inline(item))).collect()
}

fn bulleted(items: &[String]) -> String {
    items.iter().map(|item| format!("- {}\n", neutral::inline(item))).collect()
}
