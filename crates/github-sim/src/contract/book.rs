//! What the contract found: how much was checked, and every violation.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::Complaint;

/// The environment variable that names a file to which each exchange is appended, as `script/contract --report` reads it.
const REPORT: &str = "GITHUB_SIM_CONTRACT_REPORT";

/// A violation's text is cut after this many characters.
const LONGEST: usize = 400;

/// Who broke the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The client sent what GitHub does not describe.
    Request,
    /// The simulator answered otherwise than GitHub describes.
    Answer,
    /// The client asked for something that its App's permissions, or its token's, do not allow.
    Permission,
}

/// One thing that is not as GitHub describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Who broke it.
    pub whose: Whose,
    /// GitHub's id of the operation (`issues/create-comment`, `graphql/minimizeComment`); empty when there is none.
    pub operation: String,
    /// Method and path with query.
    pub request: String,
    /// Where: `route`, `path/NAME`, `query/NAME`, `body/…` with a JSON pointer, `status`, `header/NAME`, `document`, …
    pub place: String,
    /// What is wrong there. Values are not shown.
    pub what: String,
}

impl Violation {
    pub(crate) fn of(whose: Whose, operation: &str, request: &str, place: String, what: String) -> Self {
        let what = if what.chars().count() > LONGEST {
            format!("{}…", what.chars().take(LONGEST).collect::<String>())
        } else {
            what
        };
        Self { whose, operation: operation.to_owned(), request: request.to_owned(), place, what }
    }
}

/// `issues/create (POST /repos/acme/app/issues): request, body/title: …`
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.whose {
            Whose::Request => "request",
            Whose::Answer => "answer",
            Whose::Permission => "permission",
        };
        let operation = if self.operation.is_empty() { "no operation" } else { &self.operation };
        write!(f, "{operation} ({}): {whose}, {}: {}", self.request, self.place, self.what)
    }
}

/// How much of one operation was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Requests held against the description.
    pub requests: u64,
    /// Answers held against it; those of planned faults are no answers of the simulator's.
    pub answers: u64,
}

/// What one simulator has seen.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub tallies: BTreeMap<String, Tally>,
    pub violations: Vec<Violation>,
    /// Somebody has asked for the violations, and judges them.
    pub looked_at: bool,
}

/// One exchange, checked.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub operation: String,
    /// Method and path with query.
    pub request: String,
    /// What is wrong with the request; `None` when it was not to be looked at.
    pub asked: Option<Vec<Complaint>>,
    /// What is wrong with the answer; `None` when it was none of the simulator's.
    pub answered: Option<Vec<Complaint>>,
    /// Whether it was refused for want of a permission.
    pub forbidden: bool,
}

impl Book {
    /// Enters an exchange.
    pub(crate) fn enter(&mut self, page: Page) {
        let tally = self.tallies.entry(page.operation.clone()).or_default();
        tally.requests += u64::from(page.asked.is_some());
        tally.answers += u64::from(page.answered.is_some());
        let checked = (u64::from(page.asked.is_some()), u64::from(page.answered.is_some()));
        let of = |whose| {
            let (operation, request) = (page.operation.clone(), page.request.clone());
            move |(place, what): Complaint| Violation::of(whose, &operation, &request, place, what)
        };
        let mut found: Vec<Violation> = Vec::new();
        found.extend(page.asked.unwrap_or_default().into_iter().map(of(Whose::Request)));
        found.extend(page.answered.unwrap_or_default().into_iter().map(of(Whose::Answer)));
        if page.forbidden {
            let what = "the App's permissions, or its token's, do not allow this".to_owned();
            found.push(of(Whose::Permission)(("status".to_owned(), what)));
        }
        if let Some(file) = std::env::var_os(REPORT).map(PathBuf::from) {
            report(&file, &page.operation, checked, &found);
        }
        self.violations.extend(found);
    }
}

/// One write a line, appended: many processes write to the same file.
fn report(file: &std::path::Path, operation: &str, (requests, answers): (u64, u64), found: &[Violation]) {
    let mut lines = format!("exchange\t{operation}\t{requests}\t{answers}\n");
    for violation in found {
        lines.push_str(&format!("violation\t{}\n", violation.to_string().replace(['\n', '\t'], " ")));
    }
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
    if let Err(error) = opened.and_then(|mut file| file.write_all(lines.as_bytes())) {
        tracing::error!(file = %file.display(), %error, "the contract's report cannot be written");
    }
}
