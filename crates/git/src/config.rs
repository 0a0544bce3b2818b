//! What the operator decides about git: where the repositories live, which program is run, and for how long.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of [`Git`](crate::Git).
#[derive(Clone, Debug)]
pub struct GitConfig {
    /// Folder for the bare repositories and the checkouts. Made if it is missing; only Baton may write in it.
    pub root: PathBuf,
    /// The git program.
    pub program: PathBuf,
    /// Who answers git when it asks for a token.
    pub credential_program: CredentialProgram,
    /// User and group that own checkouts, so that a sandbox that runs as them can change its private copy. Needs root;
    /// without it, checkouts belong to whoever runs Baton.
    pub checkout_owner: Option<(u32, u32)>,
    /// Whether `file://` remotes are allowed: for `baton run` on a person's own clone, never for a server.
    pub allow_file: bool,
    /// How long git may say and do nothing during a fetch or a repacking, which otherwise take as long as they take.
    pub silence_timeout: Duration,
    /// How long a push may take.
    pub push_timeout: Duration,
    /// How long a server may send nothing during a transfer.
    pub stall_timeout: Duration,
    /// Bytes of the disk that stay free: a fetch that would take them is ended, for the database may be there too.
    pub reserve_bytes: u64,
    /// What a run may leave behind at most.
    pub import_limits: ImportLimits,
}

impl GitConfig {
    /// The defaults for a folder and a credential program.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, credential_program: CredentialProgram) -> Self {
        Self {
            root: root.into(),
            program: PathBuf::from("git"),
            credential_program,
            checkout_owner: None,
            allow_file: false,
            silence_timeout: Duration::from_secs(5 * 60),
            push_timeout: Duration::from_secs(10 * 60),
            stall_timeout: Duration::from_secs(60),
            reserve_bytes: 512 * 1024 * 1024,
            import_limits: ImportLimits::default(),
        }
    }
}

/// The program that git starts to get a token: normally Baton itself with its hidden command.
///
/// It is started as `PROGRAM ARGS… FD get` and must call [`credential_main`](crate::credential_main) with what follows
/// `ARGS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialProgram {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Its leading arguments, for example `git-credential`.
    pub args: Vec<String>,
}

/// Quotas of one import: beyond them nothing is read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportLimits {
    /// Files written and deleted together.
    pub entries: usize,
    /// Bytes of all written files together.
    pub total_bytes: u64,
    /// Bytes of one written file.
    pub file_bytes: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self { entries: 20_000, total_bytes: 512 * MIB, file_bytes: 100 * MIB }
    }
}
