//! Go: modules.

use super::{Found, Project};
use crate::language::Language;

pub(super) fn find(project: &Project<'_>) -> Option<Found> {
    let manifest = project.text("go.mod")?;
    let mut found = Found { language: Some(Language::Go), ..Found::default() };
    if manifest.lines().any(|line| line.trim_start().starts_with("require")) && !project.has("vendor/modules.txt") {
        found.setup.push("go mod download".to_owned());
    }
    found.tests("go test -v ./...");
    found.lint.push("go vet ./...".to_owned());
    found.reason = project.place("go.mod");
    Some(found)
}
