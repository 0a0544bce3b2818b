//! Python: pytest where the project mentions it, else the standard library's unittest; uv, Poetry and Pipenv by their
//! lock files, else a virtual environment from the requirements.

use super::{Found, Project};
use crate::language::Language;

const REQUIREMENTS: [&str; 8] = [
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-test.txt",
    "dev-requirements.txt",
    "test-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements_dev.txt",
];

pub(super) fn find(project: &Project<'_>) -> Option<Found> {
    let manifest = project.first(&["pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "Pipfile"]);
    let requirements: Vec<&str> = REQUIREMENTS.into_iter().filter(|name| project.has(name)).collect();
    let has_test_files = project.listing().any(is_test_module);
    let reason = manifest.or(requirements.first().copied());
    if reason.is_none() && !has_test_files {
        return None;
    }
    let mut found = Found { language: Some(Language::Python), ..Found::default() };
    let place = reason.map_or_else(|| "files named `test_*.py`".to_owned(), |name| project.place(name));
    if !has_test_files {
        return Some(found);
    }
    let with_pytest = mentions_pytest(project, &requirements);
    let source = if project.listing().any(|path| path.starts_with("src/") && path.ends_with("/__init__.py")) {
        "PYTHONPATH=src "
    } else {
        ""
    };
    let python = interpreter(project, &requirements, with_pytest, &mut found);
    if with_pytest {
        found.tests(format!("{source}{python} -m pytest -v"));
        found.reason = format!("{place}, which uses pytest");
    } else if project.has("manage.py") {
        found.tests(format!("{source}{python} manage.py test -v 2"));
        found.reason = format!("{place} and `manage.py`");
    } else {
        found.tests(format!("{source}{python} -m unittest discover -v{}", unittest_folder(project)));
        found.reason = format!("{place} and test files for unittest");
    }
    if project.first(&["ruff.toml", ".ruff.toml"]).is_some()
        || project.text("pyproject.toml").is_some_and(|text| text.contains("[tool.ruff"))
    {
        found.lint.push("ruff check .".to_owned());
    }
    Some(found)
}

fn is_test_module(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let own = !path
        .split('/')
        .any(|folder| ["node_modules", "vendor", "fixtures", "site-packages", ".venv"].contains(&folder));
    own && name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py") || name == "tests.py")
}

fn mentions_pytest(project: &Project<'_>, requirements: &[&str]) -> bool {
    let by_file = project.has("pytest.ini")
        || project.listing().any(|path| path == "conftest.py" || path.ends_with("/conftest.py"));
    let mut texts = ["pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "Pipfile"].iter().chain(requirements);
    by_file || texts.any(|name| project.text(name).is_some_and(|text| text.contains("pytest")))
}

/// The interpreter to test with, and what sets it up. Without any dependency the system's own is enough.
fn interpreter(project: &Project<'_>, requirements: &[&str], with_pytest: bool, found: &mut Found) -> &'static str {
    if project.has("uv.lock") {
        found.setup.push("uv sync --frozen".to_owned());
        return "uv run --no-sync python";
    }
    if project.has("poetry.lock") {
        found.setup.push("poetry install --no-interaction".to_owned());
        return "poetry run python";
    }
    if project.has("Pipfile.lock") {
        found.setup.push("pipenv sync --dev".to_owned());
        return "pipenv run python";
    }
    let mut wanted: Vec<String> = requirements.iter().map(|name| format!("-r {name}")).collect();
    if has_dependencies(project) {
        wanted.push("-e .".to_owned());
    }
    if wanted.is_empty() && !with_pytest {
        return "python3";
    }
    if with_pytest {
        wanted.push("pytest".to_owned());
    }
    // With the system's packages in sight nothing is fetched that is there already.
    found.setup.push(format!(
        "python3 -m venv --system-site-packages .venv && .venv/bin/python -m pip install --quiet --disable-pip-version-check {}",
        wanted.join(" ")
    ));
    ".venv/bin/python"
}

fn has_dependencies(project: &Project<'_>) -> bool {
    let Some(value) = project.text("pyproject.toml").and_then(|text| toml::from_str::<toml::Value>(&text).ok()) else {
        return project
            .text("setup.py")
            .or_else(|| project.text("setup.cfg"))
            .is_some_and(|text| text.contains("install_requires"));
    };
    let listed =
        |value: Option<&toml::Value>| value.and_then(toml::Value::as_array).is_some_and(|list| !list.is_empty());
    listed(value.get("project").and_then(|project| project.get("dependencies")))
        || value.get("tool").and_then(|tool| tool.get("poetry")).is_some()
}

/// Where unittest looks: a `tests` package from the root, a `tests` folder that is no package from itself.
fn unittest_folder(project: &Project<'_>) -> &'static str {
    match project.first(&["tests/__init__.py", "test/__init__.py"]) {
        Some(_) => "",
        None if project.listing().any(|path| path.starts_with("tests/")) => " -s tests",
        None if project.listing().any(|path| path.starts_with("test/")) => " -s test",
        None => "",
    }
}
