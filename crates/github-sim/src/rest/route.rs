//! Finds the operation that a method and a path name.

use percent_encoding::percent_decode_str;

use super::operation::{ROUTES, Route};

/// What the path says.
pub(crate) type Params = Vec<(String, String)>;

/// What a path leads to.
pub(crate) enum Found {
    Route(&'static Route, Params),
    /// Something is served here, but not with this method.
    OtherMethod,
    Nothing,
}

pub(crate) fn find(method: &str, path: &str) -> Found {
    let segments: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let mut other_method = false;
    let mut best: Option<(usize, &'static Route, Params)> = None;
    for route in ROUTES.iter().flat_map(|routes| routes.iter()) {
        let Some((literals, params)) = match_path(route.operation.path, &segments) else { continue };
        if route.operation.method != method {
            other_method = true;
        } else if best.as_ref().is_none_or(|(most, ..)| literals > *most) {
            best = Some((literals, route, params));
        }
    }
    match best {
        Some((_, route, params)) => Found::Route(route, params),
        None if other_method => Found::OtherMethod,
        None => Found::Nothing,
    }
}

/// The parameters, and how many segments matched literally: the more, the better the match.
pub(crate) fn match_path(pattern: &str, segments: &[String]) -> Option<(usize, Params)> {
    let pattern: Vec<&str> = pattern.trim_matches('/').split('/').collect();
    let wild = pattern.iter().position(|part| part.ends_with("*}"));
    if wild.is_some() && segments.len() < pattern.len() || wild.is_none() && segments.len() != pattern.len() {
        return None;
    }
    let width = segments.len() - pattern.len() + 1;
    let (mut literals, mut params, mut at) = (0, Params::new(), 0);
    for (index, part) in pattern.iter().enumerate() {
        let take = if wild == Some(index) { width } else { 1 };
        let taken = segments.get(at..at + take)?.join("/");
        at += take;
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => params.push((name.trim_end_matches('*').to_owned(), taken)),
            None if *part == taken => literals += 1,
            None => return None,
        }
    }
    Some((literals, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(method: &str, path: &str) -> String {
        match find(method, path) {
            Found::Route(route, params) => {
                let params: Vec<String> =
                    params.iter().skip(2).map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {}", route.operation.id, params.join(" "))
            }
            Found::OtherMethod => "other method".into(),
            Found::Nothing => "nothing".into(),
        }
    }

    #[test]
    fn paths_lead_where_they_should() {
        assert_eq!(id("GET", "/repos/o/r/issues/comments/7"), "issues/get-comment comment_id=7");
        assert_eq!(id("GET", "/repos/o/r/issues/7/comments"), "issues/list-comments issue_number=7");
        assert_eq!(id("GET", "/repos/o/r/branches/a/b"), "repos/get-branch branch=a/b");
        assert_eq!(id("GET", "/repos/o/r/commits/heads/a/check-runs"), "checks/list-for-ref ref=heads/a");
        assert_eq!(id("GET", "/repos/o/r/commits/a%2Fb"), "repos/get-commit ref=a/b");
        assert_eq!(
            id("DELETE", "/repos/o/r/issues/1/labels/baton%3Aauto"),
            "issues/remove-label issue_number=1 name=baton:auto"
        );
        assert_eq!(id("PUT", "/repos/o/r/issues/comments/7"), "other method");
        assert_eq!(id("GET", "/nowhere"), "nothing");
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "[/a-z%{}*.]{0,60}") {
            let _ = find("GET", &path);
        }
    }
}
