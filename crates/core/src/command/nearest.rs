//! Which command someone meant who mistyped one. Only ever suggests; nothing here makes a command.

use unicode_normalization::UnicodeNormalization as _;

use super::spec::COMMANDS;
use crate::markdown::characters::is_hidden;
use crate::spelling::distance;

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
