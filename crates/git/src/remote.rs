//! Where to fetch from and push to: a URL without secrets in it, and the token beside it.

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// A repository elsewhere.
#[derive(Clone, Debug)]
pub struct Remote {
    url: Url,
    token: Option<SecretString>,
}

/// Why a text cannot be the URL of a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRemote {
    /// Not a URL with a host.
    #[error("the repository's address is not a URL")]
    NotAUrl,
    /// Neither `https`, `http` nor `file`.
    #[error("the repository's address must begin with https://, http:// or file://")]
    Scheme,
    /// A user name or password stands in it.
    #[error("the repository's address must not contain a user name or a password")]
    Credentials,
    /// A query or a fragment stands in it.
    #[error("the repository's address must not contain `?` or `#`")]
    Query,
}

impl Remote {
    /// Checks the URL. `token` is handed to git for exactly this scheme, host and port.
    ///
    /// # Errors
    /// [`InvalidRemote`]; the text never repeats the URL, which may hold a password.
    pub fn new(url: &str, token: Option<SecretString>) -> Result<Self, InvalidRemote> {
        let url = Url::parse(url).map_err(|_| InvalidRemote::NotAUrl)?;
        match url.scheme() {
            "https" | "http" if url.has_host() => {}
            "file" => {}
            _ => return Err(InvalidRemote::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidRemote::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidRemote::Query);
        }
        Ok(Self { url, token })
    }

    /// The URL as git gets it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    pub(crate) fn is_file(&self) -> bool {
        self.url.scheme() == "file"
    }

    pub(crate) fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// `host` or `host:port`, as git names it to a credential helper.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// What the other side said, fit for a log and a comment. A server may say anything, even the token it was given.
    pub(crate) fn shown(&self, text: &str) -> String {
        let text = match self.token.as_ref().map(|token| token.expose_secret()) {
            Some(token) if !token.is_empty() => &text.replace(token, "[token]"),
            _ => text,
        };
        readable(text)
    }

    pub(crate) fn token(&self) -> Option<&SecretString> {
        self.token.as_ref()
    }
}

/// A program's words made fit for a log and a comment: no control characters, about 4,000 bytes at most.
pub(crate) fn readable(text: &str) -> String {
    let mut kept = String::new();
    for c in text.trim().chars() {
        if kept.len() >= 4000 {
            kept.push('…');
            break;
        }
        match c {
            '\n' => kept.push(c),
            '\r' => {}
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                kept.push('\u{fffd}');
            }
            c => kept.push(c),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_pass() {
        let check = |url: &str| Remote::new(url, None).map(|r| (r.url().to_owned(), r.authority()));
        assert_eq!(check("https://github.com/o/r.git"), Ok(("https://github.com/o/r.git".into(), "github.com".into())));
        assert_eq!(
            check("http://127.0.0.1:8080/o/r.git"),
            Ok(("http://127.0.0.1:8080/o/r.git".into(), "127.0.0.1:8080".into()))
        );
        assert_eq!(check("https://GitHub.com:443/o/r"), Ok(("https://github.com/o/r".into(), "github.com".into())));
        assert_eq!(check("https://x-access-token:T@github.com/o/r"), Err(InvalidRemote::Credentials));
        assert_eq!(check("ext::sh -c id"), Err(InvalidRemote::Scheme));
        assert_eq!(check("ssh://git@github.com/o/r"), Err(InvalidRemote::Scheme));
        assert_eq!(check("--upload-pack=id"), Err(InvalidRemote::NotAUrl));
        assert_eq!(check("https://github.com/o/r?x"), Err(InvalidRemote::Query));
    }

    #[test]
    fn what_a_server_says_is_made_fit_to_show() {
        let remote = Remote::new("https://github.com/o/r", Some("ghs_abc".into())).unwrap();
        assert_eq!(remote.shown(" no\u{1b}[2J\r\nghs_abc \u{202e}x "), "no\u{fffd}[2J\n[token] \u{fffd}x");
        assert!(remote.shown(&"é".repeat(9000)).len() < 4010);
    }
}
