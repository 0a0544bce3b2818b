//! The visible end of a world as a text in which the ends of a calm and of a disturbed telling are equal, line by line; and
//! the one place that says what may differ.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::super::World;
use super::super::reading::filtered;
use super::falls;

/// Names the file in which a story tells its end.
pub const END: &str = "BATON_STORY_END";

/// What a story came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Everything people see, and the histories, of all its worlds.
    pub seen: String,
    /// Commits of Baton's.
    pub commits: u64,
    /// Its writes to GitHub.
    pub effects: u64,
    /// How often it was killed.
    pub kills: u64,
    /// How often GitHub's answer was lost.
    pub unanswered: u64,
}

impl World {
    /// Adds this world's end to the story's, where somebody wants to know it.
    #[expect(clippy::disallowed_methods, reason = "the sweep asks for it this way")]
    pub(in crate::world) async fn tells_its_end(&self) {
        static SEEN: Mutex<String> = Mutex::new(String::new());
        let Ok(file) = std::env::var(END) else { return };
        let here = self.seen().await;
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push_str(&here);
        if let Some(apart) = &self.apart {
            apart.shared.turn();
        }
        let book = falls::book();
        let end = End {
            seen: seen.clone(),
            commits: book.commits,
            effects: book.effects,
            kills: book.kills,
            unanswered: book.unanswered,
        };
        std::fs::write(file, serde_json::to_vec(&end).expect("JSON")).expect("the end is written");
    }

    async fn seen(&self) -> String {
        let mut text = String::new();
        for repo in self.numbers.keys() {
            let _ = writeln!(text, "== {repo}");
            for number in 1..50 {
                if let Ok(thread) = self.sim.thread(repo, number) {
                    text.push_str(&comments(&thread));
                }
            }
            for check in self.sim.check_runs(repo).expect("check runs") {
                let _ =
                    writeln!(text, "check {} {} {:?} {:?}", check.name, check.status, check.conclusion, check.title);
            }
            for pull in self.sim.pulls(repo).expect("pulls") {
                let _ = writeln!(
                    text,
                    "pull #{} {} -> {} draft={} asked={:?}",
                    pull.number, pull.head, pull.base, pull.draft, pull.requested_reviewers
                );
                text.push_str(&self.sim.diff(repo, pull.number).expect("a difference"));
            }
            let mut branches = self.sim.branches(repo).expect("branches");
            branches.sort();
            for branch in branches {
                let _ = writeln!(text, "branch {branch} {}", self.tree(repo, &branch));
            }
        }
        text.push_str(&self.history().await);
        alike(&filtered(&text))
    }

    /// The tree that a branch stands at: what is in it, whenever it was made.
    #[expect(clippy::disallowed_methods, reason = "read with git's own program, not with the code under test")]
    fn tree(&self, repo: &str, branch: &str) -> String {
        let folder = self.folder().join("github").join(format!("{}.git", self.numbers[repo]));
        let mut command = std::process::Command::new("git");
        command.arg("--git-dir").arg(folder).args(["rev-parse", &format!("refs/heads/{branch}^{{tree}}")]);
        let tree = command.output().expect("git starts");
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        format!("tree-{}", String::from_utf8_lossy(&tree.stdout).trim())
    }
}

/// A thread whose comments stand in an order that has nothing to do with when they were written: what is done anew comes
/// later, and so behind what was not.
fn comments(thread: &str) -> String {
    let mut parts = thread.trim_end().split("\n--- @").map(|part| part.trim().to_owned());
    let head = parts.next().unwrap_or_default();
    let mut rest: Vec<String> = parts.collect();
    rest.sort();
    let rest: String = rest.iter().map(|comment| format!("--- @{comment}\n")).collect();
    format!("{head}\n{rest}")
}

/// Takes out what may differ between a calm and a disturbed telling: how long everything took, and that a run whose worker
/// was killed was begun anew.
fn alike(text: &str) -> String {
    let rules = [
        // Leases have to run out, and what was put off waits.
        (r"(?m)^\d[^·\n]* since it began", "[time] since it began"),
        (r"(?m)^(\| (?:plan|implement|revise) \|[^|]*\|)[^|]*\|", "$1 [time] |"),
    ];
    let mut text = text.to_owned();
    for (pattern, replacement) in rules {
        text = regex::Regex::new(pattern).expect("a pattern").replace_all(&text, replacement).into_owned();
    }
    let begins = |line: &str| line.trim_start().starts_with("baton: run_started:");
    let mut before = "";
    let mut kept = String::new();
    for line in text.lines() {
        if !(begins(line) && begins(before)) {
            kept.push_str(line);
            kept.push('\n');
        }
        before = line;
    }
    kept
}
