//! What the checks found, told as they end: a line each with a mark, and the remedy under every fault.

use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use serde::Serialize;

use crate::cli::Fault;
use crate::cli::paint::{Tone, paint};
use crate::cli::table::{line, visible};

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Good,
    Warning,
    Fault,
    Skipped,
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Warning => "!",
            Self::Fault => "✗",
            Self::Skipped => "-",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::Good => Tone::Good,
            Self::Warning => Tone::Warning,
            Self::Fault => Tone::Bad,
            Self::Skipped => Tone::Faint,
        }
    }
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub verdict: Verdict,
    pub says: String,
    /// What to do.
    pub remedy: Option<String>,
}

pub(super) fn good(says: impl Into<String>) -> Outcome {
    Outcome { verdict: Verdict::Good, says: says.into(), remedy: None }
}

pub(super) fn warning(says: impl Into<String>, remedy: impl Into<String>) -> Outcome {
    Outcome { verdict: Verdict::Warning, says: says.into(), remedy: Some(remedy.into()) }
}

pub(super) fn fault(says: impl Into<String>, remedy: impl Into<String>) -> Outcome {
    Outcome { verdict: Verdict::Fault, says: says.into(), remedy: Some(remedy.into()) }
}

/// What does not apply here.
pub(super) fn skipped(because: impl Into<String>) -> Outcome {
    Outcome { verdict: Verdict::Skipped, says: format!("skipped because {}", because.into()), remedy: None }
}

/// The line of a program.
#[derive(Serialize)]
struct Told<'a> {
    group: &'a str,
    check: &'a str,
    verdict: Verdict,
    says: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
}

/// The checks so far.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    group: &'static str,
    verdicts: Vec<Verdict>,
}

impl Report {
    pub fn new(json: bool) -> Self {
        Self { json, group: "", verdicts: Vec::new() }
    }

    /// Runs one check, for so long at most. Whether it found no fault.
    pub async fn check(
        &mut self,
        group: &'static str,
        check: &str,
        limit: Duration,
        work: impl Future<Output = Vec<Outcome>>,
    ) -> bool {
        self.show_progress(group, check);
        let outcomes = match tokio::time::timeout(limit, work).await {
            Ok(outcomes) => outcomes,
            Err(_) => vec![fault(
                format!("it did not end within {} s", limit.as_secs()),
                "Run `baton doctor` again; if it happens again, look at what this check asks",
            )],
        };
        self.hide_progress();
        let is_good = outcomes.iter().all(|it| it.verdict != Verdict::Fault);
        self.add(group, check, outcomes);
        is_good
    }

    /// Checks that need one that found a fault.
    pub fn skip(&mut self, group: &'static str, checks: &[&str], because: &str) {
        for check in checks {
            self.add(group, check, vec![skipped(because)]);
        }
    }

    /// Tells what was found.
    pub fn add(&mut self, group: &'static str, check: &str, outcomes: Vec<Outcome>) {
        for Outcome { verdict, says, remedy } in outcomes {
            self.verdicts.push(verdict);
            if self.json {
                let told = Told { group, check, verdict, says: &says, remedy: remedy.as_deref() };
                line(&serde_json::to_string(&told).unwrap_or_default());
                continue;
            }
            if self.group != group {
                self.group = group;
                line(&paint(Tone::Strong, group));
            }
            let says = visible(&says);
            let says = if verdict == Verdict::Skipped { paint(Tone::Faint, &says) } else { says };
            line(&format!("  {} {:<14} {says}", paint(verdict.tone(), verdict.mark()), visible(check)));
            if let Some(remedy) = remedy {
                line(&format!("                   → {}", visible(&remedy)));
            }
        }
    }

    /// The sum, and the end of the program.
    pub fn end(&self) -> Result<(), Fault> {
        let count = |verdict| self.verdicts.iter().filter(|it| **it == verdict).count();
        let (faults, warnings) = (count(Verdict::Fault), count(Verdict::Warning));
        let told = |paint: fn(Tone, &str) -> String| {
            let part = |count: usize, what: &str, tone: Tone| {
                paint(if count == 0 { Tone::Plain } else { tone }, &format!("{count} {what}"))
            };
            [
                part(count(Verdict::Good), "good", Tone::Good),
                part(warnings, "to look at", Tone::Warning),
                part(faults, "wrong", Tone::Bad),
                part(count(Verdict::Skipped), "skipped", Tone::Faint),
            ]
            .join(", ")
        };
        if !self.json {
            line(&told(paint));
        }
        if faults == 0 {
            Ok(())
        } else {
            let sum = told(|_, text| text.to_owned());
            Err(Fault::failed(anyhow::anyhow!("the doctor found something wrong: {sum}")))
        }
    }

    /// On a terminal, what is being done.
    fn show_progress(&self, group: &str, check: &str) {
        if !self.json && std::io::stderr().is_terminal() {
            let _terminal_went_away = write!(std::io::stderr(), "\r\u{1b}[K  … {group}: {check}");
        }
    }

    fn hide_progress(&self) {
        if !self.json && std::io::stderr().is_terminal() {
            let _terminal_went_away = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}
