//! JavaScript and TypeScript: the `test` script of `package.json`, through the package manager whose lock file is there.

use serde_json::Value;

use super::{Found, Project};
use crate::command::{ResultSource, Runner};
use crate::language::Language;
use crate::recognise::{self, recognise};

/// What npm writes into a new `package.json`.
const NO_TESTS: &str = "no test specified";

pub(super) fn find(project: &Project<'_>) -> Option<Found> {
    let manifest: Value = serde_json::from_str(&project.text("package.json")?).ok()?;
    let manager = Manager::of(project, &manifest);
    let script = script(&manifest, "test").filter(|script| !script.contains(NO_TESTS));
    let mut found = Found { language: Some(Language::JavaScript), ..Found::default() };
    let Some(script) = script else {
        // Without a script Node still finds the files it takes for tests.
        let has_tests = project.listing().any(|path| path.ends_with(".test.js") || path.ends_with(".test.mjs"));
        if has_tests && !depends_on_anything(&manifest) {
            found.tests("node --test --test-reporter=tap");
            found.reason = format!("{} and files named `*.test.js`", project.place("package.json"));
        }
        return Some(found);
    };
    if depends_on_anything(&manifest) && !project.listing().any(|path| path.starts_with("node_modules/")) {
        found.setup.push(manager.install(project).to_owned());
    }
    let is_alone = self::script(&manifest, "pretest").is_none() && self::script(&manifest, "posttest").is_none();
    let (command, results) = run_script(manager, &script, is_alone, "test");
    found.test.push((command, results));
    found.reason = format!("the script `test` of {}", project.place("package.json"));
    if self::script(&manifest, "lint").is_some() {
        found.lint.push(format!("{} run lint", manager.name()));
    }
    Some(found)
}

/// `npm test`, `yarn run unit` and the like in `.github/baton.yml`: the runner stands in `package.json`.
pub(super) fn given(project: &Project<'_>, line: &str) -> Option<(String, ResultSource)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (manager, name) = match words.as_slice() {
        [manager, "test" | "t"] => (*manager, "test"),
        [manager, "run", name] => (*manager, *name),
        _ => return None,
    };
    let manager = Manager::named(manager)?;
    let manifest: Value = serde_json::from_str(&project.text("package.json")?).ok()?;
    let script = script(&manifest, name)?;
    let (_, results) = run_script(manager, &script, false, name);
    let extra = extra_arguments(&script);
    Some(match extra {
        Some(extra) => (format!("{line} {}{extra}", manager.separator()), results),
        None => (line.to_owned(), results),
    })
}

/// The command line that runs a script so that its runner names every test.
fn run_script(manager: Manager, script: &str, is_alone: bool, name: &str) -> (String, ResultSource) {
    if is_alone
        && let Some(rest) =
            script.trim().strip_prefix("node --test").filter(|rest| rest.is_empty() || rest.starts_with(' '))
    {
        let is_plain = !rest.contains(['|', ';', '&', '<', '>', '$']);
        if is_plain && !rest.contains("--test-reporter") {
            let command = format!("node --test --test-reporter=tap{rest}");
            return (command, ResultSource::Output(Runner::NodeTest));
        }
    }
    let run = if name == "test" { format!("{} test", manager.run()) } else { format!("{} run {name}", manager.name()) };
    match extra_arguments(script) {
        Some(extra) => {
            let results = recognise(&format!("{script} {extra}"));
            (format!("{run} {}{extra}", manager.separator()), results)
        }
        None => (run, recognise(script)),
    }
}

/// What to add to a script that ends with a runner which would else name files only.
fn extra_arguments(script: &str) -> Option<&'static str> {
    let last = script.rsplit("&&").next()?.rsplit(';').next()?.trim();
    if last.contains('|') {
        return None;
    }
    match recognise::runner(last)? {
        Runner::Jest if !last.contains("--verbose") && !last.contains("--json") => Some("--ci --verbose"),
        Runner::Vitest if !last.contains("--reporter") => Some("--run --reporter=verbose"),
        _ => None,
    }
}

fn script(manifest: &Value, name: &str) -> Option<String> {
    manifest.get("scripts")?.get(name)?.as_str().map(str::to_owned)
}

fn depends_on_anything(manifest: &Value) -> bool {
    ["dependencies", "devDependencies", "optionalDependencies", "workspaces"].iter().any(|key| {
        match manifest.get(*key) {
            Some(Value::Object(entries)) => !entries.is_empty(),
            Some(Value::Array(entries)) => !entries.is_empty(),
            _ => false,
        }
    })
}

#[derive(Clone, Copy)]
enum Manager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

impl Manager {
    fn of(project: &Project<'_>, manifest: &Value) -> Self {
        let declared = manifest
            .get("packageManager")
            .and_then(Value::as_str)
            .and_then(|name| Self::named(name.split('@').next()?));
        let by_lock = match project.first(&["pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"]) {
            Some("pnpm-lock.yaml") => Self::Pnpm,
            Some("yarn.lock") => Self::Yarn,
            Some(_) => Self::Bun,
            None => Self::Npm,
        };
        declared.unwrap_or(by_lock)
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "npm" => Self::Npm,
            "pnpm" => Self::Pnpm,
            "yarn" => Self::Yarn,
            "bun" => Self::Bun,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
            Self::Bun => "bun",
        }
    }

    /// `bun test` is Bun's own runner; scripts need `bun run`.
    fn run(self) -> &'static str {
        match self {
            Self::Bun => "bun run",
            other => other.name(),
        }
    }

    /// What stands between the script's name and arguments for it.
    fn separator(self) -> &'static str {
        match self {
            Self::Npm => "-- ",
            Self::Pnpm | Self::Yarn | Self::Bun => "",
        }
    }

    fn install(self, project: &Project<'_>) -> &'static str {
        match self {
            Self::Npm if project.first(&["package-lock.json", "npm-shrinkwrap.json"]).is_some() => {
                "npm ci --no-audit --no-fund"
            }
            Self::Npm => "npm install --no-audit --no-fund",
            Self::Pnpm => "pnpm install --frozen-lockfile",
            Self::Yarn if project.has(".yarnrc.yml") => "yarn install --immutable",
            Self::Yarn => "yarn install --frozen-lockfile",
            Self::Bun => "bun install --frozen-lockfile",
        }
    }
}
