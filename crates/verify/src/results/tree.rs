//! Results that come as a tree: the parts of a group are printed before the group's own result.

use baton_core::domain::evidence::TestStatus;

use super::Reading;

/// Deeper groups are taken for this depth.
const MAX_DEPTH: usize = 32;

/// A test, or a group of tests.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) status: TestStatus,
    /// Whether it only groups tests (`describe`) and is none itself.
    pub(super) is_suite: bool,
    children: Vec<Node>,
}

/// Collects results by their depth.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// At each depth, what came since the last result one level up.
    levels: Vec<Vec<Node>>,
    total: usize,
}

impl Tree {
    /// A result at `depth`: what came one level deeper since the last result at this depth belongs to it.
    pub(super) fn add(&mut self, depth: usize, name: &str, status: TestStatus) -> Option<&mut Node> {
        if self.total >= super::MAX_TESTS {
            return None;
        }
        self.total += 1;
        let depth = depth.min(MAX_DEPTH);
        if self.levels.len() <= depth + 1 {
            self.levels.resize_with(depth + 2, Vec::new);
        }
        let children = self.levels.drain(depth + 1..).flatten().collect();
        let level = self.levels.get_mut(depth)?;
        level.push(Node { name: name.to_owned(), status, is_suite: false, children });
        level.last_mut()
    }

    /// The tests, named with their groups in front. A group counts as a test where it says it is one; a suite that fails
    /// although none of its tests does (its set-up broke) is named too.
    pub(super) fn read_into(self, reading: &mut Reading) {
        for node in self.levels.into_iter().flatten() {
            flatten("", &node, reading);
        }
    }

    /// Whether nothing came.
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }
}

/// Recursion is bounded: a tree is at most `MAX_DEPTH` levels deep.
fn flatten(prefix: &str, node: &Node, reading: &mut Reading) {
    let name = format!("{prefix}{}", node.name);
    let inner = format!("{name} > ");
    for child in &node.children {
        flatten(&inner, child, reading);
    }
    let broke = node.status == TestStatus::Failed && !node.children.iter().any(any_failed);
    if !node.is_suite || broke {
        reading.add(&name, node.status);
    }
}

fn any_failed(node: &Node) -> bool {
    node.status == TestStatus::Failed
}
