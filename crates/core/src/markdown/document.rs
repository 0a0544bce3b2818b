//! What a reader of a rendered page sees, as a tree, without anything hidden.

/// Something that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    Paragraph(Vec<Inline>),
    /// Level from 1.
    Heading(u8, Vec<Inline>),
    Quote(Vec<Block>),
    /// The number of its first item, where it is numbered.
    List(Option<u64>, Vec<Vec<Block>>),
    /// Language and text, without the last line end.
    Code(String, String),
    /// Rows of cells; the first row is the head.
    Table(Vec<Vec<Vec<Inline>>>),
    Rule,
    /// Summary and content of a section that is folded up.
    Details(Vec<Inline>, Vec<Block>),
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inline {
    Text(String),
    Code(String),
    Emphasis(Vec<Inline>),
    Strong(Vec<Inline>),
    Deleted(Vec<Inline>),
    /// Target and what is shown.
    Link(String, Vec<Inline>),
    /// The text that stands for the picture.
    Image(String),
    Break,
}

/// All text of a line, formatting left out, line breaks as spaces.
pub(crate) fn plain(inlines: &[Inline]) -> String {
    let mut text = String::new();
    push_plain(inlines, &mut text);
    text
}

fn push_plain(inlines: &[Inline], text: &mut String) {
    for inline in inlines {
        match inline {
            Inline::Text(part) | Inline::Code(part) => text.push_str(part),
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Deleted(inner) | Inline::Link(_, inner) => {
                push_plain(inner, text);
            }
            Inline::Image(_) => {}
            Inline::Break => text.push(' '),
        }
    }
}

/// A block where only a line has room: its text, a break between its parts.
pub(crate) fn push_flat(block: &Block, line: &mut Vec<Inline>) {
    let mut parts = |inlines: &[Inline]| {
        if !matches!(line.last(), None | Some(Inline::Break)) {
            line.push(Inline::Break);
        }
        line.extend_from_slice(inlines);
    };
    match block {
        Block::Paragraph(inlines) | Block::Heading(_, inlines) => parts(inlines),
        Block::Code(_, text) => parts(&[Inline::Code(text.replace('\n', " "))]),
        Block::Table(rows) => rows.iter().flatten().for_each(|cell| parts(cell)),
        Block::Rule => {}
        Block::Quote(blocks) => blocks.iter().for_each(|block| push_flat(block, line)),
        Block::List(_, items) => items.iter().flatten().for_each(|block| push_flat(block, line)),
        Block::Details(summary, blocks) => {
            parts(summary);
            blocks.iter().for_each(|block| push_flat(block, line));
        }
    }
}
