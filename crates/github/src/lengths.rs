//! GitHub's length limits, kept before sending: a text that is too long is cut where a reader can see it. Pure.

/// Characters of a comment's, issue's or pull request's body. GitHub takes 65,536; the rest is room for the mark.
pub const BODY_LIMIT: usize = 65_000;
/// Characters of a title.
pub const TITLE_LIMIT: usize = 256;
/// Bytes of a check run's summary, and of its text.
pub const CHECK_TEXT_LIMIT: usize = 65_535;

const NOTICE: &str = "\n\n_This text was too long for GitHub and was cut here._";

/// A body of at most [`BODY_LIMIT`] characters. A longer one is cut, its open code fence and details are closed, and it
/// says so. NUL characters, which GitHub refuses, are dropped.
#[must_use]
pub fn cap_body(text: &str) -> String {
    cap(text, |text| text.chars().count() <= BODY_LIMIT, BODY_LIMIT)
}

/// A check run's summary or text: like [`cap_body`], in bytes.
#[must_use]
pub fn cap_check_text(text: &str) -> String {
    cap(text, |text| text.len() <= CHECK_TEXT_LIMIT, CHECK_TEXT_LIMIT)
}

/// One line of at most [`TITLE_LIMIT`] characters, without control characters; a longer one ends in an ellipsis.
#[must_use]
pub fn cap_title(text: &str) -> String {
    let one_line: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let title = one_line.join(" ");
    if title.chars().count() <= TITLE_LIMIT {
        return title;
    }
    let mut cut: String = title.chars().take(TITLE_LIMIT - 1).collect();
    cut.push('…');
    cut
}

fn cap(text: &str, fits: impl Fn(&str) -> bool, limit: usize) -> String {
    let text: String = text.chars().filter(|c| *c != '\0').collect();
    if fits(&text) {
        return text;
    }
    // Room for the notice and for what must be closed; shrinks until everything fits.
    let mut keep = limit;
    loop {
        let head: String = text.chars().take(keep).collect();
        let cut = format!("{head}{}{NOTICE}", closers(&head));
        if fits(&cut) || keep == 0 {
            return cut;
        }
        keep = keep.saturating_sub(limit / 100);
    }
}

/// What ends the code fence and the details elements that a cut text leaves open.
fn closers(text: &str) -> String {
    let mut fence: Option<&str> = None;
    let mut details = 0_usize;
    for line in text.lines() {
        let line = line.trim_start();
        let marks = ['`', '~'].into_iter().find_map(|mark| {
            let length = line.chars().take_while(|c| *c == mark).count();
            (length >= 3).then(|| &line[..length])
        });
        match (fence, marks) {
            (None, Some(opening)) => fence = Some(opening),
            (Some(open), Some(marks)) if marks.starts_with(open) && line.trim_end() == marks => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                details += line.matches("<details").count();
                details = details.saturating_sub(line.matches("</details>").count());
            }
        }
    }
    let fence = fence.map(|marks| format!("\n{marks}")).unwrap_or_default();
    // Bounded: a text of nothing but openings is not worth closing.
    fence + &"\n\n</details>".repeat(details.min(20))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_fits_is_left_alone() {
        let full = "ü".repeat(BODY_LIMIT);
        assert_eq!(cap_body(&full), full);
        assert_eq!(cap_body("a\0b"), "ab");
        assert_eq!(cap_title("  Fix\r\n the\u{1b} thing "), "Fix the thing");
    }

    #[test]
    fn what_is_cut_says_so_and_leaves_nothing_open() {
        let long = format!("<details>\n\n```text\n{}", "🦀 line\n".repeat(20_000));
        let cut = cap_body(&long);
        assert!(cut.chars().count() <= BODY_LIMIT && cut.chars().count() > BODY_LIMIT * 97 / 100);
        assert!(cut.ends_with("\n```\n\n</details>\n\n_This text was too long for GitHub and was cut here._"), "{cut}");
        let title = cap_title(&"word ".repeat(100));
        assert_eq!((title.chars().count(), title.ends_with('…')), (TITLE_LIMIT, true));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn nothing_exceeds_its_limit(unit in "(```\n|~~~~|<details>|</details>|é|🦀|a|\n|\0){1,30}", times in 1usize..30_000) {
            let text = unit.repeat(times.min(400_000 / unit.len()));
            prop_assert!(cap_body(&text).chars().count() <= BODY_LIMIT);
            prop_assert!(cap_check_text(&text).len() <= CHECK_TEXT_LIMIT);
            let title = cap_title(&text);
            prop_assert!(title.chars().count() <= TITLE_LIMIT && !title.contains('\n'));
        }
    }
}
