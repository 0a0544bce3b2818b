//! GitHub's limits on lengths: texts cut at a character, with a notice, and never inside an open fence or comment.

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

/// A body of a comment, an issue or a pull request: at most [`BODY_CHARS`].
#[must_use]
pub fn body(text: &str) -> String {
    truncate_chars(text, BODY_CHARS, NOTICE)
}

/// A check run's summary or text: at most [`CHECK_BYTES`].
#[must_use]
pub fn check_text(text: &str) -> String {
    truncate_bytes(text, CHECK_BYTES, NOTICE)
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
    let open = Open::at_the_end_of(kept);
    let mut ending = String::new();
    if open.comment {
        ending.push_str("-->");
    }
    if let Some(fence) = open.fence {
        ending.push('\n');
        ending.push_str(&fence);
    }
    for _ in 0..open.details {
        ending.push_str("\n\n</details>");
    }
    format!("{ending}\n\n{notice}")
}

#[derive(Default)]
struct Open {
    fence: Option<String>,
    comment: bool,
    details: usize,
}

impl Open {
    fn at_the_end_of(text: &str) -> Self {
        let mut open = Self::default();
        for line in text.split('\n') {
            open.line(line);
        }
        open
    }

    fn line(&mut self, line: &str) {
        let inside = line.trim_start_matches([' ', '>']);
        if let Some(fence) = &self.fence {
            let run = run_of_fence(inside);
            if run.len() >= fence.trim_start_matches([' ', '>']).len()
                && inside.trim_end() == run
                && fence.ends_with(&run[..1])
            {
                self.fence = None;
            }
            return;
        }
        if !self.comment {
            let run = run_of_fence(inside);
            if run.len() >= 3 {
                let margin = &line[..line.len() - inside.len()];
                self.fence = Some(format!("{margin}{run}"));
                return;
            }
        }
        self.tags(line);
    }

    /// Follows comments and folded sections along a line outside of code.
    fn tags(&mut self, line: &str) {
        let mut rest = line;
        loop {
            if self.comment {
                let Some(end) = rest.find("-->") else { return };
                self.comment = false;
                rest = &rest[end + 3..];
            }
            let Some(start) = rest.find('<') else { return };
            rest = &rest[start..];
            if rest.starts_with("<!--") {
                self.comment = true;
                rest = &rest[4..];
            } else if rest.starts_with("<details") {
                self.details += 1;
                rest = &rest[1..];
            } else if rest.starts_with("</details") {
                self.details = self.details.saturating_sub(1);
                rest = &rest[1..];
            } else {
                rest = &rest[1..];
            }
        }
    }
}

/// The backticks or tildes a line begins with; fewer than three are no fence.
fn run_of_fence(line: &str) -> &str {
    let Some(first @ ('`' | '~')) = line.chars().next() else {
        return "";
    };
    &line[..line.len() - line.trim_start_matches(first).len()]
}
