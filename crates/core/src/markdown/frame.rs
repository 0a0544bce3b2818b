//! An element that is still open while a page is read, and what it has gathered so far.

use super::document::{Block, Inline};

/// An open element and what it has gathered.
#[derive(Default)]
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) blocks: Vec<Block>,
    pub(super) line: Vec<Inline>,
    pub(super) text: String,
    pub(super) items: Vec<Vec<Block>>,
    pub(super) cells: Vec<Vec<Inline>>,
    pub(super) rows: Vec<Vec<Vec<Inline>>>,
}

/// What an open element is to the reader.
#[derive(Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Page,
    Quote,
    Item,
    Details(Vec<Inline>),
    List(Option<u64>),
    Table,
    Row,
    Cell,
    Heading(u8),
    Summary,
    Emphasis,
    Strong,
    Deleted,
    Code,
    Link(String),
    Verbatim(String),
}

impl Kind {
    /// Whether its content is blocks; else it is a line.
    pub(super) fn gathers_blocks(&self) -> bool {
        matches!(self, Self::Page | Self::Quote | Self::Item | Self::Details(_) | Self::List(_))
    }

    /// Whether it is a way for text to look within a line.
    pub(super) fn is_formatting(&self) -> bool {
        matches!(self, Self::Emphasis | Self::Strong | Self::Deleted | Self::Code | Self::Link(_))
    }
}

/// Makes a paragraph of the line gathered so far.
pub(super) fn flush(frame: &mut Frame) {
    let line = trimmed(std::mem::take(&mut frame.line));
    if !line.is_empty() {
        match frame.kind {
            Kind::List(_) => frame.items.push(vec![Block::Paragraph(line)]),
            _ => frame.blocks.push(Block::Paragraph(line)),
        }
    }
}

/// Without breaks and spaces at its end.
pub(super) fn trimmed(mut line: Vec<Inline>) -> Vec<Inline> {
    loop {
        match line.last_mut() {
            Some(Inline::Break) => {
                line.pop();
            }
            Some(Inline::Text(text)) if text.trim_end().is_empty() => {
                line.pop();
            }
            Some(Inline::Text(text)) => {
                text.truncate(text.trim_end().len());
                return line;
            }
            _ => return line,
        }
    }
}
