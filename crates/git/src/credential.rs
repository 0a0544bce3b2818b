//! How a token reaches git: through an inherited anonymous pipe, read once by a helper that git starts. The token is
//! never in an argument, an environment variable, a URL, a file or a log, and the helper names it to one host only.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::ExitCode;

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::config::CredentialProgram;
use crate::remote::Remote;

/// The user name GitHub wants beside an installation token.
const USER: &str = "x-access-token";
/// A pipe takes at least one page without a reader; nothing longer is written.
const MAX_MESSAGE: usize = 4096;

/// What travels through the pipe.
#[derive(Serialize, Deserialize)]
struct Message {
    protocol: String,
    host: String,
    token: String,
}

/// The reading end of a pipe that holds the token of one remote, for one git process.
pub(crate) struct CredentialPipe {
    reader: OwnedFd,
}

impl CredentialPipe {
    /// Fills a pipe for the remote; none if the remote has no token. The descriptor is closed on exec: only the child
    /// it is meant for takes that mark off, after the fork, so no other process started meanwhile inherits it.
    pub(crate) fn fill(remote: &Remote) -> std::io::Result<Option<Self>> {
        let Some(token) = remote.token() else { return Ok(None) };
        let message = serde_json::to_vec(&Message {
            protocol: remote.scheme().to_owned(),
            host: remote.authority(),
            token: token.expose_secret().to_owned(),
        })?;
        if message.len() > MAX_MESSAGE {
            return Err(std::io::Error::other("the token is too long to be one"));
        }
        let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        std::fs::File::from(writer).write_all(&message)?;
        Ok(Some(Self { reader }))
    }

    /// The value of git's `credential.helper` that reads this pipe.
    pub(crate) fn helper(&self, program: &CredentialProgram) -> String {
        let mut command = format!("!{}", quoted(&program.program.to_string_lossy()));
        for arg in &program.args {
            command.push(' ');
            command.push_str(&quoted(arg));
        }
        format!("{command} {}", self.reader.as_raw_fd())
    }

    /// Lets the child about to be made, and nobody else, inherit the pipe.
    pub(crate) fn pass_to(self, command: &mut tokio::process::Command) {
        let keep_open =
            move || rustix::io::fcntl_setfd(&self.reader, rustix::io::FdFlags::empty()).map_err(std::io::Error::from);
        #[expect(
            unsafe_code,
            reason = "clearing the mark before the fork would leak the token to any process started at that moment"
        )]
        // SAFETY: between fork and exec the closure makes one fcntl system call, which is async-signal-safe.
        unsafe {
            command.pre_exec(keep_open);
        }
    }
}

/// One word for the shell through which git starts a helper.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// What stands behind `baton git-credential`: answers git's credential protocol from the inherited pipe.
///
/// `args` is what follows the command's name: the descriptor's number and git's operation (`get`, `store`, `erase`).
/// Only `get` is answered, and only for the scheme and host the token was given for; git then reads user name and
/// password from standard output. Everything else gets an empty answer. Ends with failure only if it cannot read.
pub fn credential_main(args: impl IntoIterator<Item = String>) -> ExitCode {
    let args: Vec<String> = args.into_iter().collect();
    let (Some(fd), Some("get")) = (args.first(), args.get(1).map(String::as_str)) else {
        return ExitCode::SUCCESS;
    };
    let (Ok(fd), mut asked) = (fd.parse::<u32>(), String::new()) else {
        return ExitCode::FAILURE;
    };
    if std::io::stdin().take(64 * 1024).read_to_string(&mut asked).is_err() {
        return ExitCode::FAILURE;
    }
    let mut message = Vec::new();
    // Opening through /proc gives a descriptor of our own without trusting the number to be one.
    let read = std::fs::File::open(format!("/proc/self/fd/{fd}"))
        .and_then(|pipe| pipe.take(MAX_MESSAGE as u64).read_to_end(&mut message));
    if read.is_err() {
        return ExitCode::FAILURE;
    }
    let answer = answer(&message, &asked).unwrap_or_default();
    match std::io::stdout().write_all(answer.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The answer to git's question, if the question is about the host the token belongs to.
fn answer(message: &[u8], asked: &str) -> Option<String> {
    let message: Message = serde_json::from_slice(message).ok()?;
    let field = |name: &str| asked.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    if field("protocol") != Some(&message.protocol) || field("host") != Some(&message.host) {
        return None;
    }
    Some(format!("username={USER}\npassword={}\n", message.token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_named_to_its_own_host_only() {
        let message = br#"{"protocol":"https","host":"github.com","token":"T"}"#;
        let ask = |asked: &str| answer(message, asked);
        assert_eq!(ask("protocol=https\nhost=github.com\n").as_deref(), Some("username=x-access-token\npassword=T\n"));
        assert_eq!(ask("protocol=http\nhost=github.com\n"), None);
        assert_eq!(ask("protocol=https\nhost=evil.test\n"), None);
        assert_eq!(ask("protocol=https\nhost=github.com:8443\n"), None);
        assert_eq!(ask("protocol=https\nhost=github.com.evil.test\n"), None);
        assert_eq!(ask("host=github.com\n"), None);
        assert_eq!(answer(b"", "protocol=https\nhost=github.com\n"), None);
    }

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("/opt/it's/baton"), r"'/opt/it'\''s/baton'");
    }
}
