//! Who owns each dependency from outside: a dependency has one place, and whoever else needs what it does asks there.
//!
//! Every dependency of the workspace has its row here; a new one is thought about before it comes in.

use std::fmt;

use Owners::{Anyone, Behind, Rooms, Tests};

/// Who may depend on something.
#[derive(Debug, Clone, Copy)]
pub enum Owners {
    /// Data and errors: everybody.
    Anyone,
    /// Every room, in its tests alone.
    Tests,
    /// These rooms.
    Rooms(&'static [&'static str]),
    /// The first rooms only as an optional dependency, behind a feature; the second always.
    Behind(&'static [&'static str], &'static [&'static str]),
}

impl fmt::Display for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anyone => write!(f, "Anyone may"),
            Tests => write!(f, "Only tests may"),
            Rooms(rooms) => write!(f, "It belongs to {}", rooms.join(", ")),
            Behind(optional, rooms) => {
                write!(
                    f,
                    "It belongs to {}; to {} only as an optional dependency",
                    rooms.join(", "),
                    optional.join(", ")
                )
            }
        }
    }
}

/// A dependency's row.
#[derive(Debug)]
pub struct Owner {
    /// The package.
    pub dependency: &'static str,
    /// Who may depend on it.
    pub owners: Owners,
    /// Rooms whose tests may, besides.
    pub tests: &'static [&'static str],
    /// Why, and where code that wants it belongs.
    pub why: &'static str,
}

const fn row(dependency: &'static str, owners: Owners, why: &'static str) -> Owner {
    Owner { dependency, owners, tests: &[], why }
}

const fn tested(dependency: &'static str, owners: Owners, tests: &'static [&'static str], why: &'static str) -> Owner {
    Owner { dependency, owners, tests, why }
}

const CORE: Owners = Rooms(&["baton-core"]);
const SIMULATOR: Owners = Rooms(&["github-sim"]);
const CONTRACT: Owners = Behind(&["github-sim"], &[]);
const SIGNATURES: Owners = Rooms(&["baton", "baton-github", "baton-webhook", "github-sim"]);
const MARKDOWN_WHY: &str = "what people write, and what Baton says to them, is read and made safe in the core";
const UNICODE_WHY: &str = "text of strangers is normalised and judged in the core";
const IO: Owners = Rooms(&[
    "baton",
    "baton-agent",
    "baton-git",
    "baton-github",
    "baton-queue",
    "baton-sandbox",
    "baton-store",
    "github-sim",
]);
const IO_WHY: &str =
    "core, verify and webhook are pure: they neither wait nor log; what does belongs to an adapter or to src/";
const SIGNATURE_WHY: &str = "webhooks are verified in `webhook`, markers are signed in `github`; ask there";
const CONTRACT_WHY: &str = "the simulator holds what goes over the wire against GitHub's descriptions, behind `contract`: ask `Sim::violations`";
const SIMULATOR_WHY: &str = "only the simulator speaks GitHub's and git's side of the wire";

/// Every dependency from outside, by name.
pub const OWNERS: &[Owner] = &[
    row("aho-corasick", CORE, "secrets are looked for in the core's patch policy"),
    row(
        "anyhow",
        Rooms(&["baton"]),
        "libraries have typed errors (`thiserror`); only the command line may forget types",
    ),
    row("apollo-compiler", CONTRACT, CONTRACT_WHY),
    row("async-graphql-parser", SIMULATOR, SIMULATOR_WHY),
    row("async-graphql-value", SIMULATOR, SIMULATOR_WHY),
    tested("aws-lc-rs", SIMULATOR, &["baton-github"], "the simulator checks keys; Baton signs through `jsonwebtoken`"),
    tested(
        "axum",
        Behind(&["baton-agent"], &["baton", "github-sim"]),
        &["baton-github"],
        "Baton answers HTTP in `src/server`; the simulators (GitHub's, and the model's behind `model-sim`) are servers too",
    ),
    tested(
        "base64",
        Rooms(&["baton", "github-sim"]),
        &["baton-git", "baton-github"],
        "bodies of the webhook channel in `src/server`; else only the simulator speaks GitHub's side of the wire",
    ),
    row("bytes", Rooms(&["baton", "baton-github", "github-sim"]), "bodies of HTTP; elsewhere `Vec<u8>` does"),
    row(
        "clap",
        Behind(&["baton-agent"], &["baton", "github-sim"]),
        "only programs have a command line; Baton's is `src/cli`",
    ),
    row("comrak", Tests, "a second reader of Markdown, to check that what the core writes means the same to both"),
    tested(
        "flate2",
        Rooms(&["baton-store", "github-sim"]),
        &["baton-github"],
        "the store compresses what it keeps of runs, and the simulator what GitHub sends so; ask there",
    ),
    tested("futures", Rooms(&["baton", "baton-agent", "github-sim"]), &["baton-github"], IO_WHY),
    row("git2", Rooms(&["baton-git"]), "objects of git are read and written in `git`; ask it"),
    row(
        "globset",
        Rooms(&["baton-core", "baton-sandbox", "baton-verify"]),
        "patterns of paths: policy, search, test files",
    ),
    row(
        "hex",
        Rooms(&["baton", "baton-core", "baton-github", "baton-webhook", "github-sim"]),
        "digests are the core's `Digest`; signatures belong to `webhook` and `github`",
    ),
    row("hmac", SIGNATURES, SIGNATURE_WHY),
    row("html5gum", CORE, MARKDOWN_WHY),
    row("http", Rooms(&["baton-github", "github-sim"]), "GitHub's API is spoken in `github`"),
    row("http-body-util", Rooms(&["baton-github"]), "GitHub's API is spoken in `github`"),
    row("hyper", Rooms(&["baton"]), "connections are taken in `src/server`; elsewhere HTTP is axum's or reqwest's"),
    row(
        "hyper-util",
        Rooms(&["baton"]),
        "connections are taken in `src/server`; elsewhere HTTP is axum's or reqwest's",
    ),
    row("ignore", Rooms(&["baton-sandbox"]), "working trees are walked inside the sandbox"),
    row("insta", Tests, "snapshots"),
    row(
        "jiff",
        Rooms(&["baton", "baton-core", "baton-github", "github-sim"]),
        "time in words is the core's `Timestamp`",
    ),
    row("jsonschema", CONTRACT, CONTRACT_WHY),
    row("jsonwebtoken", Rooms(&["baton-github", "github-sim"]), "the App proves who it is in `github`"),
    row("libc", Rooms(&["baton-sandbox"]), "system calls without a safe wrapper are made in `sandbox`"),
    row("maud", Rooms(&["baton"]), "pages are made in `src/setup`"),
    row("moka", Rooms(&["baton-github"]), "tokens are the one thing that is remembered, in `github`"),
    row("octocrab", Rooms(&["baton-github"]), "GitHub's API is spoken in `github`; give it a method there"),
    row("percent-encoding", SIMULATOR, SIMULATOR_WHY),
    row("proptest", Tests, "properties"),
    row("pulldown-cmark", Rooms(&["baton-core", "github-sim"]), MARKDOWN_WHY),
    row("quick-xml", Rooms(&["baton-verify"]), "JUnit reports are read in `verify`"),
    tested(
        "rand",
        Rooms(&["baton", "baton-agent", "baton-queue", "github-sim"]),
        &["baton-sandbox"],
        "chance is an argument for whoever is to be tested",
    ),
    row("rcgen", Tests, "certificates that a test makes, to see which are refused"),
    tested(
        "regex",
        Rooms(&["baton-agent", "baton-core", "baton-sandbox", "baton-verify"]),
        &["baton"],
        "texts are read in the core, in `verify`, or by the tools",
    ),
    row(
        "reqwest",
        Rooms(&["baton", "baton-agent", "baton-github", "github-sim"]),
        "HTTP goes out to GitHub in `github`, to models in `agent`; the root package only talks to itself, and listens to a webhook channel",
    ),
    tested(
        "rustix",
        Rooms(&["baton-git", "baton-sandbox"]),
        &["baton"],
        "system calls belong to `sandbox`, and to `git` for its pipes",
    ),
    row("seccompiler", Rooms(&["baton-sandbox"]), "system calls are filtered in `sandbox`"),
    row(
        "secrecy",
        Rooms(&["baton", "baton-agent", "baton-git", "baton-github"]),
        "secrets go no further than who needs them",
    ),
    row("serde", Anyone, "data"),
    row("serde_json", Anyone, "data"),
    row("sha1", SIMULATOR, SIMULATOR_WHY),
    row("sha2", Rooms(&["baton", "baton-core", "baton-github", "baton-webhook", "github-sim"]), SIGNATURE_WHY),
    row("sqlx", Rooms(&["baton-store"]), "rows are read and written in `store`; give it a method there"),
    tested(
        "tempfile",
        Rooms(&["baton", "baton-git", "baton-sandbox", "github-sim"]),
        &["baton-agent", "baton-queue", "baton-store", "baton-verify"],
        "folders on disk belong to `git`; a run's own live in its sandbox",
    ),
    row("thiserror", Anyone, "errors"),
    row("tokio", IO, IO_WHY),
    row("tokio-rustls", Tests, "a server with a certificate of the test's; Baton's own TLS is reqwest's"),
    tested("tokio-util", Rooms(&["baton", "baton-agent", "baton-queue", "github-sim"]), &["baton-sandbox"], IO_WHY),
    row(
        "toml",
        Rooms(&["baton", "baton-verify"]),
        "configuration is read in `src/config`, manifests of others in `verify`",
    ),
    row("toml_edit", Rooms(&["baton"]), "a configuration that is there keeps its comments: `src/setup`"),
    row("tower-http", Rooms(&["baton"]), "Baton answers HTTP in `src/server`"),
    row("tracing", IO, IO_WHY),
    tested(
        "tracing-subscriber",
        Rooms(&["baton", "github-sim"]),
        &["baton-github"],
        "only programs decide where logs go",
    ),
    row("unicode-normalization", CORE, UNICODE_WHY),
    row("unicode-properties", CORE, UNICODE_WHY),
    row(
        "url",
        Rooms(&["baton", "baton-git", "baton-github", "baton-webhook"]),
        "addresses come from outside; the core has names",
    ),
    tested(
        "yaml_serde",
        Rooms(&["baton"]),
        &["baton-github", "baton-webhook"],
        "a repository's file is read in `src/config`",
    ),
];

#[cfg(test)]
mod tests {
    use super::OWNERS;

    #[test]
    fn the_table_is_in_order_and_says_why() {
        assert!(OWNERS.is_sorted_by(|a, b| a.dependency < b.dependency), "keep the rows in order, each once");
        assert!(OWNERS.iter().all(|owner| owner.why.len() > 3));
    }
}
