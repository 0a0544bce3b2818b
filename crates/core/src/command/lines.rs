//! Which lines of a comment begin, as GitHub renders them, with a slash of the comment's own text.
//!
//! Two judges must agree: the Markdown parser (the line is the text of a paragraph that stands by itself) and an HTML
//! tokenizer over what the Markdown renders to (no element that the comment opened is still open, and the line is
//! not inside a tag, an attribute or a comment). Where HTML is nested wrongly, everything after it counts as inside.

use std::ops::Range;

use html5gum::{Token, Tokenizer};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::markdown::dialect::{MAX_EVENTS, OPTIONS, is_html_element, is_void_element, tag_filtered};

/// How a line stands in the comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The start of a line of the comment's own text.
    Own,
    /// Typed at the left margin, but Markdown made it part of a quote, list item or heading.
    Swallowed,
}

/// Elements inside elements beyond this count as tangled, so that no comment takes long to judge.
const MAX_OPEN: usize = 200;

/// Marks in the shadow page; raw HTML cannot contain them because they are taken out of it.
const OPEN: char = '\u{E000}';
/// The name of an element that Markdown itself opened and whose end tag closes everything in it.
const CONTAINER: &str = "m\u{E000}c";
/// The name of an element that Markdown itself opened and that a block element within outlives: paragraphs, emphasis.
const LOOSE: &str = "m\u{E000}l";
/// Elements that shield what is around them from an end tag inside them (HTML standard, 13.2.4.2, "scope").
const SHIELDING: &[&str] = &[
    "applet", "button", "caption", "html", "marquee", "math", "object", "ol", "select", "svg", "table", "td",
    "template", "th", "ul",
];

/// Byte offsets of the slashes, in order.
pub(super) fn starting_with_slash(text: &str) -> Vec<(usize, Standing)> {
    let mut shadow = Shadow {
        text,
        page: String::new(),
        open: Vec::new(),
        at_line_start: false,
        table_from: usize::MAX,
        candidates: Vec::new(),
    };
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter().take(MAX_EVENTS) {
        shadow.take(event, range);
    }
    let outside_html = outside_html(&shadow.page);
    shadow
        .candidates
        .into_iter()
        .enumerate()
        .filter(|(index, _)| outside_html.contains(index))
        .map(|(_, candidate)| candidate)
        .collect()
}

/// The comment as a page of nothing but its tags and one mark for each candidate.
struct Shadow<'a> {
    text: &'a str,
    page: String,
    open: Vec<Kind>,
    at_line_start: bool,
    /// Where, in the paragraph at hand, a table begins for GitHub's parser; what stands above is the paragraph's.
    table_from: usize,
    candidates: Vec<(usize, Standing)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Paragraph,
    /// Quote, list, item, heading: lines can be swallowed by it.
    Swallowing,
    /// Everything else; what stands in it is nobody's command.
    Closed,
}

impl Shadow<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        let starts_line = std::mem::take(&mut self.at_line_start);
        match event {
            Event::Start(tag) => {
                if tag == Tag::Paragraph {
                    self.table_from = table_from(self.text, range);
                }
                self.start(&tag);
            }
            Event::End(end) => self.end(end),
            Event::SoftBreak | Event::HardBreak => self.at_line_start = true,
            Event::Html(html) | Event::InlineHtml(html) => {
                self.page.push_str(&tag_filtered(&html).replace(OPEN, " "));
                // A hidden comment at the start of a line leaves the rest of the line where it is: not at the start.
            }
            Event::Text(text) if starts_line && text.starts_with('/') => self.candidate(range.start),
            Event::Text(_)
            | Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let kind = match tag {
            Tag::Paragraph => Kind::Paragraph,
            Tag::BlockQuote(_) | Tag::List(_) | Tag::Item | Tag::Heading { .. } => Kind::Swallowing,
            _ => Kind::Closed,
        };
        self.open.push(kind);
        self.at_line_start = kind != Kind::Closed;
        if !matches!(tag, Tag::HtmlBlock) {
            self.page.push_str(&format!("<{}>", name(tag.to_end())));
        }
    }

    fn end(&mut self, end: TagEnd) {
        self.open.pop();
        if end != TagEnd::HtmlBlock {
            self.page.push_str(&format!("</{}>", name(end)));
        }
    }

    fn candidate(&mut self, start: usize) {
        let margin = &self.text[self.text[..start].rfind('\n').map_or(0, |end| end + 1)..start];
        let standing = if self.open == [Kind::Paragraph] && margin.len() <= 3 && margin.bytes().all(|b| b == b' ') {
            if start < self.table_from { Standing::Own } else { Standing::Swallowed }
        } else if margin.is_empty() && self.open.contains(&Kind::Swallowing) && !self.open.contains(&Kind::Closed) {
            Standing::Swallowed
        } else {
            return;
        };
        // The text must be the source's own slash: not an entity and not what a backslash left over.
        if self.text[start..].starts_with('/') {
            self.page.push_str(&format!("{OPEN}{};", self.candidates.len()));
            self.candidates.push((start, standing));
        }
    }
}

/// The start of the line above the first line of a paragraph that looks like a table's second row, or no place at all.
/// GitHub's parser takes some such rows that ours does not, so whatever looks like one counts.
fn table_from(text: &str, paragraph: Range<usize>) -> usize {
    let mut start = paragraph.start;
    let mut above = None;
    for line in text[paragraph].split('\n') {
        let row =
            line.contains('-') && line.bytes().all(|b| matches!(b, b' ' | b'\t' | b'|' | b':' | b'-' | 0x0B | 0x0C));
        match above {
            Some(above) if row => return above,
            _ => above = Some(start),
        }
        start += line.len() + 1;
    }
    usize::MAX
}

fn name(tag: TagEnd) -> &'static str {
    match tag {
        TagEnd::Paragraph
        | TagEnd::Emphasis
        | TagEnd::Strong
        | TagEnd::Strikethrough
        | TagEnd::Superscript
        | TagEnd::Subscript
        | TagEnd::Link
        | TagEnd::Image => LOOSE,
        TagEnd::Heading(_)
        | TagEnd::BlockQuote(_)
        | TagEnd::CodeBlock
        | TagEnd::HtmlBlock
        | TagEnd::List(_)
        | TagEnd::Item
        | TagEnd::FootnoteDefinition
        | TagEnd::DefinitionList
        | TagEnd::DefinitionListTitle
        | TagEnd::DefinitionListDefinition
        | TagEnd::Table
        | TagEnd::TableHead
        | TagEnd::TableRow
        | TagEnd::TableCell
        | TagEnd::MetadataBlock(_) => CONTAINER,
    }
}

/// The numbers of the marks that are page text with no element of the comment's own around them.
fn outside_html(page: &str) -> Vec<usize> {
    let mut open: Vec<String> = Vec::new();
    let mut seen = Vec::new();
    let mut tangled = false;
    for token in Tokenizer::new(page).flatten() {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                let own = name == LOOSE || name == CONTAINER;
                tangled |= open.len() > MAX_OPEN;
                if !tangled && (own || is_html_element(&name) && !is_void_element(&name)) {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => tangled |= !close(&mut open, &String::from_utf8_lossy(&tag.name)),
            Token::String(text) => {
                let inside = tangled || open.iter().any(|name| name != LOOSE && name != CONTAINER);
                if !inside {
                    let text = String::from_utf8_lossy(&text);
                    seen.extend(
                        text.split(OPEN).skip(1).filter_map(|mark| mark.split(';').next()?.parse::<usize>().ok()),
                    );
                }
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    seen
}

/// Takes an end tag; false where it closes across something, so that what is open cannot be known simply.
fn close(open: &mut Vec<String>, name: &str) -> bool {
    let Some(at) = open.iter().rposition(|o| o == name) else {
        return true;
    };
    let shielded = open[at + 1..].iter().any(|inner| SHIELDING.contains(&inner.as_str()));
    match name {
        // A block element inside a paragraph ends the paragraph and stays open after it.
        LOOSE => {
            open.remove(at);
            true
        }
        CONTAINER => {
            open.truncate(at);
            !shielded
        }
        _ => {
            let straight = at + 1 == open.len();
            open.truncate(at);
            straight
        }
    }
}
