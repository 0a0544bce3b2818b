//! Agents over real HTTP and from recordings, with a workspace in memory behind the tool port.

mod http;
mod program;
mod replay;
mod rounds;
mod workspace;
