//! What Baton found in a repository, as the answer to `/baton doctor`. Everything in it but Baton's own words comes from the
//! repository or from GitHub.

use super::neutral;
use crate::domain::contact::{
    AgentAtHand, BranchRule, CommitPart, Contact, Content, LimitsInForce, Operator, Pattern, RefusedFiles,
    RepositoryFile, Rules,
};
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
    if let Some(rules) = &content.rules {
        out.push_str(&rules_in_force(rules, branch));
    }
    for program in content.missing_programs.iter().take(SHOWN) {
        out.push_str(&format!(
            "- ⚠️ **No sandbox finds {}**, so these commands will fail with status 127. Baton's operator offers it with \
             `sandbox.read_only_paths`; `baton doctor` there has the line.\n",
            neutral::code_span(program)
        ));
    }
    out.push('\n');
    out.push_str(&commands(&content.commands));
    out.push_str(&format!(
        "\n<sub>Read from commit {} of {}</sub>\n",
        neutral::literal(&content.commit),
        neutral::code_span(branch)
    ));
    out
}

fn rules_in_force(rules: &Rules, branch: &str) -> String {
    let mut out = String::new();
    let refusing = refusals(rules);
    if !refusing.is_empty() {
        out.push_str(&format!(
            "- ⚠️ **A ruleset may refuse Baton's branches** ({}): {}. Leave such branches out of it, or let the App bypass \
             it.\n",
            neutral::code_span(&format!("{}/…", rules.prefix)),
            refusing.join("; ")
        ));
    }
    let asked: Vec<String> = rules.default.iter().filter_map(asked_to_merge).collect();
    if !asked.is_empty() {
        out.push_str(&format!(
            "- To merge into {} a ruleset asks for {}. Baton gives its own check `baton` and nothing else of it.\n",
            neutral::code_span(branch),
            asked.join("; ")
        ));
    }
    out
}

/// What of a repository's rulesets stands against a branch of Baton's, in words.
#[must_use]
pub fn refusals(rules: &Rules) -> Vec<String> {
    rules.own.iter().filter(|rule| rule.may_refuse_a_push()).map(against).collect()
}

fn against(rule: &BranchRule) -> String {
    match rule {
        BranchRule::Creation => "only some may make such branches".to_owned(),
        BranchRule::Update => "only some may push to them".to_owned(),
        BranchRule::PullRequest { .. } => "they change through pull requests alone".to_owned(),
        BranchRule::Signatures => "their commits have to be signed, and Baton's are not".to_owned(),
        BranchRule::Checks { names, .. } => {
            format!("the checks {} must have succeeded before the push", named(names))
        }
        BranchRule::NamePattern => "their names have to fit a pattern".to_owned(),
        BranchRule::FastForward => {
            "what was pushed cannot be replaced, as it is when Baton brings a branch up to date".to_owned()
        }
        BranchRule::Commits { of, pattern } => {
            let part = match of {
                CommitPart::Message => "messages of their commits",
                CommitPart::Author => "addresses of their commits' authors",
                CommitPart::Committer => "addresses of their commits' committers",
            };
            format!("{part} {}", fits(pattern))
        }
        BranchRule::Files { refused } => match refused {
            RefusedFiles::Paths { paths } => format!("files at {} are refused", named(paths)),
            RefusedFiles::Extensions { extensions } => format!("files that end in {} are refused", named(extensions)),
            RefusedFiles::LongerPaths { characters } => {
                format!("files with paths of more than {characters} characters are refused")
            }
            RefusedFiles::Larger { megabytes } => format!("files of more than {megabytes} MB are refused"),
        },
        BranchRule::Deployments { environments } => {
            format!("they must have been deployed to {} before the push", named(environments))
        }
        BranchRule::Workflows { paths, .. } => {
            format!("the workflows {} must have succeeded before the push", named(paths))
        }
        BranchRule::Scans { tools } => format!("{} must have scanned them before the push", named(tools)),
        BranchRule::MergeQueue => "they change through a merge queue alone".to_owned(),
    }
}

fn fits(pattern: &Pattern) -> String {
    let text = neutral::code_span(&pattern.text);
    let must = if pattern.negate { "must not" } else { "must" };
    match pattern.operator {
        Operator::StartsWith => format!("{must} begin with {text}"),
        Operator::EndsWith => format!("{must} end in {text}"),
        Operator::Contains => format!("{must} contain {text}"),
        Operator::Regex => format!("{must} fit the expression {text}"),
    }
}

/// Nothing for rules about pushes to the default branch: Baton pushes none.
fn asked_to_merge(rule: &BranchRule) -> Option<String> {
    match rule {
        BranchRule::PullRequest { approvals: 0 }
        | BranchRule::Creation
        | BranchRule::Update
        | BranchRule::NamePattern
        | BranchRule::FastForward => None,
        BranchRule::PullRequest { approvals: 1 } => Some("an approval".to_owned()),
        BranchRule::PullRequest { approvals } => Some(format!("{approvals} approvals")),
        BranchRule::Signatures => Some("signed commits (Baton's are not signed)".to_owned()),
        BranchRule::Checks { names, .. } if names.is_empty() => None,
        BranchRule::Checks { names, .. } => Some(format!("the checks {}", named(names))),
        // Of what is merged these hold too.
        BranchRule::Commits { .. } | BranchRule::Files { .. } => Some(against(rule)),
        BranchRule::Deployments { environments } => Some(format!("a deployment to {}", named(environments))),
        BranchRule::Workflows { paths, .. } => Some(format!("the workflows {}", named(paths))),
        BranchRule::Scans { tools } => Some(format!("scans by {}", named(tools))),
        BranchRule::MergeQueue => Some("its merge queue".to_owned()),
    }
}

fn named(checks: &[String]) -> String {
    checks.iter().take(SHOWN).map(|name| neutral::code_span(name)).collect::<Vec<_>>().join(", ")
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
            rules: None,
            missing_programs: vec![],
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
    fn what_rulesets_ask_and_what_no_sandbox_finds() {
        let checks =
            |on_creation| BranchRule::Checks { names: vec!["ci @everyone".into(), "lint".into()], on_creation };
        let own = vec![
            BranchRule::Creation,
            BranchRule::Update,
            BranchRule::PullRequest { approvals: 1 },
            BranchRule::Signatures,
            checks(true),
            checks(false),
            BranchRule::NamePattern,
            BranchRule::FastForward,
        ];
        let default = vec![BranchRule::PullRequest { approvals: 2 }, checks(true), BranchRule::Signatures];
        let told = |own: &[BranchRule], default: &[BranchRule]| {
            let rules = Rules { prefix: "baton".into(), own: own.to_vec(), default: default.to_vec() };
            let missing_programs = vec!["cargo".into()];
            let told = comment(&contact(Some(Content { rules: Some(rules), missing_programs, ..content() })));
            told.lines().skip_while(|line| !line.starts_with("- Limits")).skip(1).take(3).collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(told(&own, &default), @"
        - ⚠️ **A ruleset may refuse Baton's branches** (`baton/…`): only some may make such branches; only some may push to them; they change through pull requests alone; their commits have to be signed, and Baton's are not; the checks `ci @everyone`, `lint` must have succeeded before the push; their names have to fit a pattern; what was pushed cannot be replaced, as it is when Baton brings a branch up to date. Leave such branches out of it, or let the App bypass it.
        - To merge into `main` a ruleset asks for 2 approvals; the checks `ci @everyone`, `lint`; signed commits (Baton's are not signed). Baton gives its own check `baton` and nothing else of it.
        - ⚠️ **No sandbox finds `cargo`**, so these commands will fail with status 127. Baton's operator offers it with `sandbox.read_only_paths`; `baton doctor` there has the line.
        ");
        let nothing = told(&[checks(false)], &[BranchRule::PullRequest { approvals: 0 }, BranchRule::Creation]);
        assert!(nothing.starts_with("- ⚠️ **No sandbox finds `cargo`**"), "{nothing}");
    }

    #[test]
    fn what_rules_on_pushes_refuse() {
        let pattern = |operator, negate| Pattern { operator, text: "x@y `z`".into(), negate };
        let commits = |of, operator, negate| BranchRule::Commits { of, pattern: pattern(operator, negate) };
        let names = || vec!["a".to_owned(), "b/**".to_owned()];
        let files = |refused| BranchRule::Files { refused };
        let rules = [
            commits(CommitPart::Message, Operator::StartsWith, false),
            commits(CommitPart::Author, Operator::EndsWith, false),
            commits(CommitPart::Committer, Operator::Contains, true),
            commits(CommitPart::Message, Operator::Regex, true),
            files(RefusedFiles::Paths { paths: names() }),
            files(RefusedFiles::Extensions { extensions: names() }),
            files(RefusedFiles::LongerPaths { characters: 200 }),
            files(RefusedFiles::Larger { megabytes: 10 }),
            BranchRule::Deployments { environments: names() },
            BranchRule::Workflows { paths: names(), on_creation: true },
            BranchRule::Scans { tools: names() },
            BranchRule::MergeQueue,
        ];
        let told = rules.iter().map(|rule| format!("{} | {:?}", against(rule), asked_to_merge(rule)));
        insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r#"
        messages of their commits must begin with `` x@y `z` `` | Some("messages of their commits must begin with `` x@y `z` ``")
        addresses of their commits' authors must end in `` x@y `z` `` | Some("addresses of their commits' authors must end in `` x@y `z` ``")
        addresses of their commits' committers must not contain `` x@y `z` `` | Some("addresses of their commits' committers must not contain `` x@y `z` ``")
        messages of their commits must not fit the expression `` x@y `z` `` | Some("messages of their commits must not fit the expression `` x@y `z` ``")
        files at `a`, `b/**` are refused | Some("files at `a`, `b/**` are refused")
        files that end in `a`, `b/**` are refused | Some("files that end in `a`, `b/**` are refused")
        files with paths of more than 200 characters are refused | Some("files with paths of more than 200 characters are refused")
        files of more than 10 MB are refused | Some("files of more than 10 MB are refused")
        they must have been deployed to `a`, `b/**` before the push | Some("a deployment to `a`, `b/**`")
        the workflows `a`, `b/**` must have succeeded before the push | Some("the workflows `a`, `b/**`")
        `a`, `b/**` must have scanned them before the push | Some("scans by `a`, `b/**`")
        they change through a merge queue alone | Some("its merge queue")
        "#);
        assert!(rules.iter().all(BranchRule::may_refuse_a_push));
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
