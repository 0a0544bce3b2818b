//! What was left out because a reader cannot see it: kinds and excerpts for the audit log.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::characters::is_hidden;

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hidden {
    /// An HTML comment, declaration or processing instruction.
    Comment,
    /// A tag that HTML does not know (`Vec<String>` in prose); its content stays.
    Tag,
    /// The content of an element that hides it: `hidden`, `display:none`, white letters, size nought.
    Element,
    /// An attribute: `title`, `aria-…`, `data-…`, and the rest.
    Attribute,
    /// The text that stands for a picture.
    ImageText,
    /// Where a picture comes from.
    ImageAddress,
    /// Where a link leads, where the text shown is another.
    LinkTarget,
    /// A link's tooltip.
    LinkTitle,
    /// A reference definition (`[x]: …`), which renders to nothing.
    ReferenceDefinition,
    /// What follows the language in a code block's first line.
    CodeInfo,
    /// Characters without a picture: controls, zero width, bidirectional, tags, private use, unassigned.
    Characters,
    /// What is longer than the limit.
    Excess,
}

/// One thing left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Why.
    pub kind: Hidden,
    /// Its beginning, at most 300 characters; hidden characters are written as `\u{…}`, tag characters as what they spell.
    pub excerpt: String,
}

/// The most things a list keeps; after that it only counts characters.
const MAX_REMOVED: usize = 200;
/// The longest excerpt, in characters.
const MAX_EXCERPT: usize = 300;

/// The list, while it grows.
#[derive(Default)]
pub(crate) struct Omitted {
    removed: Vec<Removed>,
    characters: String,
}

impl Omitted {
    /// Adds one thing; empty ones are nothing.
    pub(crate) fn add(&mut self, kind: Hidden, text: &str) {
        if !text.trim().is_empty() && self.removed.len() < MAX_REMOVED {
            self.removed.push(Removed { kind, excerpt: excerpt(text.trim()) });
        }
    }

    /// Adds one hidden character of a text that is otherwise shown.
    pub(crate) fn add_character(&mut self, c: char) {
        if self.characters.len() < MAX_EXCERPT * 4 {
            self.characters.push(c);
        }
    }

    /// The list, hidden characters as one entry at its end.
    pub(crate) fn into_removed(mut self) -> Vec<Removed> {
        let characters = std::mem::take(&mut self.characters);
        self.add(Hidden::Characters, &characters);
        self.removed
    }
}

fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(MAX_EXCERPT) {
        match c {
            '\u{E0020}'..='\u{E007E}' => shown.extend(char::from_u32(u32::from(c) - 0xE0000)),
            c if is_hidden(c) => {
                let _ = write!(shown, "{}", c.escape_unicode());
            }
            c => shown.push(c),
        }
    }
    shown
}
