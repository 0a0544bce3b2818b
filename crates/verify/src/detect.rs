//! Which commands prepare and test a repository, found from its own files. Nothing is run and nothing is guessed from
//! the network: a command is only named for a file that is there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::command::{ResultSource, ShellCommand, TestCommand};
use crate::language::Language;
use crate::recognise::{self, recognise};

mod go;
mod javascript;
mod jvm;
mod others;
mod python;
mod rust;
mod targets;

pub(crate) use targets::recipe;

/// Sub-projects beyond this number are named and not run.
const MAX_PROJECTS: usize = 6;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detected {
    /// Commands that prepare a fresh checkout; they may need the network.
    pub setup: Vec<ShellCommand>,
    /// Commands that run tests; they need no network once the set-up is done.
    pub test: Vec<TestCommand>,
    /// Commands that check the code.
    pub lint: Vec<ShellCommand>,
    /// Languages of the projects found.
    pub languages: BTreeSet<Language>,
    /// Why these commands, a sentence for each project.
    pub reasons: Vec<String>,
}

/// Finds the commands of a repository. `files` lists its files, `read` gives the content of one of them.
#[must_use]
pub fn detect(files: &[String], read: &dyn Fn(&str) -> Option<String>) -> Detected {
    let files: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    let mut detected = Detected::default();
    let root = Project { files: &files, read, folder: "" };
    detected.add("", projects(&root));
    if detected.test.is_empty() {
        detected.add_parts(&files, read);
    }
    if detected.test.is_empty() {
        detected.add("", targets::find(&root).into_iter().collect());
    }
    detected
}

/// Commands as `.github/baton.yml` gives them: run as they stand, but that a runner is asked to name its tests and to go
/// on after a failure where the line is one plain command. `files` and `read` are needed for `npm test` and the like.
#[must_use]
pub fn given(commands: &[String], files: &[String], read: &dyn Fn(&str) -> Option<String>) -> Vec<TestCommand> {
    let files: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    let root = Project { files: &files, read, folder: "" };
    commands
        .iter()
        .map(|line| {
            let (command, results) = javascript::given(&root, line).unwrap_or_else(|| {
                let command = recognise::with_names(line);
                let results = recognise(&command);
                (command, results)
            });
            TestCommand { command, folder: String::new(), results }
        })
        .collect()
}

/// What one project needs.
#[derive(Debug, Default)]
struct Found {
    language: Option<Language>,
    setup: Vec<String>,
    test: Vec<(String, ResultSource)>,
    lint: Vec<String>,
    reason: String,
}

impl Found {
    /// Adds a test command whose results are read as its line says.
    fn tests(&mut self, command: impl Into<String>) {
        let command = command.into();
        let results = recognise(&command);
        self.test.push((command, results));
    }
}

/// A folder of the repository.
struct Project<'a> {
    files: &'a BTreeSet<&'a str>,
    read: &'a dyn Fn(&str) -> Option<String>,
    folder: &'a str,
}

impl Project<'_> {
    fn path(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }

    fn has(&self, name: &str) -> bool {
        self.files.contains(self.path(name).as_str())
    }

    /// The first of these files that is there.
    fn first<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().find(|name| self.has(name)).copied()
    }

    fn text(&self, name: &str) -> Option<String> {
        if self.has(name) { (self.read)(&self.path(name)) } else { None }
    }

    /// Files below this folder, relative to it.
    fn listing(&self) -> impl Iterator<Item = &str> {
        let front = self.path("");
        self.files
            .iter()
            .filter_map(move |path| path.strip_prefix(front.as_str()).map(|rest| rest.trim_start_matches('/')))
    }

    /// `` `Cargo.toml` at the root ``, `` `web/package.json` ``.
    fn place(&self, name: &str) -> String {
        if self.folder.is_empty() { format!("`{name}` at the root") } else { format!("`{}`", self.path(name)) }
    }
}

/// The projects in one folder, one a language.
fn projects(project: &Project<'_>) -> Vec<Found> {
    [
        rust::find(project),
        javascript::find(project),
        python::find(project),
        go::find(project),
        jvm::find(project),
        others::dotnet(project),
        others::ruby(project),
        others::php(project),
        others::elixir(project),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Detected {
    fn add(&mut self, folder: &str, found: Vec<Found>) {
        for project in found {
            self.languages.extend(project.language);
            if !project.reason.is_empty() {
                self.reasons.push(project.reason);
            }
            if project.test.is_empty() {
                continue;
            }
            let shell = |command: String| ShellCommand { command, folder: folder.to_owned() };
            self.setup.extend(project.setup.into_iter().map(shell));
            self.lint.extend(project.lint.into_iter().map(shell));
            self.test.extend(project.test.into_iter().map(|(command, results)| TestCommand {
                command,
                folder: folder.to_owned(),
                results,
            }));
        }
    }

    /// A repository without a project at its root: the ones in its folders, from the top down. A project inside another
    /// one of the same language belongs to that one.
    fn add_parts(&mut self, files: &BTreeSet<&str>, read: &dyn Fn(&str) -> Option<String>) {
        let mut folders: Vec<&str> = files
            .iter()
            .filter_map(|path| path.rsplit_once('/'))
            .filter(|(_, name)| is_manifest(name))
            .map(|(folder, _)| folder)
            .filter(|folder| folder.split('/').count() <= 3 && !folder.split('/').any(is_aside))
            .collect();
        folders.sort_by_key(|folder| (folder.split('/').count(), *folder));
        folders.dedup();
        let mut taken: Vec<(&str, Option<Language>)> = Vec::new();
        for folder in folders {
            let mut found = projects(&Project { files, read, folder });
            found.retain(|project| {
                !project.test.is_empty()
                    && !taken.iter().any(|(above, language)| {
                        *language == project.language
                            && folder.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
                    })
            });
            if found.is_empty() {
                continue;
            }
            if taken.len() >= MAX_PROJECTS {
                self.reasons
                    .push(format!("`{folder}` has tests too; `commands.test` in `.github/baton.yml` can add them"));
                continue;
            }
            taken.extend(found.iter().map(|project| (folder, project.language)));
            self.add(folder, found);
        }
    }
}

fn is_manifest(name: &str) -> bool {
    let names = [
        "Cargo.toml",
        "package.json",
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "requirements.txt",
        "go.mod",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "Gemfile",
        "composer.json",
        "mix.exs",
    ];
    names.contains(&name) || [".sln", ".slnx", ".csproj", ".fsproj"].iter().any(|ending| name.ends_with(ending))
}

/// Folders whose projects are not the repository's own.
fn is_aside(folder: &str) -> bool {
    let names = [
        "node_modules",
        "vendor",
        "third_party",
        "fixtures",
        "fixture",
        "testdata",
        "test-data",
        "examples",
        "example",
        "samples",
        "templates",
        "template",
        "docs",
        "doc",
        "website",
        "target",
        "dist",
        "build",
        "tests",
        "test",
        "spec",
        "__tests__",
        "benches",
        "benchmarks",
    ];
    names.contains(&folder) || folder.starts_with('.')
}
