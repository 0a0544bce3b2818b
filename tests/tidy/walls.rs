//! Walls that Cargo cannot see: who may mention what. The table is in `walls/table.rs`; here is how it is judged.

mod table;

use super::code::{Mention, Place};
use super::finding::Finding;
use super::house::Source;
use table::WALLS;

/// Something that may not be mentioned.
#[derive(Debug, Clone, Copy)]
pub enum Banned {
    /// A path and everything beneath it.
    Path(&'static str),
    /// A call of a method or function of this name, with at least so many arguments.
    Call(&'static str, usize),
    /// A call of a method or function of any of these names.
    AnyCall(&'static [&'static str]),
    /// A macro.
    Macro(&'static str),
    /// A word of the language.
    Word(&'static str),
    /// A call or a macro that clippy knows too: allowed where an attribute expects that lint.
    Linted(&'static str, &'static str),
}

/// Who may not mention what, and where it belongs.
#[derive(Debug)]
pub struct Wall {
    /// Where it stands: files and folders. Empty: everywhere.
    pub within: &'static [&'static str],
    /// Code of tests is judged too.
    pub tests_too: bool,
    /// What may not be mentioned there.
    pub banned: &'static [Banned],
    /// Files and folders that may, each with its reason. One that covers nothing is a finding.
    pub except: &'static [(&'static str, &'static str)],
    /// Where the code belongs.
    pub belongs: &'static str,
    /// Code that breaks it: at least one for each thing banned, so that no row can go blind.
    pub breaks: &'static [&'static str],
    /// Code that does not.
    pub holds: &'static [&'static str],
}

impl Banned {
    fn hits(self, place: &Place) -> Option<String> {
        match (self, &place.mention) {
            (Self::Path(banned), Mention::Path(path)) => {
                let beneath = path == banned || path.strip_prefix(banned).is_some_and(|rest| rest.starts_with("::"));
                beneath.then(|| format!("`{path}`"))
            }
            (Self::Call(banned, least), Mention::Call(name, arguments)) => {
                (name == banned && *arguments >= least).then(|| format!("a call of `{name}`"))
            }
            (Self::AnyCall(banned), Mention::Call(name, _)) => {
                banned.contains(&name.as_str()).then(|| format!("a call of `{name}`"))
            }
            (Self::Macro(banned), Mention::Macro(name)) => (name == banned).then(|| format!("`{name}!`")),
            (Self::Word(banned), Mention::Word(word)) => (word == banned).then(|| format!("`{word}`")),
            (Self::Linted(banned, lint), Mention::Call(name, _) | Mention::Macro(name)) => {
                let expected = place.expected.iter().any(|expected| expected == lint);
                (name == banned && !expected).then(|| format!("`{name}`"))
            }
            _ => None,
        }
    }
}

fn is_in(path: &str, places: &[&str]) -> bool {
    places.is_empty() || places.iter().any(|place| path == *place || path.starts_with(&format!("{place}/")))
}

/// What one wall says about one file, exceptions aside.
fn judge(wall: &Wall, source: &Source) -> Vec<Finding> {
    if !is_in(&source.path, wall.within) {
        return Vec::new();
    }
    let judged = source.code.places.iter().filter(|place| wall.tests_too || !(source.is_test || place.in_test));
    let mut findings: Vec<Finding> = judged
        .filter_map(|place| {
            let what = wall.banned.iter().find_map(|banned| banned.hits(place))?;
            Some(Finding::new(&source.path, place.line, format!("{what} may not stand here"), wall.belongs))
        })
        .collect();
    // One line may mention a thing as a word, a path and a call.
    findings.dedup_by_key(|finding| finding.line);
    findings
}

fn excepted<'w>(wall: &'w Wall, path: &str) -> Option<&'w str> {
    wall.except.iter().map(|(place, _)| *place).find(|place| is_in(path, &[place]))
}

/// Judges every file by every wall.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    WALLS.iter().flat_map(|wall| check_wall(wall, sources)).collect()
}

fn check_wall(wall: &Wall, sources: &[Source]) -> Vec<Finding> {
    let (mut findings, mut used) = (Vec::new(), Vec::new());
    for source in sources {
        let found = judge(wall, source);
        match excepted(wall, &source.path) {
            Some(place) if !found.is_empty() => used.push(place),
            Some(_) => {}
            None => findings.extend(found),
        }
    }
    for (place, reason) in wall.except {
        if !used.contains(place) {
            let what = format!("the exception for {place} ({reason}) covers nothing");
            findings.push(Finding::new("tests/tidy/walls/table.rs", 0, what, "Take it out."));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::table::{GITHUB_READS, GITHUB_WRITES, WALLS};
    use super::{Banned, Wall, check_wall, judge};
    use crate::house::{Source, sources};

    fn a_place_within(wall: &Wall) -> String {
        let within = wall.within.first().copied().unwrap_or("src/engine/somewhere.rs");
        if within.ends_with(".rs") { within.to_owned() } else { format!("{within}/somewhere.rs") }
    }

    #[test]
    fn each_wall_catches_what_breaks_it_and_nothing_else() {
        for wall in WALLS {
            let path = a_place_within(wall);
            for text in wall.breaks {
                assert!(!judge(wall, &Source::new(&path, text)).is_empty(), "not caught at {path}: {text}");
            }
            for text in wall.holds {
                assert_eq!(judge(wall, &Source::new(&path, text)), [], "caught for nothing at {path}: {text}");
            }
        }
    }

    #[test]
    fn each_thing_banned_has_an_example() {
        for wall in WALLS {
            for banned in wall.banned {
                let caught = |text: &&str| {
                    let source = Source::new("src/x.rs", text);
                    source.code.places.iter().any(|place| banned.hits(place).is_some())
                };
                assert!(wall.breaks.iter().any(caught), "no example breaks {banned:?} ({})", wall.belongs);
            }
        }
    }

    #[test]
    fn each_exception_has_a_reason_and_lies_within_its_wall() {
        for wall in WALLS {
            for (place, reason) in wall.except {
                assert!(reason.len() > 8, "{place}: why?");
                assert!(super::is_in(place, wall.within), "{place} is outside its wall");
            }
        }
    }

    /// A new method of the room `github` must be sorted into one of the lists before anybody can call it.
    #[test]
    fn every_method_of_github_is_known_to_read_or_to_write() {
        let sources = sources().unwrap();
        let room = sources.iter().filter(|s| s.path.starts_with("crates/github/src/") && !s.is_test);
        let mut methods: Vec<&str> = room
            .flat_map(|source| source.text.lines())
            .filter_map(|line| line.trim_start().strip_prefix("pub async fn "))
            .filter_map(|rest| rest.split(['(', '<']).next())
            .collect();
        methods.sort_unstable();
        methods.dedup();
        let mut known = [GITHUB_READS, GITHUB_WRITES].concat();
        known.sort_unstable();
        assert_eq!(methods, known, "sort it into GITHUB_READS or GITHUB_WRITES in tests/tidy/walls/table.rs");
    }

    #[test]
    fn a_finding_says_where_it_is_and_where_it_belongs() {
        let wall = Wall {
            within: &["src"],
            tests_too: false,
            banned: &[Banned::Path("std::env::var")],
            except: &[("src/config.rs", "reads it"), ("src/old.rs", "was here once")],
            belongs: "Ask `config`.",
            breaks: &[],
            holds: &[],
        };
        let reads = "//! x\nuse std::env;\nfn f() { env::var(\"A\") }\n#[test] fn t() { env::var(\"A\") }";
        let sources = ["src/a.rs", "src/config.rs", "src/configuration.rs", "crates/x/src/a.rs"]
            .map(|path| Source::new(path, reads));
        let told: Vec<String> = check_wall(&wall, &sources).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "src/a.rs:3: `std::env::var` may not stand here. Ask `config`.",
                "src/configuration.rs:3: `std::env::var` may not stand here. Ask `config`.",
                "tests/tidy/walls/table.rs:0: the exception for src/old.rs (was here once) covers nothing. Take it out.",
            ]
        );
    }
}
