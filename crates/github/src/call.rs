//! A request in Baton's words, and the answer to it.

use baton_core::domain::time::Timestamp;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::GitHubError;
use crate::operations::Operation;
use crate::outage::Culprit;
use crate::refusal;

/// A request: an operation with its path filled in.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub operation: &'static Operation,
    /// Path and query below the API's address.
    pub path: String,
    pub body: Option<Value>,
    /// Whose trouble it is if this fails, where it is sent with the App's own signature.
    pub about: Culprit,
}

impl Call {
    /// Fills the operation's path with `parts`, in order, each percent-encoded. A slash stays one only in `{ref}`.
    pub(crate) fn new(operation: &'static Operation, parts: &[&str]) -> Self {
        let mut path = String::new();
        let mut parts = parts.iter();
        let mut rest = operation.path;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            path.push_str(before);
            if let Some(part) = parts.next() {
                encode(part, name == "ref", &mut path);
            }
            rest = after;
        }
        path.push_str(rest);
        Self { operation, path, body: None, about: Culprit::Everybody }
    }

    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.path.push('?');
        self.path.push_str(&query);
        self
    }

    /// Says that only this one is asked about, so that nobody else suffers from its failing.
    pub(crate) fn about(mut self, culprit: Culprit) -> Self {
        self.about = culprit;
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters, so that no argument can reach another path.
fn encode(part: &str, keep_slashes: bool, out: &mut String) {
    // `.` and `..` would be resolved away by whoever reads the path.
    let dots = matches!(part, "." | "..");
    for byte in part.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !dots)
            || (byte == b'/' && keep_slashes);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub operation: &'static Operation,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// GitHub's time when it answered.
    pub(crate) fn answered_at(&self) -> Option<Timestamp> {
        refusal::header(&self.headers, "date").and_then(refusal::http_date)
    }

    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, GitHubError> {
        serde_json::from_slice(&self.body).map_err(|error| GitHubError::Malformed {
            operation: self.operation.name,
            // The path in the JSON and what was expected; never the value.
            detail: format!("line {}, column {}: {}", error.line(), error.column(), kind(&error)),
        })
    }
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Io => "unreadable",
        serde_json::error::Category::Syntax => "not JSON",
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "cut off",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{GET_REF, GET_ROLE};

    #[test]
    fn no_argument_reaches_another_path() {
        let path = |user: &str| Call::new(&GET_ROLE, &["acme", "app", user]).path;
        let paths = ["alice", "evil[bot]", "../../user", "..", "a/b?x=1#y", "ü \u{0}%2F"].map(path);
        insta::assert_snapshot!(paths.join("\n"), @r"
        /repos/acme/app/collaborators/alice/permission
        /repos/acme/app/collaborators/evil%5Bbot%5D/permission
        /repos/acme/app/collaborators/..%2F..%2Fuser/permission
        /repos/acme/app/collaborators/%2E%2E/permission
        /repos/acme/app/collaborators/a%2Fb%3Fx%3D1%23y/permission
        /repos/acme/app/collaborators/%C3%BC%20%00%252F/permission
        ");
        let branch = Call::new(&GET_REF, &["acme", "app", "heads/baton/issue-1"]).path;
        assert_eq!(branch, "/repos/acme/app/git/ref/heads/baton/issue-1");
    }
}
