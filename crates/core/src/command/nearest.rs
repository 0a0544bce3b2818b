//! Which command someone meant who mistyped one. Only ever suggests; nothing here makes a command.

use unicode_normalization::UnicodeNormalization as _;

use super::spec::COMMANDS;
use crate::markdown::characters::is_hidden;

/// The words as they look: compatibility forms folded (full width, mathematical letters), invisible characters gone, lower case.
pub(super) fn folded(text: &str) -> String {
    text.nfkc().filter(|c| !is_hidden(*c)).flat_map(char::to_lowercase).collect()
}

/// The usage of the command whose words are nearest to `words` (already [`folded`]), if any is near enough: at most two
/// typing errors. A command of two words goes before one of one.
pub(super) fn nearest(words: &[&str]) -> Option<&'static str> {
    COMMANDS
        .iter()
        .filter_map(|spec| {
            let wanted: Vec<&str> = spec.name.split(' ').collect();
            let typed = words.get(..wanted.len())?.join(" ");
            let errors = distance(&typed, spec.name);
            (errors <= 2).then_some((std::cmp::Reverse(wanted.len()), errors, spec.usage))
        })
        .min()
        .map(|(_, _, usage)| usage)
}

/// Optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours, in characters.
/// Texts over 40 characters count as infinitely far apart, which keeps the table small.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(41).collect(), b.chars().take(41).collect());
    if a.len() > 40 || b.len() > 40 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
