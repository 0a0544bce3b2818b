//! Agents over real HTTP and from recordings, with a workspace in memory behind the tool port.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, outside of test functions")]

mod http;
mod program;
mod replay;
mod rounds;
mod workspace;
