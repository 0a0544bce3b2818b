//! One bare repository per repository on GitHub, named by GitHub's number, which survives renames.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use baton_core::domain::ids::{RepositoryId, TaskId};
use baton_core::domain::transfer::Transfer;
use git2::{ConfigLevel, Repository, RepositoryInitOptions};
use tokio::sync::watch;

use crate::config::GitConfig;
use crate::error::GitError;
use crate::process::GitProgram;

/// Baton's repositories. Cheap to clone; all clones share the same folder.
#[derive(Clone, Debug)]
pub struct Git {
    pub(crate) inner: Arc<Inner>,
    pub(crate) told: Option<watch::Sender<Option<Transfer>>>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub config: GitConfig,
    pub program: GitProgram,
}

impl Git {
    /// Prepares the folder. Blocks for a few file operations.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn new(mut config: GitConfig) -> Result<Self, GitError> {
        forget_personal_configuration();
        // Git runs inside the mirror, where a relative path would mean something else.
        config.root = std::path::absolute(&config.root).map_err(GitError::io("finding the folder for repositories"))?;
        let home = config.root.join("empty-home");
        // The root's own mode is the operator's.
        std::fs::create_dir_all(&config.root).map_err(GitError::io("making the folder for repositories"))?;
        for (folder, mode) in
            [(config.root.join("mirrors"), 0o700), (config.root.join("checkouts"), 0o711), (home.clone(), 0o500)]
        {
            make_folder(&folder, mode)?;
        }
        let program = GitProgram {
            program: config.program.clone(),
            home,
            credential_program: config.credential_program.clone(),
            allow_file: config.allow_file,
            stall_timeout: config.stall_timeout,
            reserve_bytes: config.reserve_bytes,
        };
        Ok(Self { inner: Arc::new(Inner { config, program }), told: None })
    }

    /// The same repositories; fetches through this one tell `to` how far they have come.
    #[must_use]
    pub fn telling(&self, to: watch::Sender<Option<Transfer>>) -> Self {
        Self { inner: Arc::clone(&self.inner), told: Some(to) }
    }

    /// The folder of a repository's mirror, which may not exist yet.
    pub(crate) fn mirror_path(&self, repo: RepositoryId) -> PathBuf {
        self.inner.config.root.join("mirrors").join(format!("{repo}.git"))
    }

    /// Makes the mirror if it is missing.
    pub(crate) fn ensure_mirror(&self, repo: RepositoryId) -> Result<PathBuf, GitError> {
        let path = self.mirror_path(repo);
        if path.join("HEAD").exists() {
            return Ok(path);
        }
        // Made beside its place and renamed, so that a crash leaves no half of a repository under the name.
        let parent = self.inner.config.root.join("mirrors");
        let draft =
            tempfile::Builder::new().prefix("new-").tempdir_in(&parent).map_err(GitError::io("making a repository"))?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        Repository::init_opts(draft.path(), &options)?;
        make_folder(draft.path(), 0o700)?;
        match std::fs::rename(draft.path(), &path) {
            Ok(()) => {
                let _ = draft.keep();
                Ok(path)
            }
            // Somebody else was faster; theirs is as good.
            Err(_) if path.join("HEAD").exists() => Ok(path),
            Err(e) => Err(GitError::io("making a repository")(e)),
        }
    }

    /// Runs work on a mirror's objects on a thread that may block.
    pub(crate) async fn on_objects<T, E>(
        &self,
        repo: RepositoryId,
        work: impl FnOnce(&Repository) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<GitError> + Send + 'static,
    {
        let git = self.clone();
        blocking(move || {
            let path = git.ensure_mirror(repo)?;
            let repository = Repository::open_bare(path).map_err(GitError::from)?;
            work(&repository)
        })
        .await
    }

    /// Forgets a task's commits: they are no longer kept alive. The objects go when the repository is next repacked.
    ///
    /// # Errors
    /// [`GitError`] if the references cannot be deleted.
    pub async fn release_task(&self, repo: RepositoryId, task: TaskId) -> Result<(), GitError> {
        self.on_objects(repo, move |repository| {
            let names: Vec<String> = repository
                .references_glob(&format!("refs/baton/tasks/{task}/*"))?
                .names()
                .map(|name| name.map(str::to_owned))
                .collect::<Result<_, _>>()?;
            for name in names {
                repository.find_reference(&name)?.delete()?;
            }
            Ok(())
        })
        .await
    }
}

/// Runs blocking work off the asynchronous threads.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<GitError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(GitError::BrokenOff.into()),
    }
}

/// An exclusive lock between processes, released when it is dropped or its process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: std::fs::File,
}

/// Takes the lock at `path`, waiting as long as the caller does.
pub(crate) async fn lock(path: &Path) -> Result<Lock, GitError> {
    let file = std::fs::File::create(path).map_err(GitError::io("opening a lock"))?;
    let mut pause = Duration::from_millis(5);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => {
                // Polled, because a blocking wait could not be cancelled.
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(200));
            }
            Err(std::fs::TryLockError::Error(e)) => return Err(GitError::io("taking a lock")(e)),
        }
    }
}

/// Takes the lock at `path`, unless somebody has it.
pub(crate) fn lock_if_free(path: &Path) -> Result<Option<Lock>, GitError> {
    let file = std::fs::File::create(path).map_err(GitError::io("opening a lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(GitError::io("taking a lock")(e)),
    }
}

/// Makes a folder if it is missing, and sets its mode.
fn make_folder(path: &Path, mode: u32) -> Result<(), GitError> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let what = || format!("making the folder {}", path.display());
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)))
        .map_err(GitError::io(what()))
}

/// libgit2 would read `~/.gitconfig` and the system's configuration: nothing of a person's belongs in here.
fn forget_personal_configuration() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for level in [ConfigLevel::System, ConfigLevel::Global, ConfigLevel::XDG, ConfigLevel::ProgramData] {
            #[expect(unsafe_code, reason = "libgit2 keeps its search paths in global variables")]
            // SAFETY: runs once, before this crate, the only owner of libgit2 in the program, uses it.
            let forgotten = unsafe { git2::opts::set_search_path(level, "") };
            if let Err(error) = forgotten {
                tracing::warn!(%error, "libgit2 keeps reading personal configuration");
            }
        }
    });
}
