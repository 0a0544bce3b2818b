//! The frames between Baton and the server inside the sandbox. Whatever comes from inside is hostile: lengths are
//! checked before anything is allocated, kinds are closed, nothing panics.
//!
//! A frame is a kind byte (`J` for JSON, `B` for raw bytes), a big-endian `u32` length, and that many bytes.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use baton_core::domain::enclosure::{Ending, FileMode, Invocation, Limits, WorkspaceAccess};
use baton_core::domain::tool::{ToolReply, ToolRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest frame Baton takes from inside.
pub(crate) const MAX_FROM_INSIDE: u32 = 1024 * 1024;
/// The longest frame the server takes from Baton (a `write` of a large file).
pub(crate) const MAX_FROM_HOST: u32 = 32 * 1024 * 1024;
/// How much of a file goes into one frame.
pub(crate) const CHUNK: usize = 256 * 1024;

const HEADER: usize = 5;
const JSON: u8 = b'J';
const BYTES: u8 = b'B';

/// What Baton asks of the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Answered by one `Tool`.
    Tool(ToolRequest),
    /// Answered by `Output`s and one `Completed`.
    Exec(Invocation),
    /// Answered by one `File`, and its bytes.
    ReadFile { path: String, max: u64 },
    /// Answered by `Written` (each with its bytes) and `Deleted`, then `Done`; by `Same` if all of it has the fingerprint
    /// `unless`; or by `Failed`.
    Changes { max_files: u64, max_file_bytes: u64, max_total_bytes: u64, unless: Option<u64> },
}

/// What the server answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Sent once, unasked, when the server is up.
    Ready,
    Tool(ToolReply),
    Output(String),
    Completed {
        ending: Ending,
        dropped_bytes: u64,
        millis: u64,
    },
    File {
        bytes: Option<u64>,
    },
    Written {
        path: String,
        mode: FileMode,
        bytes: u64,
    },
    Deleted {
        path: String,
    },
    Done {
        fingerprint: u64,
    },
    Same,
    Failed(String),
}

/// What the server needs to know; it lies in a read-only file inside the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServeSpec {
    pub access: WorkspaceAccess,
    pub limits: Limits,
    /// No memory cgroup holds, so a per-process address-space limit must.
    pub limit_address_space: bool,
    /// The environment of every command.
    pub env: std::collections::BTreeMap<String, String>,
}

/// What the launcher needs to know; the first frame on its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaunchSpec {
    pub enclosure: baton_core::domain::enclosure::EnclosureSpec,
    /// The user to become when started as root.
    pub agent: Option<(u32, u32)>,
    /// The `cgroup.procs` files to join.
    pub join: Vec<PathBuf>,
    /// What is written down for the server.
    pub serve: ServeSpec,
    pub program: PathBuf,
    pub bwrap: PathBuf,
}

/// A frame, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Json(Vec<u8>),
    Bytes(Vec<u8>),
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("the stream ended")]
    Closed,
    #[error("a frame of unknown kind {0:#04x}")]
    Kind(u8),
    #[error("a frame of {0} bytes, more than the {1} that are taken")]
    TooLong(u32, u32),
    #[error("a message that is none: {0}")]
    Message(serde_json::Error),
    #[error("an unexpected answer")]
    Unexpected,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Kind and length of a frame.
fn header(head: [u8; HEADER], max: u32) -> Result<(u8, u32), WireError> {
    let [kind, a, b, c, d] = head;
    if kind != JSON && kind != BYTES {
        return Err(WireError::Kind(kind));
    }
    let length = u32::from_be_bytes([a, b, c, d]);
    if length > max {
        return Err(WireError::TooLong(length, max));
    }
    Ok((kind, length))
}

fn frame(kind: u8, body: Vec<u8>) -> Frame {
    if kind == JSON { Frame::Json(body) } else { Frame::Bytes(body) }
}

/// A closed stream is not an error of the operating system to whoever reads it.
fn closed(e: io::Error) -> WireError {
    if e.kind() == io::ErrorKind::UnexpectedEof { WireError::Closed } else { WireError::Io(e) }
}

impl Frame {
    /// Reads the message in a JSON frame.
    pub(crate) fn message<T: DeserializeOwned>(self) -> Result<T, WireError> {
        match self {
            Self::Json(body) => serde_json::from_slice(&body).map_err(WireError::Message),
            Self::Bytes(_) => Err(WireError::Unexpected),
        }
    }
}

/// Reads one frame, blocking.
pub(crate) fn read(from: &mut impl Read, max: u32) -> Result<Frame, WireError> {
    let mut head = [0; HEADER];
    from.read_exact(&mut head).map_err(closed)?;
    let (kind, length) = header(head, max)?;
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).map_err(closed)?;
    Ok(frame(kind, body))
}

/// Reads one frame from inside the sandbox.
pub(crate) async fn read_async(from: &mut (impl AsyncRead + Unpin)) -> Result<Frame, WireError> {
    let mut head = [0; HEADER];
    from.read_exact(&mut head).await.map_err(closed)?;
    let (kind, length) = header(head, MAX_FROM_INSIDE)?;
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body).await.map_err(closed)?;
    Ok(frame(kind, body))
}

fn encode(kind: u8, body: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a frame longer than 4 GiB"))?;
    let mut out = Vec::with_capacity(HEADER + body.len());
    out.push(kind);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
    Ok(out)
}

/// The bytes of a frame that holds a message.
pub(crate) fn encode_message(message: &impl Serialize) -> io::Result<Vec<u8>> {
    encode(JSON, &serde_json::to_vec(message)?)
}

/// Writes one message, blocking.
pub(crate) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    to.write_all(&encode_message(message)?)
}

/// Writes raw bytes as frames of at most [`CHUNK`] each.
pub(crate) fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    bytes.chunks(CHUNK).try_for_each(|chunk| to.write_all(&encode(BYTES, chunk)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_survives_the_wire() {
        let sent = Answer::Written { path: "src/ü.rs".into(), mode: FileMode::Executable, bytes: 3 };
        let mut wire = Vec::new();
        write(&mut wire, &sent).unwrap();
        write_bytes(&mut wire, b"abc").unwrap();
        let mut from = wire.as_slice();
        assert_eq!(read(&mut from, MAX_FROM_INSIDE).unwrap().message::<Answer>().unwrap(), sent);
        assert_eq!(read(&mut from, MAX_FROM_INSIDE).unwrap(), Frame::Bytes(b"abc".to_vec()));
        assert!(matches!(read(&mut from, MAX_FROM_INSIDE), Err(WireError::Closed)));
    }

    #[test]
    fn lengths_are_checked_before_anything_is_allocated() {
        let mut lie: &[u8] = &[b'J', 0xff, 0xff, 0xff, 0xff];
        assert!(matches!(read(&mut lie, MAX_FROM_INSIDE), Err(WireError::TooLong(u32::MAX, MAX_FROM_INSIDE))));
    }

    proptest! {
        /// Whatever bytes come from inside: an answer, or a typed error; both readers agree; never a panic.
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), lead in "[JBx]?") {
            let wire: Vec<u8> = lead.bytes().chain([0, 0, 1]).take(lead.len() * 4).chain(bytes).collect();
            let blocking = read(&mut wire.as_slice(), MAX_FROM_INSIDE);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let asynchronous = runtime.block_on(read_async(&mut wire.as_slice()));
            prop_assert_eq!(format!("{blocking:?}"), format!("{asynchronous:?}"));
            if let Ok(frame) = blocking {
                let _ = frame.message::<Answer>();
            }
        }

        /// Any JSON that is shaped like an answer or nearly so is decoded or refused.
        #[test]
        fn nearly_answers_never_panic(text in r#"\{"(tool|output|written|deleted|completed|file|done|failed)":(\{("(path|mode|bytes|ending|ok|text|fingerprint)":("[a-z/.]{0,8}"|-?[0-9]{1,20}|null),?){0,3}\}|"x"|null)\}"#) {
            let _ = Frame::Json(text.into_bytes()).message::<Answer>();
        }
    }
}
