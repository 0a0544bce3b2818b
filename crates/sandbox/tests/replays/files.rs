//! Trees of text files: read from a folder, written to one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Text files by their path.
pub type Tree = BTreeMap<String, String>;

/// The folder `fixtures` of this repository.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").canonicalize().unwrap()
}

/// The files of a sample repository.
pub fn sample(repository: &str) -> Tree {
    tree(&fixtures().join("repos").join(repository).join("tree"))
}

/// The text files below a folder.
pub fn tree(folder: &Path) -> Tree {
    let mut files = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// A new folder with these files, as a checkout is.
pub fn checkout(files: &Tree) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}
