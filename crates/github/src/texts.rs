//! The last door for what Baton writes: within GitHub's lengths, without what GitHub refuses, without anything that looks
//! like a secret. The cutting is `baton_core::prose::bounded`'s.

use baton_core::prose::bounded;

/// A check run's title may have one character less than others.
const CHECK_TITLE_CHARS: usize = bounded::TITLE_CHARS - 1;

/// A body of a comment or a pull request.
pub(crate) fn body(text: &str) -> String {
    bounded::body(&printable(text))
}

/// A check run's summary or text.
pub(crate) fn check_text(text: &str) -> String {
    bounded::check_text(&printable(text))
}

/// A pull request's title: one line.
pub(crate) fn title(text: &str) -> String {
    bounded::ellipsis(&one_line(text), bounded::TITLE_CHARS)
}

/// A check run's title: one line.
pub(crate) fn check_title(text: &str) -> String {
    bounded::ellipsis(&one_line(text), CHECK_TITLE_CHARS)
}

/// GitHub refuses NUL.
fn printable(text: &str) -> String {
    text.replace('\0', "")
}

fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_one_line_and_short_enough() {
        assert_eq!(title("  Fix\r\n the\u{1b} thing "), "Fix the thing");
        let long = "word ".repeat(100);
        let (pull, check) = (title(&long), check_title(&long));
        assert!(pull.chars().count() <= 256 && pull.ends_with('…'), "{pull}");
        assert!(check.chars().count() <= 255 && check.ends_with('…'), "{check}");
    }

    #[test]
    fn bodies_lose_what_github_refuses() {
        assert_eq!(body("a\0b"), "ab");
        assert_eq!(check_text("a\0b"), "ab");
        assert!(body(&"é\n".repeat(70_000)).chars().count() <= bounded::BODY_CHARS);
        assert!(check_text(&"é\n".repeat(70_000)).len() <= bounded::CHECK_BYTES);
    }
}
