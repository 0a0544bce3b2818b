//! Rust text → words and punctuation with their lines; comments apart; what stands inside literals is left out.
//!
//! Only as much of the language as telling code from comments and literals needs.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name, a keyword or a number.
    Word,
    /// One character of punctuation.
    Mark,
    /// A string, a character or a lifetime; its text is not kept.
    Literal,
}

/// A piece of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'t> {
    /// What it is.
    pub kind: Kind,
    /// As it is written; empty for literals.
    pub text: &'t str,
    /// From 1.
    pub line: usize,
}

/// A line of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment<'t> {
    /// As it is written, with its slashes.
    pub text: &'t str,
    /// From 1.
    pub line: usize,
}

/// A file taken apart.
#[derive(Debug, Default)]
pub struct Lexed<'t> {
    /// The code.
    pub tokens: Vec<Token<'t>>,
    /// The comments.
    pub comments: Vec<Comment<'t>>,
}

/// Takes a file apart. Never fails: what is not Rust comes out as words and marks.
pub fn lex(text: &str) -> Lexed<'_> {
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, line: 1, out: Lexed::default() };
    while reader.at < reader.bytes.len() {
        reader.next();
    }
    reader.out
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    line: usize,
    out: Lexed<'t>,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl<'t> Reader<'t> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (b'\n', _) => {
                self.line += 1;
                self.at += 1;
            }
            (b'/', b'/') => self.line_comment(),
            (b'/', b'*') => self.block_comment(),
            (b'"', _) => self.string(),
            (b'\'', _) => self.quote(),
            (byte, _) if is_word(byte) => self.word(),
            (byte, _) => {
                if !byte.is_ascii_whitespace() {
                    self.push(Kind::Mark, self.at, self.at + 1, self.line);
                }
                self.at += 1;
            }
        }
    }

    fn push(&mut self, kind: Kind, from: usize, to: usize, line: usize) {
        let text = if kind == Kind::Literal { "" } else { &self.text[from..to] };
        self.out.tokens.push(Token { kind, text, line });
    }

    fn line_comment(&mut self) {
        let from = self.at;
        while self.at < self.bytes.len() && self.peek(0) != b'\n' {
            self.at += 1;
        }
        self.out.comments.push(Comment { text: &self.text[from..self.at], line: self.line });
    }

    fn block_comment(&mut self) {
        let (mut depth, mut from) = (0, self.at);
        while self.at < self.bytes.len() {
            let step = match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    2
                }
                (b'*', b'/') => {
                    depth -= 1;
                    2
                }
                (b'\n', _) => {
                    self.out.comments.push(Comment { text: &self.text[from..self.at], line: self.line });
                    self.line += 1;
                    from = self.at + 1;
                    1
                }
                _ => 1,
            };
            self.at = (self.at + step).min(self.bytes.len());
            if depth == 0 {
                break;
            }
        }
        self.out.comments.push(Comment { text: &self.text[from..self.at], line: self.line });
    }

    /// A string with escapes, from its opening quote.
    fn string(&mut self) {
        let line = self.line;
        self.at += 1;
        while self.at < self.bytes.len() && self.peek(0) != b'"' {
            if self.peek(0) == b'\\' {
                self.at += 1;
            }
            self.line += usize::from(self.peek(0) == b'\n');
            self.at += 1;
        }
        self.at += 1;
        self.push(Kind::Literal, 0, 0, line);
    }

    /// A raw string, from its hashes or its opening quote.
    fn raw_string(&mut self) {
        let line = self.line;
        let hashes = self.bytes[self.at..].iter().take_while(|byte| **byte == b'#').count();
        self.at += hashes + 1;
        while self.at < self.bytes.len() {
            if self.peek(0) == b'"' && (1..=hashes).all(|n| self.peek(n) == b'#') {
                break;
            }
            self.line += usize::from(self.peek(0) == b'\n');
            self.at += 1;
        }
        self.at += hashes + 1;
        self.push(Kind::Literal, 0, 0, line);
    }

    /// A character or a lifetime: a character ends with a quote.
    fn quote(&mut self) {
        let line = self.line;
        self.at += 1;
        if self.peek(0) == b'\\' {
            self.at += 2;
            while self.at < self.bytes.len() && self.peek(0) != b'\'' {
                self.at += 1;
            }
            self.at += 1;
        } else {
            let character = self.text.get(self.at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            if self.peek(character) == b'\'' {
                self.at += character + 1;
            } else {
                while is_word(self.peek(0)) {
                    self.at += 1;
                }
            }
        }
        self.push(Kind::Literal, 0, 0, line);
    }

    fn word(&mut self) {
        let from = self.at;
        while is_word(self.peek(0)) {
            self.at += 1;
        }
        let word = &self.text[from..self.at];
        match (word, self.peek(0)) {
            ("b" | "c", b'"') => self.string(),
            ("b", b'\'') => self.quote(),
            ("r" | "br" | "cr", b'"') => self.raw_string(),
            ("r" | "br" | "cr", b'#') if self.opens_raw_string() => self.raw_string(),
            // `r#type` is the name `type`.
            ("r", b'#') => self.at += 1,
            _ => self.push(Kind::Word, from, self.at, self.line),
        }
    }

    fn opens_raw_string(&self) -> bool {
        let after = self.bytes[self.at..].iter().find(|byte| **byte != b'#');
        after == Some(&b'"')
    }
}

#[cfg(test)]
mod tests {
    use super::lex;

    fn words(text: &str) -> String {
        lex(text).tokens.iter().map(|t| if t.text.is_empty() { "·" } else { t.text }).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        for (text, expected) in [
            ("a // b.unwrap()\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            (r#"f("x.unwrap() \" // no")"#, "f ( · )"),
            (r###"f(r#"a "b" // c"#, br"d", c"e")"###, "f ( · , · , · )"),
            ("let q = '\"'; x", "let q = · ; x"),
            (r"let q = '\''; x", r"let q = · ; x"),
            (r"['\u{1f}', b'\\', 'é', '}']", "[ · , · , · , · ]"),
            ("fn f<'a>(x: &'a str) {}", "fn f < · > ( x : & · str ) { }"),
            ("r#type.r#async()", "type . async ( )"),
            ("\"never ends", "·"),
            ("/* never ends", ""),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_everything() {
        let text = "a\n\"b\nb\"\n/* c\nc */ d\nr#\"e\n\n\"# f // g\nh";
        let lexed = lex(text);
        let at = |word: &str| lexed.tokens.iter().find(|t| t.text == word).map(|t| t.line);
        assert_eq!((at("a"), at("d"), at("f"), at("h")), (Some(1), Some(5), Some(8), Some(9)));
        let comments: Vec<_> = lexed.comments.iter().map(|c| (c.line, c.text)).collect();
        assert_eq!(comments, [(4, "/* c"), (5, "c */"), (8, "// g")]);
    }
}
