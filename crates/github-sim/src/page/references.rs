//! What a post refers to without making it a link: `#2`, and addresses written out.

use super::markdown::escape;

/// Knows the threads of the repository a post stands in.
pub(super) struct References<'w> {
    /// OWNER/NAME, as it is in addresses.
    pub repository: &'w str,
    /// Whether a number is an issue's (`issues`), a pull request's (`pull`) or nobody's.
    pub kind: &'w dyn Fn(u64) -> Option<&'static str>,
}

impl References<'_> {
    /// Text as HTML, with links where it refers to something.
    pub(super) fn linked(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        let mut before = None;
        while let Some(c) = rest.chars().next() {
            let found = match (before, c) {
                (Some('a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '&' | '/'), _) => None,
                (_, '#') => self.number(rest),
                (_, 'h') => address(rest),
                _ => None,
            };
            let length = match found {
                Some((href, length)) => {
                    out.push_str(&format!("<a href=\"{}\">{}</a>", escape(&href), escape(&rest[..length])));
                    length
                }
                None => {
                    out.push_str(&escape(&rest[..c.len_utf8()]));
                    c.len_utf8()
                }
            };
            before = rest[..length].chars().next_back();
            rest = &rest[length..];
        }
        out
    }

    /// `#2`
    fn number(&self, text: &str) -> Option<(String, usize)> {
        let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
        let follows = text[1 + digits..].chars().next();
        if follows.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return None;
        }
        let number: u64 = text[1..=digits].parse().ok()?;
        let kind = (self.kind)(number)?;
        Some((format!("/{}/{kind}/{number}", self.repository), 1 + digits))
    }
}

/// `https://example.com/path`, without the mark that ends the sentence.
fn address(text: &str) -> Option<(String, usize)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?;
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | '`' | '|'));
    let whole = text[..end.unwrap_or(text.len())].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '*', '_']);
    (whole.len() > scheme.len()).then(|| (whole.to_owned(), whole.len()))
}
