//! Every story again in other weathers: a day without webhooks ends in the same state as a day with them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::weather::VARIABLE;

/// Stories that are about webhooks themselves, and why they are not told without them.
const ABOUT_WEBHOOKS: [(&str, &str); 3] = [
    ("authority::b_06_an_approval_never_counts_for_a_plan_that_came_after_it", "an approval is held back on its way"),
    ("authority::b_17_a_plan_does_not_travel", "who looks finds the issue assigned in its new place, and plans there"),
    (
        "authority::b_19_a_comment_of_another_place_in_a_forged_payload_is_dropped",
        "a payload is forged from a real one",
    ),
];

/// Tells the stories whose names begin like one of these again, each by itself, in these weathers. Each compares its end
/// with what was written down when it was told in fine weather, and is audited as always. Two go at a time.
#[expect(clippy::disallowed_methods, reason = "each story is told by a process of its own, as the test runner does it")]
fn again(which: &[&str], weathers: &[&str]) {
    let program = std::env::current_exe().expect("this program");
    let run = |args: &[&str], weather: &str| {
        let mut command = std::process::Command::new(&program);
        command.args(args).env(VARIABLE, weather).env("INSTA_UPDATE", "no").env_remove("NEXTEST_EXECUTION_MODE");
        command.output().expect("this program starts")
    };
    let listed = run(&["--list", "--format", "terse"], "");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let named = |name: &str| {
        name.strip_prefix("scenarios::").is_some_and(|name| {
            which.iter().any(|begin| name.starts_with(begin)) && ABOUT_WEBHOOKS.iter().all(|(story, _)| *story != name)
        })
    };
    let names: Vec<&str> =
        listed.lines().filter_map(|line| line.strip_suffix(": test")).filter(|name| named(name)).collect();
    for begin in which {
        assert!(names.iter().any(|name| name["scenarios::".len()..].starts_with(begin)), "no story is called {begin}");
    }
    let stories: Vec<(&str, &str)> =
        weathers.iter().flat_map(|weather| names.iter().map(move |name| (*name, *weather))).collect();
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((story, weather)) = stories.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let told = run(&["--exact", story, "--nocapture"], weather);
                    if !told.status.success() {
                        let said = [told.stdout, told.stderr].concat();
                        let text = format!("=== {story}, {weather}\n{}", String::from_utf8_lossy(&said));
                        failed.lock().expect("the list").push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("the list");
    println!("{} stories told again in {} weathers", names.len(), weathers.len());
    assert!(failed.is_empty(), "{} of {} end otherwise:\n{}", failed.len(), stories.len(), failed.join("\n"));
}

/// One story for each weather; all of them in all weathers take minutes.
#[test]
fn a_day_without_webhooks_ends_like_a_day_with_them() {
    again(&["calm::an_assigned_issue", "review::a_closed_pull_request"], &["lost"]);
}

#[test]
fn a_day_on_which_webhooks_fail_ends_like_any_other() {
    again(&["calm::a_labelled_issue"], &["failing"]);
}

#[test]
fn half_of_the_webhooks_late_or_twice_end_like_all_of_them() {
    again(&["calm::a_rejected_plan"], &["mixed:1"]);
}

/// Every story there is, in every weather.
#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn every_story_in_every_weather() {
    again(
        &["authority", "auto", "calm", "commands", "evidence", "patches", "review", "withdrawn"],
        &["lost", "failing", "mixed:1", "mixed:2", "mixed:3", "mixed:4", "mixed:5"],
    );
}
