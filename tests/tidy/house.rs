//! The checkout as the rules see it: every file that people wrote, and which Rust files are tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::code::{Code, read};

/// Folders that hold what programs made, or data that must stay as it is.
const NOT_OURS: [&str; 6] = [".git", ".venv", "fixtures", "node_modules", "snapshots", "target"];

/// A Rust file.
pub struct Source {
    /// From the root of the checkout, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Its code.
    pub code: Code,
    /// Only tests see it.
    pub is_test: bool,
}

impl Source {
    /// A file as if it stood at `path`.
    pub fn new(path: &str, text: &str) -> Self {
        let code = read(text);
        let is_test = code.only_for_tests || in_test_folder(path);
        Self { path: path.to_owned(), text: text.to_owned(), code, is_test }
    }
}

fn in_test_folder(path: &str) -> bool {
    path.split('/').any(|folder| folder == "tests" || folder == "benches" || folder == "examples")
        && !path.contains("/src/")
        && !path.starts_with("src/")
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under `folder` that people wrote, from the root of the checkout, sorted.
pub fn files(folder: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder))? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let path = folder.join(&name);
            if kind.is_dir() {
                if !NOT_OURS.iter().any(|not| name == *not) {
                    folders.push(path);
                }
            } else if kind.is_file() {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Every Rust file.
pub fn sources() -> io::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in files("")?.iter().filter(|path| path.ends_with(".rs")) {
        sources.push(Source::new(path, &fs::read_to_string(root().join(path))?));
    }
    mark_test_modules(&mut sources);
    Ok(sources)
}

/// Marks the files of modules that are declared for tests only, and everything beneath them.
pub fn mark_test_modules(sources: &mut [Source]) {
    let mut modules = BTreeSet::new();
    for source in sources.iter() {
        for name in &source.code.test_modules {
            modules.insert(format!("{}{name}", folder_of_children(&source.path)));
        }
    }
    for source in sources {
        let stem = source.path.trim_end_matches(".rs");
        source.is_test |= modules.iter().any(|module| stem == module || stem.starts_with(&format!("{module}/")));
    }
}

/// Where the child modules of a file are: beside `lib.rs`, `main.rs` and `mod.rs`, else in a folder of its name.
fn folder_of_children(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => format!("{folder}/"),
        _ => format!("{}/", path.trim_end_matches(".rs")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, mark_test_modules, sources};

    #[test]
    fn test_files_are_known() {
        let mut house: Vec<Source> = [
            ("crates/x/src/lib.rs", "#[cfg(test)] mod plans; mod real;"),
            ("crates/x/src/plans.rs", ""),
            ("crates/x/src/real.rs", "#[cfg(test)] mod tests; mod testsuite;"),
            ("crates/x/src/real/tests.rs", ""),
            ("crates/x/src/real/tests/more.rs", ""),
            ("crates/x/src/real/testsuite.rs", ""),
            ("crates/x/tests/all.rs", ""),
            // A module may be called `tests` and be the product's.
            ("src/engine/perform.rs", "mod tests;"),
            ("src/engine/perform/tests.rs", ""),
        ]
        .map(|(path, text)| Source::new(path, text))
        .into();
        mark_test_modules(&mut house);
        let tests: Vec<&str> = house.iter().filter(|s| s.is_test).map(|s| s.path.as_str()).collect();
        assert_eq!(
            tests,
            [
                "crates/x/src/plans.rs",
                "crates/x/src/real/tests.rs",
                "crates/x/src/real/tests/more.rs",
                "crates/x/tests/all.rs"
            ]
        );
    }

    /// Whoever walks past the house finds no fault with it: every room must be seen.
    #[test]
    fn the_whole_house_is_seen() {
        let sources = sources().unwrap();
        let seen = |path: &str| sources.iter().any(|source| source.path == path);
        for room in ["agent", "core", "git", "github", "github-sim", "queue", "sandbox", "store", "verify", "webhook"] {
            assert!(seen(&format!("crates/{room}/src/lib.rs")), "crates/{room} was not seen");
        }
        assert!(seen("src/lib.rs") && seen("src/engine/apply.rs") && seen("tests/tidy/house.rs"));
        assert!(sources.iter().all(|source| !source.path.starts_with("target/")));
    }
}
