//! GitHub's limits on lengths: texts cut at a character, with a notice, and never inside an open fence or comment.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use crate::domain::patch::secrets::redact;
use crate::markdown::dialect::OPTIONS;

/// The most characters that go into a comment, an issue or a pull request's body (GitHub refuses more than 65,536).
pub const BODY_CHARS: usize = 65_000;

/// The most bytes of a check run's `summary` and of its `text`.
pub const CHECK_BYTES: usize = 65_535;

/// The most characters of a title that GitHub takes for issues and pull requests.
pub const TITLE_CHARS: usize = 256;

/// The notice that the other functions are usually given.
pub const NOTICE: &str = "*(The rest was cut off: it is too long for GitHub.)*";

/// Cuts Markdown to at most `max` characters, the notice included, where it is longer.
///
/// The cut is made at the end of a line where one is near. A code fence, an HTML comment or `<details>` that is open at
/// the cut is closed before the notice. Where `max` is too small for the notice, the result is only as much text as fits.
#[must_use]
pub fn truncate_chars(text: &str, max: usize, notice: &str) -> String {
    truncate(text, max, notice, |text| text.chars().count())
}

/// As [`truncate_chars`], with `max` in bytes of UTF-8.
#[must_use]
pub fn truncate_bytes(text: &str, max: usize, notice: &str) -> String {
    truncate(text, max, notice, str::len)
}

/// A body of a comment, an issue or a pull request: at most [`BODY_CHARS`], and nothing in it that looks like a secret.
#[must_use]
pub fn body(text: &str) -> String {
    truncate_chars(&redact(text), BODY_CHARS, NOTICE)
}

/// A check run's summary or text: at most [`CHECK_BYTES`], and nothing in it that looks like a secret.
#[must_use]
pub fn check_text(text: &str) -> String {
    truncate_bytes(&redact(text), CHECK_BYTES, NOTICE)
}

/// One line cut to `max` characters, the last of them `…` where something is missing. Not for Markdown.
#[must_use]
pub fn ellipsis(text: &str, max: usize) -> String {
    match (text.char_indices().nth(max), max) {
        (None, _) => text.to_owned(),
        (_, 0) => String::new(),
        (Some(_), _) => {
            let kept: String = text.chars().take(max - 1).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

fn truncate(text: &str, max: usize, notice: &str, length: impl Fn(&str) -> usize) -> String {
    if length(text) <= max {
        return text.to_owned();
    }
    let mut room = max;
    loop {
        let kept = cut(text, room, &length);
        let ending = ending(kept, notice);
        let whole = length(kept) + length(&ending);
        if whole <= max {
            return format!("{kept}{ending}");
        }
        if room == 0 {
            // Not even the notice fits: text that cannot be closed properly is better left out.
            return cut(notice, max, &length).to_owned();
        }
        room = room.saturating_sub(whole - max);
    }
}

/// The beginning of `text` of at most `room`, up to the end of a line if that loses less than a tenth of it.
fn cut<'a>(text: &'a str, room: usize, length: &impl Fn(&str) -> usize) -> &'a str {
    let mut used = 0;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        used += length(c.encode_utf8(&mut [0; 4]));
        if used > room {
            end = at;
            break;
        }
    }
    let kept = &text[..end];
    match kept.rfind('\n') {
        Some(line_end) if line_end >= end - end / 10 => &kept[..line_end],
        _ => kept,
    }
}

/// What closes that which is open at the end of `kept`, and the notice.
fn ending(kept: &str, notice: &str) -> String {
    let mut closed = kept.to_owned();
    // Each round closes one thing; more than a few are never open at once.
    for _ in 0..8 {
        match open_at_the_end(&closed) {
            Some(closing) => closed.push_str(&closing),
            None => break,
        }
    }
    for _ in 0..open_sections(&closed) {
        closed.push_str("\n\n</details>");
    }
    format!("{}\n\n{notice}", &closed[kept.len()..])
}

/// Stands for what would be written next; the last one in the text counts.
const NEXT: &str = "\u{E000}next";

/// What closes the code or the HTML that a paragraph written next would fall into.
fn open_at_the_end(text: &str) -> Option<String> {
    let probe = format!("{text}\n\n{NEXT}");
    let next = probe.len() - NEXT.len();
    let mut block = None;
    for (event, range) in Parser::new_ext(&probe, OPTIONS).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)) | Tag::HtmlBlock) if range.end > next => {
                block = Some((matches!(event, Event::Start(Tag::HtmlBlock)), range.start));
            }
            _ => {}
        }
    }
    match block {
        Some((false, start)) => Some(closing_fence(&probe, start)),
        Some((true, start)) => Some(closing_html(&probe[start..])),
        None => unclosed_comment(text),
    }
}

/// The fence opened at `start`, again, as deep in its quotes and lists.
fn closing_fence(text: &str, start: usize) -> String {
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let margin: String = text[line..start].chars().map(|c| if c == '>' { c } else { ' ' }).collect();
    let opening = text[start..].trim_start_matches(' ');
    let first = opening.chars().next().unwrap_or('`');
    let run = opening.len() - opening.trim_start_matches(first).len();
    format!("\n{margin}{}", &opening[..run])
}

/// What ends an HTML block that an empty line does not end (CommonMark, 4.6, kinds 1 to 5).
fn closing_html(block: &str) -> String {
    let block = block.trim_start_matches(' ');
    if block.starts_with("<!--") {
        "-->".to_owned()
    } else if block.starts_with("<?") {
        "?>".to_owned()
    } else if block.starts_with("<![CDATA[") {
        "]]>".to_owned()
    } else if block.starts_with("<!") {
        ">".to_owned()
    } else {
        let name: String = block.chars().skip(1).take_while(char::is_ascii_alphanumeric).collect();
        format!("</{name}>")
    }
}

/// A comment begun within a paragraph: unclosed it would be shown.
fn unclosed_comment(text: &str) -> Option<String> {
    let start = text.rfind("<!--")?;
    let closed = format!("{text}-->");
    Parser::new_ext(&closed, OPTIONS)
        .into_offset_iter()
        .any(|(event, range)| matches!(event, Event::InlineHtml(_)) && range.start == start && range.end > text.len())
        .then(|| "-->".to_owned())
}

/// How many `<details>` are open at the end, code not counted.
fn open_sections(text: &str) -> usize {
    let mut open = 0usize;
    for event in Parser::new_ext(text, OPTIONS) {
        if let Event::Html(html) | Event::InlineHtml(html) = event {
            open = (open + html.matches("<details").count()).saturating_sub(html.matches("</details").count());
        }
    }
    open
}
