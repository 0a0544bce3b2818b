//! Cached checkouts: one folder per repository and commit (or tree), made once, offered to many sandboxes as the
//! read-only lower layer of an overlay, and never written to again.

mod content;
mod lease;
mod small_git;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_core::domain::ids::{CommitSha, RepositoryId};
use baton_core::domain::time::Timestamp;
use git2::Oid;

pub(crate) use lease::{Exclusive, Lease};

use crate::error::GitError;
use crate::mirror::{Git, blocking, lock};
use crate::objects::{TreeId, oid};
use crate::process::{Call, Patience};
use content::Content;

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutOf {
    /// A commit; git inside shows it as the only one.
    Commit(CommitSha),
    /// A tree; git inside shows one commit made for it.
    Tree(TreeId),
}

/// A checkout in use. While any clone of it lives, pruning spares the folder, in this and every other process.
#[derive(Clone, Debug)]
pub struct Checkout {
    path: PathBuf,
    _lease: Arc<Lease>,
}

impl Checkout {
    /// The folder with the files and a small `.git` of their own. Not to be written to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Why there is no checkout.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// The tree holds a name that could reach outside it or into its `.git`.
    #[error("the repository contains the path `{0}`, which Baton does not check out")]
    HostilePath(String),
    /// A fault of the local repository or the disk.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl From<git2::Error> for CheckoutError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.into())
    }
}

impl Git {
    /// The checkout of a commit or tree that is in the mirror, made if it is not there yet. `now` counts as its last use.
    ///
    /// Files are written from objects, byte for byte: no filter, no hook, no line-end conversion, no LFS. Links are
    /// made and never followed; submodules are empty folders. The folder's `.git` holds this one commit and nothing else
    /// of the repository, so that an agent can use git there. Everything belongs to `checkout_owner` if there is one.
    ///
    /// # Errors
    /// [`CheckoutError`].
    pub async fn checkout(
        &self,
        repo: RepositoryId,
        what: &CheckoutOf,
        now: Timestamp,
    ) -> Result<Checkout, CheckoutError> {
        let root = match what {
            CheckoutOf::Commit(sha) => oid(sha)?,
            CheckoutOf::Tree(tree) => tree.0,
        };
        let name = match self.owner() {
            // Under another owner it is another checkout: the configuration may have changed since.
            Some((uid, gid)) => format!("{repo}-{root}-{uid}-{gid}"),
            None => format!("{repo}-{root}"),
        };
        let folder = self.checkouts().join(&name);
        loop {
            let lease = Lease::take(&self.checkouts(), &name, now).await?;
            if folder.is_dir() {
                return Ok(Checkout { path: folder, _lease: Arc::new(lease) });
            }
            let making = lease.upgrade().await?;
            if !folder.is_dir() {
                let bytes = self.materialise(repo, what, &folder, now).await?;
                making.record(bytes, now)?;
            }
            // The exclusive lock goes before a shared one is taken, and pruning may come in between: look again.
        }
    }

    /// Who gets checkouts; nobody but the caller unless that is root.
    fn owner(&self) -> Option<(u32, u32)> {
        self.inner.config.checkout_owner.filter(|_| rustix::process::geteuid().is_root())
    }

    pub(crate) fn checkouts(&self) -> PathBuf {
        self.inner.config.root.join("checkouts")
    }

    /// Makes the folder beside its place and renames it, so that it is there wholly or not at all.
    async fn materialise(
        &self,
        repo: RepositoryId,
        what: &CheckoutOf,
        folder: &Path,
        now: Timestamp,
    ) -> Result<u64, CheckoutError> {
        let draft = tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(self.checkouts())
            .map_err(GitError::io("making a checkout"))?;
        let tree_folder = draft.path().join("tree");
        let what = what.clone();
        let target = tree_folder.clone();
        let content: Content = self
            .on_objects(repo, move |repository| {
                let content = Content::of(repository, &what, now)?;
                content.write_files(repository, &target)?;
                small_git::lay_out(&content, &target)?;
                Ok::<_, CheckoutError>(content)
            })
            .await?;
        self.pack(repo, &content.objects(), &tree_folder).await?;
        let owner = self.owner();
        let target = folder.to_owned();
        blocking(move || {
            small_git::write_index(&content, &tree_folder)?;
            let bytes = content::hand_over(&tree_folder, owner)?;
            std::fs::rename(&tree_folder, &target).map_err(GitError::io("putting a checkout in place"))?;
            Ok::<_, CheckoutError>(bytes)
        })
        .await
    }

    /// Packs exactly these objects of the mirror into the new `.git`, taking over what is compressed there already.
    async fn pack(&self, repo: RepositoryId, objects: &[Oid], tree_folder: &Path) -> Result<(), CheckoutError> {
        let mut list = String::with_capacity(objects.len() * 41);
        for id in objects {
            list.push_str(&format!("{id}\n"));
        }
        let target = tree_folder.join(".git/objects/pack/pack");
        let git_dir = self.mirror_path(repo);
        // Halves of packs lie in the mirror while it works, and who has the lock takes them for leftovers.
        let _lock = lock(&git_dir.with_extension("lock")).await?;
        let said = self
            .inner
            .program
            .run(Call {
                git_dir: &git_dir,
                args: vec!["pack-objects".into(), "--quiet".into(), "--window=0".into(), target.into()],
                stdin: list.into_bytes(),
                remote: None,
                patience: Patience::Silence(self.inner.config.silence_timeout),
                told: None,
            })
            .await;
        let failed = |text: String| GitError::Program { command: "pack-objects", text }.into();
        match said {
            Ok(said) if said.success => Ok(()),
            Ok(said) => Err(failed(crate::remote::readable(&said.stderr))),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}
