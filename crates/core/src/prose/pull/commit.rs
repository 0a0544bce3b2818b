//! A commit's message in lines that every tool shows whole: wrapped, never cut.

use crate::prose::bounded::ellipsis;
use crate::prose::neutral::{commit_message_line, commit_message_paragraph};

/// The longest line, in characters, as git's own documentation advises.
const WIDTH: usize = 72;

/// The most lines of the source that are read; whoever writes more than that is sent to the pull request.
const LINES: usize = 1_000;

/// The subject: one line, shortened between words.
pub(super) fn subject(title: &str) -> String {
    let line = commit_message_line(title);
    if line.chars().count() <= WIDTH {
        return line;
    }
    let room: String = line.chars().take(WIDTH).collect();
    match room.rsplit_once(' ') {
        Some((words, _)) => format!("{}…", words.trim_end_matches([' ', ',', ';', ':', '.', '-'])),
        None => ellipsis(&line, WIDTH),
    }
}

/// The body: paragraphs and lists wrapped, code left in its lines.
pub(super) fn body(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut in_code = false;
    for (number, line) in text.trim_matches('\n').lines().enumerate() {
        if number == LINES {
            end_paragraph(&mut paragraph, &mut out);
            out.push("(The rest is in the pull request.)".to_owned());
            break;
        }
        let is_fence = ["```", "~~~"].iter().any(|fence| line.trim_start().starts_with(fence));
        let (margin, _) = margin(line);
        let is_code = in_code || is_fence || margin.len() >= 4 && margin.trim().is_empty();
        in_code ^= is_fence;
        if !is_code && margin.is_empty() && !line.trim().is_empty() && !line.starts_with(['#', '|', '>']) {
            paragraph.push(line);
            continue;
        }
        end_paragraph(&mut paragraph, &mut out);
        push(line, if is_code { usize::MAX } else { WIDTH }, &mut out);
    }
    end_paragraph(&mut paragraph, &mut out);
    out.join("\n").trim().to_owned()
}

/// A paragraph whose lines all fit keeps them; else it is filled anew.
fn end_paragraph(paragraph: &mut Vec<&str>, out: &mut Vec<String>) {
    if paragraph.iter().any(|line| line.chars().count() > WIDTH) {
        push(&paragraph.join(" "), WIDTH, out);
    } else {
        for line in paragraph.iter() {
            push(line, WIDTH, out);
        }
    }
    paragraph.clear();
}

fn push(line: &str, width: usize, out: &mut Vec<String>) {
    let (margin, text) = margin(line);
    let hanging = " ".repeat(margin.len());
    for (place, line) in commit_message_paragraph(text, width - margin.len()).iter().enumerate() {
        let before = if place == 0 { margin } else { &hanging };
        out.push(format!("{before}{line}").trim_end().to_owned());
    }
}

/// A line's indentation and the mark of its list, and what follows them.
fn margin(line: &str) -> (&str, &str) {
    let indented = line.len() - line.trim_start_matches(' ').len();
    let rest = &line[indented..];
    let mark = ["- ", "* ", "+ "].iter().find(|mark| rest.starts_with(**mark)).map_or_else(
        || {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if (1..=3).contains(&digits) && rest[digits..].starts_with(". ") { digits + 2 } else { 0 }
        },
        |mark| mark.len(),
    );
    // What is far to the right has no room to be wrapped in.
    line.split_at((indented.min(20)) + if indented <= 20 { mark } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_summary_is_wrapped_and_nothing_of_it_is_lost() {
        let summary = "The greeting says `Hello` now. It said `Helo` since the first commit of this repository, and two scripts\n\
                       count on that; both are named in the changelog, with the last release that can be used with them.\n\n\
                       - `greet.sh` says `Hello`, and so does everything that calls it from another folder or another shell.\n\
                       - A new case.\n\n\
                       ```\n    sh greet.sh Ada --with-an-option-that-makes-this-line-longer-than-any-that-is-wrapped-here please\n```\n\
                       Short lines\nstay as they are.";
        insta::assert_snapshot!(body(summary), @r"
        The greeting says `Hello` now. It said `Helo` since the first commit of
        this repository, and two scripts count on that; both are named in the
        changelog, with the last release that can be used with them.

        - `greet.sh` says `Hello`, and so does everything that calls it from
          another folder or another shell.
        - A new case.

        ```
            sh greet.sh Ada --with-an-option-that-makes-this-line-longer-than-any-that-is-wrapped-here please
        ```
        Short lines
        stay as they are.
        ");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&body(summary)), words(summary));
        assert_eq!(body(&"a line\n".repeat(2_000)).lines().count(), LINES + 1);
    }

    #[test]
    fn a_subject_ends_with_a_whole_word() {
        let title = "The greeting is misspelt in every place where the program greets somebody, Ada among them";
        insta::assert_snapshot!(subject(title), @"The greeting is misspelt in every place where the program greets…");
        assert_eq!(subject("Short"), "Short");
        assert_eq!(subject(&"x".repeat(90)).chars().count(), WIDTH);
    }

    #[test]
    fn what_wrapping_moves_to_the_start_of_a_line_is_inert_there() {
        let filler = "word ".repeat(14);
        for text in [format!("{filler}/merge now"), format!("{filler}fixes #1 and Co-authored-by: x")] {
            let made = body(&text);
            assert!(!made.contains("\n/merge") && !made.contains("fixes") && !made.contains("Co-authored"), "{made}");
        }
    }
}
