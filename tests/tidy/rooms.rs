//! Walls that Cargo.toml files draw: which room may depend on which, and who owns each dependency from outside.
//!
//! The table of owners is in `rooms/owners.rs`. What only tests use is judged apart.

mod owners;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::code::Mention;
use super::finding::Finding;
use super::house::{Source, root};
use owners::{OWNERS, Owner, Owners};
use toml::{Table, Value};

/// Baton's own rooms, and the rooms that each may depend on. `baton` is the root package, where they meet.
pub const ROOMS: &[(&str, &[&str])] = &[
    (
        "baton",
        &[
            "baton-agent",
            "baton-core",
            "baton-git",
            "baton-github",
            "baton-queue",
            "baton-sandbox",
            "baton-store",
            "baton-verify",
            "baton-webhook",
            "github-sim",
        ],
    ),
    ("baton-agent", &["baton-core"]),
    ("baton-core", &[]),
    ("baton-git", &["baton-core"]),
    ("baton-github", &["baton-core"]),
    ("baton-queue", &["baton-core", "baton-store"]),
    ("baton-sandbox", &["baton-core"]),
    ("baton-store", &["baton-core"]),
    ("baton-verify", &["baton-core"]),
    ("baton-webhook", &["baton-core"]),
    ("github-sim", &[]),
];

/// Rooms whose tests alone may know others, besides the simulator, which the tests of every room may.
const TESTED_TOGETHER: &[(&str, &[&str], &str)] = &[(
    "baton-sandbox",
    &["baton-agent", "baton-verify"],
    "tests/replays plays recorded agents in real sandboxes and reads what the tests there say",
)];

/// What the pure core may not even reach through others: whatever runs tasks, opens sockets or keeps data.
const BEYOND_THE_CORE: [&str; 10] =
    ["axum", "futures", "git2", "hyper", "mio", "octocrab", "reqwest", "socket2", "sqlx", "tokio"];

/// How a room uses a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Production,
    Tests,
}

/// One line of a room's Cargo.toml.
#[derive(Debug)]
struct Dependency {
    name: String,
    how: Use,
    optional: bool,
    from_workspace: bool,
}

/// A room's Cargo.toml.
#[derive(Debug)]
pub struct Room {
    name: String,
    file: String,
    text: String,
    dependencies: Vec<Dependency>,
    workspace_lints: bool,
}

impl Room {
    /// Reads a manifest that stands at `file`.
    pub fn read(file: &str, text: &str) -> Self {
        let manifest: Table = text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        let mut dependencies = section(&manifest);
        for target in manifest.get("target").and_then(Value::as_table).into_iter().flatten() {
            dependencies.extend(target.1.as_table().map(section).unwrap_or_default());
        }
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
        Self { name, file: file.to_owned(), text: text.to_owned(), dependencies, workspace_lints: lints == Some(true) }
    }

    fn finding(&self, about: &str, what: String, belongs: &str) -> Finding {
        let named =
            |line: &str| line.trim_start().strip_prefix(about).is_some_and(|rest| rest.starts_with([' ', '.', '=']));
        let line = self.text.lines().position(named).map_or(0, |at| at + 1);
        Finding::new(&self.file, line, what, belongs)
    }
}

fn section(table: &Table) -> Vec<Dependency> {
    let kinds =
        [("dependencies", Use::Production), ("build-dependencies", Use::Production), ("dev-dependencies", Use::Tests)];
    let mut found = Vec::new();
    for (kind, how) in kinds {
        for (key, value) in table.get(kind).and_then(Value::as_table).into_iter().flatten() {
            let flag = |name: &str| value.get(name).and_then(Value::as_bool) == Some(true);
            let name = value.get("package").and_then(Value::as_str).unwrap_or(key).to_owned();
            let from_workspace = flag("workspace") || value.get("path").is_some();
            found.push(Dependency { name, how, optional: flag("optional"), from_workspace });
        }
    }
    found
}

/// Every room there is, found on disk.
pub fn rooms() -> Vec<Room> {
    let mut files = vec!["Cargo.toml".to_owned()];
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        files.push(format!("crates/{}/Cargo.toml", entry.unwrap().file_name().to_string_lossy()));
    }
    files.iter().map(|file| Room::read(file, &fs::read_to_string(root().join(file)).unwrap())).collect()
}

/// Judges what each room depends on.
pub fn check(rooms: &[Room]) -> Vec<Finding> {
    rooms.iter().flat_map(check_room).collect()
}

fn check_room(room: &Room) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some((_, neighbours)) = ROOMS.iter().find(|(name, _)| *name == room.name) else {
        let what = format!("the room `{}` is not on the map", room.name);
        return vec![room.finding("name", what, "Say in tests/tidy/rooms.rs which rooms it may depend on.")];
    };
    if !room.workspace_lints {
        findings.push(room.finding(
            "[lints]",
            "the workspace's lints do not hold here".into(),
            "Add `[lints] workspace = true`.",
        ));
    }
    for dependency in &room.dependencies {
        let name = dependency.name.as_str();
        if !dependency.from_workspace {
            let what = format!("`{name}` has a version of its own");
            findings.push(room.finding(name, what, "Versions are in the root Cargo.toml: `x.workspace = true`."));
        }
        let fault = if ROOMS.iter().any(|(room, _)| *room == name) {
            neighbour_fault(room, neighbours, dependency)
        } else {
            owner_fault(room, dependency)
        };
        findings.extend(fault.map(|(what, belongs)| room.finding(name, what, &belongs)));
    }
    findings
}

fn neighbour_fault(room: &Room, neighbours: &[&str], dependency: &Dependency) -> Option<(String, String)> {
    let name = dependency.name.as_str();
    // The simulator stands outside: it must not know the code it is to judge, not even in its tests.
    let together = name == "github-sim" || name == room.name || together(&room.name).contains(&name);
    if neighbours.contains(&name) || (dependency.how == Use::Tests && together) {
        return None;
    }
    let belongs = match room.name.as_str() {
        "github-sim" => {
            "The simulator is the outside world and shares no code with Baton: test the two together in tests/."
        }
        "baton-core" => "The core knows no room: pass data in, or move the code to the room that needs it.",
        _ => "Adapters know the core and not each other: they meet in `src/engine`.",
    };
    Some((format!("`{}` may not depend on `{name}`", room.name), belongs.to_owned()))
}

/// The rooms that the tests of a room may know.
fn together(room: &str) -> &'static [&'static str] {
    TESTED_TOGETHER.iter().find(|(name, ..)| *name == room).map_or(&[], |(_, rooms, _)| rooms)
}

/// Rooms that may be tested together and are not.
fn check_together(rooms: &[Room]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, others, reason) in TESTED_TOGETHER {
        for other in *others {
            let room = rooms.iter().find(|room| room.name == *name);
            if !room.is_some_and(|room| room.dependencies.iter().any(|dependency| dependency.name == *other)) {
                let what = format!("`{name}` is not tested with `{other}` any more ({reason})");
                findings.push(Finding::new("tests/tidy/rooms.rs", 0, what, "Take it out of TESTED_TOGETHER."));
            }
        }
    }
    findings
}

fn owner_fault(room: &Room, dependency: &Dependency) -> Option<(String, String)> {
    let name = dependency.name.as_str();
    let Some(owner) = OWNERS.iter().find(|owner| owner.dependency == name) else {
        let belongs = "Say in tests/tidy/rooms/owners.rs who owns it, and why it is needed.".to_owned();
        return Some((format!("nobody owns `{name}`"), belongs));
    };
    let allowed = may_use(owner, room, dependency);
    (!allowed).then(|| {
        let what = match dependency.how {
            Use::Production => format!("`{}` may not depend on `{name}`", room.name),
            Use::Tests => format!("the tests of `{}` may not depend on `{name}`", room.name),
        };
        (what, format!("{}: {}", owner.owners, owner.why))
    })
}

fn may_use(owner: &Owner, room: &Room, dependency: &Dependency) -> bool {
    let room = room.name.as_str();
    let of_tests = dependency.how == Use::Tests;
    match owner.owners {
        Owners::Anyone => true,
        Owners::Tests => of_tests,
        Owners::Rooms(rooms) => rooms.contains(&room) || (of_tests && owner.tests.contains(&room)),
        Owners::Behind(feature, rooms) => {
            rooms.contains(&room)
                || feature.contains(&room) && (dependency.optional || of_tests)
                || of_tests && owner.tests.contains(&room)
        }
    }
}

/// What the core reaches through its dependencies, by Cargo.lock.
pub fn check_reach(core: &Room, lock: &str) -> Vec<Finding> {
    let lock: Table = lock.parse().unwrap();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let needs = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // "name", or "name version" where there are several.
        let needs = needs.filter_map(|need| need.as_str()?.split(' ').next());
        edges.entry(package["name"].as_str().unwrap()).or_default().extend(needs);
    }
    let mut findings = Vec::new();
    for dependency in core.dependencies.iter().filter(|dependency| dependency.how == Use::Production) {
        let mut reached = BTreeSet::new();
        let mut open = vec![dependency.name.as_str()];
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                open.extend(edges.get(name).into_iter().flatten());
            }
        }
        for beyond in BEYOND_THE_CORE.iter().filter(|beyond| reached.contains(*beyond)) {
            let what = format!("the core reaches `{beyond}` through `{}`", dependency.name);
            findings.push(core.finding(&dependency.name, what, "The core is pure: another crate, or fewer features."));
        }
    }
    findings
}

/// Dependencies that no line of their room mentions, or only a line of a test.
pub fn check_used(rooms: &[Room], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in rooms {
        let folder = room.file.trim_end_matches("Cargo.toml");
        let own = |path: &str| match folder {
            "" => !path.starts_with("crates/"),
            folder => path.starts_with(folder),
        };
        let words = |tests_too: bool| -> BTreeSet<&str> {
            let places = sources.iter().filter(|source| own(&source.path)).flat_map(|source| {
                source.code.places.iter().filter(move |place| tests_too || !(source.is_test || place.in_test))
            });
            // Its name anywhere is enough: what is used may be a derive or a macro.
            let names = places.filter_map(|place| match &place.mention {
                Mention::Path(path) => path.split("::").next(),
                Mention::Word(word) | Mention::Macro(word) => Some(word),
                Mention::Call(..) => None,
            });
            names.collect()
        };
        let (production, all) = (words(false), words(true));
        for dependency in room.dependencies.iter().filter(|dependency| dependency.name != room.name) {
            let name = dependency.name.replace('-', "_");
            let finding = |what: &str, belongs: &str| {
                room.finding(&dependency.name, format!("`{}` {what}", dependency.name), belongs)
            };
            if !all.contains(name.as_str()) {
                findings.push(finding("is not used here", "Take the line out of this Cargo.toml."));
            } else if dependency.how == Use::Production && !production.contains(name.as_str()) {
                findings.push(finding("is used by tests alone", "Move it to `[dev-dependencies]`."));
            }
        }
    }
    findings
}

/// Entries of the workspace's table, and of the table of owners, that no room needs.
pub fn check_needed(rooms: &[Room], manifest: &str) -> Vec<Finding> {
    let needed: BTreeSet<&str> = rooms.iter().flat_map(|room| &room.dependencies).map(|d| d.name.as_str()).collect();
    let manifest: Table = manifest.parse().unwrap();
    let offered = manifest["workspace"]["dependencies"].as_table().unwrap();
    let mut findings = Vec::new();
    for name in offered.keys().filter(|name| !needed.contains(name.as_str())) {
        findings.push(rooms[0].finding(
            name,
            format!("no room needs `{name}`"),
            "Take the line out of the root Cargo.toml.",
        ));
    }
    findings.extend(check_together(rooms));
    for owner in OWNERS.iter().filter(|owner| !needed.contains(owner.dependency)) {
        let what = format!("no room needs `{}`", owner.dependency);
        findings.push(Finding::new("tests/tidy/rooms/owners.rs", 0, what, "Take its row out."));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Room, check, check_needed, check_reach, check_used};
    use crate::house::Source;

    fn room(name: &str, dependencies: &str) -> Room {
        let text = format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{dependencies}");
        Room::read(&format!("crates/{name}/Cargo.toml"), &text)
    }

    fn told(name: &str, dependencies: &str) -> Vec<String> {
        check(&[room(name, dependencies)]).iter().map(|f| format!("{}: {}", f.line, f.what)).collect()
    }

    #[test]
    fn each_kind_of_broken_wall_is_told() {
        for (name, dependencies, expected) in [
            ("baton-core", "[dependencies]\ntokio.workspace = true", "6: `baton-core` may not depend on `tokio`"),
            (
                "baton-core",
                "[dependencies]\nfutures = { workspace = true, optional = true }",
                "6: `baton-core` may not depend on `futures`",
            ),
            (
                "baton-core",
                "[dev-dependencies]\nbaton-store.workspace = true",
                "6: `baton-core` may not depend on `baton-store`",
            ),
            ("baton-core", "[build-dependencies]\ngit2.workspace = true", "6: `baton-core` may not depend on `git2`"),
            (
                "baton-core",
                "[target.'cfg(unix)'.dependencies]\nreqwest.workspace = true",
                "6: `baton-core` may not depend on `reqwest`",
            ),
            (
                "baton-core",
                "[dependencies]\nhidden = { workspace = true, package = \"sqlx\" }",
                "0: `baton-core` may not depend on `sqlx`",
            ),
            (
                "baton-git",
                "[dependencies]\nbaton-github.workspace = true",
                "6: `baton-git` may not depend on `baton-github`",
            ),
            (
                "baton-store",
                "[dependencies]\nbaton-queue.workspace = true",
                "6: `baton-store` may not depend on `baton-queue`",
            ),
            (
                "baton-sandbox",
                "[dependencies]\nbaton-agent.workspace = true",
                "6: `baton-sandbox` may not depend on `baton-agent`",
            ),
            (
                "baton-git",
                "[dev-dependencies]\nbaton-agent.workspace = true",
                "6: `baton-git` may not depend on `baton-agent`",
            ),
            ("baton-webhook", "[dependencies]\nbaton.workspace = true", "6: `baton-webhook` may not depend on `baton`"),
            (
                "baton-github",
                "[dependencies]\ngithub-sim.workspace = true",
                "6: `baton-github` may not depend on `github-sim`",
            ),
            (
                "github-sim",
                "[dev-dependencies]\nbaton-core.workspace = true",
                "6: `github-sim` may not depend on `baton-core`",
            ),
            ("baton", "[dependencies]\nsqlx.workspace = true", "6: `baton` may not depend on `sqlx`"),
            ("baton", "[dependencies]\noctocrab.workspace = true", "6: `baton` may not depend on `octocrab`"),
            ("baton-agent", "[dependencies]\naxum.workspace = true", "6: `baton-agent` may not depend on `axum`"),
            (
                "baton-git",
                "[dependencies]\nseccompiler.workspace = true",
                "6: `baton-git` may not depend on `seccompiler`",
            ),
            (
                "baton-webhook",
                "[dependencies]\njsonwebtoken.workspace = true",
                "6: `baton-webhook` may not depend on `jsonwebtoken`",
            ),
            ("baton-store", "[dependencies]\ninsta.workspace = true", "6: `baton-store` may not depend on `insta`"),
            (
                "baton-store",
                "[dev-dependencies]\ngit2.workspace = true",
                "6: the tests of `baton-store` may not depend on `git2`",
            ),
            ("baton-store", "[dependencies]\nleft-pad.workspace = true", "6: nobody owns `left-pad`"),
            ("baton-store", "[dependencies]\nserde = \"1\"", "6: `serde` has a version of its own"),
            ("baton-attic", "", "2: the room `baton-attic` is not on the map"),
        ] {
            assert_eq!(told(name, dependencies), [expected], "{name}: {dependencies}");
        }
        let without_lints = Room::read("crates/x/Cargo.toml", "[package]\nname = \"baton-store\"");
        assert_eq!(check(&[without_lints]).len(), 1);
    }

    #[test]
    fn what_is_allowed_is_not_told() {
        for (name, dependencies) in [
            ("baton-queue", "[dependencies]\nbaton-store.workspace = true\nbaton-core.workspace = true"),
            ("baton-github", "[dev-dependencies]\ngithub-sim.workspace = true\naxum.workspace = true"),
            ("baton-sandbox", "[dev-dependencies]\nbaton-agent.workspace = true"),
            ("baton-agent", "[dependencies]\naxum = { workspace = true, optional = true }"),
            ("baton-agent", "[dev-dependencies]\nbaton-agent = { path = \".\", features = [\"model-sim\"] }"),
            ("baton", "[dependencies]\ngithub-sim.workspace = true\naxum.workspace = true"),
            ("baton-store", "[dependencies]\nsqlx.workspace = true\n[dev-dependencies]\ntempfile.workspace = true"),
        ] {
            assert_eq!(told(name, dependencies), [""; 0], "{name}: {dependencies}");
        }
    }

    #[test]
    fn the_core_is_followed_to_the_end() {
        let lock = "[[package]]\nname = \"regex\"\ndependencies = [\"deep 1.0.0\"]\n\
                    [[package]]\nname = \"deep\"\ndependencies = [\"tokio\"]\n[[package]]\nname = \"tokio\"";
        let core =
            room("baton-core", "[dependencies]\nregex.workspace = true\n[dev-dependencies]\ntokio.workspace = true");
        let told: Vec<String> = check_reach(&core, lock).into_iter().map(|finding| finding.what).collect();
        assert_eq!(told, ["the core reaches `tokio` through `regex`"]);
        assert_eq!(check_reach(&core, "[[package]]\nname = \"regex\""), []);
    }

    #[test]
    fn what_nobody_uses_is_told() {
        let rooms = [room("baton-core", "[dependencies]\nregex.workspace = true\nserde_json.workspace = true")];
        let uses = |path: &str, text: &str| check_used(&rooms, &[Source::new(path, text)]).len();
        assert_eq!(uses("crates/baton-core/src/a.rs", "use regex::Regex; fn f() { serde_json::json!(1); }"), 0);
        assert_eq!(uses("crates/baton-core/src/a.rs", "// use regex::Regex;\nfn f() { serde_json::json!(1); }"), 1);
        assert_eq!(uses("crates/other/src/a.rs", "use regex::Regex;"), 2);
        assert_eq!(uses("crates/baton-core/tests/a.rs", "use regex::Regex; use serde_json::json;"), 2, "tests alone");
        let manifest = "[workspace.dependencies]\nregex = \"1\"\nserde_json = \"1\"\nnobody = \"1\"";
        let unneeded = check_needed(&rooms, manifest);
        assert_eq!(unneeded.iter().filter(|f| f.file.ends_with("Cargo.toml")).count(), 1);
    }
}
