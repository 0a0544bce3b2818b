//! Make and just: the last resort, where no language's own files say how to test.

use super::{Found, Project};
use crate::recognise::recognise;

pub(super) fn find(project: &Project<'_>) -> Option<Found> {
    let make = project.first(&["Makefile", "makefile", "GNUmakefile"]).map(|file| ("make", file));
    let just = project.first(&["justfile", "Justfile", ".justfile"]).map(|file| ("just", file));
    [make, just].into_iter().flatten().find_map(|(program, file)| {
        let text = project.text(file)?;
        let target = ["test", "tests", "check"].into_iter().find(|target| recipe(&text, target).is_some())?;
        let mut found =
            Found { reason: format!("the target `{target}` of {}", project.place(file)), ..Found::default() };
        // The recipe's runner prints what it prints; only where it names tests are they read.
        let results = recognise(&recipe(&text, target)?);
        found.test.push((format!("{program} {target}"), results));
        Some(found)
    })
}

/// The lines of a target's recipe, in Make's and in just's syntax.
pub(crate) fn recipe(text: &str, target: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !is_head(line, target));
    let head = lines.next()?;
    let body = lines.take_while(|line| line.starts_with(['\t', ' ']) || line.trim().is_empty());
    let needs = head.split_once(':').map_or("", |(_, needs)| needs.trim());
    Some(
        std::iter::once(needs)
            .chain(body.map(str::trim))
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// `test: build`, `test *args: build`, `@test:`; not `test := value`.
fn is_head(line: &str, target: &str) -> bool {
    let Some((names, rest)) = line.split_once(':') else { return false };
    !line.starts_with([' ', '\t', '#', '.'])
        && !rest.starts_with('=')
        && names.trim_start_matches('@').split_whitespace().next().is_some_and(|name| name == target)
}
