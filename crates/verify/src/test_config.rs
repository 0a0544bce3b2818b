//! Whether a change decides which tests run, or how. Of a file that holds more than that only the part that matters is
//! compared, so that a new dependency raises no alarm and a muted test does.

mod manifest;
mod text;

/// A file of the patch with its content on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigChange<'a> {
    /// Path in the repository.
    pub path: &'a str,
    /// The content on the base; none for a new file, or one that is no text.
    pub old: Option<&'a str>,
    /// The content on the branch; none for a deleted file, or one that is no text.
    pub new: Option<&'a str>,
}

/// Whether a file of this name can decide which tests run and how: its content on both sides is worth reading for
/// [`config_changes`].
#[must_use]
pub fn is_test_config(path: &str) -> bool {
    Kind::of(path).is_some()
}

/// The paths whose test configuration differs between base and branch, in the order given.
#[must_use]
pub fn config_changes(changes: &[ConfigChange<'_>]) -> Vec<String> {
    changes.iter().filter(|change| differs(change)).map(|change| change.path.to_owned()).collect()
}

fn differs(change: &ConfigChange<'_>) -> bool {
    let Some(kind) = Kind::of(change.path) else { return false };
    if kind == Kind::GoTest && (change.old.is_none() || change.new.is_none()) {
        // A new file's own constraint mutes nothing that was there; the tests of a deleted one are missed by name.
        return false;
    }
    kind.relevant(change.old.unwrap_or("")) != kind.relevant(change.new.unwrap_or(""))
}

/// How much of a file decides about tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// All of it, comments aside, which start with this.
    Whole(&'static str),
    /// Sections of an INI file.
    Ini(&'static [&'static str]),
    PackageJson,
    ComposerJson,
    CargoManifest,
    CargoConfig,
    PyProject,
    Make,
    Gradle,
    Maven,
    /// Build constraints of a Go test file.
    GoTest,
    /// A Vite configuration, where it speaks of tests.
    Vite,
    Rakefile,
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if is_ci(path) {
            return Some(Self::Whole("#"));
        }
        Some(match name {
            "pytest.ini"
            | ".pytest.ini"
            | ".coveragerc"
            | ".rspec"
            | "conftest.py"
            | "noxfile.py"
            | "spec_helper.rb"
            | "rails_helper.rb"
            | "test_helper.rb"
            | "test_helper.exs"
            | "nextest.toml"
            | "junit-platform.properties" => Self::Whole("#"),
            "testng.xml" | "phpunit.xml" | "phpunit.xml.dist" | "phpunit.dist.xml" | "xunit.runner.json"
            | "codeception.yml" => Self::Whole("<!--"),
            "tox.ini" => Self::Ini(&["pytest", "tox", "testenv"]),
            "setup.cfg" => Self::Ini(&["tool:pytest", "aliases", "tox", "testenv", "nosetests", "coverage"]),
            "pyproject.toml" => Self::PyProject,
            "package.json" => Self::PackageJson,
            "composer.json" => Self::ComposerJson,
            "Cargo.toml" => Self::CargoManifest,
            "config.toml" | "config" if folder == ".cargo" || folder.ends_with("/.cargo") => Self::CargoConfig,
            "Makefile" | "makefile" | "GNUmakefile" | "justfile" | "Justfile" | ".justfile" => Self::Make,
            "build.gradle" | "build.gradle.kts" => Self::Gradle,
            "pom.xml" => Self::Maven,
            "Rakefile" => Self::Rakefile,
            "baton.yml" if folder == ".github" => Self::Whole("#"),
            _ if name.ends_with(".runsettings") => Self::Whole("<!--"),
            _ if name.ends_with("_test.go") => Self::GoTest,
            _ => Self::script(name)?,
        })
    }

    /// Configuration that is a program, or has many endings.
    fn script(name: &str) -> Option<Self> {
        let stem = name.split('.').next()?;
        let is_configuration = name.contains(".config.");
        if name.starts_with(".mocharc")
            || name.starts_with(".jestrc")
            || name.starts_with(".nycrc")
            || name.starts_with(".taprc")
        {
            return Some(Self::Whole("//"));
        }
        match stem {
            "jest" | "vitest" | "ava" | "playwright" | "cypress" | "karma"
                if is_configuration || name.contains(".conf.") =>
            {
                Some(Self::Whole("//"))
            }
            "vitest" if name.starts_with("vitest.workspace.") || name.starts_with("vitest.setup.") => {
                Some(Self::Whole("//"))
            }
            "jest" if name.starts_with("jest.setup.") || name.starts_with("jest.preset.") => Some(Self::Whole("//")),
            "vite" if is_configuration => Some(Self::Vite),
            _ => None,
        }
    }

    /// The part of a file that decides about tests, in a form that is equal when nothing of it changed.
    fn relevant(self, content: &str) -> String {
        match self {
            Self::Whole(comment) => text::without_comments(content, comment),
            Self::Ini(sections) => text::sections(content, sections),
            Self::PackageJson => manifest::package_json(content),
            Self::ComposerJson => manifest::composer_json(content),
            Self::CargoManifest => manifest::cargo_manifest(content),
            Self::CargoConfig => manifest::cargo_config(content),
            Self::PyProject => manifest::pyproject(content),
            Self::Make => text::test_recipes(content),
            Self::Gradle => text::gradle_tests(content),
            Self::Maven => text::maven_tests(content),
            Self::GoTest => text::build_constraints(content),
            Self::Vite if content.contains("test:") || content.contains("vitest") => {
                text::without_comments(content, "//")
            }
            Self::Rakefile if content.contains("TestTask") || content.contains("RSpec") => {
                text::without_comments(content, "#")
            }
            Self::Vite | Self::Rakefile => String::new(),
        }
    }
}

/// What a continuous-integration service runs.
fn is_ci(path: &str) -> bool {
    let files = [
        ".gitlab-ci.yml",
        ".travis.yml",
        "azure-pipelines.yml",
        "Jenkinsfile",
        "bitbucket-pipelines.yml",
        "appveyor.yml",
        ".appveyor.yml",
        ".cirrus.yml",
        ".drone.yml",
        ".woodpecker.yml",
        "buildspec.yml",
        "cloudbuild.yaml",
    ];
    let folders = [
        ".github/workflows/",
        ".github/actions/",
        ".circleci/",
        ".buildkite/",
        ".gitlab/ci/",
        ".woodpecker/",
        ".forgejo/workflows/",
    ];
    files.contains(&path) || folders.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests;
