//! Toolchains from a home folder: which folders and variables make them usable inside, found from their layout.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
