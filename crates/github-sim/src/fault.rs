//! Faults on purpose: which operation goes wrong, how, and how often.

use serde::{Deserialize, Serialize};

/// How an operation goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is done; this status comes back. 5xx come with an HTML body, as from GitHub's front door.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The JSON `message`; GitHub's usual one for the status when absent.
        #[serde(default)]
        message: Option<String>,
    },
    /// It is done, and the connection is cut instead of an answer.
    DoAndDrop,
    /// Nothing is done, and the connection is cut.
    Drop,
    /// It is done, after this long.
    Delay {
        /// Milliseconds of real time.
        millis: u64,
    },
    /// 403 with `x-ratelimit-remaining: 0`.
    PrimaryLimit {
        /// Seconds from now that `x-ratelimit-reset` names.
        reset_after: u64,
    },
    /// 403 with GitHub's text about a secondary rate limit.
    SecondaryLimit {
        /// The `retry-after` header in seconds; absent on GitHub now and then.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// One of the limits in any of its shapes; nothing is done.
    Limited {
        /// The primary limit; else a secondary one.
        #[serde(default)]
        primary: bool,
        /// 403 or 429.
        status: u16,
        /// What the answer says about when to come back: `retry-after`, or for the primary limit `x-ratelimit-reset`.
        #[serde(default)]
        wait: Wait,
    },
    /// It is done, and the answer goes out one byte at a time, its head too.
    Trickle {
        /// Milliseconds of real time between two bytes.
        millis: u64,
    },
    /// Git only: it is done, and the answer goes out slowly.
    Throttle {
        /// Bytes a second of real time.
        bytes_per_second: u64,
    },
    /// It is done, and the answer's body never ends.
    EndlessBody,
    /// It is done, and the answer's body is a JSON string of this size.
    BigBody {
        /// Bytes.
        bytes: u64,
    },
    /// It is done, and the answer is a small gzip that unpacks to this size.
    GzipBomb {
        /// Bytes, once unpacked; rounded up to whole megabytes.
        bytes: u64,
    },
    /// Nothing is done; the client is sent elsewhere.
    Redirect {
        /// 301, 302, 307 or 308.
        status: u16,
        /// The value of `Location`.
        to: String,
    },
    /// It is done, and the answer claims to be something else than JSON.
    ContentType {
        /// The value of `Content-Type`.
        content_type: String,
    },
    /// It is done, and the answer's `Link` names a next page: this one, or the page itself for ever.
    NextPage {
        /// The address; the request's own when absent.
        #[serde(default)]
        to: Option<String>,
    },
    /// GraphQL's way to fail: 200 with `errors`; nothing is done.
    GraphqlError {
        /// `type`: `NOT_FOUND`, `FORBIDDEN`, `RATE_LIMITED`, …
        error: String,
        /// `message`.
        message: String,
    },
    /// It is done, and the answer is this text instead of JSON.
    Garbage {
        /// The answer's status.
        status: u16,
        /// The answer's body.
        body: String,
    },
}

/// What an answer says about when to try again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Nothing.
    #[default]
    Unsaid,
    /// `retry-after` in seconds.
    Seconds(u64),
    /// `retry-after` as an HTTP date (RFC 9110, section 5.6.7), this many seconds ahead.
    Date(u64),
}

/// A fault, where it strikes, and how many times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// The operation's id (`issues/create-comment`, `git/receive-pack`, `graphql/minimizeComment`); `*` for all.
    pub operation: String,
    /// What happens.
    pub fault: Fault,
    /// How often before it is used up; for ever when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
}

impl FaultRule {
    /// A fault that strikes the next `times` requests of one operation.
    pub fn new(operation: &str, fault: Fault, times: u32) -> Self {
        Self { operation: operation.to_owned(), fault, times: Some(times), skip: 0 }
    }
}

/// The fault that strikes this request, if any; uses it up.
pub(crate) fn strike(rules: &mut Vec<FaultRule>, operation: &str) -> Option<Fault> {
    let at = rules.iter_mut().position(|rule| {
        let matches = rule.operation == "*" || rule.operation == operation;
        if matches && rule.skip > 0 {
            rule.skip -= 1;
            return false;
        }
        matches
    })?;
    let rule = rules.get_mut(at)?;
    let fault = rule.fault.clone();
    if let Some(times) = &mut rule.times {
        *times = times.saturating_sub(1);
        if *times == 0 {
            rules.remove(at);
        }
    }
    Some(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_as_often_as_told_and_then_no_more() {
        let refuse = Fault::Refuse { status: 502, message: None };
        let mut rules = vec![FaultRule { skip: 1, ..FaultRule::new("issues/create", refuse.clone(), 2) }];
        let seen: Vec<_> = (0..4).map(|_| strike(&mut rules, "issues/create")).collect();
        assert_eq!(seen, [None, Some(refuse.clone()), Some(refuse), None]);
        assert_eq!(strike(&mut rules, "issues/get"), None);
        assert!(rules.is_empty());
    }
}
