//! Lists that come in pages: by GitHub's `Link` header alone, on its own host, never around in a circle.

use std::collections::HashSet;

use baton_core::domain::ids::InstallationId;
use serde::de::DeserializeOwned;

use crate::app::Shared;
use crate::call::{Call, Reply};
use crate::error::GitHubError;
use crate::operations::Operation;
use crate::refusal;
use crate::repository::Repository;
use crate::tokens::{Purpose, Scope, TokenOf};

/// The most pages that are read of one list: 5,000 comments, 10,000 events.
const PAGE_LIMIT: usize = 100;

/// As whom a list is asked for.
pub(crate) enum Asker<'a> {
    /// An installation in one of its repositories.
    Repository(&'a Repository),
    /// The App.
    App(&'a Shared),
    /// An installation, as far as any token of it may look.
    Installation(&'a Shared, InstallationId),
}

impl Asker<'_> {
    async fn send(&self, call: &Call) -> Result<Reply, GitHubError> {
        match self {
            Self::Repository(repository) => repository.send(call).await,
            Self::App(shared) => shared.send_as_app(call).await,
            Self::Installation(shared, installation) => {
                let scope = Scope { installation: *installation, repository: None, purpose: Purpose::Look };
                shared.send(&TokenOf::new(shared, scope), call, None).await
            }
        }
    }

    fn relative(&self, operation: &Operation, address: &str) -> Option<String> {
        match self {
            Self::Repository(repository) => repository.relative(operation, address),
            Self::App(shared) | Self::Installation(shared, _) => shared.transport.relative(operation, address),
        }
    }
}

/// Reads all pages of a repository's list and hands each to `take`, which says whether it has seen enough.
pub(crate) async fn each_page<T: DeserializeOwned>(
    repository: &Repository,
    first: Call,
    take: impl FnMut(T) -> Enough,
) -> Result<(), GitHubError> {
    each_page_of(&Asker::Repository(repository), first, take).await
}

/// The same for a list of anybody's.
pub(crate) async fn each_page_of<T: DeserializeOwned>(
    asker: &Asker<'_>,
    first: Call,
    mut take: impl FnMut(T) -> Enough,
) -> Result<(), GitHubError> {
    let operation = first.operation;
    let mut call = first;
    let mut seen = HashSet::new();
    for _ in 0..PAGE_LIMIT {
        let reply = asker.send(&call).await?;
        if let Enough::Yes = take(reply.json()?) {
            return Ok(());
        }
        let Some(next) = refusal::header(&reply.headers, "link").and_then(next_of) else {
            return Ok(());
        };
        let path = asker.relative(operation, next).ok_or_else(|| GitHubError::Malformed {
            operation: operation.name,
            detail: "the next page is on another host".to_owned(),
        })?;
        seen.insert(std::mem::replace(&mut call.path, path));
        if seen.contains(&call.path) {
            return Err(GitHubError::Malformed {
                operation: operation.name,
                detail: "the next page is one that was read before".to_owned(),
            });
        }
    }
    Err(GitHubError::Malformed {
        operation: operation.name,
        detail: format!("the list has more than {PAGE_LIMIT} pages"),
    })
}

/// Whether to go on reading.
pub(crate) enum Enough {
    Yes,
    No,
}

/// The address with `rel="next"` of a `Link` header (RFC 8288): `<https://…?page=2>; rel="next", <…>; rel="last"`.
pub(crate) fn next_of(link: &str) -> Option<&str> {
    let mut rest = link;
    while let Some((_, after)) = rest.split_once('<') {
        let (address, after) = after.split_once('>')?;
        let (parameters, remaining) = match after.find(", <") {
            Some(at) => after.split_at(at),
            None => (after, ""),
        };
        let next = parameters.split(';').any(|parameter| {
            parameter.trim().split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("rel")
                    && value.trim().trim_matches(['"', ',']).split(' ').any(|rel| rel == "next")
            })
        });
        if next {
            return Some(address);
        }
        rest = remaining;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_page() {
        let middle =
            r#"<https://h/a?page=1>; rel="prev", <https://h/a?page=3>; rel="next", <https://h/a?page=9>; rel="last""#;
        let cases = [
            (middle, Some("https://h/a?page=3")),
            (r#"<https://h/a?page=1>; rel="prev", <https://h/a?page=1>; rel="first""#, None),
            (r#"<https://h/a?after=x,y>; type=json; rel=next"#, Some("https://h/a?after=x,y")),
            ("", None),
            ("<", None),
            ("<a", None),
            (r#"<a>; rel="nextish""#, None),
        ];
        for (link, next) in cases {
            assert_eq!(next_of(link), next, "{link}");
        }
    }

    proptest! {
        #[test]
        fn any_header_gives_an_answer(link in "[<>;, =\"a-z]{0,60}|rel=\"next\"") {
            let _answer = next_of(&link);
        }
    }
}
