//! Text of models and other people, made safe for what the bot posts: it renders as it reads and does nothing.
//!
//! Every text is first read as GitHub would render it (entities decoded, hidden parts and characters gone) and then
//! written anew with everything escaped, so nothing of the original syntax survives. What could still act as plain text is
//! broken by a zero-width space, which readers do not see: mentions, closing keywords, commands of this and other bots.
//! A code span instead would change the look of the text and stop no bot that reads the source. Last, the result is
//! rendered and checked; should it not be inert, the text is shown as code.

mod check;
mod defuse;
mod links;

pub use links::Links;

use super::bounded::{BODY_CHARS, TITLE_CHARS, ellipsis};
use crate::markdown::characters::{clean_code, clean_line};
use crate::markdown::document::{Block, Inline, push_flat};
use crate::markdown::reading;
use crate::markdown::writing::{Writing, code_span as span, fenced};

/// The longest [`block`], in characters of its result.
pub const BLOCK_CHARS: usize = BODY_CHARS / 2;
/// The longest [`inline`] and [`literal`], in characters of their source.
pub const INLINE_CHARS: usize = 1_000;
/// The longest [`code_span`], in characters of its source.
pub const CODE_SPAN_CHARS: usize = 300;
/// The longest [`commit_message_line`], in characters.
pub const COMMIT_LINE_CHARS: usize = 100;
/// Headings of the text stand under the bot's own.
const HEADINGS_BELOW: u8 = 3;

/// Markdown of any origin → Markdown that may stand in a comment or a pull request's body, at most [`BLOCK_CHARS`].
///
/// Emphasis, code, lists, quotes, tables and headings (below the bot's own) stay. Pictures become `(image removed)`, links
/// that `links` does not allow `(link removed: host)`. HTML loses its tags, folded sections are unfolded, fences are closed.
#[must_use]
pub fn block(text: &str, links: &Links) -> String {
    block_within(text, links, BLOCK_CHARS)
}

/// As [`block`], with at most `max_chars` characters. Where something is missing, a notice says so.
#[must_use]
pub fn block_within(text: &str, links: &Links, max_chars: usize) -> String {
    const NOTICE: &str = "\n\n*(The rest was cut off: it is too long.)*";
    let room = max_chars.saturating_sub(NOTICE.len());
    // Much more than fits is not even read; a text of which much is hidden may still fit.
    let mut source = &text[..text.floor_char_boundary(max_chars.saturating_mul(4))];
    for _ in 0..12 {
        let written = written(source, links);
        let length = written.chars().count();
        let cut = source.len() < text.len();
        if !cut && length <= max_chars {
            return written;
        }
        if cut && length <= room {
            return format!("{written}{NOTICE}");
        }
        // Cutting the source, and not the result, leaves every span and fence of the result closed.
        let source_chars = source.chars().count();
        let fewer = (source_chars * room / length.max(1)).min(source_chars * 9 / 10).min(room);
        source = source.char_indices().nth(fewer).map_or(source, |(at, _)| &source[..at]);
        if fewer == 0 {
            source = "";
        }
    }
    String::new()
}

fn written(text: &str, links: &Links) -> String {
    let blocks: Vec<Block> = reading::read(text).blocks.iter().map(|block| tamed(block, links)).collect();
    let written = defuse::source(&Writing::Escaped.blocks(&blocks));
    if check::is_inert(&written, links) { written } else { code_block(&Writing::Readable.blocks(&blocks), "") }
}

/// Markdown of any origin → one line for a table cell, a list item or a sentence. Emphasis and code stay, no link does.
#[must_use]
pub fn inline(text: &str) -> String {
    let text = ellipsis(text, INLINE_CHARS);
    let mut line = Vec::new();
    for block in reading::read(&text).blocks {
        if !line.is_empty() {
            line.push(Inline::Break);
        }
        push_flat(&block, &mut line);
    }
    one_line(&line)
}

/// Plain text, not Markdown (a name, an error of a program), → one line that shows it to the letter.
#[must_use]
pub fn literal(text: &str) -> String {
    one_line(&[Inline::Text(ellipsis(&clean_line(text), INLINE_CHARS))])
}

fn one_line(line: &[Inline]) -> String {
    let links = Links::none();
    let line = defuse::line(&without_pipes_in_code(line), &links);
    let written = defuse::source(&Writing::Escaped.one_line(&line));
    if check::is_inert(&written, &links) { written } else { code_span(&crate::markdown::document::plain(&line)) }
}

/// Plain text → one line for the title of an issue, a pull request or a check run, at most 256 characters. Titles are not
/// Markdown: nothing is escaped.
#[must_use]
pub fn title(text: &str) -> String {
    plain_line(text, TITLE_CHARS)
}

/// Plain text → one line of a commit message, at most [`COMMIT_LINE_CHARS`] characters: as [`title`], and it neither
/// forges a trailer nor keeps the checks from running.
#[must_use]
pub fn commit_message_line(text: &str) -> String {
    plain_line(text, COMMIT_LINE_CHARS)
}

/// Plain text → lines of a commit message of at most `width` characters, cut between words and nowhere else: as
/// [`commit_message_line`], with nothing left out.
#[must_use]
pub fn commit_message_paragraph(text: &str, width: usize) -> Vec<String> {
    // Made inert as a whole first: a keyword and its number may come to stand on two lines.
    let whole = plain_line(text, BODY_CHARS);
    let mut lines = vec![String::new()];
    for word in whole.split(' ').filter(|word| !word.is_empty()) {
        let Some(line) = lines.last_mut() else { break };
        let is_new = line.trim().is_empty();
        if !is_new && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            line.push_str(if is_new { "" } else { " " });
            line.push_str(word);
        }
    }
    // And once more, since other words begin a line now.
    lines.iter().map(|line| defuse::source(line)).collect()
}

fn plain_line(text: &str, max: usize) -> String {
    // Bounded twice: what makes it inert makes it longer, and is harmless to lose only at the end.
    let line = ellipsis(&clean_line(&defuse::without_comments(&reading::decode_entities(text))), max);
    let mut kept = line.as_str();
    loop {
        let defused = defuse::plain_line(kept);
        if defused.chars().count() <= max {
            return defused;
        }
        kept = kept.char_indices().next_back().map_or("", |(at, _)| &kept[..at]);
    }
}

/// Plain text → a code span on one line, which may also stand in a table. Where a code span cannot show it in both
/// places (it contains `|`), it is shown as [`literal`] text.
#[must_use]
pub fn code_span(text: &str) -> String {
    let text = ellipsis(&clean_line(text), CODE_SPAN_CHARS);
    if text.contains('|') {
        let escaped = Writing::Escaped.one_line(&defuse::line(&[Inline::Text(text)], &Links::none()));
        return defuse::source(&escaped);
    }
    span(&defuse::source(&text))
}

/// As [`code_span`], for the middle of a line that begins with words of ours: a command shown there is none for any bot, and
/// is left as it was typed, so that it can be copied.
#[must_use]
pub fn code_span_within(text: &str) -> String {
    const BEFORE: &str = "x ";
    let text = ellipsis(&clean_line(text), CODE_SPAN_CHARS);
    let within = |text: &str| {
        let whole = defuse::source(&format!("{BEFORE}{text}"));
        whole.strip_prefix(BEFORE).unwrap_or(&whole).to_owned()
    };
    if text.contains('|') {
        return within(&Writing::Escaped.one_line(&defuse::line(&[Inline::Text(text)], &Links::none())));
    }
    span(&within(&text))
}

/// Plain text → a fenced code block, at most [`BLOCK_CHARS`]; `language` is kept where it is a language's name that GitHub
/// only colours. Terminal sequences and control characters go; the fence is longer than any in the text.
#[must_use]
pub fn code_block(text: &str, language: &str) -> String {
    let text = defuse::source(&clean_code(text));
    let text = match text.char_indices().nth(BLOCK_CHARS - 200) {
        Some((at, _)) => format!("{}\n(The rest was cut off: it is too long.)", &text[..at]),
        None => text,
    };
    fenced(inert_language(language), text.trim_end_matches('\n'))
}

/// Languages that GitHub does something with become none.
fn inert_language(language: &str) -> &str {
    const ACTIVE: &[&str] = &["suggestion", "mermaid", "math", "geojson", "topojson", "stl"];
    let language = reading::language_of(language);
    if ACTIVE.iter().any(|active| active.eq_ignore_ascii_case(language)) { "" } else { language }
}

fn tamed(block: &Block, links: &Links) -> Block {
    let all = |blocks: &[Block]| blocks.iter().map(|block| tamed(block, links)).collect();
    match block {
        Block::Paragraph(line) => Block::Paragraph(defuse::line(line, links)),
        Block::Heading(level, line) => Block::Heading((level + HEADINGS_BELOW).min(6), defuse::line(line, links)),
        Block::Quote(blocks) => Block::Quote(all(blocks)),
        Block::List(first, items) => Block::List(*first, items.iter().map(|item| all(item)).collect()),
        Block::Code(language, text) => Block::Code(inert_language(language).to_owned(), clean_code(text)),
        Block::Table(rows) => Block::Table(
            rows.iter()
                .map(|row| row.iter().map(|cell| defuse::line(&without_pipes_in_code(cell), links)).collect())
                .collect(),
        ),
        Block::Rule => Block::Rule,
        Block::Details(summary, blocks) => Block::Details(defuse::line(summary, links), all(blocks)),
    }
}

/// In a table's cell a code span cannot hold `|` as it can elsewhere: what holds one becomes plain text.
fn without_pipes_in_code(line: &[Inline]) -> Vec<Inline> {
    line.iter()
        .map(|inline| match inline {
            Inline::Code(text) if text.contains('|') => Inline::Text(text.clone()),
            Inline::Emphasis(inner) => Inline::Emphasis(without_pipes_in_code(inner)),
            Inline::Strong(inner) => Inline::Strong(without_pipes_in_code(inner)),
            Inline::Deleted(inner) => Inline::Deleted(without_pipes_in_code(inner)),
            Inline::Link(target, inner) => Inline::Link(target.clone(), without_pipes_in_code(inner)),
            Inline::Text(_) | Inline::Code(_) | Inline::Image(_) | Inline::Break => inline.clone(),
        })
        .collect()
}
