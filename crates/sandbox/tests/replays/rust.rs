//! `rust-timespan`: rounding shows `1m 60s`.

use serde_json::json;

use crate::solution::edits;
use crate::story::{
    Run, Story, build, edit, finish, implement, list, plan, read, read_from, revise, search, submit_plan, turn,
};

const REPOSITORY: &str = "rust-timespan";
const FORMAT: &str = "src/format.rs";
const TESTS: &str = "tests/carry.rs";
const CHANGES: &str = "CHANGELOG.md";
/// What Cargo, the compiler and rustdoc say besides differs between versions of Rust.
const ALL: &str = "cargo test --quiet 2>&1 | grep '^test result'";
const OWN: &str = "cargo test --quiet --test carry 2>&1 | grep '^test result'";

fn story(name: &'static str, label: &'static str, runs: Vec<Run>) -> Story {
    let capture = "Our support tracks this as `{{nonce:[A-Za-z0-9][A-Za-z0-9-]{5,39}}}`";
    Story { name, repository: REPOSITORY, label, capture, runs: std::iter::once(planned()).chain(runs).collect() }
}

/// The run that mends it.
pub fn right() -> Story {
    story("rust-timespan-right", "rust-timespan, right edit", vec![mended()])
}

/// The run that cuts off instead of rounding, and two revisions that trade one failure for another.
pub fn wrong() -> Story {
    let runs = vec![broken(), first_revision(), second_revision()];
    story("rust-timespan-wrong", "rust-timespan, wrong edit", runs)
}

fn planned() -> Run {
    plan(vec![
        turn("First the code that writes.", vec![list(), read_from(FORMAT, 1, 90)]),
        turn(
            "The time is taken apart before it is rounded, so the seconds can become 60 when the minutes are decided. The \
             command writes with three digits; the workspace is read-only, so it is built in /tmp.",
            vec![build("CARGO_TARGET_DIR=/tmp/target cargo run --quiet -- 59.9997s 119.9999s 2>/dev/null")],
        ),
        turn(
            "There it is. What do the tests hold on to, and do they pass?",
            vec![
                search("^fn |1_600|5_700", "tests/format.rs"),
                build("CARGO_TARGET_DIR=/tmp/target cargo test --quiet 2>&1 | grep '^test result'"),
            ],
        ),
        turn(
            "They pass; none is near a full minute.",
            vec![submit_plan(json!({
                "goal": "Seconds that round up to 60 carry into the minutes, hours and days, in `format` and in `clock`; the \
                         rounding itself stays.",
                "files": [FORMAT, TESTS, CHANGES],
                "steps": [
                    "Add a function in `src/format.rs` that rounds a `Duration` to the nearest step of a `Precision`, in \
                     integers as `AGENTS.md` asks, without overflow at `Duration::MAX`.",
                    "Take apart the rounded time in `format` (its precision) and in `clock` (whole seconds).",
                    "Add a changelog line under `Unreleased` that mentions {{nonce}}.",
                ],
                "testing": "A new file `tests/carry.rs`: the durations of the issue with each precision, and `clock`. It \
                            fails now. `cargo test` passes.",
                "risks": ["Half a step rounds up now; the float printing before rounded half to even."],
                "questions": [],
            }))],
        ),
    ])
}

fn mended() -> Run {
    implement(vec![
        turn("I read what I am going to change.", vec![read_from(FORMAT, 18, 72), read_from(CHANGES, 1, 8)]),
        turn(
            "First the tests. All three should fail.",
            [
                edits(REPOSITORY, "Right", TESTS),
                vec![build(
                    "cargo test --quiet --test carry -- --test-threads=1 2>&1 | grep -E '^( +left| +right|test result)'",
                )],
            ]
            .concat(),
        ),
        turn("They do. Now the time is rounded first.", [edits(REPOSITORY, "Right", FORMAT), vec![build(ALL)]].concat()),
        turn(
            "All pass. The changelog, and the command once more.",
            [
                edits(REPOSITORY, "Right", CHANGES),
                vec![build("cargo run --quiet -- 59.9997s 119.9999s 1.6s 2>/dev/null")],
            ]
            .concat(),
        ),
        turn(
            "The minutes are whole.",
            vec![finish(
                "The time was taken apart before its seconds were rounded, so 59.7 seconds were printed as 60 after the \
                 minutes had been decided. `format` and `clock` now round the time to what they show before they take it \
                 apart, in integers.\n\nThe three new tests in `tests/carry.rs` failed before the change. All tests pass. The \
                 changelog mentions {{nonce}}.",
            )],
        ),
    ])
}

fn broken() -> Run {
    implement(vec![
        turn("The plan is clear. I read the function.", vec![read_from(FORMAT, 58, 16)]),
        turn(
            "Without rounding up there are never 60 seconds.",
            [
                edits(REPOSITORY, "Wrong", FORMAT),
                edits(REPOSITORY, "Wrong", TESTS),
                edits(REPOSITORY, "Wrong", CHANGES),
            ]
            .concat(),
        ),
        turn("Now the new test.", vec![build(OWN)]),
        turn(
            "It passes.",
            vec![finish(
                "`format` no longer shows `60s`: the seconds are cut to the precision before they are printed. The new test \
                 in `tests/carry.rs` passes, and the changelog mentions {{nonce}}.",
            )],
        ),
    ])
}

fn first_revision() -> Run {
    revise(
        1,
        r"- broken: {{broken:tests/[a-z_]+\.rs::[a-z_]+}}",
        vec![
            turn(
                "Baton found that {{broken}} and others fail: I took the rounding away.",
                vec![read("tests/format.rs"), search("floor", "src")],
            ),
            turn(
                "Half a step before the floor rounds again.",
                vec![
                    edit(FORMAT, "(parts.seconds * scale).floor()", "(parts.seconds * scale + 0.5).floor()"),
                    build("cargo test --quiet --test format 2>&1 | grep '^test result'"),
                ],
            ),
            turn(
                "The tests that failed pass.",
                vec![finish("The seconds are rounded to the nearest step again; the tests in `tests/format.rs` pass.")],
            ),
        ],
    )
}

fn second_revision() -> Run {
    revise(
        2,
        r"- your new test: {{own:tests/[a-z_]+\.rs::[a-z_]+}}",
        vec![
            turn("Now {{own}} fails: rounding brings 60 back.", vec![search("shown", FORMAT)]),
            turn(
                "There are never more than 59 seconds.",
                vec![edit(FORMAT, ".floor() / scale;", ".floor().min(59.0 * scale) / scale;"), build(OWN)],
            ),
            turn(
                "It passes.",
                vec![finish("The seconds that are shown end at 59; the test in `tests/carry.rs` passes.")],
            ),
        ],
    )
}
