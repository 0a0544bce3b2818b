//! Every story again with Baton really killed: around every commit, and before and after every write to GitHub; and with
//! GitHub doing what it was asked and its answer lost. Its end has to be that of the calm telling, and the audit holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::world::apart::end::{END, End};
use crate::world::apart::falls::{Around, Fall};
use crate::world::apart::{FALLS, LIBRARY};
use crate::world::weather::chance;

/// The library that counts commits and kills around them.
const COMMITS: &str = include_str!("../world/apart/commits.c");

/// Between two falls of one telling there is so much undisturbed, that no job is killed in all its attempts.
const APART: u64 = 13;

/// How a telling ended otherwise than it should.
#[derive(Debug, Default)]
struct Otherwise {
    lost: usize,
    doubled: usize,
    text: String,
}

/// What was tried on one story.
#[derive(Debug, Default)]
struct Row {
    commits: u64,
    effects: u64,
    tellings: usize,
    kills: u64,
    unanswered: u64,
    lost: usize,
    doubled: usize,
}

/// One telling of one story.
struct Telling {
    story: String,
    falls: Vec<Fall>,
}

struct Sweep {
    folder: tempfile::TempDir,
    library: PathBuf,
    rows: Mutex<BTreeMap<String, Row>>,
    failed: Mutex<Vec<String>>,
}

impl Sweep {
    #[expect(clippy::disallowed_methods, reason = "the library is built by the compiler that builds SQLite")]
    fn begin() -> Self {
        let folder = tempfile::Builder::new().prefix("baton-sweep-").tempdir().expect("a folder");
        let (source, library) = (folder.path().join("commits.c"), folder.path().join("commits.so"));
        std::fs::write(&source, COMMITS).expect("it is written");
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
        let built = compiler.output().expect("the sweep needs a C compiler; script/setup installs `gcc`");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { folder, library, rows: Mutex::default(), failed: Mutex::default() }
    }

    /// Tells a story; its end, or what it said when it failed.
    #[expect(
        clippy::disallowed_methods,
        reason = "each story is told by a process of its own, as the test runner does it"
    )]
    fn tell(&self, story: &str, falls: Option<&[Fall]>) -> Result<End, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let file = self.folder.path().join(format!("end-{}.json", NUMBER.fetch_add(1, Ordering::SeqCst)));
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", &format!("scenarios::{story}"), "--nocapture", "--test-threads=1"]);
        command.env(END, &file).env("INSTA_UPDATE", "no").env("INSTA_FORCE_PASS", "1");
        command.env_remove("NEXTEST_EXECUTION_MODE");
        if let Some(falls) = falls {
            command.env(FALLS, named(falls)).env(LIBRARY, &self.library);
        }
        let told = command.output().expect("this program starts");
        if told.status.success() {
            return Ok(read(&file));
        }
        Err(String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
    }

    /// The calm telling, with Baton in a process of its own; it ends as the one in a single process does.
    fn calm(&self, story: &str) -> Option<End> {
        let told = self.tell(story, None).and_then(|usual| Ok((usual, self.tell(story, Some(&[]))?)));
        let (usual, apart) = match told {
            Ok(both) => both,
            Err(text) => {
                self.fails(format!("=== {story}, calm\n{text}"));
                return None;
            }
        };
        if usual.seen != apart.seen {
            self.fails(format!("=== {story}, calm, in one process and in two\n{}", difference(&usual, &apart).text));
            return None;
        }
        assert!(apart.commits > 0, "{story}: no commit was counted; is the library loaded?");
        let row = Row { commits: apart.commits, effects: apart.effects, ..Row::default() };
        self.rows.lock().expect("the rows").insert(story.to_owned(), row);
        Some(apart)
    }

    fn fails(&self, text: String) {
        println!("{text}");
        self.failed.lock().expect("the list").push(text);
    }

    /// Tells a story with falls, and compares.
    fn disturbed(&self, telling: &Telling, calm: &End) {
        let (told, mut rows) = (self.tell(&telling.story, Some(&telling.falls)), self.rows.lock().expect("the rows"));
        let row = rows.entry(telling.story.clone()).or_default();
        row.tellings += 1;
        let otherwise = match told {
            Ok(end) => {
                row.kills += end.kills;
                row.unanswered += end.unanswered;
                difference(calm, &end)
            }
            Err(text) => Otherwise { lost: 1, doubled: 0, text },
        };
        row.lost += otherwise.lost;
        row.doubled += otherwise.doubled;
        drop(rows);
        if !otherwise.text.is_empty() {
            self.fails(format!("=== {}, {}\n{}", telling.story, named(&telling.falls), otherwise.text));
        }
    }

    /// Tells all these, two at a time.
    fn all(&self, tellings: &[Telling], calm: &BTreeMap<String, End>) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(telling) = tellings.get(next.fetch_add(1, Ordering::SeqCst)) {
                        self.disturbed(telling, &calm[&telling.story]);
                    }
                });
            }
        });
    }

    /// The table of what was tried; fails where anything ended otherwise.
    fn ends(self) -> u64 {
        let rows = self.rows.into_inner().expect("the rows");
        let mut table = format!(
            "{:<76} {:>7} {:>7} {:>8} {:>6} {:>10} {:>5} {:>8}\n",
            "story", "commits", "writes", "tellings", "kills", "unanswered", "lost", "doubled"
        );
        let mut all = Row::default();
        for (story, row) in &rows {
            line(&mut table, story, row);
            all.commits += row.commits;
            all.effects += row.effects;
            all.tellings += row.tellings;
            all.kills += row.kills;
            all.unanswered += row.unanswered;
            all.lost += row.lost;
            all.doubled += row.doubled;
        }
        line(&mut table, &format!("{} stories", rows.len()), &all);
        println!("{table}");
        let failed = self.failed.into_inner().expect("the list");
        assert!(failed.is_empty(), "{} tellings end otherwise:\n{}", failed.len(), failed.join("\n"));
        all.kills
    }
}

fn line(table: &mut String, story: &str, row: &Row) {
    let _ = writeln!(
        table,
        "{story:<76} {:>7} {:>7} {:>8} {:>6} {:>10} {:>5} {:>8}",
        row.commits, row.effects, row.tellings, row.kills, row.unanswered, row.lost, row.doubled
    );
}

fn read(file: &Path) -> End {
    serde_json::from_slice(&std::fs::read(file).expect("the story told its end")).expect("an end")
}

fn named(falls: &[Fall]) -> String {
    falls.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// What stands in one end and not in the other.
fn difference(calm: &End, disturbed: &End) -> Otherwise {
    let count = |end: &End| {
        let mut lines = BTreeMap::<String, i64>::new();
        for line in end.seen.lines() {
            *lines.entry(line.to_owned()).or_default() += 1;
        }
        lines
    };
    let (calm_lines, other_lines) = (count(calm), count(disturbed));
    let mut otherwise = Otherwise::default();
    for (line, times) in &calm_lines {
        let there = other_lines.get(line).copied().unwrap_or(0);
        if there < *times {
            otherwise.lost += 1;
            let _ = writeln!(otherwise.text, "lost:    {line}");
        }
    }
    for (line, times) in &other_lines {
        if *times > calm_lines.get(line).copied().unwrap_or(0) {
            otherwise.doubled += 1;
            let _ = writeln!(otherwise.text, "doubled: {line}");
        }
    }
    if otherwise.text.is_empty() && calm.seen != disturbed.seen {
        otherwise.lost += 1;
        let _ = writeln!(otherwise.text, "in another order:\n{}", disturbed.seen);
    }
    otherwise
}

/// Every single fall there is in a story.
fn each(end: &End) -> Vec<Fall> {
    let commits = (1..=end.commits)
        .flat_map(|number| [Around::Before, Around::Amid, Around::After].map(|around| Fall::Commit(number, around)));
    let effects = (1..=end.effects).flat_map(|number| {
        let around = [Around::Before, Around::After].map(|around| Fall::Effect(number, around));
        around.into_iter().chain([Fall::Unanswered(number)])
    });
    commits.chain(effects).collect()
}

/// Falls of chance all along a story, by a seed.
fn mixture(end: &End, seed: u64) -> Vec<Fall> {
    let mut state = seed;
    let mut falls = Vec::new();
    // What a fall undoes is counted again when it is done again, so a disturbed story is longer than a calm one.
    let mut at = 1 + chance(&mut state) % APART;
    while at <= end.commits {
        let around = [Around::Before, Around::Amid, Around::After][(chance(&mut state) % 3) as usize];
        let effect = 1 + at * end.effects / end.commits.max(1);
        falls.push(match chance(&mut state) % 5 {
            0 | 1 => Fall::Commit(at, around),
            2 => Fall::Effect(effect, Around::Before),
            3 => Fall::Effect(effect, Around::After),
            _ => Fall::Unanswered(effect),
        });
        at += APART + chance(&mut state) % APART;
    }
    falls
}

/// The fixed slice for every day: one story, killed all along it in four ways.
#[test]
fn a_story_ends_alike_however_often_baton_is_killed() {
    let sweep = Sweep::begin();
    let story = "calm::a_command_asks_for_a_plan";
    let Some(calm) = sweep.calm(story) else {
        sweep.ends();
        return;
    };
    let tellings: Vec<Telling> =
        (1..=4).map(|seed| Telling { story: story.to_owned(), falls: mixture(&calm, seed) }).collect();
    sweep.all(&tellings, &[(story.to_owned(), calm)].into());
    assert!(sweep.ends() >= 12, "so few kills show nothing");
}

/// Every story of these files is swept.
const SWEPT: [&str; 10] =
    ["authority", "auto", "calm", "commands", "evidence", "patches", "review", "told", "trouble", "withdrawn"];

/// Stories of those files that are told with Baton in this process alone, and why.
const WITHIN: [(&str, &str); 0] = [];

/// The story in which every single fall is tried, one a telling.
const EACH: &str = "calm::a_command_asks_for_a_plan";

#[expect(clippy::disallowed_methods, reason = "the test's runner knows the stories")]
fn stories() -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let listed = command.args(["--list", "--format", "terse"]).output().expect("this program starts");
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = listed.lines().filter_map(|line| line.strip_suffix(": test")?.strip_prefix("scenarios::"));
    let swept = names.filter(|name| {
        let file = name.split("::").next().unwrap_or_default();
        SWEPT.contains(&file) && WITHIN.iter().all(|(story, _)| story != name)
    });
    swept.map(str::to_owned).collect()
}

/// Kills without a seed of their own: each fall of one story, by itself.
#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn each_commit_and_each_write_of_a_story() {
    let sweep = Sweep::begin();
    let calm = sweep.calm(EACH).expect("the calm telling");
    let falls = each(&calm);
    let tellings: Vec<Telling> =
        falls.into_iter().map(|fall| Telling { story: EACH.to_owned(), falls: vec![fall] }).collect();
    sweep.all(&tellings, &[(EACH.to_owned(), calm)].into());
    let kills = sweep.ends();
    assert!(kills >= 200, "so few kills show nothing: {kills}");
}

/// Every story, killed all along it in some ways of chance.
#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn every_story_in_ways_of_chance() {
    let sweep = Sweep::begin();
    let mut calm = BTreeMap::new();
    let stories = stories();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(&mut calm);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(story) = stories.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Some(end) = sweep.calm(story) {
                        found.lock().expect("the ends").insert(story.clone(), end);
                    }
                }
            });
        }
    });
    let mut tellings = Vec::new();
    for seed in 1..=3 {
        for (number, (story, end)) in calm.iter().enumerate() {
            let seed = seed * 1_000 + number as u64;
            println!("{story}: seed {seed}");
            tellings.push(Telling { story: story.clone(), falls: mixture(end, seed) });
        }
    }
    sweep.all(&tellings, &calm);
    let kills = sweep.ends();
    assert!(kills >= 300, "so few kills show nothing: {kills}");
}
