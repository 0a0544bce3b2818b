//! One exchange of the REST API held against its description: path, query and body of the request; status, headers and
//! body of the answer.

use serde_json::Value;

use super::Complaint;
use super::description::{About, Body, DescribedOperation, Parameter, Place, Types, github};
use super::schema::complaints;
use crate::rest::route::Params;
use crate::rest::serve::read_query;

const JSON: &str = "application/json";

/// A request as it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub method: &'a str,
    /// Below the API's base URL.
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
}

impl Asked<'_> {
    /// Method and path with query.
    pub(crate) fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }
}

/// An answer as it goes out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub status: u16,
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    /// The request's `Accept`.
    pub accept: &'a str,
}

fn complaint(place: impl Into<String>, what: impl Into<String>) -> Complaint {
    (place.into(), what.into())
}

/// What is wrong with a request.
pub(crate) fn request(operation: Option<(&DescribedOperation, Params)>, asked: &Asked<'_>) -> Vec<Complaint> {
    let Some((operation, params)) = operation else {
        return vec![complaint("route", "GitHub describes no such operation")];
    };
    match operation.about() {
        Ok(about) => {
            let mut found = path(about, &params);
            found.extend(query(about, asked.query));
            found.extend(body(about.body.as_ref(), asked.body));
            found
        }
        Err(fault) => vec![complaint("route", format!("the description cannot be read: {fault}"))],
    }
}

fn path(about: &About, params: &Params) -> Vec<Complaint> {
    let described = about.parameters.iter().filter(|it| it.r#in == Place::Path);
    let given = described.filter_map(|it| Some((it, params.iter().find(|(name, _)| *name == it.name)?)));
    // An alias leaves the names of the repository open.
    let given = given.filter(|(_, (_, value))| !(value.starts_with('{') && value.ends_with('}')));
    given.flat_map(|(it, (name, value))| one_parameter(it, value, &format!("path/{name}"))).collect()
}

fn query(about: &About, query: &str) -> Vec<Complaint> {
    let given = read_query(query);
    let described = || about.parameters.iter().filter(|it| it.r#in == Place::Query);
    let mut found = Vec::new();
    for (name, value) in &given {
        let place = format!("query/{name}");
        match described().find(|it| it.name == *name) {
            Some(parameter) => found.extend(one_parameter(parameter, value, &place)),
            None => found.push(complaint(place, "GitHub describes no such parameter")),
        }
    }
    let missing = described().filter(|it| it.required && !given.iter().any(|(name, _)| *name == it.name));
    found.extend(missing.map(|it| complaint(format!("query/{}", it.name), "this parameter is required")));
    found
}

fn one_parameter(parameter: &Parameter, text: &str, place: &str) -> Vec<Complaint> {
    complaints(&parameter.schema, &typed(&parameter.schema, text), place)
}

/// The text of a parameter as the type that its schema names.
fn typed(schema: &Value, text: &str) -> Value {
    let plain = || Value::from(text);
    match schema.get("type").and_then(Value::as_str) {
        Some("integer") => text.parse::<i64>().map_or_else(|_| plain(), Value::from),
        Some("number") => text.parse::<f64>().map_or_else(|_| plain(), Value::from),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| plain(), Value::from),
        Some("array") => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            text.split(',').map(|part| typed(item, part)).collect()
        }
        _ => plain(),
    }
}

fn body(described: Option<&Body>, bytes: &[u8]) -> Vec<Complaint> {
    let empty = bytes.iter().all(u8::is_ascii_whitespace);
    match described {
        None if empty => Vec::new(),
        None => vec![complaint("body", "GitHub describes no body of this request")],
        Some(described) if empty && described.required => vec![complaint("body", "a body is required")],
        Some(_) if empty => Vec::new(),
        Some(described) => match (described.types.get(JSON), serde_json::from_slice::<Value>(bytes)) {
            (None, _) => Vec::new(),
            (Some(_), Err(error)) => vec![complaint("body", format!("this is no JSON: {error}"))],
            (Some(schema), Ok(value)) => complaints(schema, &value, "body"),
        },
    }
}

/// What is wrong with an answer.
pub(crate) fn answer(operation: &DescribedOperation, answered: &Answered<'_>) -> Vec<Complaint> {
    let about = match operation.about() {
        Ok(about) => about,
        Err(fault) => return vec![complaint("status", format!("the description cannot be read: {fault}"))],
    };
    let status = answered.status.to_string();
    let mut found = headers(answered);
    match about.answers.get(&status).or_else(|| github().general.get(&status)) {
        None => found.push(complaint("status", format!("GitHub describes no answer {status} of this operation"))),
        Some(types) => found.extend(content(types, answered)),
    }
    found
}

fn header<'a>(answered: &Answered<'a>, name: &str) -> Option<&'a str> {
    answered.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// What stands on every answer of GitHub's, and the shape of `Link` where it does.
fn headers(answered: &Answered<'_>) -> Vec<Complaint> {
    let mut found = Vec::new();
    for name in ["x-github-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        match header(answered, name) {
            None => found.push(complaint(format!("header/{name}"), "it stands on every answer of GitHub's")),
            Some(value) if name.starts_with("x-ratelimit") && value.parse::<i64>().is_err() => {
                found.push(complaint(format!("header/{name}"), "this is no number"));
            }
            Some(_) => {}
        }
    }
    if let Some(link) = header(answered, "link") {
        found.extend(
            link.split(", ")
                .filter(|one| !is_link(one))
                .map(|_| complaint("header/link", "not of the form <absolute URL>; rel=\"next\"")),
        );
    }
    if matches!(answered.status, 301 | 302 | 307) && !header(answered, "location").is_some_and(is_absolute) {
        found.push(complaint("header/location", "a redirect says where to, as an absolute URL"));
    }
    found
}

fn is_absolute(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
}

fn is_link(one: &str) -> bool {
    let Some((url, rest)) = one.trim().strip_prefix('<').and_then(|rest| rest.split_once('>')) else { return false };
    let relation = rest.trim_start_matches(';').trim().strip_prefix("rel=\"").and_then(|it| it.strip_suffix('"'));
    is_absolute(url) && relation.is_some_and(|it| ["first", "prev", "next", "last"].contains(&it))
}

fn content(types: &Types, answered: &Answered<'_>) -> Vec<Complaint> {
    if types.is_empty() {
        let bare = answered.body.is_empty();
        return if bare { Vec::new() } else { vec![complaint("body", "this answer has no body")] };
    }
    let kind = header(answered, "content-type").unwrap_or_default();
    let (media, rest) = kind.split_once(';').unwrap_or((kind, ""));
    if media == JSON && rest.trim() != "charset=utf-8" {
        return vec![complaint("header/content-type", "GitHub writes application/json; charset=utf-8")];
    }
    let asked_for = |word: &str| answered.accept.contains(word);
    match types.get(media) {
        Some(schema) if media == JSON => match serde_json::from_slice::<Value>(answered.body) {
            Ok(value) => complaints(schema, &value, "body"),
            Err(error) => vec![complaint("body", format!("this is no JSON: {error}"))],
        },
        Some(_) => Vec::new(),
        // GitHub describes its custom media types in words only.
        None if media != JSON && ["diff", "patch", "raw", "html", "sha"].into_iter().any(asked_for) => Vec::new(),
        None => vec![complaint("header/content-type", format!("GitHub describes no answer of the type {media:?}"))],
    }
}
