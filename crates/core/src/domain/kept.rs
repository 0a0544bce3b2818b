//! What is kept of a run's work outside its sandbox, as bytes: changed files in one piece, and changes upon changes.
//!
//! The form: a big-endian `u32` length, a JSON head of that many bytes that lists every file with the length of its
//! content, then the contents one after the other. What is read back was an agent's once: every length is checked against
//! what is there, and what the changes *say* is judged where they are used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::enclosure::{FileMode, WorkspaceChanges, WorkspaceFile};

/// Bytes before the head.
const LENGTH: usize = 4;

/// Bytes are not kept work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was kept is damaged: {0}")]
pub struct Damaged(&'static str);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    written: Vec<Entry>,
    deleted: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    mode: FileMode,
    bytes: u64,
}

/// The changes as bytes. `None` if the list alone is longer than such bytes can say (4 GiB).
#[must_use]
pub fn pack(changes: &WorkspaceChanges) -> Option<Vec<u8>> {
    let written = changes.written.iter().map(|file| Entry {
        path: file.path.clone(),
        mode: file.mode,
        bytes: file.content.len() as u64,
    });
    let head = serde_json::to_vec(&Head { written: written.collect(), deleted: changes.deleted.clone() }).ok()?;
    let contents: usize = changes.written.iter().map(|file| file.content.len()).sum();
    let mut bytes = Vec::with_capacity(LENGTH + head.len() + contents);
    bytes.extend_from_slice(&u32::try_from(head.len()).ok()?.to_be_bytes());
    bytes.extend_from_slice(&head);
    for file in &changes.written {
        bytes.extend_from_slice(&file.content);
    }
    Some(bytes)
}

/// The changes that [`pack`] made bytes of.
///
/// # Errors
/// [`Damaged`] for any other bytes.
pub fn unpack(bytes: &[u8]) -> Result<WorkspaceChanges, Damaged> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>().ok_or(Damaged("it is too short"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Damaged("its list is too long"))?;
    let (head, mut contents) = rest.split_at_checked(length).ok_or(Damaged("its list is cut off"))?;
    let head: Head = serde_json::from_slice(head).map_err(|_| Damaged("its list cannot be read"))?;
    let mut written = Vec::with_capacity(head.written.len());
    for Entry { path, mode, bytes } in head.written {
        let bytes = usize::try_from(bytes).map_err(|_| Damaged("a file is too long"))?;
        let (content, rest) = contents.split_at_checked(bytes).ok_or(Damaged("a file is cut off"))?;
        contents = rest;
        written.push(WorkspaceFile { path, mode, content: content.to_vec() });
    }
    if contents.is_empty() {
        Ok(WorkspaceChanges { written, deleted: head.deleted })
    } else {
        Err(Damaged("there is more than it lists"))
    }
}

/// What `later`, a change of what `earlier` had made of a tree, makes of the tree itself. A path that was written and then
/// deleted counts as deleted, whether the tree has it or not.
#[must_use]
pub fn upon(earlier: WorkspaceChanges, later: WorkspaceChanges) -> WorkspaceChanges {
    let mut all: BTreeMap<String, Option<WorkspaceFile>> = BTreeMap::new();
    for changes in [earlier, later] {
        all.extend(changes.deleted.into_iter().map(|path| (path, None)));
        all.extend(changes.written.into_iter().map(|file| (file.path.clone(), Some(file))));
    }
    let mut changes = WorkspaceChanges::default();
    for (path, file) in all {
        match file {
            Some(file) => changes.written.push(file),
            None => changes.deleted.push(path),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> impl Strategy<Value = WorkspaceFile> {
        let mode = prop_oneof![
            Just(FileMode::Regular),
            Just(FileMode::Executable),
            Just(FileMode::Symlink),
            Just(FileMode::Submodule)
        ];
        ("[a-c/.ü\"]{0,4}", mode, prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(path, mode, content)| WorkspaceFile { path, mode, content })
    }

    fn changes() -> impl Strategy<Value = WorkspaceChanges> {
        (prop::collection::vec(file(), 0..6), prop::collection::vec("[a-c/]{0,4}", 0..4))
            .prop_map(|(written, deleted)| WorkspaceChanges { written, deleted })
    }

    /// A tree as a map, and what changes make of it.
    fn applied(mut tree: BTreeMap<String, Vec<u8>>, changes: &WorkspaceChanges) -> BTreeMap<String, Vec<u8>> {
        for path in &changes.deleted {
            tree.remove(path);
        }
        tree.extend(changes.written.iter().map(|file| (file.path.clone(), file.content.clone())));
        tree
    }

    /// Changes as a sandbox makes them: no path is both written and deleted.
    fn coherent(mut changes: WorkspaceChanges) -> WorkspaceChanges {
        let written: Vec<String> = changes.written.iter().map(|file| file.path.clone()).collect();
        changes.deleted.retain(|path| !written.contains(path));
        changes
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_back(changes in changes()) {
            prop_assert_eq!(unpack(&pack(&changes).unwrap()), Ok(changes));
        }

        #[test]
        fn any_bytes_are_changes_or_damaged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
        }

        /// Bytes of a kept work with a piece of it gone, doubled or changed: read as some changes or refused, and never
        /// more of them than there are bytes.
        #[test]
        fn a_damaged_packet_is_harmless(changes in changes(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = pack(&changes).unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= with }
            if let Ok(read) = unpack(&bytes) {
                let contents: usize = read.written.iter().map(|file| file.content.len()).sum();
                prop_assert!(contents <= bytes.len());
            }
        }

        #[test]
        fn changes_upon_changes_make_the_same_tree(first in changes(), second in changes(), paths in prop::collection::vec("[a-c/]{0,4}", 0..5)) {
            let (first, second) = (coherent(first), coherent(second));
            let tree: BTreeMap<String, Vec<u8>> = paths.into_iter().map(|path| (path, b"base".to_vec())).collect();
            let one_by_one = applied(applied(tree.clone(), &first), &second);
            prop_assert_eq!(applied(tree, &upon(first, second)), one_by_one);
        }
    }

    #[test]
    fn a_list_that_claims_more_than_there_is_allocates_nothing() {
        let head = br#"{"written":[{"path":"a","mode":"regular","bytes":18446744073709551615}],"deleted":[]}"#;
        let mut bytes = u32::try_from(head.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(head);
        assert_eq!(unpack(&bytes), Err(Damaged("a file is cut off")));
        assert_eq!(unpack(&[0xff; 4]), Err(Damaged("its list is cut off")));
    }
}
