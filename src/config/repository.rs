//! `.github/baton.yml`: read strictly, every fault with its line and the nearest key. The text is not trusted.

use std::fmt;

use baton_core::domain::settings::RepositorySettings;

use super::layers::nearest_in;

/// The most that is read of the file.
const LIMIT: usize = 64 * 1024;

/// One fault of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 where there is none to name.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, ".github/baton.yml, line {}: {}", self.line, self.text)
        } else {
            write!(f, ".github/baton.yml: {}", self.text)
        }
    }
}

/// Reads the file's text.
///
/// # Errors
/// The faults, as sentences for the people of the repository.
pub fn parse(text: &str) -> Result<RepositorySettings, Vec<Problem>> {
    if text.len() > LIMIT {
        return Err(vec![Problem { line: 0, text: format!("it is larger than {} KiB", LIMIT / 1024) }]);
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(RepositorySettings::default());
    }
    let settings: RepositorySettings = yaml_serde::from_str(text).map_err(|error| vec![problem(&error)])?;
    let problems = beyond_types(&settings);
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn problem(error: &yaml_serde::Error) -> Problem {
    let line = error.location().map_or(0, |location| location.line());
    let full = error.to_string();
    // The path before the message ("commands.tset: unknown field …") stays; the position is told by the line.
    let message = full.split(" at line ").next().unwrap_or(&full).to_owned();
    let core = message.find("unknown ").map_or(message.as_str(), |at| &message[at..]);
    let hint = nearest_in(core).map_or_else(String::new, |nearest| format!(" (did you mean `{nearest}`?)"));
    Problem { line, text: format!("{message}{hint}") }
}

fn beyond_types(settings: &RepositorySettings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !settings.plan.required {
        problems.push(Problem {
            line: 0,
            text: "`plan.required: false` is not possible: nothing is implemented without an approved plan; \
                   `plan.auto: true` lets a writer approve in advance with the label `baton:auto`"
                .to_owned(),
        });
    }
    if let Some(dollars) = settings.limits.dollars
        && !(dollars.is_finite() && dollars >= 0.0)
    {
        problems.push(Problem { line: 0, text: "`limits.dollars` must be an amount of money".to_owned() });
    }
    problems
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(text: &str) -> String {
        parse(text).unwrap_err().iter().map(|p| format!("{p}\n")).collect()
    }

    #[test]
    fn a_full_file_is_read() {
        let settings = parse(
            "agent: careful\nplan:\n  auto: true\ncommands:\n  setup: npm ci\n  test:\n    - npm test\n    - npm run e2e\n\
             limits:\n  minutes: 20\n  dollars: 1.5\nprotected_paths: ['infra/**']\nbranch_prefix: bots\n",
        )
        .unwrap();
        assert!(settings.plan.auto && settings.plan.required);
        assert_eq!(settings.commands.setup.0, ["npm ci"]);
        assert_eq!(settings.commands.test.0, ["npm test", "npm run e2e"]);
        assert_eq!(settings.limits.minutes, Some(20));
    }

    #[test]
    fn empty_files_mean_defaults() {
        assert_eq!(parse("").unwrap(), RepositorySettings::default());
        assert_eq!(parse("# nothing yet\n\n").unwrap(), RepositorySettings::default());
    }

    #[test]
    fn faults_name_the_line_and_the_nearest_key() {
        insta::assert_snapshot!(faults("agent: x\ncommands:\n  tset: cargo test\n"));
        insta::assert_snapshot!(faults("limits:\n  minutes: soon\n"));
        insta::assert_snapshot!(faults("plan:\n  required: false\n"));
        insta::assert_snapshot!(faults("agent: [\n"));
    }

    proptest! {
        #[test]
        fn any_text_is_settings_or_faults(text in "\\PC{0,200}|([a-z_]{1,12}: ?[-a-z0-9\\[\\]{}&*!|>'\"\n ]{0,30}\n){0,8}") {
            if let Err(problems) = parse(&text) {
                prop_assert!(!problems.is_empty());
            }
        }
    }
}
