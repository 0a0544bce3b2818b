//! Clippy's configuration: a room's own clippy.toml replaces the root's, so each must say what the root says, but for
//! the calls that the room owns.

use std::fs;

use toml::{Table, Value};

use super::finding::Finding;
use super::house::{files, root};

/// Which rooms may lift which bans, by the beginning of a path, and why.
const LIFTED: [(&str, &[&str], &str); 3] = [
    ("crates/git/clippy.toml", &["std::process::", "tokio::process::"], "it runs git"),
    // `var`, `var_os`, `vars`, `vars_os`.
    ("crates/sandbox/clippy.toml", &["std::process::", "tokio::process::", "std::env::var"], "it runs everything else"),
    ("crates/github-sim/clippy.toml", &[""], "it is the outside world"),
];

/// Calls that the root bans, whatever else it bans.
const BANNED: [&str; 4] =
    ["std::env::var", "std::process::Command::new", "std::time::SystemTime::now", "tokio::process::Command::new"];

/// Judges every clippy.toml.
pub fn check_all() -> Vec<Finding> {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let rooms: Vec<(String, String)> = files("crates")
        .unwrap()
        .into_iter()
        .filter(|path| path.ends_with("clippy.toml"))
        .map(|path| (path.clone(), read(&path)))
        .collect();
    check(&read("clippy.toml"), &rooms)
}

fn check(house: &str, rooms: &[(String, String)]) -> Vec<Finding> {
    let house: Table = house.parse().unwrap();
    let mut findings = Vec::new();
    for banned in BANNED.iter().filter(|banned| !methods(&house).iter().any(|(path, _)| path == *banned)) {
        let what = format!("clippy does not know the wall around `{banned}`");
        findings.push(Finding::new("clippy.toml", 0, what, "Put it under `disallowed-methods`, with a reason."));
    }
    for (path, reason) in methods(&house).iter().filter(|(_, method)| method.get("reason").is_none()) {
        findings.push(Finding::new(
            "clippy.toml",
            0,
            format!("no reason for `{path}`: {reason}"),
            "Say where it belongs.",
        ));
    }
    for (file, text) in rooms {
        let mut room: Table = text.parse().unwrap();
        let Some((_, lifted, _)) = LIFTED.iter().find(|(owner, ..)| owner == file) else {
            findings.push(Finding::new(
                file,
                0,
                "a room that owns nothing lifts walls",
                "The root's clippy.toml holds here.",
            ));
            continue;
        };
        let mut expected = house.clone();
        let kept = methods(&house).into_iter().filter(|(path, _)| !lifted.iter().any(|from| path.starts_with(from)));
        expected.insert("disallowed-methods".to_owned(), Value::Array(kept.map(|(_, method)| method).collect()));
        room.entry("disallowed-methods").or_insert(Value::Array(Vec::new()));
        if room != expected {
            let belongs = "Copy what the root says, but for the calls that tests/tidy/lints.rs lets this room make.";
            findings.push(Finding::new(file, 0, "it says something else than the root's clippy.toml", belongs));
        }
    }
    findings
}

/// What is banned, with its rows.
fn methods(table: &Table) -> Vec<(String, Value)> {
    let rows = table.get("disallowed-methods").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| Some((row.get("path")?.as_str()?.to_owned(), row.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::{BANNED, check};

    fn house(without: &str) -> String {
        let rows = BANNED.iter().filter(|path| **path != without);
        let rows: Vec<String> = rows.map(|path| format!("{{ path = \"{path}\", reason = \"x\" }}")).collect();
        format!("allow-panic-in-tests = true\ndisallowed-methods = [{}]", rows.join(", "))
    }

    #[test]
    fn a_room_lifts_its_own_walls_only() {
        let git = |text: &str| check(&house(""), &[("crates/git/clippy.toml".to_owned(), text.to_owned())]).len();
        let rows =
            "{ path = \"std::env::var\", reason = \"x\" }, { path = \"std::time::SystemTime::now\", reason = \"x\" }";
        assert_eq!(git(&format!("allow-panic-in-tests = true\ndisallowed-methods = [{rows}]")), 0);
        assert_eq!(git("allow-panic-in-tests = true"), 1, "it lifts everything");
        assert_eq!(git(&format!("disallowed-methods = [{rows}]")), 1, "it leaves a setting out");
        let elsewhere = check(&house(""), &[("crates/store/clippy.toml".to_owned(), house(""))]);
        assert_eq!(elsewhere.len(), 1, "it owns nothing");
    }

    #[test]
    fn the_root_knows_every_wall_with_its_reason() {
        assert_eq!(check(&house(""), &[]), []);
        for banned in BANNED {
            assert_eq!(check(&house(banned), &[]).len(), 1, "{banned}");
        }
        assert_eq!(check(&house("").replacen("reason", "because", 1), &[]).len(), 1);
    }
}
