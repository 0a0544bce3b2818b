//! Raw HTML in a post: a few tags without attributes come through, comments vanish as on GitHub, and everything else is shown
//! as the text it is. What is opened is closed again where its surroundings end, so that no post reaches out of its box.

use super::markdown::escape;

/// The tags that come through.
const ALLOWED: [&str; 27] = [
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "dl",
    "dt",
    "em",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
];

/// Those of them that hold nothing.
const EMPTY: [&str; 2] = ["br", "hr"];

/// A piece of raw HTML.
enum Piece<'t> {
    Text(&'t str),
    Open(&'static str),
    Close(&'static str),
}

/// What is open in a post, innermost last; `None` stands for an element of Markdown's own.
#[derive(Default)]
pub(super) struct Open(Vec<Option<&'static str>>);

impl Open {
    /// An element of Markdown's own begins.
    pub(super) fn enter(&mut self) {
        self.0.push(None);
    }

    /// It ends: the tags that close what was opened within it.
    pub(super) fn leave(&mut self) -> String {
        let mut out = String::new();
        while let Some(Some(name)) = self.0.pop() {
            out.push_str(&format!("</{name}>"));
        }
        out
    }

    /// A block or a tag of raw HTML, made harmless.
    pub(super) fn admit(&mut self, raw: &str) -> String {
        let mut out = String::new();
        for piece in Pieces(raw) {
            match piece {
                Piece::Text(text) => out.push_str(&escape(text)),
                Piece::Open(name) => {
                    out.push_str(&format!("<{name}>"));
                    if !EMPTY.contains(&name) {
                        self.0.push(Some(name));
                    }
                }
                Piece::Close(name) => {
                    let within = self.0.iter().rposition(Option::is_none).map_or(0, |at| at + 1);
                    let Some(at) = self.0[within..].iter().rposition(|open| *open == Some(name)) else { continue };
                    for open in self.0.drain(within + at..).rev().flatten() {
                        out.push_str(&format!("</{open}>"));
                    }
                }
            }
        }
        out
    }
}

struct Pieces<'t>(&'t str);

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        loop {
            let text = self.0;
            match text.find('<') {
                None if text.is_empty() => return None,
                None => {
                    self.0 = "";
                    return Some(Piece::Text(text));
                }
                Some(0) => {}
                Some(at) => {
                    self.0 = &text[at..];
                    return Some(Piece::Text(&text[..at]));
                }
            }
            if let Some(inside) = text.strip_prefix("<!--") {
                // `<!-->` and `<!--->` are comments too, and one without an end hides the rest.
                let ends = inside.starts_with('>').then_some(1).or_else(|| inside.starts_with("->").then_some(2));
                let end = ends.or_else(|| inside.find("-->").map(|at| at + 3));
                self.0 = end.map_or("", |end| &inside[end..]);
                continue;
            }
            let (piece, rest) = tag(text).unwrap_or((Piece::Text(&text[..1]), &text[1..]));
            self.0 = rest;
            return Some(piece);
        }
    }
}

/// The tag that a text begins with, and what follows it; a tag that may not come through is text.
fn tag(text: &str) -> Option<(Piece<'_>, &str)> {
    let (closes, inside) = match text[1..].strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, &text[1..]),
    };
    let name = &inside[..inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len())];
    let mut quote = None;
    let end = inside.char_indices().skip(name.len()).find_map(|(at, c)| {
        match (quote, c) {
            (None, '>') => return Some(at + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        None
    })?;
    let (whole, rest) = text.split_at(text.len() - inside.len() + end);
    let known = ALLOWED.into_iter().find(|allowed| allowed.eq_ignore_ascii_case(name));
    let piece = match known {
        Some(name) if closes => Piece::Close(name),
        Some(name) => Piece::Open(name),
        None => Piece::Text(whole),
    };
    Some((piece, rest))
}
