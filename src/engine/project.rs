//! What a repository says about itself at one commit: Baton's file, commands, instructions for agents, templates. Read
//! from Baton's own mirror; the texts are not trusted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use baton_core::domain::ids::{CommitSha, RepositoryId};
use baton_core::domain::plan::PlannedCommands;
use baton_core::domain::settings::RepositorySettings;
use baton_git::ReadError;
use baton_queue::Failure;
use baton_verify::{Language, ShellCommand, TestCommand, detect, given};

use super::{Engine, error};
use crate::config::{Problem, parse_repository_file};

/// Files that steer Baton, the first that is there counts.
const SETTINGS: [&str; 2] = [".github/baton.yml", ".github/baton.yaml"];

/// Files with instructions for agents, at the root. Those in folders are found by the agent itself.
const INSTRUCTIONS: [&str; 4] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md"];

/// Where GitHub looks for a pull request template.
const TEMPLATES: [&str; 6] = [
    ".github/pull_request_template.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    "pull_request_template.md",
    "PULL_REQUEST_TEMPLATE.md",
    "docs/pull_request_template.md",
    "docs/PULL_REQUEST_TEMPLATE.md",
];

/// The most that is read of one such file.
const TEXT_LIMIT: u64 = 256 * 1024;

/// The commands of a repository, with how their results are read.
#[derive(Clone, Debug)]
pub(super) struct Commands {
    pub setup: Vec<ShellCommand>,
    pub test: Vec<TestCommand>,
    pub languages: Vec<Language>,
    /// Where they come from, for people.
    pub source: String,
}

impl Commands {
    /// As they stand in the plan.
    pub fn planned(&self) -> PlannedCommands {
        PlannedCommands {
            setup: self.setup.iter().map(|command| in_folder(&command.command, &command.folder)).collect(),
            test: self.test.iter().map(|command| in_folder(&command.command, &command.folder)).collect(),
            source: self.source.clone(),
        }
    }
}

fn in_folder(command: &str, folder: &str) -> String {
    if folder.is_empty() { command.to_owned() } else { format!("{command}   # in {folder}/") }
}

impl Engine {
    /// `.github/baton.yml`, or its faults.
    pub(super) async fn settings_at(
        &self,
        repository: RepositoryId,
        at: &CommitSha,
    ) -> Result<Result<RepositorySettings, Vec<Problem>>, Failure> {
        for path in SETTINGS {
            if let Some(text) = self.text_at(repository, at, path).await? {
                return Ok(parse_repository_file(&text));
            }
        }
        Ok(Ok(RepositorySettings::default()))
    }

    /// Whether there is a `.github/baton.yml` at all.
    pub(super) async fn has_settings_at(&self, repository: RepositoryId, at: &CommitSha) -> Result<bool, Failure> {
        for path in SETTINGS {
            if self.text_at(repository, at, path).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commands: those of the file, and for what it does not name those that are found.
    pub(super) async fn commands_at(
        &self,
        repository: RepositoryId,
        at: &CommitSha,
        settings: &RepositorySettings,
    ) -> Result<Commands, Failure> {
        let listed = self.parts().git.list_files(repository, at).await.map_err(|e| error::git(&e))?;
        let files: Vec<String> = listed.into_iter().map(|file| file.path).collect();
        let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
        // Detection asks for files by name; each round reads what the last one asked for.
        loop {
            let wanted = match look(settings, &files, &known) {
                Ok(commands) => return Ok(commands),
                Err(wanted) => wanted,
            };
            for path in wanted {
                let text = self.text_at(repository, at, &path).await?;
                known.insert(path, text);
            }
        }
    }

    /// Instructions the repository gives to agents: path and text.
    pub(super) async fn instructions_at(
        &self,
        repository: RepositoryId,
        at: &CommitSha,
    ) -> Result<Vec<(String, String)>, Failure> {
        let mut found = Vec::new();
        for path in INSTRUCTIONS {
            if let Some(text) = self.text_at(repository, at, path).await? {
                found.push((path.to_owned(), text));
            }
        }
        Ok(found)
    }

    /// The repository's pull request template.
    pub(super) async fn template_at(
        &self,
        repository: RepositoryId,
        at: &CommitSha,
    ) -> Result<Option<String>, Failure> {
        for path in TEMPLATES {
            if let Some(text) = self.text_at(repository, at, path).await? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// A file's text; none if it is not there, too large or no text.
    pub(super) async fn text_at(
        &self,
        repository: RepositoryId,
        at: &CommitSha,
        path: &str,
    ) -> Result<Option<String>, Failure> {
        match self.parts().git.read_file(repository, at, path, TEXT_LIMIT).await {
            Ok(bytes) => Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok())),
            Err(ReadError::TooLarge { .. }) => Ok(None),
            Err(ReadError::Git(error)) => Err(error::git(&error)),
        }
    }
}

/// The commands, or the files that have to be read to find them.
fn look(
    settings: &RepositorySettings,
    files: &[String],
    known: &BTreeMap<String, Option<String>>,
) -> Result<Commands, BTreeSet<String>> {
    let wanted = RefCell::new(BTreeSet::new());
    let read = |path: &str| match known.get(path) {
        Some(text) => text.clone(),
        None => {
            wanted.borrow_mut().insert(path.to_owned());
            None
        }
    };
    let found = detect(files, &read);
    let named = given(&settings.commands.test.0, files, &read);
    let wanted = wanted.into_inner();
    if wanted.is_empty() { Ok(chosen(settings, found, named)) } else { Err(wanted) }
}

fn chosen(settings: &RepositorySettings, found: baton_verify::Detected, named: Vec<TestCommand>) -> Commands {
    let own = &settings.commands;
    let setup = if own.setup.0.is_empty() {
        found.setup
    } else {
        own.setup.0.iter().map(|line| ShellCommand { command: line.clone(), folder: String::new() }).collect()
    };
    let source = match (own.test.0.is_empty(), found.reasons.is_empty()) {
        (false, _) => ".github/baton.yml".to_owned(),
        (true, false) => found.reasons.join("; "),
        (true, true) => "nothing that was found".to_owned(),
    };
    Commands {
        setup,
        test: if named.is_empty() { found.test } else { named },
        languages: found.languages.into_iter().collect(),
        source,
    }
}
