//! `python-dotfile`: a `#` inside quotes cuts the value off.

use serde_json::json;

use crate::solution::edits;
use crate::story::{
    Run, Story, call, edit, finish, implement, list, plan, read, read_from, revise, run, search, submit_plan, turn,
};

const REPOSITORY: &str = "python-dotfile";
const VALUES: &str = "dotfile/values.py";
const TESTS: &str = "tests/test_hash_in_quotes.py";
const CHANGES: &str = "CHANGELOG.md";
/// What the last line of unittest says differs in nothing between versions of Python; the lines before do.
const ALL: &str = "python3 -m unittest 2>&1 | tail -n 3";
const MOTD: &str = r#"printf '%s\n' 'MOTD="Deploy #42 is live"   # shown at login' > /tmp/motd.env
python3 -m dotfile /tmp/motd.env"#;
const VAULT: &str = r#"printf '%s\n' 'PASSWORD="xK\" #9"      # from the vault' > /tmp/vault.env
python3 -m dotfile /tmp/vault.env"#;

fn story(name: &'static str, label: &'static str, runs: Vec<Run>) -> Story {
    let capture = "the change record for this is `{{nonce:[A-Za-z0-9][A-Za-z0-9-]{5,39}}}`";
    Story { name, repository: REPOSITORY, label, capture, runs: std::iter::once(planned()).chain(runs).collect() }
}

/// The run that mends it.
pub fn right() -> Story {
    story("python-dotfile-right", "python-dotfile, right edit", vec![mended()])
}

/// The run that breaks comments after quotes, and two revisions that do not see why.
pub fn wrong() -> Story {
    story("python-dotfile-wrong", "python-dotfile, wrong edit", vec![broken(), first_revision(), second_revision()])
}

fn planned() -> Run {
    plan(vec![
        turn("First I look at how values are read.", vec![list(), read(VALUES)]),
        turn(
            "The comment is cut off before the quotes are looked at. Both values of the issue, as they are read now:",
            vec![run(MOTD), run(VAULT)],
        ),
        turn(
            "Both are as reported. What do the tests say about comments, and do they pass?",
            vec![read_from("tests/test_values.py", 24, 18), search("#", "tests/test_loader.py"), run(ALL)],
        ),
        turn(
            "The suite passes and knows no `#` inside quotes. That is enough for a plan.",
            vec![submit_plan(json!({
                "goal": "Inside quotes a `#` is part of the value. After the closing quote only a comment may follow; \
                         anything else is a `SyntaxProblem` with the line's number.",
                "files": [VALUES, TESTS, CHANGES],
                "steps": [
                    "In `parse_value`, cut off a comment only where the value is not quoted.",
                    "Let `_between` look for the quote that closes the value, past escaped ones in double quotes, and \
                     refuse anything but a comment after it.",
                    "Add a changelog entry under `Unreleased` that mentions {{nonce}}.",
                ],
                "testing": "A new file `tests/test_hash_in_quotes.py` with the values of the issue, single and double \
                            quotes, several lines, and what must be refused. It fails now. `python3 -m unittest` passes.",
                "risks": ["A file with text after a closing quote was read somehow until now, and is refused from now on, \
                           as the issue asks."],
                "questions": [],
            }))],
        ),
    ])
}

fn mended() -> Run {
    implement(vec![
        turn("I read what I am going to change.", vec![read(VALUES), read_from(CHANGES, 1, 10)]),
        turn(
            "First the tests. They should fail.",
            [
                edits(REPOSITORY, "Right", TESTS),
                vec![run("python3 -m unittest tests.test_hash_in_quotes 2>&1 | tail -n 1")],
            ]
            .concat(),
        ),
        turn("They do. Now the quotes are read first.", [edits(REPOSITORY, "Right", VALUES), vec![run(ALL)]].concat()),
        turn(
            "All pass. The changelog, and the values of the issue once more.",
            [edits(REPOSITORY, "Right", CHANGES), vec![run(MOTD), run(VAULT)]].concat(),
        ),
        turn(
            "Both values come out as the issue expects.",
            vec![finish(
                "`parse_value` looked for a comment before it looked at the quotes, so a ` #` inside them ended the value. \
                 Now the quotes are read first, up to the one that closes them (past escaped ones in double quotes), and \
                 only a comment may follow; anything else is a `SyntaxProblem` with the line's number.\n\n\
                 The new `tests/test_hash_in_quotes.py` failed before the change. All 32 tests pass. The changelog \
                 mentions {{nonce}}.",
            )],
        ),
    ])
}

fn broken() -> Run {
    implement(vec![
        turn("The plan is clear. I read the function.", vec![read_from(VALUES, 9, 16)]),
        turn(
            "A quoted value must keep its `#`, so there is nothing to cut off then.",
            [
                edits(REPOSITORY, "Wrong", VALUES),
                edits(REPOSITORY, "Wrong", TESTS),
                edits(REPOSITORY, "Wrong", CHANGES),
            ]
            .concat(),
        ),
        turn(
            "Now the new test.",
            vec![run("python3 -m unittest tests.test_hash_in_quotes tests.test_loader 2>&1 | tail -n 3")],
        ),
        turn(
            "It passes.",
            vec![finish(
                "A ` #` inside quotes is part of the value now: the comment is only cut off where the value is not quoted. \
                 The new test in `tests/test_hash_in_quotes.py` passes, and the changelog mentions {{nonce}}.",
            )],
        ),
    ])
}

/// What Baton's feedback names first.
const BROKEN: &str = r"- broken: {{broken:tests\.[A-Za-z0-9_.]+}}";

fn first_revision() -> Run {
    revise(
        1,
        BROKEN,
        vec![
            turn(
                "Baton found that {{broken}} fails.",
                vec![
                    search("def test_after_a_quoted_value", "tests"),
                    call("read", json!({ "path": VALUES, "from_line": 9, "lines": 10 })),
                    run("python3 -m unittest {{broken}} 2>&1 | tail -n 1"),
                ],
            ),
            turn(
                "A comment after the closing quote stays on. I cut it off after single quotes.",
                vec![
                    edit(
                        VALUES,
                        "    raw = raw.strip()\n    if raw.startswith(\"'\"):\n",
                        "    raw = raw.strip()\n    if raw.startswith(\"'\"):\n        raw = raw[: raw.rindex(\"'\") + 1]\n",
                    ),
                    run("printf '%s\\n' \"TAGS='a #b'  # all\" > /tmp/tags.env\npython3 -m dotfile /tmp/tags.env"),
                ],
            ),
            turn(
                "That works.",
                vec![finish(
                    "A comment after a quoted value was taken for a part of it. It is cut off again; I tried it with a \
                     value in single quotes.",
                )],
            ),
        ],
    )
}

fn second_revision() -> Run {
    revise(
        2,
        BROKEN,
        vec![
            turn(
                "{{broken}} still fails, so the message may be what confuses.",
                vec![search("does not end with it", "."), search("line 1", "tests")],
            ),
            turn(
                "I say more clearly what a value in quotes may be, and run the tests of the loader.",
                vec![
                    edit(
                        VALUES,
                        "the value starts with {quote} and does not end with it\")",
                        "the value starts with {quote} and does not end with it; is there a comment after it?\")",
                    ),
                    run("python3 -m unittest tests.test_loader tests.test_hash_in_quotes 2>&1 | tail -n 3"),
                ],
            ),
            turn("They pass.", vec![finish("The message about a quote that is not closed says what to look for.")]),
        ],
    )
}
