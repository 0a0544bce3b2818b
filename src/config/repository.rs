//! `.github/baton.yml`: read strictly, all faults at once, each with its place, what is allowed and the nearest key. The text
//! is not trusted.

use std::fmt;

use baton_core::domain::settings::RepositorySettings;
use yaml_serde::Value;

use super::keys::{REPOSITORY, Section};
use super::value::{Given, complaints, nearest, quoted};
use super::yaml_place::{Place, Step, locate};

/// The most that is read of the file.
const LIMIT: usize = 64 * 1024;

/// Faults that are told; a file with more has most of its readers' attention already.
const TOLD: usize = 20;

/// One fault of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ".github/baton.yml, line {}, column {}: {}", self.line, self.column, self.text)
    }
}

/// Reads the file's text.
///
/// # Errors
/// The faults, as sentences for the people of the repository.
pub fn parse(text: &str) -> Result<RepositorySettings, Vec<Problem>> {
    let whole = |text: String| vec![Problem { line: 1, column: 1, text }];
    if text.len() > LIMIT {
        return Err(whole(format!("the file is larger than {} KiB", LIMIT / 1024)));
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(RepositorySettings::default());
    }
    let value: Value = yaml_serde::from_str(text).map_err(|error| vec![problem(&error)])?;
    let mut faults = Vec::new();
    walk(&value, &[], &mut faults);
    if faults.is_empty() {
        return yaml_serde::from_str(text).map_err(|error| vec![problem(&error)]);
    }
    faults.truncate(TOLD);
    let mut problems: Vec<Problem> = faults
        .into_iter()
        .map(|fault| {
            let Place { line, column } = locate(text, &fault.path, fault.of_key);
            Problem { line, column, text: fault.text }
        })
        .collect();
    problems.sort();
    Err(problems)
}

/// A fault and the way to it.
struct Fault {
    path: Vec<Step>,
    /// Whether the key is wrong, not its value.
    of_key: bool,
    text: String,
}

fn problem(error: &yaml_serde::Error) -> Problem {
    let (line, column) = error.location().map_or((1, 1), |at| (at.line().max(1), at.column().max(1)));
    let full = error.to_string();
    let message = full.split(" at line ").next().unwrap_or(&full);
    Problem { line, column, text: message.to_owned() }
}

fn section(path: &[&str]) -> Option<&'static Section> {
    REPOSITORY.iter().find(|section| section.path == path)
}

/// The mapping at `path`, key by key.
fn walk(value: &Value, path: &[&str], faults: &mut Vec<Fault>) {
    let steps = |more: Option<&str>| -> Vec<Step> {
        path.iter().copied().chain(more).map(|name| Step::Key(name.to_owned())).collect()
    };
    let Value::Mapping(mapping) = value else {
        let named = path.join(".");
        let text = match (value, path) {
            (Value::Null, _) => return,
            (_, []) => "the file must be keys with values, such as `agent: NAME`".to_owned(),
            _ => format!("`{named}`: found {}; allowed: keys with values below it", name_of(value)),
        };
        faults.push(Fault { path: steps(None), of_key: false, text });
        return;
    };
    let Some(section) = section(path) else { return };
    let tables = REPOSITORY.iter().filter_map(|inner| inner.path.strip_prefix(path)?.first().copied());
    let names: Vec<&str> = section.keys.iter().map(|key| key.name).chain(tables).collect();
    for (key, value) in mapping {
        let Some(name) = key.as_str() else {
            let text = format!("found {} as a key; allowed: {}", name_of(key), listed(&names));
            faults.push(Fault { path: steps(None), of_key: false, text });
            continue;
        };
        let dotted: Vec<&str> = path.iter().copied().chain([name]).collect();
        if let Some(key) = section.keys.iter().find(|key| key.name == name) {
            judge(key.kind, value, &dotted, &steps(Some(name)), faults);
        } else if names.contains(&name) {
            walk(value, &dotted, faults);
        } else {
            let hint = nearest(name, names.iter().copied())
                .or_else(|| elsewhere(name))
                .map_or_else(String::new, |nearest| format!(". Did you mean `{nearest}`?"));
            let place = if path.is_empty() { String::new() } else { format!(" in `{}`", path.join(".")) };
            let text = format!("there is no key {}{place}; allowed: {}{hint}", quoted(name), listed(&names));
            faults.push(Fault { path: steps(Some(name)), of_key: true, text });
        }
    }
}

fn elsewhere(name: &str) -> Option<String> {
    let section = REPOSITORY.iter().find(|section| section.keys.iter().any(|key| key.name == name))?;
    Some(section.path.iter().copied().chain([name]).collect::<Vec<_>>().join("."))
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn judge(kind: super::keys::Kind, value: &Value, dotted: &[&str], steps: &[Step], faults: &mut Vec<Fault>) {
    let name = dotted.join(".");
    // A key without a value means what it means when it is not there.
    if matches!(value, Value::Null) {
        faults.push(Fault {
            path: steps.to_vec(),
            of_key: true,
            text: format!(
                "`{name}`: found nothing; allowed: {}. Leave the key out, or give it a value",
                super::value::allowed(kind)
            ),
        });
        return;
    }
    for complaint in complaints(kind, &given(value)) {
        let mut path = steps.to_vec();
        path.extend(complaint.element.map(Step::Element));
        let hint = complaint.nearest.map_or_else(String::new, |nearest| format!(". Did you mean `{nearest}`?"));
        let text = format!("`{name}`: found {}; allowed: {}{hint}", complaint.found, complaint.allowed);
        faults.push(Fault { path, of_key: false, text });
    }
    if dotted == ["plan", "required"] && value.as_bool() == Some(false) {
        let text = "`plan.required: false` is not possible: nothing is implemented without an approved plan; \
                    `plan.auto: true` lets a writer approve in advance with the label `baton:auto`";
        faults.push(Fault { path: steps.to_vec(), of_key: false, text: text.to_owned() });
    }
}

fn given(value: &Value) -> Given {
    match value {
        Value::Null => Given::Other("nothing"),
        Value::Bool(switch) => Given::Switch(*switch),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Given::Whole(whole),
            (None, Some(fraction)) if number.is_f64() => Given::Fraction(fraction),
            _ => Given::Huge(number.to_string()),
        },
        Value::String(text) => Given::Text(text.clone()),
        Value::Sequence(list) => Given::List(list.iter().map(given).collect()),
        Value::Mapping(_) => Given::Other("keys with values"),
        Value::Tagged(_) => Given::Other("a value with a tag"),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "`true` or `false`",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "keys with values",
        Value::Tagged(_) => "a value with a tag",
    }
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
        assert_eq!(parse("plan:\n").unwrap(), RepositorySettings::default());
    }

    #[test]
    fn a_file_full_of_faults_is_told_all_of_them_at_once() {
        insta::assert_snapshot!(faults(
            "agent: 7\ncommands:\n  tset: cargo test\n  lint: [ok, {a: b}]\nlimits:\n  minutes: soon\n  dollars: -3\n  \
             changed_files: 1.5\nplan:\n  required: false\nauto: true\nprotected_paths:\n  - ok/**\n  - '['\n\
             labels:\nnetwork: none\n? [x]\n: y\n"
        ), @r#"
        .github/baton.yml, line 1, column 1: found a list as a key; allowed: `agent`, `protected_paths`, `branch_prefix`, `reviewers`, `labels`, `plan`, `commands`, `network`, `limits`
        .github/baton.yml, line 1, column 8: `agent`: found the number 7; allowed: a text
        .github/baton.yml, line 3, column 3: there is no key "tset" in `commands`; allowed: `setup`, `test`, `lint`, `format`. Did you mean `test`?
        .github/baton.yml, line 4, column 14: `commands.lint`: found keys with values; allowed: a text
        .github/baton.yml, line 6, column 12: `limits.minutes`: found the text "soon"; allowed: a whole number from 1 on
        .github/baton.yml, line 7, column 12: `limits.dollars`: found the number -3; allowed: an amount of dollars, 0 or more
        .github/baton.yml, line 8, column 18: `limits.changed_files`: found the number 1.5; allowed: a whole number from 0 on
        .github/baton.yml, line 10, column 13: `plan.required: false` is not possible: nothing is implemented without an approved plan; `plan.auto: true` lets a writer approve in advance with the label `baton:auto`
        .github/baton.yml, line 11, column 1: there is no key "auto"; allowed: `agent`, `protected_paths`, `branch_prefix`, `reviewers`, `labels`, `plan`, `commands`, `network`, `limits`. Did you mean `plan.auto`?
        .github/baton.yml, line 14, column 5: `protected_paths`: found the text "["; allowed: a pattern of paths, such as `infra/**`
        .github/baton.yml, line 15, column 1: `labels`: found nothing; allowed: a list, each of it a text. Leave the key out, or give it a value
        .github/baton.yml, line 16, column 10: `network`: found a text; allowed: keys with values below it
        "#);
        insta::assert_snapshot!(faults("agent: [\n"), @".github/baton.yml, line 2, column 1: did not find expected node content");
        insta::assert_snapshot!(faults("- a\n- b\n"), @".github/baton.yml, line 1, column 1: the file must be keys with values, such as `agent: NAME`");
        insta::assert_snapshot!(faults("agent: x\nagent: y\n"), @r#".github/baton.yml, line 1, column 1: duplicate entry with key "agent""#);
    }

    proptest! {
        #[test]
        fn any_text_is_settings_or_faults_with_a_line(
            text in "\\PC{0,200}|([a-z_]{1,12}: ?[-a-z0-9\\[\\]{}&*!|>'\"\n ]{0,30}\n){0,8}|((plan|limits|commands|agent|labels):\n?( +[a-z]{2,8}: ?[-a-z0-9.]{0,9}\n){0,3}){0,4}"
        ) {
            if let Err(problems) = parse(&text) {
                prop_assert!(!problems.is_empty() && problems.len() <= TOLD);
                let lines = text.lines().count() + 1;
                prop_assert!(problems.iter().all(|it| (1..=lines).contains(&it.line) && it.column > 0), "{problems:?}");
            }
        }
    }
}
