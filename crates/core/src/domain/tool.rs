//! What an agent may ask of its sandbox, and what it gets back. Plain data that crosses the enclosure's wall.

use serde::{Deserialize, Serialize};

/// One call of a tool. Every one is executed *inside* the sandbox, by the process that serves it there.
///
/// Paths are relative to the workspace; absolute paths are allowed and mean what they mean inside the sandbox. What a
/// run may write is decided by the sandbox's mounts, never here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tool", rename_all = "snake_case")]
pub enum ToolRequest {
    /// A text file, or a part of it, with line numbers.
    Read {
        /// The file.
        path: String,
        /// First line, counting from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from_line: Option<u32>,
        /// How many lines at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lines: Option<u32>,
    },
    /// The files below a folder, ignored ones left out.
    List {
        /// The folder; empty or `.` is the workspace.
        #[serde(default)]
        path: String,
        /// Only files whose path matches this glob.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        glob: Option<String>,
    },
    /// Lines that match a regular expression, as `path:line:text`.
    Search {
        /// The expression (Rust `regex` syntax).
        pattern: String,
        /// A file or folder; empty or `.` is the workspace.
        #[serde(default)]
        path: String,
        /// Only files whose path matches this glob.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        glob: Option<String>,
    },
    /// Replaces an exact text in a file. It must occur once, unless `all`.
    Edit {
        /// The file.
        path: String,
        /// The text to replace, exactly.
        old: String,
        /// What to put there.
        new: String,
        /// Replace every occurrence.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        all: bool,
    },
    /// Creates or overwrites a file, with its folders.
    Write {
        /// The file.
        path: String,
        /// Its whole content.
        content: String,
    },
    /// Runs a command with `bash -c` in the workspace; standard output and error come back interleaved.
    Run {
        /// The command.
        command: String,
        /// Seconds until it is killed with everything it started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<u32>,
    },
}

impl ToolRequest {
    /// The tool's name as models and transcripts know it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read { .. } => "read",
            Self::List { .. } => "list",
            Self::Search { .. } => "search",
            Self::Edit { .. } => "edit",
            Self::Write { .. } => "write",
            Self::Run { .. } => "run",
        }
    }
}

/// What a tool answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolReply {
    /// Whether the tool did what was asked. A command that exits with another status than 0 did not.
    pub ok: bool,
    /// The answer, UTF-8 with replacement characters, bounded; the middle of a longer one is left out and says so.
    pub text: String,
    /// The exit status of a command; `None` for other tools, and for a command that was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}

/// The most a tool answers, in bytes, before the middle is left out (`mini-swe-agent` keeps 10,000 characters; we keep
/// more of what compilers and test runners print).
pub const TOOL_REPLY_LIMIT: usize = 24_000;
