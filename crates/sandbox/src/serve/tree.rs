//! Listing and searching the workspace, ignored files left out; both bounded in time and in what they answer.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use regex::RegexBuilder;

use super::files::resolve;
use crate::inside;

const MAX_LISTED: usize = 1000;
const MAX_MATCHES: usize = 200;
/// Characters of a matching line that are shown.
const MAX_LINE: usize = 300;
const MAX_SEARCHED_BYTES: u64 = 8 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// The `list` tool.
pub(super) fn list(path: &str, glob: Option<&str>) -> Result<String, String> {
    let mut found: Vec<String> = files(path, glob)?.map(|file| shown(&file)).collect();
    if found.is_empty() {
        return Ok("(no files)".into());
    }
    found.sort_unstable();
    let more = found.len().saturating_sub(MAX_LISTED);
    found.truncate(MAX_LISTED);
    let mut out = found.join("\n");
    if more > 0 {
        let _ = write!(out, "\n[{more} more files; name a folder or a glob to see them]");
    }
    Ok(out)
}

/// The `search` tool.
pub(super) fn search(pattern: &str, path: &str, glob: Option<&str>) -> Result<String, String> {
    let regex = RegexBuilder::new(pattern)
        .size_limit(4 * 1024 * 1024)
        .build()
        .map_err(|e| format!("not a regular expression: {e}"))?;
    let deadline = Instant::now() + PATIENCE;
    let mut files: Vec<PathBuf> = files(path, glob)?.collect();
    files.sort_unstable();
    let mut matches = Vec::new();
    let mut stopped = None;
    'files: for file in files {
        for (line, number) in lines(&file).zip(1_u64..) {
            if Instant::now() > deadline {
                stopped = Some("the search took too long");
                break 'files;
            }
            if !regex.is_match(&line) {
                continue;
            }
            if matches.len() == MAX_MATCHES {
                stopped = Some("there are more matches");
                break 'files;
            }
            let text: String = line.chars().take(MAX_LINE).collect();
            matches.push(format!("{}:{number}:{text}", shown(&file)));
        }
    }
    if matches.is_empty() && stopped.is_none() {
        return Ok("(no matches)".into());
    }
    let mut out = matches.join("\n");
    if let Some(why) = stopped {
        let _ = write!(out, "\n[{why}; narrow the pattern, the folder or the glob]");
    }
    Ok(out)
}

/// The text lines of a file; none when it is binary, too large or not readable.
fn lines(file: &Path) -> impl Iterator<Item = String> {
    let opened = std::fs::File::open(file).ok().filter(|f| f.metadata().is_ok_and(|m| m.len() <= MAX_SEARCHED_BYTES));
    let mut reader = opened.map(|f| BufReader::new(f.take(MAX_SEARCHED_BYTES)));
    if let Some(r) = &mut reader
        && r.fill_buf().is_ok_and(|start| start.contains(&0))
    {
        reader = None;
    }
    reader.into_iter().flat_map(|r| {
        r.split(b'\n').map_while(Result::ok).map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            String::from_utf8_lossy(line).into_owned()
        })
    })
}

/// The regular files at or below a path that are not ignored.
fn files(path: &str, glob: Option<&str>) -> Result<impl Iterator<Item = PathBuf>, String> {
    let root = resolve(path);
    if !root.exists() {
        return Err(format!("{path} does not exist."));
    }
    let glob = glob.map(matcher).transpose()?;
    let base = root.clone();
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .parents(true)
        .require_git(false)
        .git_global(false)
        .filter_entry(|e| e.file_name() != ".git")
        .build();
    Ok(walk
        .flatten()
        .filter(|e| e.file_type().is_some_and(|t| t.is_file()))
        .map(ignore::DirEntry::into_path)
        .filter(move |p| glob.as_ref().is_none_or(|g| fits(g, p, &base))))
}

/// A glob without a slash fits a file's name anywhere, one with a slash its path (as in `.gitignore`).
fn matcher(glob: &str) -> Result<GlobMatcher, String> {
    let whole = if glob.contains('/') { glob.trim_start_matches('/').to_owned() } else { format!("**/{glob}") };
    GlobBuilder::new(&whole)
        .literal_separator(true)
        .build()
        .map(|g| g.compile_matcher())
        .map_err(|e| format!("not a glob: {e}"))
}

fn fits(glob: &GlobMatcher, path: &Path, base: &Path) -> bool {
    [Path::new(inside::WORKSPACE), base].iter().any(|root| path.strip_prefix(root).is_ok_and(|p| glob.is_match(p)))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(inside::WORKSPACE).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (".gitignore", "target\n"),
            ("src/main.rs", "fn main() {\n    run();\n}\n"),
            ("src/deep/run.rs", "pub fn run() {}\r\n"),
            ("target/out.rs", "fn run() {}\n"),
            (".git/config", "fn run"),
            (".github/ci.yml", "run: all\n"),
            ("data.bin", "run\0\u{1}"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn ignored_files_are_left_out() {
        let folder = tree();
        let root = folder.path().to_str().unwrap();
        let strip = |text: String| text.replace(&format!("{root}/"), "");
        insta::assert_snapshot!(strip(list(root, None).unwrap()), @r"
        .github/ci.yml
        .gitignore
        data.bin
        src/deep/run.rs
        src/main.rs
        ");
        insta::assert_snapshot!(strip(list(root, Some("*.rs")).unwrap()), @r"
        src/deep/run.rs
        src/main.rs
        ");
        insta::assert_snapshot!(strip(list(root, Some("src/*.rs")).unwrap()), @"src/main.rs");
        insta::assert_snapshot!(strip(search(r"\brun\b", root, None).unwrap()), @r"
        .github/ci.yml:1:run: all
        src/deep/run.rs:1:pub fn run() {}
        src/main.rs:2:    run();
        ");
        assert_eq!(search("nothing like it", root, None).unwrap(), "(no matches)");
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(list("/no/such", None).unwrap_err(), "/no/such does not exist.");
        assert!(search("(", "/usr/lib", None).unwrap_err().starts_with("not a regular expression"));
        assert!(list("/", Some("a{")).unwrap_err().starts_with("not a glob"));
    }
}
