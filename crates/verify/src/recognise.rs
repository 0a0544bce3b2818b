//! Which runner a command line starts, and how its results are read.

use std::sync::LazyLock;

use regex::Regex;

use crate::command::{ResultSource, Runner};

struct Patterns {
    junit: Vec<Regex>,
    runners: Vec<(Regex, Runner)>,
}

/// In the order in which they are tried: `cargo nextest` before `cargo test`.
static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let runner = |pattern: &str, runner: Runner| Some((Regex::new(pattern).ok()?, runner));
    Some(Patterns {
        junit: vec![
            Regex::new(r#"--(?:junitxml|junit-xml|log-junit)[= ]['"]?([^\s'"]+)"#).ok()?,
            Regex::new(r#"--(?:out|outputFile(?:\.junit)?)[= ]['"]?([^\s'"]+\.xml)"#).ok()?,
            Regex::new(r#"--test-reporter-destination[= ]['"]?([^\s'"]+\.xml)"#).ok()?,
        ],
        runners: vec![
            runner(r"\bcargo(?: \+\S+)? nextest (?:run|r)\b", Runner::Nextest)?,
            runner(r"\bcargo(?: \+\S+)? (?:test|t)\b", Runner::CargoTest)?,
            runner(r"(?:^|[\s/=])(?:pytest|py\.test)\b|-m pytest\b", Runner::Pytest)?,
            runner(r"-m unittest\b|\bmanage\.py test\b", Runner::Unittest)?,
            runner(r"\bnode\b[^|;&]* --test\b", Runner::NodeTest)?,
            runner(r"(?:^|[\s/])(?:jest|react-scripts test)\b", Runner::Jest)?,
            runner(r"(?:^|[\s/])vitest\b", Runner::Vitest)?,
            runner(r"\bgo test\b", Runner::GoTest)?,
        ],
    })
});

/// How the results of a command line are read. A runner that names only what failed (`-q`, no `-v`) is judged by its exit
/// status: what it does not name cannot be compared.
#[must_use]
pub fn recognise(command: &str) -> ResultSource {
    let runner = runner(command).filter(|runner| names_every_test(*runner, command));
    let paths = report_paths(command);
    if !paths.is_empty() {
        return ResultSource::JunitXml { paths, otherwise: runner };
    }
    match runner {
        Some(runner) => ResultSource::Output(runner),
        None => ResultSource::ExitStatus,
    }
}

/// The runner that a command line starts.
pub(crate) fn runner(command: &str) -> Option<Runner> {
    let patterns = PATTERNS.as_ref()?;
    patterns.runners.iter().find(|(pattern, _)| pattern.is_match(command)).map(|(_, runner)| *runner)
}

fn report_paths(command: &str) -> Vec<String> {
    if command.contains("mvn") && [" test", " verify", " install"].iter().any(|goal| command.contains(goal)) {
        return vec![
            "**/target/surefire-reports/TEST-*.xml".to_owned(),
            "**/target/failsafe-reports/TEST-*.xml".to_owned(),
        ];
    }
    if command.contains("gradle") && [" test", " check", " build"].iter().any(|task| command.contains(task)) {
        return vec!["**/build/test-results/**/TEST-*.xml".to_owned()];
    }
    let Some(patterns) = PATTERNS.as_ref() else { return Vec::new() };
    patterns
        .junit
        .iter()
        .filter_map(|pattern| pattern.captures(command))
        .map(|found| found[1].trim_start_matches("./").to_owned())
        .filter(|path| !path.starts_with('/'))
        .collect()
}

/// Whether the runner, started like this, names each test that it runs.
fn names_every_test(runner: Runner, command: &str) -> bool {
    let has = |flags: &[&str]| command.split_whitespace().any(|word| flags.contains(&word));
    match runner {
        Runner::CargoTest => !has(&["-q", "--quiet", "--format=terse"]),
        Runner::Unittest => {
            has(&["-v", "--verbose", "--verbosity=2", "-v2"])
                || command.contains("-v 2")
                || command.contains("--verbosity 2")
        }
        Runner::Pytest => {
            (has(&["-v", "--verbose"]) && !has(&["-q", "--quiet", "-qq"])) || has(&["-vv", "-vvv", "-rA"])
        }
        // Without `-v` a package stands for its tests, without `--verbose` a file: that can be compared too.
        Runner::Nextest | Runner::NodeTest | Runner::Jest | Runner::Vitest | Runner::GoTest => true,
    }
}

/// The command line with what makes its runner name every test and go on after a failure. A line that is more than one
/// plain command is left alone.
pub(crate) fn with_names(command: &str) -> String {
    let command = command.trim();
    let is_plain = !command.contains(['|', ';', '&', '<', '>', '\n', '`', '$', '(', '#']);
    let Some(runner) = runner(command).filter(|_| is_plain) else { return command.to_owned() };
    let words: Vec<&str> = command.split_whitespace().collect();
    let has = |flag: &str| words.iter().any(|word| *word == flag || word.starts_with(&format!("{flag}=")));
    match runner {
        Runner::CargoTest if !has("--no-fail-fast") => behind(command, &["test", "t"], "--no-fail-fast"),
        Runner::Nextest => {
            let command = if has("--no-fail-fast") {
                command.to_owned()
            } else {
                behind(command, &["run", "r"], "--no-fail-fast")
            };
            // Ignored tests are only named at this level.
            if has("--status-level") { command } else { behind(&command, &["run", "r"], "--status-level all") }
        }
        Runner::Pytest if has("-q") || has("-qq") => format!("{command} -rA"),
        Runner::Pytest | Runner::Unittest if !names_every_test(runner, command) => match runner {
            Runner::Unittest if command.contains("manage.py") => format!("{command} -v 2"),
            _ => format!("{command} -v"),
        },
        Runner::GoTest if !has("-v") && !has("-json") => behind(command, &["test"], "-v"),
        Runner::NodeTest if !has("--test-reporter") => behind(command, &["--test"], "--test-reporter=tap"),
        Runner::Jest if !has("--verbose") && !has("--json") => format!("{command} --verbose"),
        Runner::Vitest if !has("--reporter") => format!("{command} --reporter=verbose"),
        _ => command.to_owned(),
    }
}

/// Puts `flag` behind the first of `words`.
fn behind(command: &str, words: &[&str], flag: &str) -> String {
    let mut out = Vec::new();
    let mut placed = false;
    for word in command.split_whitespace() {
        out.push(word);
        if !placed && words.contains(&word) {
            out.push(flag);
            placed = true;
        }
    }
    out.join(" ")
}
