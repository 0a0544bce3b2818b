//! Toolchains from a home folder: which folders and variables make them usable inside, found from their layout.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::host::environment::SYSTEM_PATH;

/// What a set of read-only folders needs besides being there: to be merged into an `EnclosureSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolchains {
    /// Folders to put in front of `PATH`.
    pub path_prefix: Vec<PathBuf>,
    /// Variables that lead the tools to their files.
    pub env: BTreeMap<String, String>,
}

impl Toolchains {
    /// Looks at folders that will be offered under `read_only_paths`: `.cargo` and `.rustup` (rustup), `.pyenv`, `.nvm`,
    /// or any folder with a `bin`.
    #[must_use]
    pub fn found_in(folders: &[PathBuf]) -> Self {
        let mut found = Self::default();
        for folder in folders {
            let name = folder.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            match name {
                ".rustup" => found.set("RUSTUP_HOME", folder),
                ".pyenv" => {
                    found.set("PYENV_ROOT", folder);
                    found.path_prefix.extend(pyenv_versions(folder));
                }
                ".nvm" => found.path_prefix.extend(nvm_version(folder)),
                _ if folder.join("bin").is_dir() => found.path_prefix.push(folder.join("bin")),
                _ => {}
            }
        }
        found
    }

    /// Whether a sandbox with these folders finds a program: what only leads to a place that is not shown there (rustup's
    /// `cargo`, linked into `/usr/local/bin`) is not found.
    #[must_use]
    pub fn finds(&self, program: &str, folders: &[PathBuf]) -> bool {
        let system = SYSTEM_PATH.split(':').map(PathBuf::from);
        let is_shown = |place: &Path| {
            let shown =
                ["/usr", "/bin", "/sbin"].into_iter().map(Path::new).chain(folders.iter().map(PathBuf::as_path));
            shown.filter_map(|folder| folder.canonicalize().ok()).any(|folder| place.starts_with(folder))
        };
        let found = |folder: PathBuf| folder.join(program).canonicalize().is_ok_and(|place| is_shown(&place));
        self.path_prefix.iter().cloned().chain(system).any(found)
    }

    fn set(&mut self, name: &str, folder: &Path) {
        self.env.insert(name.into(), folder.display().to_string());
    }
}

/// The folders of the versions that pyenv's global setting names; its shims would want to write.
fn pyenv_versions(root: &Path) -> Vec<PathBuf> {
    let global = fs::read_to_string(root.join("version")).unwrap_or_default();
    global
        .split_whitespace()
        .map(|version| root.join("versions").join(version).join("bin"))
        .filter(|bin| bin.is_dir())
        .collect()
}

/// The folder of nvm's default version, or of the newest one.
fn nvm_version(root: &Path) -> Option<PathBuf> {
    let versions = root.join("versions/node");
    let default = fs::read_to_string(root.join("alias/default")).unwrap_or_default();
    let wanted = format!("v{}", default.trim().trim_start_matches('v'));
    let mut all: Vec<(Vec<u64>, PathBuf)> = fs::read_dir(versions)
        .ok()?
        .flatten()
        .map(|e| {
            let name = e.file_name().to_string_lossy().into_owned();
            let numbers = name.trim_start_matches('v').split('.').map_while(|n| n.parse().ok()).collect();
            (name, numbers, e.path().join("bin"))
        })
        .filter(|(_, _, bin)| bin.is_dir())
        .map(|(name, numbers, bin)| {
            let fits = !default.trim().is_empty() && (name == wanted || name.starts_with(&format!("{wanted}.")));
            let rank = if fits { [vec![u64::MAX], numbers].concat() } else { numbers };
            (rank, bin)
        })
        .collect();
    all.sort();
    all.pop().map(|(_, bin)| bin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_the_sandbox_shows_it() {
        let home = tempfile::tempdir().unwrap();
        let (shown, hidden) = (home.path().join("shown"), home.path().join("hidden"));
        for folder in [&shown, &hidden] {
            fs::create_dir_all(folder.join("bin")).unwrap();
        }
        for file in [shown.join("bin/own"), hidden.join("bin/elsewhere")] {
            fs::write(file, "").unwrap();
        }
        std::os::unix::fs::symlink(hidden.join("bin/elsewhere"), shown.join("bin/leads-elsewhere")).unwrap();
        let finds = |folders: &[PathBuf], program: &str| Toolchains::found_in(folders).finds(program, folders);
        assert!(finds(&[], "sh"), "the system's own");
        assert!(!finds(&[], "own"));
        let folders = [shown.clone()];
        assert!(finds(&folders, "own"));
        assert!(!finds(&folders, "leads-elsewhere"), "it leads to what is not shown");
        assert!(finds(&[shown, hidden], "leads-elsewhere"));
    }

    #[test]
    fn home_folders_are_recognised() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        for folder in [".cargo/bin", ".rustup", ".pyenv/versions/3.12.1/bin", ".nvm/versions/node/v9.1.0/bin"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        for version in ["v20.1.0", "v22.0.1"] {
            fs::create_dir_all(path(".nvm/versions/node").join(version).join("bin")).unwrap();
        }
        fs::write(path(".pyenv/version"), "3.12.1\n3.9.9\n").unwrap();
        let folders = [".cargo", ".rustup", ".pyenv", ".nvm"].map(path);
        let found = Toolchains::found_in(&folders);
        assert_eq!(
            found.path_prefix,
            [".cargo/bin", ".pyenv/versions/3.12.1/bin", ".nvm/versions/node/v22.0.1/bin"].map(path)
        );
        assert_eq!(found.env.keys().collect::<Vec<_>>(), ["PYENV_ROOT", "RUSTUP_HOME"]);
        fs::create_dir_all(path(".nvm/alias")).unwrap();
        fs::write(path(".nvm/alias/default"), "20\n").unwrap();
        assert_eq!(nvm_version(&path(".nvm")), Some(path(".nvm/versions/node/v20.1.0/bin")));
    }
}
