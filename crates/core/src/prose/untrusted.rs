//! What may be shown to a model of a text that anyone may have written: what a reader of the rendered page sees, and
//! nothing else. It removes hiding places; it does not make the text trustworthy.

use std::fmt::Write as _;

pub use crate::markdown::hidden::{Hidden, Removed};

use super::bounded::truncate_chars;
use crate::markdown::characters::is_hidden;
use crate::markdown::document::{Block, Inline, plain};
use crate::markdown::hidden::Omitted;
use crate::markdown::reading;
use crate::markdown::writing::Writing;

/// The longest text that [`visible`] gives, in characters.
pub const MAX_CHARS: usize = 60_000;

/// The longest Markdown that is read at all, in bytes; GitHub takes no longer bodies.
const MAX_SOURCE: usize = 300_000;

/// A text with its hiding places emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible {
    /// Readable Markdown, not escaped: for a model, never for GitHub. No hidden character, comment, attribute, or address
    /// that the reader does not see.
    pub text: String,
    /// What was left out, for the audit log, in the order found.
    pub removed: Vec<Removed>,
}

/// Reads an issue's or comment's Markdown and gives what a person sees of it, at most [`MAX_CHARS`] characters.
///
/// * Comments, hidden elements, attributes, reference definitions, code info strings and hidden characters go.
/// * A picture becomes `[image]`; a link becomes its text and the host it leads to, unless the text is the address.
/// * A folded section stays, between two lines that say so. Code stays to the letter, hidden characters excepted.
/// * Entities are decoded before anything is judged.
#[must_use]
pub fn visible(markdown: &str) -> Visible {
    visible_within(markdown, MAX_CHARS)
}

/// As [`visible`], with at most `max_chars` characters.
#[must_use]
pub fn visible_within(markdown: &str, max_chars: usize) -> Visible {
    let source = &markdown[..markdown.floor_char_boundary(MAX_SOURCE)];
    let page = reading::read(source);
    let mut removed = page.omitted;
    let blocks: Vec<Block> = page.blocks.into_iter().map(shown).collect();
    let text = Writing::Readable.blocks(&blocks);
    let bounded = truncate_chars(&text, max_chars, "[The rest of this text was cut off: it is too long.]");
    if bounded != text || source.len() < markdown.len() {
        let missing = text.chars().count().saturating_sub(max_chars) + markdown[source.len()..].chars().count();
        let mut what = String::new();
        let _ = write!(what, "about {missing} characters");
        removed.add(Hidden::Excess, &what);
    }
    Visible { text: bounded, removed: removed.into_removed() }
}

/// One line of plain text that is not Markdown (an issue's title, a label, a user's name), without hidden characters.
#[must_use]
pub fn visible_line(text: &str) -> Visible {
    let mut removed = Omitted::default();
    let mut line = String::new();
    for c in text.chars() {
        if c.is_whitespace() || crate::markdown::characters::is_space(c) {
            line.push(' ');
        } else if is_hidden(c) {
            removed.add_character(c);
        } else {
            line.push(c);
        }
    }
    let text = line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Visible { text, removed: removed.into_removed() }
}

fn shown(block: Block) -> Block {
    let all = |blocks: Vec<Block>| blocks.into_iter().map(shown).collect();
    match block {
        Block::Paragraph(line) => Block::Paragraph(shown_line(line)),
        Block::Heading(level, line) => Block::Heading(level, shown_line(line)),
        Block::Quote(blocks) => Block::Quote(all(blocks)),
        Block::List(first, items) => Block::List(first, items.into_iter().map(all).collect()),
        Block::Table(rows) => {
            Block::Table(rows.into_iter().map(|row| row.into_iter().map(shown_line).collect()).collect())
        }
        Block::Details(summary, blocks) => Block::Details(shown_line(summary), all(blocks)),
        Block::Code(..) | Block::Rule => block,
    }
}

fn shown_line(line: Vec<Inline>) -> Vec<Inline> {
    let mut shown = Vec::new();
    for inline in line {
        match inline {
            Inline::Emphasis(inner) => shown.push(Inline::Emphasis(shown_line(inner))),
            Inline::Strong(inner) => shown.push(Inline::Strong(shown_line(inner))),
            Inline::Deleted(inner) => shown.push(Inline::Deleted(shown_line(inner))),
            Inline::Link(target, inner) => {
                let text = plain(&inner);
                let leads = host(&target).filter(|_| text != target).map(|host| format!(" [link to {host}]"));
                shown.extend(shown_line(inner));
                shown.extend(leads.map(Inline::Text));
            }
            Inline::Image(_) => shown.push(Inline::Text("[image]".to_owned())),
            Inline::Text(_) | Inline::Code(_) | Inline::Break => shown.push(inline),
        }
    }
    shown
}

/// The host of an address, if it is one that people would recognise.
fn host(target: &str) -> Option<&str> {
    let rest = target.split_once("://")?.1;
    let host = rest.split(['/', '?', '#', '\\']).next()?.rsplit('@').next()?;
    let ok = !host.is_empty()
        && host.len() <= 100
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    ok.then_some(host)
}
