//! The tree → Markdown: either to be read as it stands, or escaped so that GitHub renders exactly the tree and nothing else.

use super::document::{Block, Inline, plain};

/// For whom it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// For reading the source: nothing is escaped, folded sections are marked by words.
    Readable,
    /// For rendering: every character of the text is escaped that could mean something.
    Escaped,
}

/// Columns of a table beyond this are dropped.
const MAX_COLUMNS: usize = 40;

impl Writing {
    /// Writes blocks with an empty line between them, no line end after the last.
    pub(crate) fn blocks(self, blocks: &[Block]) -> String {
        let parts: Vec<String> = blocks.iter().map(|block| self.block(block)).filter(|part| !part.is_empty()).collect();
        parts.join("\n\n")
    }

    fn block(self, block: &Block) -> String {
        match block {
            Block::Paragraph(line) => self.lines(line),
            Block::Heading(level, line) => {
                let text = self.one_line(line);
                if text.is_empty() { text } else { format!("{} {text}", "#".repeat(usize::from(*level).clamp(1, 6))) }
            }
            Block::Quote(inner) => match self.blocks(inner) {
                empty if empty.is_empty() => empty,
                text => prefixed(&text, "> ", "> "),
            },
            Block::List(first, items) => self.list(*first, items),
            Block::Code(language, text) => fenced(language, text),
            Block::Table(rows) => self.table(rows),
            Block::Rule => "***".to_owned(),
            Block::Details(summary, inner) => self.details(summary, inner),
        }
    }

    fn details(self, summary: &[Inline], inner: &[Block]) -> String {
        match self {
            Self::Readable => format!(
                "[collapsed section: {}]\n\n{}\n\n[end of collapsed section]",
                plain(summary),
                self.blocks(inner)
            ),
            Self::Escaped => {
                let mut blocks = vec![Block::Paragraph(vec![Inline::Strong(summary.to_vec())])];
                blocks.extend_from_slice(inner);
                self.blocks(&blocks)
            }
        }
    }

    fn list(self, first: Option<u64>, items: &[Vec<Block>]) -> String {
        let mut lines = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let marker = match first {
                Some(first) => format!("{}. ", first.saturating_add(index as u64).min(999_999_999)),
                None => "- ".to_owned(),
            };
            let indent = " ".repeat(marker.len());
            // A list right under its paragraph stays there; a number other than 1 needs the empty line.
            let tight = matches!(item.as_slice(), [Block::Paragraph(_), Block::List(None | Some(1), _)]);
            let parts: Vec<String> =
                item.iter().map(|block| self.block(block)).filter(|part| !part.is_empty()).collect();
            let content = parts.join(if tight { "\n" } else { "\n\n" });
            if content.is_empty() {
                continue;
            }
            lines.push(prefixed(&content, &marker, &indent));
        }
        lines.join("\n")
    }

    fn table(self, rows: &[Vec<Vec<Inline>>]) -> String {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0).min(MAX_COLUMNS);
        if columns == 0 {
            return String::new();
        }
        let mut lines = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<String> = (0..columns)
                .map(|column| row.get(column).map(|cell| self.one_line(cell)).unwrap_or_default())
                .collect();
            lines.push(format!("| {} |", cells.join(" | ")));
            if index == 0 {
                lines.push(format!("|{}", "---|".repeat(columns)));
            }
        }
        lines.join("\n")
    }

    fn lines(self, line: &[Inline]) -> String {
        let mut out = String::new();
        self.inlines(line, &mut out);
        joined(&out, "\n")
    }

    /// Without line breaks.
    pub(crate) fn one_line(self, line: &[Inline]) -> String {
        let mut out = String::new();
        self.inlines(line, &mut out);
        joined(&out, " ")
    }

    fn inlines(self, line: &[Inline], out: &mut String) {
        for inline in line {
            match inline {
                Inline::Text(text) => self.text(text, out),
                Inline::Code(text) => {
                    // Two spans that touch would be read as one.
                    if out.ends_with('`') {
                        out.push('\u{200B}');
                    }
                    out.push_str(&code_span(text));
                }
                Inline::Emphasis(inner) => self.marked("*", inner, out),
                Inline::Strong(inner) => self.marked("**", inner, out),
                Inline::Deleted(inner) => self.marked("~~", inner, out),
                Inline::Link(target, inner) => self.link(target, inner, out),
                Inline::Image(_) => {}
                Inline::Break => out.push('\n'),
            }
        }
    }

    fn marked(self, mark: &str, inner: &[Inline], out: &mut String) {
        let mut text = String::new();
        self.inlines(inner, &mut text);
        let core = text.trim();
        if core.is_empty() {
            out.push_str(&text);
            return;
        }
        let start = text.len() - text.trim_start().len();
        out.push_str(&text[..start]);
        out.push_str(mark);
        out.push_str(core);
        out.push_str(mark);
        out.push_str(&text[start + core.len()..]);
    }

    fn link(self, target: &str, inner: &[Inline], out: &mut String) {
        if plain(inner) == target {
            out.push_str(&format!("<{target}>"));
            return;
        }
        let mut text = String::new();
        self.inlines(inner, &mut text);
        out.push_str(&format!("[{}](<{target}>)", text.trim()));
    }

    fn text(self, text: &str, out: &mut String) {
        let text = text.replace('\n', " ");
        let text = if out.is_empty() || out.ends_with('\n') { text.trim_start() } else { &text };
        match self {
            Self::Readable => out.push_str(text),
            Self::Escaped => escape(text, out),
        }
    }
}

fn joined(text: &str, with: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(with)
}

/// Adds text so that it renders as it is, wherever `out` ends.
fn escape(text: &str, out: &mut String) {
    let mut at_line_start = out.is_empty() || out.ends_with('\n');
    let mut number = at_line_start;
    let mut before = out.chars().next_back().unwrap_or(' ');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '$' => true,
            '_' => !(before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric())),
            '#' | '-' | '+' | '=' | ':' => at_line_start,
            '.' | ')' => number && before.is_ascii_digit(),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        at_line_start = false;
        number &= c.is_ascii_digit();
        before = c;
    }
}

/// A code span around text of any content; line ends become spaces. Empty text gives nothing.
pub(crate) fn code_span(text: &str) -> String {
    let text = text.replace('\n', " ");
    if text.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let pad = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let pad = if pad { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced code block; its fence is longer than any run of backticks in the text.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text, '`').max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn prefixed(text: &str, first: &str, others: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .enumerate()
        .map(|(index, line)| {
            let prefix = if index == 0 { first } else { others };
            if line.is_empty() { prefix.trim_end().to_owned() } else { format!("{prefix}{line}") }
        })
        .collect();
    lines.join("\n")
}
