//! From an answer's status, headers and body to a [`GitHubError`]: the one place that knows how GitHub says no.
//!
//! Source: GitHub's "Rate limits for the REST API", "Troubleshooting the REST API", and recorded traffic.

use std::time::Duration;

use baton_core::domain::time::Timestamp;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::error::GitHubError;
use crate::operations::Operation;
use crate::policy::Limit;
use crate::redact;

/// How GitHub says no. Waits are spans from now.
pub(crate) enum Refusal {
    /// Too much was asked.
    Limited { limit: Limit, wait: Option<Duration> },
    /// GitHub itself is in trouble.
    Troubled { status: u16, wait: Option<Duration> },
    /// Every other no.
    No(GitHubError),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    message: Value,
    errors: Value,
}

/// What is behind an answer whose status is not a success. `now` is ours; times that GitHub names are read by GitHub's own
/// clock where the answer tells it.
pub(crate) fn of(
    operation: &'static Operation,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Refusal {
    let json: Body = serde_json::from_slice(body).unwrap_or_default();
    let message = match json.message.as_str() {
        Some(text) => redact::message(text),
        // HTML and other noise is not shown.
        None => status.canonical_reason().unwrap_or("an unknown status").to_owned(),
    };
    let name = operation.name;
    let now = header(headers, "date").and_then(http_date).unwrap_or(now);
    if let Some((limit, wait)) = rate_limit(status, headers, &message, now) {
        return Refusal::Limited { limit, wait };
    }
    Refusal::No(match status.as_u16() {
        300..=399 => GitHubError::Moved { operation: name, status: status.as_u16() },
        401 => GitHubError::Unauthorized { operation: name, message },
        404 => GitHubError::NotFound { operation: name },
        408 => GitHubError::Timeout { operation: name },
        409 => GitHubError::Conflict { operation: name, message },
        410 => GitHubError::Gone { operation: name, message },
        400 | 422 => GitHubError::Validation { operation: name, message, errors: validation_errors(&json.errors) },
        500..=599 => return Refusal::Troubled { status: status.as_u16(), wait: retry_after(headers, now) },
        _ => forbidden(operation, message),
    })
}

fn forbidden(operation: &'static Operation, message: String) -> GitHubError {
    let says = |words: &str| message.to_ascii_lowercase().contains(words);
    if says("repository was archived") {
        return GitHubError::Archived;
    }
    if says("installation has been suspended") || says("account was suspended") {
        return GitHubError::Suspended;
    }
    let needs = (says("resource not accessible by integration") || says("permissions requested are not granted"))
        .then_some(operation.needs);
    GitHubError::Forbidden { operation: operation.name, message, needs }
}

/// A limit in one of its shapes: 403 or 429; the hourly one by `x-ratelimit-remaining: 0`, the other by its words, by
/// `retry-after`, or by being a 429 at all. With how long to wait, where GitHub says.
fn rate_limit(
    status: StatusCode,
    headers: &HeaderMap,
    message: &str,
    now: Timestamp,
) -> Option<(Limit, Option<Duration>)> {
    let too_many = status == StatusCode::TOO_MANY_REQUESTS;
    if !too_many && status != StatusCode::FORBIDDEN {
        return None;
    }
    let lower = message.to_ascii_lowercase();
    let says_secondary = lower.contains("secondary rate limit") || lower.contains("abuse detection");
    let says_limit = says_secondary || lower.contains("rate limit");
    let wait = retry_after(headers, now);
    if !too_many && wait.is_none() && !says_limit {
        return None;
    }
    let spent = hour_spent(headers, now);
    let exhausted = header(headers, "x-ratelimit-remaining") == Some("0");
    if exhausted && !says_secondary {
        return Some((Limit::Primary, wait.or(spent)));
    }
    Some((Limit::Secondary, wait))
}

/// How long until GitHub's hour is over, if nothing of it is left. `now` is GitHub's time.
pub(crate) fn hour_spent(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if header(headers, "x-ratelimit-remaining") != Some("0") {
        return None;
    }
    let reset = header(headers, "x-ratelimit-reset")?.parse::<i64>().ok()?;
    // One second more, because the header is cut to whole seconds.
    Some(Timestamp(reset.saturating_add(1).saturating_mul(1000)).since(now))
}

/// `retry-after` in seconds or as a date (RFC 9110, section 10.2.3). `now` is GitHub's time.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = header(headers, "retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    http_date(text).map(|then| then.since(now))
}

/// `Sun, 22 Nov 2026 15:52:47 GMT` (RFC 9110, section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(time.timestamp().as_millisecond()))
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `errors` is a list of objects, of texts, one text, or not there.
fn validation_errors(errors: &Value) -> Vec<String> {
    let one = |error: &Value| match error {
        Value::String(text) => Some(redact::message(text)),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str);
            let sentence = match text("message") {
                Some(message) => message.to_owned(),
                None => {
                    let parts = [text("resource"), text("field"), text("code")];
                    parts.iter().flatten().copied().collect::<Vec<_>>().join(" ")
                }
            };
            Some(redact::message(&sentence))
        }
        _ => None,
    };
    match errors {
        Value::Array(list) => list.iter().take(20).filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{CREATE_COMMENT, CREATE_PULL};

    const NOW: Timestamp = Timestamp(1_795_362_767_000);

    fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> Refusal {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        of(&CREATE_COMMENT, StatusCode::from_u16(status).unwrap(), &map, body.as_bytes(), NOW)
    }

    #[test]
    fn every_shape_of_a_limit() {
        assert_eq!(NOW.to_string(), "2026-11-22T15:52:47Z");
        let secondary = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes."}"#;
        let primary = r#"{"message":"API rate limit exceeded for installation ID 1."}"#;
        let reset = (NOW.0 / 1000 + 90).to_string();
        let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
        let [remaining, reset_at] = spent;
        // GitHub's clock is an hour ahead of ours: what it names is to be read by its own.
        let ahead = ("date", "Sun, 22 Nov 2026 16:52:47 GMT");
        let reset_ahead = (NOW.0 / 1000 + 3690).to_string();
        let cases = [
            ("primary 403", refused(403, &spent, primary)),
            ("primary 429", refused(429, &spent, primary)),
            ("primary, clocks differ", refused(403, &[remaining, ("x-ratelimit-reset", &reset_ahead), ahead], primary)),
            ("primary, retry-after too", refused(403, &[remaining, reset_at, ("retry-after", "30")], primary)),
            (
                "date, clocks differ",
                refused(429, &[("retry-after", "Sun, 22 Nov 2026 16:52:57 GMT"), ahead], secondary),
            ),
            ("primary without reset", refused(403, &[("x-ratelimit-remaining", "0")], primary)),
            ("secondary, seconds", refused(403, &[("retry-after", "7")], secondary)),
            ("secondary 429, date", refused(429, &[("retry-after", "Sun, 22 Nov 2026 15:54:47 GMT")], secondary)),
            ("secondary, no header", refused(403, &[], secondary)),
            ("secondary, spent too", refused(403, &spent, secondary)),
            ("secondary, nonsense", refused(429, &[("retry-after", "soon")], secondary)),
            ("old words", refused(403, &[], r#"{"message":"You have triggered an abuse detection mechanism."}"#)),
            ("429 in HTML", refused(429, &[], "<html>slow down</html>")),
            ("for ever", refused(429, &[("retry-after", "99999999999")], secondary)),
            ("reset long ago", refused(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "5")], primary)),
        ];
        let lines: Vec<String> = cases
            .iter()
            .map(|(name, refusal)| match refusal {
                Refusal::Limited { limit, wait: Some(wait) } => format!("{name}: {limit:?}, {wait:?}"),
                Refusal::Limited { limit, wait: None } => format!("{name}: {limit:?}, no time named"),
                Refusal::Troubled { .. } | Refusal::No(_) => format!("{name}: not seen as a limit"),
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        primary 403: Primary, 91s
        primary 429: Primary, 91s
        primary, clocks differ: Primary, 91s
        primary, retry-after too: Primary, 30s
        date, clocks differ: Secondary, 10s
        primary without reset: Primary, no time named
        secondary, seconds: Secondary, 7s
        secondary 429, date: Secondary, 120s
        secondary, no header: Secondary, no time named
        secondary, spent too: Secondary, no time named
        secondary, nonsense: Secondary, no time named
        old words: Secondary, no time named
        429 in HTML: Secondary, no time named
        for ever: Secondary, 99999999999s
        reset long ago: Primary, 0ns
        "#);
    }

    #[test]
    fn every_other_no() {
        let cases = [
            refused(403, &[("x-ratelimit-remaining", "0")], r#"{"message":"Resource not accessible by integration"}"#),
            refused(403, &[], r#"{"message":"Repository was archived so is read-only."}"#),
            refused(403, &[], r#"{"message":"This installation has been suspended"}"#),
            refused(403, &[], r#"{"message":"Unable to create comment because issue is locked."}"#),
            refused(404, &[], r#"{"message":"Not Found"}"#),
            refused(410, &[], r#"{"message":"This issue was deleted"}"#),
            refused(409, &[], r#"{"message":"Git Repository is empty."}"#),
            refused(401, &[], r#"{"message":"Bad credentials"}"#),
            refused(
                422,
                &[],
                r#"{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"missing_field"},"plain",{"message":"No commits between main and x"},7]}"#,
            ),
            refused(422, &[], r#"{"message":"Invalid request.\n\nNo subschema matched.","errors":"text"}"#),
            refused(422, &[], r#"{"message":"Invalid request."}"#),
            refused(502, &[], "<html><h1>Bad Gateway</h1></html>"),
            refused(503, &[("retry-after", "5")], ""),
            refused(451, &[], r#"{"message":"Repository access blocked"}"#),
            refused(301, &[], ""),
            refused(418, &[], "\u{0}"),
        ];
        let lines: Vec<String> = cases
            .iter()
            .map(|refusal| match refusal {
                Refusal::No(error) => error.to_string(),
                Refusal::Troubled { status, wait } => format!("trouble {status}, {wait:?}"),
                Refusal::Limited { .. } => "a limit".to_owned(),
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        GitHub refuses: Resource not accessible by integration (issues/create-comment); the App needs issues: write, which its owner grants in the installation's settings
        the repository is archived, so nothing can be written to it
        the App's installation is suspended; its owner can switch it on again in the installation's settings
        GitHub refuses: Unable to create comment because issue is locked. (issues/create-comment)
        GitHub does not find it, or the App may not see it (issues/create-comment)
        it is gone or switched off: This issue was deleted (issues/create-comment)
        it does not fit the repository's state: Git Repository is empty. (issues/create-comment)
        GitHub does not accept the App's credentials: Bad credentials (issues/create-comment); check github.app_id and the private key
        GitHub does not accept it: Validation Failed; Issue title missing_field; plain; No commits between main and x (issues/create-comment)
        GitHub does not accept it: Invalid request.

        No subschema matched.; text (issues/create-comment)
        GitHub does not accept it: Invalid request. (issues/create-comment)
        trouble 502, None
        trouble 503, Some(5s)
        GitHub refuses: Repository access blocked (issues/create-comment)
        GitHub's address answers with a redirect (status 301) that is not safe to follow (issues/create-comment); is there a proxy that wants a login?
        GitHub refuses: I'm a teapot (issues/create-comment)
        ");
    }

    #[test]
    fn a_token_in_an_answer_goes_no_further() {
        let token = format!("ghs_{}", "Zz9._-".repeat(20));
        let body = format!(r#"{{"message":"no {token}","errors":["{token}",{{"message":"{token}"}}]}}"#);
        for status in [401, 403, 409, 410, 422] {
            let status = StatusCode::from_u16(status).unwrap();
            let Refusal::No(error) = of(&CREATE_PULL, status, &HeaderMap::new(), body.as_bytes(), NOW) else {
                panic!("{status} is no limit");
            };
            assert!(!format!("{error:?} {error}").contains("Zz9"), "{error:?}");
        }
    }
}
