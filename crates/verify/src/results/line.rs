//! Lines of terminal output: escape sequences removed, memory addresses made equal.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::LazyLock;

use regex::Regex;

/// `output` without terminal escape sequences and carriage returns.
pub(crate) fn plain(output: &str) -> Cow<'_, str> {
    if !output.contains(['\u{1b}', '\r']) {
        return Cow::Borrowed(output);
    }
    let mut out = String::with_capacity(output.len());
    let mut characters = output.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_sequence(&mut characters),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Skips an escape sequence after its ESC; never past the end of the line.
fn skip_sequence(characters: &mut Peekable<Chars<'_>>) {
    match characters.next_if(|c| *c != '\n') {
        // Control sequence: parameters up to a final byte from `@` to `~` (ECMA-48, 5.4).
        Some('[') => while characters.next_if(|c| !('@'..='~').contains(c) && *c != '\n').is_some() {},
        // Operating system command: up to BEL, or to the ESC of ESC \.
        Some(']') => while characters.next_if(|c| !['\u{7}', '\u{1b}', '\n'].contains(c)).is_some() {},
        _ => return,
    }
    characters.next_if(|c| *c != '\n' && *c != '\u{1b}');
}

/// Memory addresses in names (`<object at 0x7f3a…>` as a parameter) differ at each run.
pub(super) fn without_addresses(name: &str) -> Cow<'_, str> {
    static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b0x[0-9a-fA-F]{6,16}\b").ok());
    match &*ADDRESS {
        Some(pattern) => pattern.replace_all(name, "0x…"),
        None => Cow::Borrowed(name),
    }
}

/// Columns of white space in front.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_go_and_lines_stay() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[31m×\u{1b}[39m\u{1b}[22m a\r\nb\rc"), "× a\nb\nc");
        assert_eq!(plain("\u{1b}]0;title\u{7}a \u{1b}]8;;http://x\u{1b}\\b"), "a b");
        assert_eq!(plain("\u{1b}[31\nnext \u{1b}"), "\nnext ");
        assert!(matches!(plain("nothing to do\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn addresses_become_equal_and_other_numbers_stay() {
        assert_eq!(without_addresses("t[<object at 0x7f9d3fb1c810>]"), "t[<object at 0x…>]");
        assert_eq!(without_addresses("t[0xff] t[123456789]"), "t[0xff] t[123456789]");
    }
}
