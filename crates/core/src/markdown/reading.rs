//! Markdown → rendered HTML → the tree of what a reader sees, and a list of what was left out. Obeys no tag it does not know.
//!
//! Both the text that goes to a model and the text that comes from one pass through here: what GitHub does not show, or
//! what is built not to be seen, is gone; entities are decoded; only then is anything judged or escaped.

use html5gum::{Token, Tokenizer};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

use super::building::Builder;
use super::characters::{terminal_sequences, without_terminal_sequences};
use super::dialect::{MAX_EVENTS, OPTIONS, tag_filtered};
use super::document::Block;
use super::hidden::{Hidden, Omitted};

/// The page, and what is not on it.
pub(crate) struct Page {
    pub(crate) blocks: Vec<Block>,
    pub(crate) omitted: Omitted,
}

/// Reads a text of any origin. Never fails.
pub(crate) fn read(markdown: &str) -> Page {
    let mut omitted = Omitted::default();
    for sequence in terminal_sequences(markdown) {
        omitted.add(Hidden::Characters, sequence);
    }
    let markdown = &*without_terminal_sequences(markdown);
    // Dollar signs stay text: what a formula would draw is not known here, its source is.
    let parser = Parser::new_ext(markdown, OPTIONS.difference(Options::ENABLE_MATH));
    let mut definitions: Vec<_> = parser.reference_definitions().iter().map(|(_, d)| d.span.clone()).collect();
    definitions.sort_by_key(|span| span.start);
    for span in definitions {
        omitted.add(Hidden::ReferenceDefinition, &markdown[span]);
    }
    let events = with_footnotes_as_text(parser.take(MAX_EVENTS).collect(), &mut omitted);
    let mut page = String::new();
    html::push_html(&mut page, events.into_iter().map(|event| as_github_shows(event, &mut omitted)));
    let mut builder = Builder::new(omitted);
    for token in Tokenizer::new(&page).flatten() {
        builder.take(token);
    }
    builder.finish()
}

/// Footnotes become `[note 1]` where they are referred to and where they stand; what nothing refers to is not shown.
fn with_footnotes_as_text<'a>(events: Vec<Event<'a>>, omitted: &mut Omitted) -> Vec<Event<'a>> {
    let mut labels: Vec<CowStr<'a>> = Vec::new();
    let mut depth = 0usize;
    for event in &events {
        match event {
            Event::Start(Tag::FootnoteDefinition(_)) => depth += 1,
            Event::End(TagEnd::FootnoteDefinition) => depth = depth.saturating_sub(1),
            Event::FootnoteReference(label) if depth == 0 && !labels.contains(label) => labels.push(label.clone()),
            _ => {}
        }
    }
    let number = |label: &CowStr<'a>| labels.iter().position(|known| known == label).map(|at| at + 1);
    let mut unseen = 0usize;
    let mut shown = Vec::with_capacity(events.len());
    for event in events {
        match &event {
            Event::Start(Tag::FootnoteDefinition(label)) => match number(label).filter(|_| unseen == 0) {
                Some(n) => shown.push(Event::Html(format!("<div>[note {n}]:</div>\n").into())),
                None => unseen += 1,
            },
            Event::End(TagEnd::FootnoteDefinition) => unseen = unseen.saturating_sub(1),
            Event::Text(text) if unseen > 0 => omitted.add(Hidden::ReferenceDefinition, text),
            _ if unseen > 0 => {}
            Event::FootnoteReference(label) => {
                let text = number(label).map_or_else(|| "[note]".to_owned(), |n| format!("[note {n}]"));
                shown.push(Event::Text(text.into()));
            }
            _ => shown.push(event),
        }
    }
    shown
}

/// The plain text of something that is not Markdown but may carry entities: decoded until nothing changes, comments gone.
pub(crate) fn decode_entities(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..4 {
        if !text.contains('&') {
            break;
        }
        let mut decoded = String::new();
        // Only entities are to be read here: no `<` may begin a tag.
        for token in Tokenizer::new(&text.replace('<', "&lt;")).flatten() {
            if let Token::String(part) = token {
                decoded.push_str(&String::from_utf8_lossy(&part));
            }
        }
        if decoded == text {
            break;
        }
        text = decoded;
    }
    text
}

fn as_github_shows<'a>(event: Event<'a>, omitted: &mut Omitted) -> Event<'a> {
    match event {
        Event::Html(raw) => Event::Html(tag_filtered(&raw).into()),
        Event::InlineHtml(raw) => Event::InlineHtml(tag_filtered(&raw).into()),
        Event::TaskListMarker(done) => Event::Text(if done { "[x] " } else { "[ ] " }.into()),
        Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
            let language = language_of(&info);
            omitted.add(Hidden::CodeInfo, info.strip_prefix(language).unwrap_or(&info));
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(CowStr::from(language.to_owned()))))
        }
        other => other,
    }
}

/// The first word of a code block's info string, where it can be a language's name.
pub(crate) fn language_of(info: &str) -> &str {
    let word = info.trim_start().split([' ', '\t', ',', '{']).next().unwrap_or_default();
    let ok = word.len() <= 20
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'#' | b'-' | b'_' | b'.'));
    if ok { word } else { "" }
}
