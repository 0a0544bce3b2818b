//! What Baton found in a repository, as the answer to `/baton doctor`. Everything in it but Baton's own words comes from the
//! repository or from GitHub.

use super::neutral;
use crate::domain::contact::{AgentAtHand, Contact, Content, LimitsInForce, RepositoryFile};
use crate::domain::plan::PlannedCommands;

/// Lines of one list; more are counted.
const SHOWN: usize = 20;

/// The comment in Markdown.
#[must_use]
pub fn comment(contact: &Contact) -> String {
    let mut out = String::from("### What Baton found in this repository\n\n");
    out.push_str(if contact.is_in_the_way() {
        "❌ **Something is in the way of work here.**\n\n"
    } else {
        "✅ **Baton can work here.**\n\n"
    });
    if contact.archived {
        out.push_str("- ❌ **It is archived**, so nobody can write to it. Unarchive it in its settings first.\n");
    }
    for permission in contact.missing_permissions.iter().take(SHOWN) {
        out.push_str(&format!(
            "- ❌ **The App lacks** {}. The owner of the installation accepts that in its settings on GitHub.\n",
            neutral::code_span(permission)
        ));
    }
    match &contact.content {
        None => out.push_str(&format!(
            "- ❌ **It is empty**: {} has no commit. Push a first one; Baton works from a commit.\n",
            neutral::code_span(&contact.branch)
        )),
        Some(content) => out.push_str(&standing(content, &contact.branch)),
    }
    out
}

fn standing(content: &Content, branch: &str) -> String {
    let mut out = String::new();
    match &content.file {
        RepositoryFile::Absent => {
            out.push_str(
                "- There is no `.github/baton.yml`, which is fine: what it could say is found or has a default.\n",
            );
        }
        RepositoryFile::Good => out.push_str("- ✅ `.github/baton.yml` is good.\n"),
        RepositoryFile::Faulty { problems } => {
            out.push_str("- ❌ **`.github/baton.yml` cannot be used**, and Baton does not guess:\n");
            out.push_str(&list(problems, "  "));
        }
    }
    match &content.agent {
        AgentAtHand::Named { name, label } => {
            out.push_str(&format!("- Agent: {} ({}).\n", neutral::code_span(name), neutral::literal(label)))
        }
        AgentAtHand::Missing { problem } => {
            out.push_str(&format!("- ❌ **No agent**: {}.\n", neutral::inline(problem)));
        }
    }
    let languages: Vec<String> = content.languages.iter().map(|language| neutral::literal(language)).collect();
    if languages.is_empty() {
        out.push_str("- Languages: none that Baton knows the tools of.\n");
    } else {
        out.push_str(&format!("- Languages: {}.\n", languages.join(", ")));
    }
    out.push_str(&limits(&content.limits));
    out.push('\n');
    out.push_str(&commands(&content.commands));
    out.push_str(&format!(
        "\n<sub>Read from commit {} of {}</sub>\n",
        neutral::literal(&content.commit),
        neutral::code_span(branch)
    ));
    out
}

fn limits(limits: &LimitsInForce) -> String {
    format!(
        "- Limits: {} min, {} tokens and {} for a run, {} for a task; {} files and {} lines in a patch.\n",
        super::number(limits.minutes),
        super::number(limits.tokens),
        limits.run,
        limits.task,
        super::number(limits.files as u64),
        super::number(limits.lines),
    )
}

fn commands(commands: &PlannedCommands) -> String {
    if commands.test.is_empty() {
        return "⚠️ **Baton found no command that runs tests.** Its pull requests will have no evidence and stay drafts; name \
                one under `commands: test:` in `.github/baton.yml`.\n"
            .to_owned();
    }
    let lines: Vec<&str> = commands.setup.iter().chain(&commands.test).take(SHOWN).map(String::as_str).collect();
    format!(
        "**Commands Baton would run** (from {}):\n\n{}\n",
        neutral::inline(&commands.source),
        neutral::code_block(&lines.join("\n"), "sh")
    )
}

fn list(lines: &[String], indent: &str) -> String {
    let mut out: String =
        lines.iter().take(SHOWN).map(|line| format!("{indent}- {}\n", neutral::inline(line))).collect();
    if lines.len() > SHOWN {
        out.push_str(&format!("{indent}- and {} more\n", lines.len() - SHOWN));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::domain::usage::MicroDollars;

    fn content() -> Content {
        Content {
            commit: "0123456".into(),
            languages: vec!["Python".into()],
            commands: PlannedCommands {
                setup: vec!["pip install -e .".into()],
                test: vec!["pytest".into()],
                source: "pyproject.toml".into(),
            },
            file: RepositoryFile::Absent,
            agent: AgentAtHand::Named { name: "careful".into(), label: "native · model".into() },
            limits: LimitsInForce {
                minutes: 45,
                tokens: 5_000_000,
                run: MicroDollars(10_000_000),
                task: MicroDollars(25_000_000),
                files: 100,
                lines: 5_000,
            },
        }
    }

    fn contact(content: Option<Content>) -> Contact {
        Contact { at: Timestamp(0), branch: "main".into(), archived: false, content, missing_permissions: vec![] }
    }

    #[test]
    fn what_is_good() {
        insta::assert_snapshot!(comment(&contact(Some(content()))), @"
        ### What Baton found in this repository

        ✅ **Baton can work here.**

        - There is no `.github/baton.yml`, which is fine: what it could say is found or has a default.
        - Agent: `careful` (native · model).
        - Languages: Python.
        - Limits: 45 min, 5,000,000 tokens and $10.0000 for a run, $25.0000 for a task; 100 files and 5,000 lines in a patch.

        **Commands Baton would run** (from pyproject.toml):

        ```sh
        pip install -e .
        pytest
        ```

        <sub>Read from commit 0123456 of `main`</sub>
        ");
    }

    #[test]
    fn what_is_in_the_way() {
        let faulty = Content {
            languages: vec![],
            commands: PlannedCommands { setup: vec![], test: vec![], source: String::new() },
            file: RepositoryFile::Faulty {
                problems: (1..=22).map(|line| format!("line {line}: @everyone closes #1 `x`")).collect(),
            },
            agent: AgentAtHand::Missing { problem: "the agent `x` is not configured here".into() },
            ..content()
        };
        let told = comment(&Contact {
            archived: true,
            missing_permissions: vec!["checks: write".into()],
            ..contact(Some(faulty))
        });
        // What keeps a mention or a keyword from working cannot be seen: it is shown as `·`.
        let told = told.replace('\u{200b}', "·");
        insta::assert_snapshot!(told, @"
        ### What Baton found in this repository

        ❌ **Something is in the way of work here.**

        - ❌ **It is archived**, so nobody can write to it. Unarchive it in its settings first.
        - ❌ **The App lacks** `checks: write`. The owner of the installation accepts that in its settings on GitHub.
        - ❌ **`.github/baton.yml` cannot be used**, and Baton does not guess:
          - line 1: @·everyone c·loses #1 `x`
          - line 2: @·everyone c·loses #1 `x`
          - line 3: @·everyone c·loses #1 `x`
          - line 4: @·everyone c·loses #1 `x`
          - line 5: @·everyone c·loses #1 `x`
          - line 6: @·everyone c·loses #1 `x`
          - line 7: @·everyone c·loses #1 `x`
          - line 8: @·everyone c·loses #1 `x`
          - line 9: @·everyone c·loses #1 `x`
          - line 10: @·everyone c·loses #1 `x`
          - line 11: @·everyone c·loses #1 `x`
          - line 12: @·everyone c·loses #1 `x`
          - line 13: @·everyone c·loses #1 `x`
          - line 14: @·everyone c·loses #1 `x`
          - line 15: @·everyone c·loses #1 `x`
          - line 16: @·everyone c·loses #1 `x`
          - line 17: @·everyone c·loses #1 `x`
          - line 18: @·everyone c·loses #1 `x`
          - line 19: @·everyone c·loses #1 `x`
          - line 20: @·everyone c·loses #1 `x`
          - and 2 more
        - ❌ **No agent**: the agent `x` is not configured here.
        - Languages: none that Baton knows the tools of.
        - Limits: 45 min, 5,000,000 tokens and $10.0000 for a run, $25.0000 for a task; 100 files and 5,000 lines in a patch.

        ⚠️ **Baton found no command that runs tests.** Its pull requests will have no evidence and stay drafts; name one under `commands: test:` in `.github/baton.yml`.

        <sub>Read from commit 0123456 of `main`</sub>
        ");
        insta::assert_snapshot!(comment(&contact(None)), @"
        ### What Baton found in this repository

        ❌ **Something is in the way of work here.**

        - ❌ **It is empty**: `main` has no commit. Push a first one; Baton works from a commit.
        ");
    }
}
