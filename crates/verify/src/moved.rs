//! Tests that are gone under their old name and still there under a new one: moved to another file, or split into cases.
//! A test whose own name changed counts as removed and added: whether it still checks the same, a person must say.

use std::collections::{BTreeMap, BTreeSet};

use baton_core::domain::evidence::{TestName, TestStatus};

/// What became of tests that are unknown on the branch under their old names.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// Old names that have a successor which passes.
    pub(crate) old: BTreeSet<TestName>,
    /// The successors: they are not new.
    pub(crate) new: BTreeSet<TestName>,
}

/// Pairs tests that are only on the base with tests that are only on the branch and pass there.
pub(crate) fn find(base: &BTreeMap<TestName, TestStatus>, branch: &BTreeMap<TestName, TestStatus>) -> Moved {
    let gone: Vec<&TestName> = base
        .iter()
        .filter(|(name, status)| **status == TestStatus::Passed && !branch.contains_key(*name))
        .map(|(name, _)| name)
        .collect();
    let new: Vec<(&TestName, TestStatus)> =
        branch.iter().filter(|(name, _)| !base.contains_key(*name)).map(|(name, status)| (name, *status)).collect();
    let mut moved = Moved::default();
    if gone.is_empty() || new.is_empty() {
        return moved;
    }
    let mut by_leaf: BTreeMap<&str, Vec<&(&TestName, TestStatus)>> = BTreeMap::new();
    let mut by_stem: BTreeMap<&str, Vec<&(&TestName, TestStatus)>> = BTreeMap::new();
    for entry in &new {
        by_leaf.entry(leaf(&entry.0.0)).or_default().push(entry);
        if let Some((stem, _)) = entry.0.0.split_once('[') {
            by_stem.entry(stem).or_default().push(entry);
        }
    }
    let mut leaves_gone: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &gone {
        *leaves_gone.entry(leaf(&name.0)).or_default() += 1;
    }
    for name in gone {
        let cases = by_stem.get(name.0.as_str()).filter(|cases| cases.iter().all(|(_, s)| *s == TestStatus::Passed));
        let elsewhere = by_leaf
            .get(leaf(&name.0))
            .filter(|found| found.len() == 1 && leaves_gone.get(leaf(&name.0)) == Some(&1))
            .filter(|found| found.iter().all(|(_, s)| *s == TestStatus::Passed));
        if let Some(successors) = cases.or(elsewhere) {
            moved.old.insert(name.clone());
            moved.new.extend(successors.iter().map(|(name, _)| (*name).clone()));
        }
    }
    moved
}

/// The test's own name, without file, module and groups. Parameters in brackets belong to it.
fn leaf(name: &str) -> &str {
    let own = name.split('[').next().unwrap_or(name);
    let start =
        ["::", " > ", ": "].iter().filter_map(|mark| own.rfind(mark).map(|at| at + mark.len())).max().unwrap_or(0);
    &name[start..]
}
