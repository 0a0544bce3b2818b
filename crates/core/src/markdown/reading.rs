//! Markdown → rendered HTML → the tree of what a reader sees, and a list of what was left out. Obeys no tag it does not know.
//!
//! Both the text that goes to a model and the text that comes from one pass through here: what GitHub does not show, or
//! what is built not to be seen, is gone; entities are decoded; only then is anything judged or escaped.

use html5gum::{Token, Tokenizer};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, html};

use super::building::Builder;
use super::characters::without_terminal_sequences;
use super::dialect::{OPTIONS, tag_filtered};
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
    let markdown = &*without_terminal_sequences(markdown);
    // Dollar signs stay text: what a formula would draw is not known here, its source is.
    let options = OPTIONS.difference(Options::ENABLE_MATH);
    let parser = Parser::new_ext(markdown, options);
    let mut definitions: Vec<_> = parser.reference_definitions().iter().map(|(_, d)| d.span.clone()).collect();
    definitions.sort_by_key(|span| span.start);
    for span in definitions {
        omitted.add(Hidden::ReferenceDefinition, &markdown[span]);
    }
    let mut page = String::new();
    html::push_html(&mut page, parser.map(|event| as_github_shows(event, &mut omitted)));
    let mut builder = Builder::new(omitted);
    for token in Tokenizer::new(&page).flatten() {
        builder.take(token);
    }
    builder.finish()
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
