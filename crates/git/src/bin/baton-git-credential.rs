//! Baton's credential helper as a program of its own, for the tests of this crate; `baton git-credential` is the same.

use std::process::ExitCode;

fn main() -> ExitCode {
    baton_git::credential_main(std::env::args().skip(1))
}
