//! Reading files: for the agent with line numbers, for Baton as bytes. Never waits for a pipe, never reads a device.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use baton_core::domain::tool::TOOL_REPLY_LIMIT;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::inside;

/// The largest file that is shown in parts.
const MAX_SHOWN: u64 = 32 * 1024 * 1024;
const MAX_LINES: u32 = 2000;
/// Characters of one line that are shown.
const MAX_LINE: usize = 1000;
/// Room for the note after the lines.
const NOTE: usize = 200;

/// The path inside: relative ones count from the workspace.
pub(super) fn resolve(path: &str) -> PathBuf {
    Path::new(inside::WORKSPACE).join(path.trim_start_matches("./"))
}

/// The content of a regular file without following a symbolic link anywhere in its path.
pub(super) fn regular(path: &str, max: u64) -> Option<Vec<u8>> {
    open(&resolve(path), ResolveFlags::NO_SYMLINKS).ok().and_then(|file| bounded(file, max).ok().flatten())
}

/// Opens without waiting (a pipe with no writer), and only to look.
fn open(path: &Path, resolve: ResolveFlags) -> std::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(openat2(rustix::fs::CWD, path, flags, Mode::empty(), resolve)?.into())
}

/// The whole content of a regular file of at most `max` bytes, whatever its length claims.
fn bounded(file: File, max: u64) -> std::io::Result<Option<Vec<u8>>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > max {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.take(max.saturating_add(1)).read_to_end(&mut content)?;
    Ok((content.len() as u64 <= max).then_some(content))
}

/// The text of a file, or why there is none, for a tool that needs all of it.
pub(super) fn text(path: &str) -> Result<String, String> {
    let place = resolve(path);
    let file = open(&place, ResolveFlags::empty()).map_err(|e| cannot(path, &e))?;
    let metadata = file.metadata().map_err(|e| cannot(path, &e))?;
    if metadata.is_dir() {
        return Err(format!("{path} is a folder. Use `list` to see what is in it."));
    }
    let length = metadata.len();
    let content = bounded(file, MAX_SHOWN)
        .map_err(|e| cannot(path, &e))?
        .ok_or_else(|| format!("{path} is no ordinary file, or too large to be read ({length} bytes)."))?;
    let is_binary = content.iter().take(8192).any(|b| *b == 0);
    match String::from_utf8(content) {
        Ok(text) if !is_binary => Ok(text),
        _ => Err(format!("{path} is a binary file ({length} bytes).")),
    }
}

pub(super) fn cannot(path: &str, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("{path} does not exist."),
        _ => format!("{path}: {error}."),
    }
}

/// The `read` tool.
pub(super) fn read(path: &str, from_line: Option<u32>, lines: Option<u32>) -> Result<String, String> {
    let text = text(path)?;
    if text.is_empty() {
        return Ok(format!("({path} is empty)"));
    }
    numbered(&text, from_line.unwrap_or(1).max(1), lines.unwrap_or(MAX_LINES).min(MAX_LINES))
        .ok_or_else(|| format!("{path} has only {} lines.", text.lines().count()))
}

/// The lines with their numbers; when they do not all fit, where to read on.
fn numbered(text: &str, from: u32, count: u32) -> Option<String> {
    let total = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    if from > total {
        return None;
    }
    let mut out = String::new();
    let mut next = from;
    for (line, number) in text.lines().skip(from as usize - 1).take(count as usize).zip(from..) {
        let shown: String = line.chars().take(MAX_LINE).collect();
        let cut = if shown.len() < line.len() { " [… line cut]" } else { "" };
        if out.len() + shown.len() + NOTE > TOOL_REPLY_LIMIT {
            break;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{number:>6}\t{shown}{cut}");
        next = number + 1;
    }
    if next <= total {
        let _ = writeln!(out, "[lines {from} to {} of {total}; read on with from_line {next}]", next - 1);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_numbers_and_the_rest_is_announced() {
        insta::assert_snapshot!(format!("shown:\n{}", numbered("a\nb\nc\nd\n", 2, 2).unwrap()), @r"
        shown:
             2	b
             3	c
        [lines 2 to 3 of 4; read on with from_line 4]
        ");
        assert_eq!(numbered("a\n", 2, 1), None);
    }

    #[test]
    fn a_long_file_stops_before_the_limit() {
        let text = "x".repeat(5000) + "\n" + &"y\n".repeat(100_000);
        let shown = numbered(&text, 1, MAX_LINES).unwrap();
        assert!(shown.len() <= TOOL_REPLY_LIMIT, "{}", shown.len());
        assert!(shown.contains("[… line cut]") && shown.contains("read on with from_line"), "{}", &shown[..200]);
    }

    #[test]
    fn only_ordinary_files_are_read_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        std::os::unix::fs::symlink(folder.path(), path("folder")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(regular(&path("file"), 4), Some(b"text".to_vec()));
        for (name, max) in [("file", 3), ("link", 9), ("folder/file", 9), ("pipe", 9), ("absent", 9), (".", 9)] {
            assert_eq!(regular(&path(name), max), None, "{name}");
        }
        assert_eq!(regular("/dev/zero", 9), None);
        assert!(text(&path("pipe")).unwrap_err().contains("no ordinary file"));
        assert_eq!(text(&path("link")).unwrap(), "text", "tools follow links: the mounts decide what they reach");
    }
}
