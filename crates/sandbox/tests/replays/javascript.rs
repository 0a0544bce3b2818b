//! `javascript-hotshelf`: what is written most is evicted first.

use serde_json::json;

use crate::solution::edits;
use crate::story::{
    Run, Story, edit, finish, implement, list, plan, read, read_from, revise, run, search, submit_plan, turn,
};

const REPOSITORY: &str = "javascript-hotshelf";
const CACHE: &str = "src/cache.js";
const TESTS: &str = "test/overwrite.test.js";
const CHANGES: &str = "CHANGELOG.md";
/// Totals and names are the same in every version of Node; the rest of the report is not.
const ALL: &str = "node --test --test-reporter=tap 2>&1 | grep -E '^# (tests|pass|fail) '";
const OWN: &str = "node --test --test-reporter=tap test/overwrite.test.js 2>&1 | grep -oE '(not )?ok [0-9]+ - .*'";
const BUSES: &str = r#"node --input-type=module -e "
import { Cache } from './src/index.js'
const cache = new Cache({ limit: 2 })
cache.set('bus 7', 'Main St').set('depot', 'North').set('bus 7', 'Station').set('bus 9', 'Harbour')
console.log([...cache.keys()])
""#;

fn story(name: &'static str, label: &'static str, runs: Vec<Run>) -> Story {
    let capture = "we track this as `{{nonce:[A-Za-z0-9][A-Za-z0-9-]{5,39}}}` with you as a supplier";
    Story { name, repository: REPOSITORY, label, capture, runs: std::iter::once(planned()).chain(runs).collect() }
}

/// The run that mends it.
pub fn right() -> Story {
    story("javascript-hotshelf-right", "javascript-hotshelf, right edit", vec![mended()])
}

/// The run that calls `onEvict` where it must not, and two revisions that still do.
pub fn wrong() -> Story {
    let runs = vec![broken(), first_revision(), second_revision()];
    story("javascript-hotshelf-wrong", "javascript-hotshelf, wrong edit", runs)
}

fn planned() -> Run {
    plan(vec![
        turn("First the cache itself.", vec![list(), read_from(CACHE, 1, 60)]),
        turn(
            "`get` takes the key out and puts it in again; `set` does not. The example of the issue:",
            vec![run(BUSES), search("counts as a use|overwritten", "README.md")],
        ),
        turn(
            "As reported, and against the README. What do the tests hold on to?",
            vec![read_from("test/events.test.js", 12, 18), search("overwritten", "test"), run(ALL)],
        ),
        turn(
            "Overwriting must stay silent: no `onEvict`, nothing counted.",
            vec![submit_plan(json!({
                "goal": "`set` makes an entry that it overwrites the most recently used one, as the README says.",
                "files": [CACHE, TESTS, CHANGES],
                "steps": [
                    "In `Cache.set`, delete the key from the map before it is inserted, so that it moves to the end. Not \
                     with the public `delete`: overwriting is no eviction and calls no `onEvict`.",
                    "Add a changelog entry under `Unreleased` that mentions {{nonce}}.",
                ],
                "testing": "A new file `test/overwrite.test.js` with the example of the issue, the order of the keys and \
                            the statistics. It fails now. `node --test` passes.",
                "risks": ["Who relies on the order of `keys()` after overwriting sees another one."],
                "questions": [],
            }))],
        ),
    ])
}

fn mended() -> Run {
    implement(vec![
        turn("I read what I am going to change.", vec![read_from(CACHE, 42, 16), read_from(CHANGES, 1, 8)]),
        turn("First the tests. Two of them should fail.", [edits(REPOSITORY, "Right", TESTS), vec![run(OWN)]].concat()),
        turn("They do. Now the change.", [edits(REPOSITORY, "Right", CACHE), vec![run(ALL), run(OWN)]].concat()),
        turn(
            "All pass. The changelog, and the example of the issue once more.",
            [edits(REPOSITORY, "Right", CHANGES), vec![run(BUSES)]].concat(),
        ),
        turn(
            "`bus 7` stays.",
            vec![finish(
                "A `Map` keeps a key at its old place when its value is replaced, so `set` did not count as a use. It takes \
                 the key out before it puts it in again now, silently: overwriting calls no `onEvict` and counts no \
                 eviction.\n\nTwo of the three new tests in `test/overwrite.test.js` failed before the change. All 25 tests \
                 pass. The changelog mentions {{nonce}}.",
            )],
        ),
    ])
}

fn broken() -> Run {
    implement(vec![
        turn("The plan is clear. I read the method.", vec![read_from(CACHE, 42, 16)]),
        turn(
            "Deleting the old entry first moves the key to the end.",
            [edits(REPOSITORY, "Wrong", CACHE), edits(REPOSITORY, "Wrong", TESTS), edits(REPOSITORY, "Wrong", CHANGES)]
                .concat(),
        ),
        turn(
            "Now the new test and those of the cache.",
            vec![run(
                "node --test --test-reporter=tap test/overwrite.test.js test/cache.test.js 2>&1 | grep -E '^# (pass|fail) '",
            )],
        ),
        turn(
            "They pass.",
            vec![finish(
                "`set` deletes the entry that it overwrites first, so that it becomes the most recently used one. The new \
                 test in `test/overwrite.test.js` passes, and the changelog mentions {{nonce}}.",
            )],
        ),
    ])
}

/// What Baton's feedback names first.
const BROKEN: &str = r"- broken: {{broken:\S[^\n]*}}";

fn first_revision() -> Run {
    revise(
        1,
        BROKEN,
        vec![
            turn(
                "Baton found that “{{broken}}” fails.",
                vec![search("is not called when", "test"), read_from(CACHE, 42, 14)],
            ),
            turn(
                "There is nothing to tell when the same value is stored again, so I leave the entry alone then.",
                vec![
                    edit(
                        CACHE,
                        "    this.delete(key)\n    if (",
                        "    if (this.peek(key) !== value) this.delete(key)\n    if (",
                    ),
                    run(OWN),
                ],
            ),
            turn(
                "The new test still passes.",
                vec![finish("`onEvict` is not called any more when a value is overwritten with the same value.")],
            ),
        ],
    )
}

fn second_revision() -> Run {
    revise(
        2,
        BROKEN,
        vec![
            turn("“{{broken}}” still fails.", vec![read("src/options.js"), search("peek|delete", CACHE)]),
            turn(
                "An entry that is not there needs no comparison.",
                vec![
                    edit(CACHE, "if (this.peek(key) !== value)", "if (this.has(key) && this.peek(key) !== value)"),
                    run(OWN),
                ],
            ),
            turn(
                "The new test still passes.",
                vec![finish("`set` deletes an entry only if there is one with another value.")],
            ),
        ],
    )
}
