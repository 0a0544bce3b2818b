//! Turns the difference between two commits into data for the patch policy, and into text for people.

use std::collections::BTreeMap;

use baton_core::domain::enclosure::FileMode;
use baton_core::domain::ids::{CommitSha, RepositoryId};
use baton_core::domain::patch::{FileChange, Patch};
use git2::{Delta, Diff, DiffFormat, DiffOptions, Repository};

use crate::error::GitError;
use crate::mirror::Git;
use crate::objects::{commit, file_mode};
use crate::read::size;

/// Bytes of added lines that are kept for the policy. A file whose lines go beyond it has fewer `additions` than
/// `added_lines`, which the policy refuses: what was not scanned is not pushed.
const MAX_ADDED_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of a file beyond which it is not compared line by line and counts as binary.
const MAX_COMPARED_BYTES: i64 = 16 * 1024 * 1024;

impl Git {
    /// What differs between two commits, file by file, in the order of their paths. Renames show as a deleted and a new
    /// file.
    ///
    /// # Errors
    /// [`GitError`] if a commit is not in the mirror.
    pub async fn patch(&self, repo: RepositoryId, base: &CommitSha, head: &CommitSha) -> Result<Patch, GitError> {
        let (base, head) = (base.clone(), head.clone());
        self.on_objects(repo, move |repository| {
            let diff = difference(repository, &base, &head, 0)?;
            let files = files(repository, &diff)?;
            Ok(Patch { base, head, files })
        })
        .await
    }

    /// The difference as a unified diff of at most `limit` bytes; a cut is marked in the last line.
    ///
    /// # Errors
    /// [`GitError`] if a commit is not in the mirror.
    pub async fn diff_text(
        &self,
        repo: RepositoryId,
        base: &CommitSha,
        head: &CommitSha,
        limit: usize,
    ) -> Result<String, GitError> {
        let (base, head) = (base.clone(), head.clone());
        self.on_objects(repo, move |repository| {
            let diff = difference(repository, &base, &head, 3)?;
            let mut text = Vec::new();
            let mut cut = false;
            let printed = diff.print(DiffFormat::Patch, |_, _, line| {
                let origin = line.origin();
                let marked = matches!(origin, '+' | '-' | ' ');
                if text.len() + line.content().len() + usize::from(marked) > limit {
                    cut = true;
                    return false;
                }
                if marked {
                    text.push(origin as u8);
                }
                text.extend_from_slice(line.content());
                true
            });
            if !cut {
                printed?;
            }
            let mut text = String::from_utf8_lossy(&text).into_owned();
            if cut {
                text.push_str("[the diff goes on; it was cut here]\n");
            }
            Ok(text)
        })
        .await
    }
}

fn difference<'r>(
    repository: &'r Repository,
    base: &CommitSha,
    head: &CommitSha,
    context: u32,
) -> Result<Diff<'r>, GitError> {
    let base = commit(repository, base)?.tree()?;
    let head = commit(repository, head)?.tree()?;
    let mut options = DiffOptions::new();
    options
        .context_lines(context)
        // As a deleted and a new file: what a link's place gets as a file would otherwise have no lines to scan.
        .include_typechange(false)
        .skip_binary_check(false)
        .indent_heuristic(false)
        .max_size(MAX_COMPARED_BYTES);
    Ok(repository.diff_tree_to_tree(Some(&base), Some(&head), Some(&mut options))?)
}

fn files(repository: &Repository, diff: &Diff<'_>) -> Result<Vec<FileChange>, GitError> {
    let mut files: BTreeMap<String, FileChange> = BTreeMap::new();
    let mut room = MAX_ADDED_BYTES;
    for index in 0..diff.deltas().len() {
        let patch = git2::Patch::from_diff(diff, index)?;
        let Some(delta) = diff.get_delta(index) else { continue };
        let (old, new) = (delta.old_file(), delta.new_file());
        let gone = delta.status() == Delta::Deleted;
        let path = if gone { old.path_bytes() } else { new.path_bytes() };
        let path = String::from_utf8_lossy(path.unwrap_or_default()).into_owned();
        let mode = |file: &git2::DiffFile<'_>| {
            if file.exists() { file_mode(u32::from(file.mode()) as i32) } else { None }
        };
        let new_mode = mode(&new);
        let mut change = FileChange {
            path: path.clone(),
            old_mode: mode(&old),
            new_mode,
            added_lines: 0,
            removed_lines: 0,
            // libgit2 gives no patch for a file it takes for binary.
            binary: patch.is_none() || delta.flags().is_binary(),
            new_size: match new_mode {
                None | Some(FileMode::Submodule) => 0,
                Some(_) => size(repository, new.id())?,
            },
            additions: Vec::new(),
            link_target: match new_mode {
                Some(FileMode::Symlink) => {
                    Some(String::from_utf8_lossy(repository.find_blob(new.id())?.content()).into_owned())
                }
                _ => None,
            },
        };
        if let (Some(patch), false) = (patch, change.binary) {
            read_lines(&patch, &mut change, &mut room)?;
        }
        match files.entry(path) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(change);
            }
            // A file that became a link or the like: libgit2 tells of two deltas.
            std::collections::btree_map::Entry::Occupied(mut place) => merge(place.get_mut(), change),
        }
    }
    Ok(files.into_values().collect())
}

/// Joins the deletion and the creation of one path.
fn merge(one: &mut FileChange, other: FileChange) {
    one.old_mode = one.old_mode.or(other.old_mode);
    if other.new_mode.is_some() {
        one.new_mode = other.new_mode;
        one.new_size = other.new_size;
        one.link_target = other.link_target;
    }
    one.binary |= other.binary;
    one.added_lines = one.added_lines.saturating_add(other.added_lines);
    one.removed_lines = one.removed_lines.saturating_add(other.removed_lines);
    one.additions.extend(other.additions);
}

fn read_lines(patch: &git2::Patch<'_>, change: &mut FileChange, room: &mut usize) -> Result<(), GitError> {
    for hunk in 0..patch.num_hunks() {
        for line in 0..patch.num_lines_in_hunk(hunk)? {
            let line = patch.line_in_hunk(hunk, line)?;
            match line.origin() {
                '+' => {
                    change.added_lines = change.added_lines.saturating_add(1);
                    let content = line.content();
                    if content.len() <= *room {
                        *room -= content.len();
                        let text = String::from_utf8_lossy(content);
                        let text = text.strip_suffix('\n').unwrap_or(&text);
                        change.additions.push((line.new_lineno().unwrap_or(0), text.to_owned()));
                    }
                }
                '-' => change.removed_lines = change.removed_lines.saturating_add(1),
                _ => {}
            }
        }
    }
    Ok(())
}
