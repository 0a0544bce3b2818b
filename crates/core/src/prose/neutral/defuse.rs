//! Breaks what acts as plain text, by a zero-width space: mentions, addresses, closing keywords, commands, markers.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::links::{Links, removed};
use crate::markdown::document::{Inline, plain};

/// Not seen by readers, and no part of a word for GitHub or any bot.
const GAP: char = '\u{200B}';

/// The at sign and its compatibility forms.
const AT: [char; 3] = ['@', '\u{FF20}', '\u{FE6B}'];

#[expect(clippy::unwrap_used, reason = "constant patterns, compiled by every test")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// An address that GitHub makes a link of by itself.
static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)(?:\b(?:https?|ftp)://|\bwww\.)[^\s<>"'`\\]*[^\s<>"'`\\.,:;!?)\]*_~]"#));

/// A keyword that closes an issue, whatever stands before it, followed by a reference, whatever punctuation between
/// (GitHub Docs, "Linking a pull request to an issue").
static CLOSING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(close[sd]?|fix(?:e[sd])?|resolve[sd]?)([^\p{L}\p{N}]{0,40})(#[0-9]|gh-[0-9]|[\w.\\-]+/[\w.\\-]+#[0-9]|https?:)",
    )
});

/// A line that begins with a slash and a word, as commands of many bots do; a path goes on with a slash or a dot.
static SLASH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?m)^([\s>*+\-#|.)(\d\\_~`\[\]:=]*)/([A-Za-z][\w-]*)([^\w/.\-]|$)"));

/// A line that begins with words that other bots obey.
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?im)^([\s>*+\-#|.)(\d\\_~`\[\]:=]*)([a-z])((?:ors|omu|enkins|zp|echeck|etest|erun|gtm)\b|k to test|est this|",
        r"dd to (?:allow|white)list|un (?:ci|tests?|buildkite)\b|elegate[+=]|uto-?merge\b|\\?[+=-](?:$|\s))"
    ))
});

/// bors obeys anywhere in a line.
static BORS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\bb(ors[\s:]+\\?(?:r[+=-]|try|delegate|merge|ping|retry|p=|rollup|treeclosed|cancel))")
});

/// Accounts that read comments as orders, many of them without looking whether it is code. Not those that lend their name
/// to packages (`@vercel/ncc`), which code must be able to say.
static BOTS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)@(dependabot|renovate|mergify|mergifyio|bors|homu|rustbot|rust-timer|triagebot|rust-highfive|pytorchbot|",
        r"pytorchmergebot|k8s-ci-robot|copy-pr-bot|github-actions|copilot|claude|codex|gemini|cursor|cursoragent|",
        r"coderabbit|coderabbitai|sweep|sweep-ai|openhands|openhands-agent|jules|devin|greptile|greptileai|baton|kodiakhq|",
        r"allcontributors|all-contributors|goose|amazon-q|aider)"
    ))
});

/// What the bot finds its own comments by.
static MARKER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)<!(--\s*baton)"));

/// What keeps checks from running, and the trailers that say who did or allowed something.
static COMMIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)\[(skip[ -]ci|ci[ -]skip|no[ -]ci|skip[ -]actions|actions[ -]skip|skip[ -]\w+|\w+[ -]skip)|",
        r"(?i)\b(skip-checks|co-authored-by|signed-off-by|reviewed-by|acked-by|tested-by|approved-by|change-id|baton-[a-z-]+)\s*:|",
        r"(?i)\*\*\*(no_ci)"
    ))
});

static COMMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<!--.*?(?:-->|$)"));

/// A line of the tree: pictures and foreign links become words, mentions and split keywords are broken.
pub(super) fn line(inlines: &[Inline], links: &Links) -> Vec<Inline> {
    let mut line = Vec::new();
    push(inlines, links, false, &mut line);
    let flat = plain(&line);
    let mut cuts: Vec<usize> =
        CLOSING.find_iter(&flat).chain(BORS.find_iter(&flat)).map(|found| found.start() + 1).collect();
    cuts.sort_unstable_by_key(|cut| std::cmp::Reverse(*cut));
    let mut at = 0;
    break_at(&mut line, &mut at, &mut cuts);
    line
}

fn push(inlines: &[Inline], links: &Links, in_link: bool, line: &mut Vec<Inline>) {
    let inside = |inner: &[Inline], in_link| {
        let mut line = Vec::new();
        push(inner, links, in_link, &mut line);
        line
    };
    for inline in inlines {
        match inline {
            Inline::Text(text) => push_text(text, links, in_link, line),
            Inline::Code(_) | Inline::Break => line.push(inline.clone()),
            Inline::Emphasis(inner) => line.push(Inline::Emphasis(inside(inner, in_link))),
            Inline::Strong(inner) => line.push(Inline::Strong(inside(inner, in_link))),
            Inline::Deleted(inner) => line.push(Inline::Deleted(inside(inner, in_link))),
            Inline::Link(target, inner) if !in_link && links.allows(target) => {
                let shown = if plain(inner) == *target { inner.clone() } else { inside(inner, true) };
                line.push(Inline::Link(target.clone(), shown));
            }
            Inline::Link(target, inner) => {
                let shown = plain(inner);
                let internal = target.starts_with('#');
                // The address itself is shown as text only through the notice.
                if shown != *target {
                    line.extend(inside(inner, in_link));
                }
                if !internal && !in_link {
                    let space = if shown == *target { "" } else { " " };
                    push_text(&format!("{space}{}", removed(target)), &Links::none(), true, line);
                }
            }
            Inline::Image(alt) => {
                let alt = crate::markdown::characters::clean_line(alt);
                let what =
                    if alt.is_empty() { "(image removed)".to_owned() } else { format!("(image removed: {alt})") };
                push_text(&what, &Links::none(), in_link, line);
            }
        }
    }
}

/// Text, with every address in it a link or gone.
fn push_text(text: &str, links: &Links, in_link: bool, line: &mut Vec<Inline>) {
    let mut rest = text;
    while let Some(found) = ADDRESS.find(rest) {
        line.push(Inline::Text(broken(&rest[..found.start()])));
        let address = found.as_str();
        if !in_link && links.allows(address) {
            line.push(Inline::Link(address.to_owned(), vec![Inline::Text(address.to_owned())]));
        } else {
            line.push(Inline::Text(broken(&removed(address))));
        }
        rest = &rest[found.end()..];
    }
    line.push(Inline::Text(broken(rest)));
}

/// Mentions, mail addresses and what remains of addresses.
fn broken(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        out.push(c);
        let follows = rest.peek().copied();
        if AT.contains(&c) && !follows.is_some_and(char::is_whitespace) || c == ':' && follows == Some('/') {
            out.push(GAP);
        }
        if c.eq_ignore_ascii_case(&'w') && follows == Some('.') && out.to_ascii_lowercase().ends_with("www") {
            out.push(GAP);
        }
    }
    // `mailto:` and `xmpp:` are made links too.
    out.replace("mailto:", "mailto\u{200B}:").replace("xmpp:", "xmpp\u{200B}:")
}

/// Puts a gap at each of `cuts` (byte offsets in the plain text of the line, the next one last).
fn break_at(line: &mut [Inline], at: &mut usize, cuts: &mut Vec<usize>) {
    for inline in line {
        match inline {
            Inline::Text(text) | Inline::Code(text) => {
                let (start, end) = (*at, *at + text.len());
                let mut shift = 0;
                while let Some(cut) = cuts.last().copied().filter(|cut| *cut < end) {
                    cuts.pop();
                    if cut >= start && text.is_char_boundary(cut - start + shift) {
                        text.insert(cut - start + shift, GAP);
                        shift += GAP.len_utf8();
                    }
                }
                *at = end;
            }
            Inline::Emphasis(inner) | Inline::Strong(inner) | Inline::Deleted(inner) | Inline::Link(_, inner) => {
                break_at(inner, at, cuts);
            }
            Inline::Image(_) => {}
            Inline::Break => *at += 1,
        }
    }
}

/// The last pass, over the source as other bots read it, code included.
pub(super) fn source(markdown: &str) -> String {
    let text = MARKER.replace_all(markdown, format!("<!{GAP}$1"));
    let text = BOTS.replace_all(&text, format!("@{GAP}$1"));
    let text = SLASH.replace_all(&text, format!("${{1}}/{GAP}${{2}}${{3}}"));
    let text = WORDS.replace_all(&text, format!("${{1}}${{2}}{GAP}${{3}}"));
    let text = BORS.replace_all(&text, format!("b{GAP}$1"));
    closing(&text)
}

fn closing(text: &str) -> String {
    CLOSING
        .replace_all(text, |found: &Captures<'_>| {
            let (keyword, rest) = found[1].split_at(1);
            format!("{keyword}{GAP}{rest}{}{}", &found[2], &found[3])
        })
        .into_owned()
}

/// Everything for a line that is not Markdown.
pub(super) fn plain_line(text: &str) -> String {
    let mut line = Vec::new();
    push_text(text, &Links::none(), false, &mut line);
    let text = source(&plain(&line));
    COMMIT
        .replace_all(&text, |found: &Captures<'_>| {
            let whole = &found[0];
            let at = whole.find(|c: char| c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
            format!("{}{GAP}{}", &whole[..at], &whole[at..])
        })
        .into_owned()
}

/// Without HTML comments, closed or not.
pub(super) fn without_comments(text: &str) -> String {
    COMMENT.replace_all(text, "").into_owned()
}
