//! Part A of the security catalogue, the webhook's edge: every number has a test that is named after it, in one of these
//! files.

use std::collections::BTreeSet;
use std::path::Path;

/// What the endpoint does as a process, what follows in a whole world, and what this crate decides alone.
const FILES: [&str; 6] = [
    "tests/processes/webhook/letting_in.rs",
    "tests/processes/webhook/flood.rs",
    "tests/processes/webhook/lasting.rs",
    "tests/scenarios/edge.rs",
    "crates/webhook/tests/signature.rs",
    "crates/webhook/tests/shapes.rs",
];

/// The numbers in a test's name: `a08_…`, `a_14_…`.
fn numbers(source: &str) -> BTreeSet<u32> {
    let names = source.lines().filter_map(|line| line.strip_prefix("fn a"));
    names.filter_map(|name| name.trim_start_matches('_').get(..2)?.parse().ok()).collect()
}

#[test]
fn every_number_of_part_a_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = BTreeSet::new();
    for file in FILES {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        let here = numbers(&source);
        assert!(file.ends_with("shapes.rs") || !here.is_empty(), "{file} has none");
        found.extend(here);
    }
    let all: BTreeSet<u32> = (1..=18).collect();
    assert_eq!(found, all);
}
