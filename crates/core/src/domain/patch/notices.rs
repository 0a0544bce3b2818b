//! What a reviewer should look at: changes that are allowed, and that do more than they show.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Patch;
use crate::domain::enclosure::FileMode;

/// Why a file deserves a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// It says what the project depends on, and may say what runs at its installation.
    Manifest,
    /// It pins what the project depends on.
    Lockfile,
    /// It runs when the project is built, installed or tested.
    BuildScript,
    /// It lies in a folder whose name begins with a dot: tools read such files without being asked.
    DotFolder,
    /// It tells agents and assistants what to do.
    AgentInstructions,
    /// It changes what git makes of other files.
    GitAttributes,
    /// It can be run now and could not before.
    BecameExecutable,
    /// It could be run before and cannot now.
    NoLongerExecutable,
    /// It only points at content kept elsewhere.
    LfsPointer,
    /// It is a symbolic link.
    SymbolicLink,
    /// Its name differs from another changed file's in case only: some systems keep only one of them.
    CaseCollision,
}

/// One file worth a look. `Display` is a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Notice {
    /// Why.
    pub kind: NoticeKind,
    /// The file.
    pub path: String,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match self.kind {
            NoticeKind::Manifest => write!(f, "`{path}` declares dependencies or scripts"),
            NoticeKind::Lockfile => write!(f, "`{path}` pins dependencies"),
            NoticeKind::BuildScript => write!(f, "`{path}` runs when the project is built or tested"),
            NoticeKind::DotFolder => write!(f, "`{path}` is read by tools without being asked"),
            NoticeKind::AgentInstructions => write!(f, "`{path}` instructs agents and assistants"),
            NoticeKind::GitAttributes => write!(f, "`{path}` changes how git treats other files"),
            NoticeKind::BecameExecutable => write!(f, "`{path}` became executable"),
            NoticeKind::NoLongerExecutable => write!(f, "`{path}` is no longer executable"),
            NoticeKind::LfsPointer => write!(f, "`{path}` points at content that is not in the repository (Git LFS)"),
            NoticeKind::SymbolicLink => write!(f, "`{path}` is a symbolic link"),
            NoticeKind::CaseCollision => write!(f, "`{path}` differs from another changed file only in case"),
        }
    }
}

/// Everything in a patch that a reviewer should look at, by kind and path.
#[must_use]
pub fn notices(patch: &Patch) -> Vec<Notice> {
    let mut found = Vec::new();
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    for file in patch.files.iter().filter(|file| file.new_mode.is_some()) {
        *names.entry(file.path.to_lowercase()).or_default() += 1;
    }
    for file in &patch.files {
        let mut note = |kind| found.push(Notice { kind, path: file.path.clone() });
        by_name(&file.path).into_iter().for_each(&mut note);
        match (file.old_mode, file.new_mode) {
            (Some(FileMode::Regular), Some(FileMode::Executable)) | (None, Some(FileMode::Executable)) => {
                note(NoticeKind::BecameExecutable);
            }
            (Some(FileMode::Executable), Some(FileMode::Regular)) => note(NoticeKind::NoLongerExecutable),
            (_, Some(FileMode::Symlink)) => note(NoticeKind::SymbolicLink),
            _ => {}
        }
        let lfs = "version https://git-lfs.github.com/spec/";
        if file.additions.first().is_some_and(|(line, text)| *line == 1 && text.starts_with(lfs)) {
            note(NoticeKind::LfsPointer);
        }
        if file.new_mode.is_some() && names.get(&file.path.to_lowercase()).is_some_and(|n| *n > 1) {
            note(NoticeKind::CaseCollision);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// What the path alone says.
fn by_name(path: &str) -> Vec<NoticeKind> {
    let lower = path.to_lowercase();
    let (folder, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let mut kinds = Vec::new();
    if folder.split('/').any(|part| part.starts_with('.')) {
        kinds.push(NoticeKind::DotFolder);
    }
    let kind = match name {
        "cargo.lock"
        | "package-lock.json"
        | "npm-shrinkwrap.json"
        | "yarn.lock"
        | "pnpm-lock.yaml"
        | "bun.lock"
        | "bun.lockb"
        | "poetry.lock"
        | "uv.lock"
        | "pdm.lock"
        | "pipfile.lock"
        | "gemfile.lock"
        | "composer.lock"
        | "go.sum"
        | "mix.lock"
        | "packages.lock.json"
        | "gradle.lockfile"
        | "flake.lock" => Some(NoticeKind::Lockfile),
        "cargo.toml" | "package.json" | "pyproject.toml" | "requirements.txt" | "pipfile" | "setup.cfg" | "gemfile"
        | "go.mod" | "go.work" | "composer.json" | "pom.xml" | "build.gradle" | "build.gradle.kts" | "mix.exs"
        | "rebar.config" | "deno.json" | "flake.nix" | "dockerfile" | "action.yml" | "action.yaml" => {
            Some(NoticeKind::Manifest)
        }
        "build.rs"
        | "setup.py"
        | "conftest.py"
        | "makefile"
        | "gnumakefile"
        | "justfile"
        | "rakefile"
        | "gulpfile.js"
        | "gruntfile.js"
        | "cmakelists.txt"
        | "configure"
        | "gradlew"
        | "gradlew.bat"
        | "mvnw"
        | "mvnw.cmd"
        | "sitecustomize.py"
        | "noxfile.py"
        | "tox.ini"
        | "taskfile.yml"
        | ".npmrc"
        | ".yarnrc"
        | ".yarnrc.yml"
        | ".pnpmfile.cjs"
        | ".envrc"
        | ".pre-commit-config.yaml"
        | "lefthook.yml" => Some(NoticeKind::BuildScript),
        "agents.md"
        | "agent.md"
        | "claude.md"
        | "claude.local.md"
        | "gemini.md"
        | "copilot-instructions.md"
        | ".cursorrules"
        | ".windsurfrules"
        | ".clinerules"
        | ".mcp.json"
        | "skill.md" => Some(NoticeKind::AgentInstructions),
        ".gitattributes" | ".gitignore" | ".mailmap" | ".lfsconfig" => Some(NoticeKind::GitAttributes),
        name if name.starts_with("requirements") && name.ends_with(".txt") => Some(NoticeKind::Manifest),
        name if name.ends_with(".csproj") || name.ends_with(".props") || name.ends_with(".targets") => {
            Some(NoticeKind::BuildScript)
        }
        _ => None,
    };
    kinds.extend(kind);
    kinds
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::super::policy::tests::{change, patch};
    use super::*;

    #[test]
    fn a_reviewer_is_told() {
        let mut run = change("run.sh", "x");
        (run.old_mode, run.new_mode) = (Some(FileMode::Regular), Some(FileMode::Executable));
        let mut link = change("link", "src/lib.rs");
        (link.new_mode, link.link_target) = (Some(FileMode::Symlink), Some("src/lib.rs".into()));
        let said: Vec<String> = notices(&patch(vec![
            change("Cargo.toml", "x"),
            change("web/package-lock.json", "x"),
            change("build.rs", "x"),
            change(".vscode/tasks.json", "x"),
            change("docs/AGENTS.md", "x"),
            change(".gitattributes", "* -diff"),
            change("big.bin", "version https://git-lfs.github.com/spec/v1"),
            change("src/Lib.rs", "x"),
            change("src/lib.rs", "x"),
            change("src/main.rs", "x"),
            run,
            link,
        ]))
        .iter()
        .map(Notice::to_string)
        .collect();
        assert_snapshot!(said.join("\n"), @r"
        `Cargo.toml` declares dependencies or scripts
        `web/package-lock.json` pins dependencies
        `build.rs` runs when the project is built or tested
        `.vscode/tasks.json` is read by tools without being asked
        `docs/AGENTS.md` instructs agents and assistants
        `.gitattributes` changes how git treats other files
        `run.sh` became executable
        `big.bin` points at content that is not in the repository (Git LFS)
        `link` is a symbolic link
        `src/Lib.rs` differs from another changed file only in case
        `src/lib.rs` differs from another changed file only in case
        ");
    }
}
