//! Which characters a reader cannot see, judged by Unicode class and not by a list of known tricks.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Whether a character must not pass: controls (except line feed and tab), formats (zero width, bidirectional, tags),
/// private use, unassigned, and what is drawn as nothing (variation selectors, fillers, joiners).
pub(crate) fn is_hidden(c: char) -> bool {
    if c == '\n' || c == '\t' || c.is_ascii_graphic() || c == ' ' {
        return false;
    }
    let by_class = matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::Surrogate
    );
    by_class || is_blank(c)
}

/// Characters of visible classes that are drawn as nothing: the rest of Unicode's Default_Ignorable_Code_Point
/// (DerivedCoreProperties), and the two that stand for missing things.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{034F}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}'
            | '\u{FFFC}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Whether a character is drawn as empty space: every separator, and the empty Braille cell.
pub(crate) fn is_space(c: char) -> bool {
    c.general_category() == GeneralCategory::SpaceSeparator || c == '\u{2800}'
}

/// Whether a character ends a line somewhere though it is not a line feed.
pub(crate) fn is_line_end(c: char) -> bool {
    matches!(c, '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Sequences that steer a terminal (ECMA-48: CSI, OSC and the other string kinds, two-character escapes).
#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by every test")]
static TERMINAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?:\x1b\[|\u{9b})[0-?]*[ -/]*[@-~]",
        r"|(?:\x1b[\]PX^_]|[\u{9d}\u{90}\u{98}\u{9e}\u{9f}])[^\x07\x1b\u{9c}\n]*(?:\x07|\x1b\\|\u{9c})?",
        r"|\x1b[ -/]*[0-~]?"
    ))
    .unwrap()
});

/// The terminal sequences in a text.
pub(crate) fn terminal_sequences(text: &str) -> impl Iterator<Item = &str> {
    TERMINAL.find_iter(text).map(|found| found.as_str())
}

/// Without terminal sequences.
pub(crate) fn without_terminal_sequences(text: &str) -> Cow<'_, str> {
    TERMINAL.replace_all(text, "")
}

/// One line of plain text: hidden characters gone, every kind of space and line end one space, none at the ends.
pub(crate) fn clean_line(text: &str) -> String {
    let mut line = String::new();
    for c in without_terminal_sequences(text).chars() {
        if c.is_whitespace() || is_space(c) {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_hidden(c) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Lines of plain text: hidden characters gone, every line end a line feed, tabs and spaces as they are.
pub(crate) fn clean_code(text: &str) -> String {
    let text = without_terminal_sequences(text).replace("\r\n", "\n");
    text.chars()
        .filter_map(|c| match c {
            '\r' => Some('\n'),
            c if is_line_end(c) => Some('\n'),
            c if is_space(c) => Some(' '),
            c => (!is_hidden(c)).then_some(c),
        })
        .collect()
}
