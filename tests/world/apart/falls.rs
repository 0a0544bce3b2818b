//! Where Baton falls: around which commits and which writes to GitHub, counted from the beginning of a story.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use github_sim::{Moment, Passage};
use rustix::process::{Pid, Signal, kill_process};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fall {
    /// Killed around the commit of this number.
    Commit(u64, Around),
    /// Killed around the write to GitHub of this number; `Amid` has no meaning there.
    Effect(u64, Around),
    /// Nobody is killed: GitHub does the write of this number, and its answer is lost.
    Unanswered(u64),
}

/// When somebody is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Around {
    /// Nothing of it is done.
    Before,
    /// Some of it is written.
    Amid,
    /// All of it is done, and nobody was told.
    After,
}

impl fmt::Display for Fall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, number, around) = match self {
            Self::Commit(number, around) => ("commit", number, around),
            Self::Effect(number, around) => ("effect", number, around),
            Self::Unanswered(number) => return write!(f, "unanswered:{number}"),
        };
        let around = match around {
            Around::Before => "before",
            Around::Amid => "amid",
            Around::After => "after",
        };
        write!(f, "{what}:{number}:{around}")
    }
}

impl FromStr for Fall {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
        let around = |text: &str| match text {
            "before" => Ok(Around::Before),
            "amid" => Ok(Around::Amid),
            "after" => Ok(Around::After),
            _ => Err(format!("{text} is no moment")),
        };
        match parts[..] {
            ["commit", n, at] => Ok(Self::Commit(number(n)?, around(at)?)),
            ["effect", n, at] => Ok(Self::Effect(number(n)?, around(at)?)),
            ["unanswered", n] => Ok(Self::Unanswered(number(n)?)),
            _ => Err(format!("{text} is no fall")),
        }
    }
}

/// What a story has come to so far, all its worlds together.
#[derive(Debug, Default)]
pub(in crate::world) struct Book {
    /// What is still to happen.
    planned: Vec<Fall>,
    /// Writes that GitHub was asked for.
    pub effects: u64,
    /// Commits, as of the last look.
    pub commits: u64,
    /// How often Baton was killed.
    pub kills: u64,
    /// How often an answer was lost.
    pub unanswered: u64,
    /// The number of the write that is under way, by operation.
    under_way: Vec<(String, u64)>,
    /// Who is killed by the next fall around a write.
    target: Option<u32>,
}

static BOOK: Mutex<Option<Book>> = Mutex::new(None);

/// The book of this process.
pub(in crate::world) fn book() -> impl std::ops::DerefMut<Target = Book> {
    struct Open(MutexGuard<'static, Option<Book>>);
    impl std::ops::Deref for Open {
        type Target = Book;
        fn deref(&self) -> &Book {
            self.0.as_ref().expect("it was opened")
        }
    }
    impl std::ops::DerefMut for Open {
        fn deref_mut(&mut self) -> &mut Book {
            self.0.as_mut().expect("it was opened")
        }
    }
    let mut book = BOOK.lock().unwrap_or_else(PoisonError::into_inner);
    book.get_or_insert_default();
    Open(book)
}

impl Book {
    /// Begins with these falls; a second world goes on where the first was.
    pub(super) fn plan(&mut self, falls: &str) {
        if self.effects == 0 && self.commits == 0 {
            let falls = falls.split(',').filter(|text| !text.is_empty());
            self.planned = falls.map(|text| text.parse().expect("a fall")).collect();
        }
    }

    /// Whoever works now is killed by a fall around a write.
    pub(super) fn works(&mut self, process: Option<u32>) {
        self.target = process;
    }

    /// Whether this was planned, and has not happened yet.
    fn falls(&mut self, fall: Fall) -> bool {
        let before = self.planned.len();
        self.planned.retain(|planned| *planned != fall);
        self.planned.len() < before
    }

    /// What becomes of a write of Baton's.
    pub(in crate::world) fn witness(&mut self, operation: &str, moment: Moment) -> Passage {
        let (number, around) = match moment {
            Moment::Before => {
                self.effects += 1;
                let number = self.effects;
                self.under_way.retain(|(other, _)| other != operation);
                self.under_way.push((operation.to_owned(), number));
                (number, Around::Before)
            }
            Moment::After => {
                let known = self.under_way.iter().find(|(other, _)| other == operation);
                (known.map_or(0, |(_, number)| *number), Around::After)
            }
        };
        if moment == Moment::After && self.falls(Fall::Unanswered(number)) {
            self.unanswered += 1;
            return Passage::IsCut;
        }
        let target = self.target.and_then(|pid| Pid::from_raw(i32::try_from(pid).expect("a process")));
        if let Some(target) = target
            && self.falls(Fall::Effect(number, around))
        {
            kill_process(target, Signal::KILL).expect("it is there and ours");
            self.target = None;
            return Passage::IsCut;
        }
        Passage::Goes
    }

    /// The next fall around a commit, behind those there were.
    fn next_commit(&self) -> Option<(u64, Around)> {
        let next = self.planned.iter().filter_map(|fall| match fall {
            Fall::Commit(number, around) if *number > self.commits => Some((*number, *around)),
            Fall::Commit(..) | Fall::Effect(..) | Fall::Unanswered(_) => None,
        });
        next.min()
    }
}

/// What a Baton and its killer share: `struct book` of `commits.c`.
#[derive(Debug)]
pub(super) struct Shared(File);

impl Shared {
    pub(super) fn at(path: &Path) -> Self {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path);
        let shared = Self(file.expect("a file"));
        for place in 0..5 {
            shared.write(place, 0);
        }
        shared.write(0, book().commits);
        shared
    }

    fn write(&self, place: u64, value: u64) {
        self.0.write_all_at(&value.to_ne_bytes(), place * 8).expect("it is written");
    }

    /// Looks how many commits there were, and says where the next fall is.
    pub(super) fn turn(&self) {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, 0).expect("it is read");
        let mut book = book();
        book.commits = u64::from_ne_bytes(bytes);
        let (target, moment) = match book.next_commit() {
            None => (0, 0),
            Some((number, Around::Before)) => (number, 1),
            Some((number, Around::Amid)) => (number, 2),
            Some((number, Around::After)) => (number, 3),
        };
        self.write(2, moment);
        self.write(1, target);
    }
}
