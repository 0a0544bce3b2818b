//! The house rules that no compiler knows: walls between rooms, owners of dependencies, style. Read by people who break one.
//!
//! Every message says where, what, and where the code belongs. The rules are tables: `rooms/owners.rs` (dependencies),
//! `walls/table.rs` (what code may mention); `style.rs` and `scripts.rs` have the rest. Each table carries examples of
//! what breaks it, and tests that they are caught, so that a rule cannot go blind. Why it is done like this is told in
//! `docs/adr/0001-rooms-are-crates.md`.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod code;
mod finding;
mod house;
mod lex;
mod lints;
mod reference;
mod rooms;
mod scripts;
mod style;
mod walls;

use std::fs;

use finding::none;
use house::{files, root, sources};

/// Kinds of files that are read for things left to do, besides Rust.
const TEXTS: [&str; 8] = [".md", ".toml", ".sql", ".sh", ".yml", ".yaml", ".service", "Dockerfile"];

#[test]
fn rooms_depend_only_on_what_they_may() {
    none(rooms::check(&rooms::rooms()));
}

#[test]
fn the_core_reaches_nothing_that_waits_or_talks() {
    let core = fs::read_to_string(root().join("crates/core/Cargo.toml")).unwrap();
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    none(rooms::check_reach(&rooms::Room::read("crates/core/Cargo.toml", &core), &lock));
}

#[test]
fn every_dependency_is_used() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let rooms = rooms::rooms();
    let mut findings = rooms::check_used(&rooms, &sources().unwrap());
    findings.extend(rooms::check_needed(&rooms, &manifest));
    none(findings);
}

#[test]
fn code_stays_within_its_walls() {
    none(walls::check(&sources().unwrap()));
}

#[test]
fn files_are_in_the_house_style() {
    none(style::check(&sources().unwrap()));
}

#[test]
fn names_say_something_and_nothing_is_left_to_do() {
    let paths = files("").unwrap();
    let mut findings = style::check_names(&paths);
    let texts = paths.iter().filter(|path| path.starts_with("script/") || TEXTS.iter().any(|end| path.ends_with(end)));
    for path in texts {
        findings.extend(style::check_text(path, &String::from_utf8_lossy(&fs::read(root().join(path)).unwrap())));
    }
    none(findings);
}

#[test]
fn scripts_can_be_run_and_explain_themselves() {
    let scripts = files("script").unwrap();
    none(scripts.iter().flat_map(|path| scripts::check(root(), path)).collect());
}

#[test]
fn clippy_knows_the_walls_in_every_room() {
    none(lints::check_all());
}
