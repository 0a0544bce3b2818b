//! What may leave: judges a patch by its own data, outside the sandbox. Everything it cannot judge it refuses.

use std::collections::BTreeSet;
use std::fmt;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::path::{PathFault, check_path, link_stays_inside};
use super::secrets::{self, SecretMatch};
use super::{FileChange, Patch};
use crate::domain::enclosure::FileMode;

/// Bytes of added text that are scanned for secrets; what lies beyond is refused unscanned.
pub const MAX_SCANNED_BYTES: usize = 4 * 1024 * 1024;
/// Findings kept; a patch with more is refused just as well.
const MAX_FINDINGS: usize = 100;

/// The limits of a patch. Globs are matched against whole paths, without case: `*` stays within a folder, `**` does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatchPolicy {
    /// Globs of files that must not be changed, added or removed.
    pub protected_paths: Vec<String>,
    /// Files changed, at most.
    pub max_files: usize,
    /// Lines added and removed together, at most.
    pub max_lines: u64,
    /// Bytes of one new or changed file, at most.
    pub max_file_bytes: u64,
    /// Globs of binary files that may be changed or added.
    pub allow_binary: Vec<String>,
    /// Globs of files that are not scanned for secrets: fixtures with invented keys, for example.
    pub allow_secrets: Vec<String>,
}

impl Default for PatchPolicy {
    fn default() -> Self {
        let protected = [
            // What runs with the repository's own secrets, or decides who reviews and what Baton does.
            ".github/workflows/**",
            ".github/actions/**",
            ".github/baton.{yml,yaml}",
            ".github/dependabot.{yml,yaml}",
            "{,.github/,docs/}CODEOWNERS",
            ".gitlab-ci.yml",
            ".circleci/**",
            ".buildkite/**",
            ".travis.yml",
            "azure-pipelines.yml",
            "Jenkinsfile",
        ];
        Self {
            protected_paths: protected.map(str::to_owned).to_vec(),
            max_files: 100,
            max_lines: 5_000,
            max_file_bytes: 1024 * 1024,
            allow_binary: Vec::new(),
            allow_secrets: Vec::new(),
        }
    }
}

impl PatchPolicy {
    /// Checks the globs, for `baton config check`.
    ///
    /// # Errors
    /// The first glob that is none.
    pub fn check(&self) -> Result<(), InvalidGlob> {
        Globs::of(self).map(|_| ())
    }

    /// Whether a patch that touches `path` is refused for that alone. Where the globs are broken, everything is.
    #[must_use]
    pub fn protects(&self, path: &str) -> bool {
        Globs::of(self).map_or(true, |globs| globs.protected.is_match(path))
    }
}

/// A glob of the configuration that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{glob}` is not a pattern for paths: {reason}")]
pub struct InvalidGlob {
    /// The text.
    pub glob: String,
    /// What is wrong with it.
    pub reason: String,
}

/// May the patch leave?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum PatchVerdict {
    /// Yes.
    Clean,
    /// No. It is kept and explained, and never pushed.
    Refused {
        /// Why, at most 100 reasons.
        findings: Vec<Finding>,
    },
}

impl PatchVerdict {
    /// Whether the patch may leave.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::Clean
    }
}

/// Where in a patch a secret stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretPlace {
    /// On this line of the new file.
    Line(u32),
    /// In the file's own path.
    Path,
    /// In the target of a symbolic link.
    LinkTarget,
}

/// One reason to refuse a patch. `Display` is a sentence for people; it never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// A file that must not be touched.
    ProtectedPath {
        /// The file.
        path: String,
        /// The glob that protects it.
        glob: String,
    },
    /// Too many files.
    TooManyFiles {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many lines.
    TooManyLines {
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A file that is too large.
    FileTooLarge {
        /// The file.
        path: String,
        /// Its bytes.
        bytes: u64,
        /// How many there may be.
        limit: u64,
    },
    /// A submodule, or the file that names them.
    Submodule {
        /// Where.
        path: String,
    },
    /// A symbolic link that leads out of the repository.
    SymlinkOutOfTree {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A binary file.
    Binary {
        /// The file.
        path: String,
    },
    /// What looks like a secret.
    Secret {
        /// The rule that matched, for example `github-token`.
        rule: String,
        /// The file; empty where the path itself holds the secret.
        path: String,
        /// Where in it.
        place: SecretPlace,
        /// The beginning of it, the rest left out.
        preview: String,
    },
    /// A path that must not exist.
    MalformedPath {
        /// The path, made visible.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Text beyond what is scanned.
    Unscanned {
        /// The file.
        path: String,
    },
    /// The policy itself is broken; nothing passes until it is mended.
    BrokenPolicy {
        /// The glob.
        glob: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProtectedPath { path, glob } => {
                write!(f, "`{path}` is protected by `{glob}`: only people change it")
            }
            Self::TooManyFiles { found, limit } => write!(f, "{found} files changed; at most {limit} are allowed"),
            Self::TooManyLines { found, limit } => {
                write!(f, "{found} lines added and removed; at most {limit} are allowed")
            }
            Self::FileTooLarge { path, bytes, limit } => {
                write!(f, "`{path}` has {bytes} bytes; at most {limit} are allowed")
            }
            Self::Submodule { path } => write!(f, "`{path}` concerns submodules, which Baton does not touch"),
            Self::SymlinkOutOfTree { path, target } => write!(
                f,
                "`{path}` is a symbolic link that leads out of the repository, to `{}`",
                target.escape_debug()
            ),
            Self::Binary { path } => write!(f, "`{path}` is a binary file, which nobody can review as a patch"),
            Self::Secret { rule, path, place, preview } => match place {
                SecretPlace::Line(line) => write!(f, "`{path}`, line {line}: looks like a secret ({rule}: {preview})"),
                SecretPlace::Path => write!(f, "the name of a file looks like a secret ({rule}: {preview})"),
                SecretPlace::LinkTarget => {
                    write!(f, "the target of the symbolic link `{path}` looks like a secret ({rule}: {preview})")
                }
            },
            Self::MalformedPath { path, fault } => write!(f, "the path `{path}` is refused: {fault}"),
            Self::Unscanned { path } => {
                write!(f, "`{path}` adds more text than is scanned for secrets, so it is not published")
            }
            Self::BrokenPolicy { glob, reason } => {
                write!(
                    f,
                    "the configured pattern `{glob}` is invalid ({reason}), so nothing is published until it is mended"
                )
            }
        }
    }
}

/// Judges a patch.
#[must_use]
pub fn judge(patch: &Patch, policy: &PatchPolicy) -> PatchVerdict {
    let globs = match Globs::of(policy) {
        Ok(globs) => globs,
        Err(InvalidGlob { glob, reason }) => {
            return PatchVerdict::Refused { findings: vec![Finding::BrokenPolicy { glob, reason }] };
        }
    };
    let mut findings = BTreeSet::new();
    judge_size(patch, policy, &mut findings);
    let mut room = MAX_SCANNED_BYTES;
    for file in &patch.files {
        if findings.len() >= MAX_FINDINGS {
            break;
        }
        judge_file(file, policy, &globs, &mut findings);
        if !globs.secrets.is_match(&file.path) {
            scan(file, &mut room, &mut findings);
        }
    }
    if findings.is_empty() {
        PatchVerdict::Clean
    } else {
        PatchVerdict::Refused { findings: findings.into_iter().take(MAX_FINDINGS).collect() }
    }
}

fn judge_size(patch: &Patch, policy: &PatchPolicy, findings: &mut BTreeSet<Finding>) {
    let found = patch.files.len();
    if found > policy.max_files {
        findings.insert(Finding::TooManyFiles { found, limit: policy.max_files });
    }
    let lines = |file: &FileChange| u64::from(file.added_lines) + u64::from(file.removed_lines);
    let found = patch.files.iter().map(lines).sum();
    if found > policy.max_lines {
        findings.insert(Finding::TooManyLines { found, limit: policy.max_lines });
    }
}

fn judge_file(file: &FileChange, policy: &PatchPolicy, globs: &Globs, findings: &mut BTreeSet<Finding>) {
    let path = || file.path.clone();
    if let Err(fault) = check_path(&file.path) {
        let path = file.path.escape_debug().to_string();
        findings.insert(Finding::MalformedPath { path, fault });
    }
    if let Some(glob) = globs.protecting(&file.path) {
        findings.insert(Finding::ProtectedPath { path: path(), glob });
    }
    let modes = [file.old_mode, file.new_mode];
    let names_submodules = file.path.to_lowercase().rsplit('/').next() == Some(".gitmodules");
    if modes.contains(&Some(FileMode::Submodule)) || names_submodules {
        findings.insert(Finding::Submodule { path: path() });
    }
    if file.new_mode == Some(FileMode::Symlink) {
        let target = file.link_target.clone().unwrap_or_default();
        if !link_stays_inside(&file.path, &target) {
            findings.insert(Finding::SymlinkOutOfTree { path: path(), target });
        }
    }
    if file.new_mode.is_some() && file.binary && !globs.binary.is_match(&file.path) {
        findings.insert(Finding::Binary { path: path() });
    }
    if file.new_size > policy.max_file_bytes {
        let (bytes, limit) = (file.new_size, policy.max_file_bytes);
        findings.insert(Finding::FileTooLarge { path: path(), bytes, limit });
    }
}

/// Looks for secrets in the name, the link's target and the added lines, as far as `room` bytes go.
fn scan(file: &FileChange, room: &mut usize, findings: &mut BTreeSet<Finding>) {
    let mut note = |path: &str, place: SecretPlace, found: SecretMatch| {
        findings.insert(Finding::Secret {
            rule: found.rule.to_owned(),
            path: path.to_owned(),
            place,
            preview: found.preview,
        });
    };
    for found in secrets::find(&file.path) {
        note("", SecretPlace::Path, found);
    }
    for found in file.link_target.iter().flat_map(|target| secrets::find(target)) {
        note(&file.path, SecretPlace::LinkTarget, found);
    }
    // Fewer lines than were added: whoever made the patch had reached a bound of its own.
    let mut complete = file.binary || file.additions.len() >= file.added_lines as usize;
    for (number, line) in &file.additions {
        if line.len() > *room {
            complete = false;
            break;
        }
        *room -= line.len();
        for found in secrets::find(line) {
            note(&file.path, SecretPlace::Line(*number), found);
        }
    }
    if !complete {
        findings.insert(Finding::Unscanned { path: file.path.clone() });
    }
}

struct Globs {
    protected: GlobSet,
    texts: Vec<String>,
    binary: GlobSet,
    secrets: GlobSet,
}

impl Globs {
    fn of(policy: &PatchPolicy) -> Result<Self, InvalidGlob> {
        Ok(Self {
            protected: compiled(&policy.protected_paths)?,
            texts: policy.protected_paths.clone(),
            binary: compiled(&policy.allow_binary)?,
            secrets: compiled(&policy.allow_secrets)?,
        })
    }

    fn protecting(&self, path: &str) -> Option<String> {
        let first = self.protected.matches(path).into_iter().next()?;
        self.texts.get(first).cloned()
    }
}

fn compiled(globs: &[String]) -> Result<GlobSet, InvalidGlob> {
    let mut set = GlobSetBuilder::new();
    let invalid =
        |glob: &str, error: &globset::Error| InvalidGlob { glob: glob.to_owned(), reason: error.kind().to_string() };
    for glob in globs {
        let built =
            GlobBuilder::new(glob).literal_separator(true).case_insensitive(true).empty_alternates(true).build();
        set.add(built.map_err(|e| invalid(glob, &e))?);
    }
    set.build().map_err(|e| invalid(&globs.join(", "), &e))
}

#[cfg(test)]
pub(super) mod tests;
