//! Lists for people and for programs. Everything shown may come from strangers: control characters are made visible.

use serde::Serialize;

use super::paint::{Tone, paint};

/// One field of a table.
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A field that says how things stand.
    pub fn toned(tone: Tone, text: &str) -> Self {
        Self { text: visible(text), tone }
    }

    /// As wide as its column: colour takes no room.
    fn padded(&self, width: usize) -> String {
        let missing = width.saturating_sub(self.text.chars().count());
        format!("{}{}", paint(self.tone, &self.text), " ".repeat(missing))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::toned(Tone::Plain, &text)
    }
}

/// Prints `rows` as a table with a header, or `records` as one JSON object a line.
pub(super) fn print<R: Serialize>(json: bool, header: &[&str], records: &[R], cells: impl Fn(&R) -> Vec<Cell>) {
    if json {
        for record in records {
            line(&serde_json::to_string(record).unwrap_or_default());
        }
        return;
    }
    let rows: Vec<Vec<Cell>> = records.iter().map(cells).collect();
    if rows.is_empty() {
        line("(nothing)");
        return;
    }
    let widths: Vec<usize> = (0..header.len())
        .map(|column| {
            rows.iter().map(|row| row.get(column).map_or(0, |cell| cell.text.chars().count())).max().unwrap_or(0)
        })
        .zip(header)
        .map(|(widest, title)| widest.max(title.chars().count()))
        .collect();
    line(&padded(&header.iter().map(|title| Cell::toned(Tone::Strong, title)).collect::<Vec<_>>(), &widths));
    for row in &rows {
        line(&padded(row, &widths));
    }
}

fn padded(row: &[Cell], widths: &[usize]) -> String {
    let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| cell.padded(*width)).collect();
    cells.join("  ").trim_end().to_owned()
}

/// One line to standard output. A reader that went away (`| head`) is no fault.
pub(super) fn line(text: &str) {
    use std::io::Write as _;
    let _reader_went_away = writeln!(std::io::stdout(), "{text}");
}

/// Text from outside, fit for a terminal: escape sequences become visible and do nothing.
pub(super) fn visible(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        // Bidirectional controls and invisible characters can make a line read as another one.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}
