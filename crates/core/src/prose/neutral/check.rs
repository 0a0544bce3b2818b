//! Whether Markdown, once rendered, does nothing: the last word on what [`super`] made, by reading it as GitHub does.

use std::sync::LazyLock;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use regex::Regex;

use super::links::Links;
use crate::command::{Found, parse};
use crate::markdown::dialect::OPTIONS;

#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by every test")]
static LIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?:^|[^a-z0-9_/`])@[a-z0-9]|(?:https?|ftp)://|\bwww\.[a-z0-9]|",
        r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:#|gh-|[\w.-]+/[\w.-]+#|https?://\S+/(?:issues|pull)/)[0-9]"
    ))
    .unwrap()
});

/// No HTML, picture, footnote, link that is not allowed; no mention, address or closing keyword in its text; no command.
pub(super) fn is_inert(markdown: &str, links: &Links) -> bool {
    let mut text = String::new();
    let (mut code, mut link) = (0, 0);
    for event in Parser::new_ext(markdown, OPTIONS) {
        match event {
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Start(Tag::Image { .. } | Tag::HtmlBlock | Tag::FootnoteDefinition(_)) => return false,
            Event::Start(Tag::Link { dest_url, .. }) => {
                if !links.allows(&dest_url) {
                    return false;
                }
                link += 1;
            }
            Event::End(TagEnd::Link) => link -= 1,
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(TagEnd::CodeBlock) => code -= 1,
            Event::Text(part) if code == 0 && link == 0 => text.push_str(&part),
            Event::Text(_) | Event::Code(_) => text.push('\u{FFFC}'),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell | TagEnd::BlockQuote(_),
            ) => text.push_str("\n\u{FFFC}\n"),
            Event::Start(_) | Event::End(_) | Event::Rule | Event::TaskListMarker(_) => {}
        }
    }
    !LIVE.is_match(&text) && !parse(markdown).iter().any(|found| matches!(found, Found::Command { .. }))
}
