//! What counts as a command in a comment: the kept corpus, the table against its documentation, and properties that hold
//! for every text (SECURITY.md B-12).

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use baton_core::command::spec::{self, Place};
use baton_core::command::{Command, Found, MAX_COMMANDS, MAX_TEXT_CHARS, Problem, parse};
use baton_core::domain::usage::MicroDollars;
use insta::assert_snapshot;
use proptest::prelude::*;

/// One line for each thing found: its line number, then the command, or `!`, the problem and the line.
fn listed(comment: &str) -> String {
    let mut list = String::new();
    for found in parse(comment) {
        let _ = match found {
            Found::Command { command, line } => {
                writeln!(list, "{line} {}", command.to_string().replace('\n', "\\n"))
            }
            Found::Mistyped { line_text, line, problem, .. } => {
                writeln!(list, "{line} ! {} {line_text}", named(problem))
            }
        };
    }
    list
}

fn named(problem: Problem) -> String {
    match problem {
        Problem::Missing(what) => format!("Missing {what}"),
        Problem::Invalid(spec) => format!("Invalid {}", spec.argument.placeholder().trim_matches(['[', ']'])),
        other => format!("{other:?}"),
    }
}

fn commands(comment: &str) -> Vec<Command> {
    parse(comment)
        .into_iter()
        .filter_map(|found| match found {
            Found::Command { command, .. } => Some(command),
            Found::Mistyped { .. } => None,
        })
        .collect()
}

#[test]
fn b_12_every_comment_of_the_corpus_yields_exactly_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/commands");
    let mut wrong = String::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        count += 1;
        let found = listed(&fs::read_to_string(&path).unwrap());
        let expected = fs::read_to_string(path.with_extension("expected")).unwrap();
        if found != expected {
            let _ = writeln!(
                wrong,
                "{}\n  expected {expected:?}\n  found    {found:?}",
                path.file_name().unwrap().display()
            );
        }
    }
    assert_eq!(wrong, "");
    assert!(count > 80, "only {count} files in {}", folder.display());
}

#[test]
fn the_documentation_shows_the_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains(&spec::docs_table()),
        "docs/commands.md is not up to date. Its table must be:\n{}",
        spec::docs_table()
    );
}

#[test]
fn help_shows_what_works_at_the_place() {
    assert_snapshot!(spec::help_table(Place::Issue, |spec| spec.name != "baton retry"), @r"
    | Command | Who | What it does |
    |---|---|---|
    | `/plan` | writers | Write a plan for this issue, or write it anew. |
    | `/plan approve [REV]` | writers | Approve the newest plan, or revision REV if it still is the newest; the work starts. |
    | `/plan revise TEXT` | writers | Write a new revision of the plan that takes TEXT into account. |
    | `/plan reject [TEXT]` | writers | Turn the plan down and end the task; TEXT says why. |
    | `/baton status` | everyone | Show the state, the place in the queue, the cost so far and the links. |
    | `/baton cancel` | writers | Stop whatever is running and end the task. |
    | `/baton pause` | writers | Hold the task until it is resumed. |
    | `/baton resume` | writers | Go on with a paused task. |
    | `/baton budget AMOUNT` | writers | Set this task's limit to AMOUNT US dollars. |
    | `/baton doctor` | writers | Show what was found in this repository: languages, commands, configuration errors, permissions. |
    | `/baton help` | everyone | Show the commands that work here. |

    Not at this moment: `/baton retry`.
    ");
    assert_snapshot!(spec::help_table(Place::PullRequest, |_| true), @r"
    | Command | Who | What it does |
    |---|---|---|
    | `/baton status` | everyone | Show the state, the place in the queue, the cost so far and the links. |
    | `/baton cancel` | writers | Stop whatever is running and end the task. |
    | `/baton pause` | writers | Hold the task until it is resumed. |
    | `/baton resume` | writers | Go on with a paused task. |
    | `/baton retry` | writers | Try a failed task again with the same branch, issue text and budget. |
    | `/baton budget AMOUNT` | writers | Set this task's limit to AMOUNT US dollars. |
    | `/baton help` | everyone | Show the commands that work here. |
    ");
}

#[test]
fn a_mistyped_command_names_the_nearest_one() {
    let nearest = |line: &str| match parse(line).pop() {
        Some(Found::Mistyped { nearest, problem, .. }) => format!("{}; {problem}", nearest.unwrap_or("-")),
        other => format!("{other:?}"),
    };
    let typed = [
        "/plan aprove",
        "/plna approve",
        "/batton sttus",
        "/plan\u{a0}approve",
        "/plan build me a house",
        "/baton dance",
        "/baton xyzzy",
        "/baton budget lots",
        "/plan approve now",
        "/pln",
    ];
    let answers: Vec<String> = typed.iter().map(|line| format!("{line} → {}", nearest(line))).collect();
    assert_snapshot!(answers.join("\n"), @r"
    /plan aprove → /plan approve [REV]; there is no such command
    /plna approve → /plan approve [REV]; there is no such command
    /batton sttus → /baton status; there is no such command
    /plan approve → /plan approve [REV]; it looks like a command but contains capital, invisible, wide or foreign characters; type it in plain lower-case letters
    /plan build me a house → /plan; there is no such command
    /baton dance → /baton cancel; there is no such command
    /baton xyzzy → -; there is no such command
    /baton budget lots → -; AMOUNT must be a sum in US dollars, such as `/baton budget 5`
    /plan approve now → -; REV must be a plan's number, such as `/plan approve 2`
    /pln → /plan; there is no such command
    ");
}

#[test]
fn a_text_that_is_too_long_is_refused_and_not_cut() {
    let fits = "x".repeat(MAX_TEXT_CHARS);
    assert_eq!(commands(&format!("/plan revise {fits}")), [Command::Revise { text: fits.clone() }]);
    assert_eq!(listed(&format!("/plan revise {fits}y")).split(' ').nth(2), Some("TextTooLong"));
}

fn text() -> impl Strategy<Value = String> {
    "[a-z][a-zA-Z0-9 ,.'()é]{0,40}[a-z]".prop_map(|text| text.trim().to_owned())
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Plan),
        prop::option::of(1..=u32::MAX).prop_map(|revision| Command::Approve { revision }),
        text().prop_map(|text| Command::Revise { text }),
        prop::option::of(text()).prop_map(|text| Command::Reject { text }),
        Just(Command::Status),
        Just(Command::Cancel),
        Just(Command::Pause),
        Just(Command::Resume),
        Just(Command::Retry),
        "[a-zA-Z0-9][a-zA-Z0-9._-]{0,20}".prop_map(|name| Command::Agent { name }),
        (1..=1_000_000_000_000u64).prop_map(|micros| Command::Budget { amount: MicroDollars(micros) }),
        prop::option::of(text()).prop_map(|text| Command::Fix { text }),
        Just(Command::Rebase),
        Just(Command::Doctor),
        Just(Command::Help),
    ]
}

/// Pieces that break parsers, with commands among them.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("/plan approve".to_owned()),
        2 => Just("\n".to_owned()),
        2 => Just("\n\n".to_owned()),
        2 => prop::sample::select(vec![
            "> ", "- ", "1. ", "    ", "\t", "```\n", "~~~", "`", "``", "<!--", "-->", "<details>", "</details>",
            "<summary>", "<div title=\"", "\">", "<b>", "</b>", "<template>", "<p>", "</p>", "[", "](", ")", "![",
            "[x]: ", "[^1]: ", "|", "|---|\n", "**", "*", "_", "~~", "$", "$$", "\\", "&#47;", "&lt;", "<?", "?>",
            "<![CDATA[", "]]>", "<!X ", "# ", "---\n", "===\n", "\u{200b}", "\u{a0}", "\r", "\r\n", "\0", "/plan",
            "/baton status", "\u{E000}0;", "<m\u{E000}c>", "</m\u{E000}l>", "<br>", "<https://a.b>", "<a href='",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// The lines that begin, in the page GitHub's own dialect makes, at the start of a paragraph or after a line break, with
/// nothing but Baton's reading of it left out: rendered by another parser than the one under test.
fn paragraph_lines_by_another_parser(comment: &str) -> Vec<String> {
    use comrak::nodes::NodeValue;
    let arena = comrak::Arena::new();
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.footnotes = true;
    options.extension.tasklist = true;
    let root = comrak::parse_document(&arena, comment, &options);
    let mut lines = Vec::new();
    for block in root.children() {
        if !matches!(block.data.borrow().value, NodeValue::Paragraph) {
            continue;
        }
        let mut line = Some(String::new());
        for inline in block.children() {
            match &inline.data.borrow().value {
                NodeValue::SoftBreak | NodeValue::LineBreak => {
                    lines.extend(line.replace(String::new()));
                }
                NodeValue::Text(text) => {
                    if let Some(line) = &mut line {
                        line.push_str(text);
                    }
                }
                // What stands after anything else on the line is of no interest, only how the line begins.
                _ if line.as_deref() == Some("") => line = None,
                _ => {}
            }
        }
        lines.extend(line);
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_a_command_and_reading_it_gives_it_back(command in command()) {
        prop_assert_eq!(commands(&command.to_string()), vec![command.clone()]);
        prop_assert_eq!(command.spec().map(|spec| spec.name), Some(command.name()));
        let json = serde_json::to_string(&command).unwrap();
        prop_assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), command);
    }

    #[test]
    fn nothing_makes_it_panic_and_the_limit_holds(comment in hostile()) {
        prop_assert!(parse(&comment).len() <= MAX_COMMANDS + 1);
    }

    #[test]
    fn b_12_quotes_code_and_html_never_command(comment in hostile()) {
        let comment = comment.replace(['\r'], " ");
        let quoted = comment.lines().map(|line| format!("> {line}\n")).collect::<String>();
        prop_assert_eq!(commands(&quoted), vec![], "quote");
        let indented = comment.lines().map(|line| format!("     {line}\n")).collect::<String>();
        prop_assert_eq!(commands(&indented), vec![], "indented code");
        let fence = "`".repeat(comment.len() + 3);
        prop_assert_eq!(commands(&format!("{fence}\n{comment}\n{fence}")), vec![], "fence");
        let commented = comment.replace("--", "").replace(['<', '>'], "");
        prop_assert_eq!(commands(&format!("<!-- a\n{commented}\n-->")), vec![], "comment");
        let plain = comment.replace(['<', '>', '`', '~'], "");
        prop_assert_eq!(commands(&format!("<details><summary>log</summary>\n\n{plain}")), vec![], "details");
    }

    /// Every command found is a line that an independent parser of GitHub's dialect renders as the start of a paragraph's line.
    #[test]
    fn b_12_another_parser_agrees_on_every_command(comment in hostile()) {
        let comment = comment.replace("\r\n", "\n").replace(['\r', '\0'], " ");
        let lines = paragraph_lines_by_another_parser(&comment);
        for command in commands(&comment) {
            let words = format!("/{}", command.name());
            prop_assert!(
                lines.iter().any(|line| line.trim_start_matches(' ').split_whitespace().collect::<Vec<_>>().join(" ").starts_with(&words)),
                "{command} in {comment:?}, but the lines are {lines:?}"
            );
        }
    }
}
