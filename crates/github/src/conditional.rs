//! What was read before and may still be true: asked for with its `ETag`, so that GitHub answers "unchanged" (304), which
//! costs nothing of the hourly limit. GitHub judges each time, so nothing here is ever out of date.
//!
//! Only what is polled is kept. What decides about a right never is (the test below says which): it is asked for
//! in full, every time. Nor is a page that is full and the last: what comes behind it changes nothing in it, and "unchanged" would hide that there is more.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use moka::future::Cache;

use crate::operations::{
    GET_ISSUE, GET_PULL, GET_REF, GET_REPOSITORY, LIST_CHECK_RUNS, LIST_COMMENTS, LIST_LABELS, LIST_PULLS, Operation,
};
use crate::pages::next_of;
use crate::refusal;
use crate::tokens::Scope;

/// The reads that are repeated, and that no right depends on.
const POLLED: [&Operation; 8] =
    [&GET_REPOSITORY, &GET_REF, &GET_ISSUE, &GET_PULL, &LIST_PULLS, &LIST_COMMENTS, &LIST_LABELS, &LIST_CHECK_RUNS];

/// Bytes of all answers that are kept, and of the largest one.
const KEPT: u64 = 16 * 1024 * 1024;
const LARGEST: usize = 512 * 1024;

/// One answer that was kept.
pub(crate) struct Known {
    pub etag: String,
    pub link: Option<http::HeaderValue>,
    pub body: Bytes,
}

/// The answers that were kept, for each token's scope and path.
pub(crate) struct Conditional {
    cache: Cache<(Scope, String), Arc<Known>>,
}

impl Conditional {
    pub(crate) fn new() -> Self {
        let weigher = |key: &(Scope, String), known: &Arc<Known>| {
            u32::try_from(key.1.len() + known.body.len() + 200).unwrap_or(u32::MAX)
        };
        Self { cache: Cache::builder().weigher(weigher).max_capacity(KEPT).build() }
    }

    /// What is known of an address, if its operation is polled.
    pub(crate) async fn known(&self, scope: Option<Scope>, operation: &Operation, path: &str) -> Option<Arc<Known>> {
        let scope = scope.filter(|_| is_polled(operation))?;
        self.cache.get(&(scope, path.to_owned())).await
    }

    /// Keeps an answer, if its operation is polled and it is not too large.
    pub(crate) async fn keep(
        &self,
        scope: Option<Scope>,
        operation: &Operation,
        path: &str,
        headers: &HeaderMap,
        body: &Bytes,
    ) {
        let Some(scope) = scope.filter(|_| is_polled(operation) && body.len() <= LARGEST) else { return };
        if may_grow_behind(path, headers, body) {
            return;
        }
        let Some(etag) = headers.get(http::header::ETAG).and_then(|etag| etag.to_str().ok()) else { return };
        let known = Known {
            etag: etag.to_owned(),
            link: headers.get(http::header::LINK).cloned(),
            // A copy of its own, so that a small answer does not keep a large buffer.
            body: Bytes::copy_from_slice(body),
        };
        self.cache.insert((scope, path.to_owned()), Arc::new(known)).await;
    }
}

/// Whether an answer is a list's last page, and full: the next item goes onto a page of its own, of which this one's body,
/// and so perhaps its `ETag`, says nothing.
fn may_grow_behind(path: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let size = query.split('&').find_map(|pair| pair.strip_prefix("per_page="));
    let size = size.and_then(|size| size.parse::<usize>().ok());
    let Some(size) = size.filter(|_| refusal::header(headers, "link").and_then(next_of).is_none()) else {
        return false;
    };
    // Check runs come in an object that names their total: one more changes it.
    serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(body).is_ok_and(|items| items.len() >= size)
}

fn is_polled(operation: &Operation) -> bool {
    POLLED.iter().any(|polled| std::ptr::eq(*polled, operation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{
        GET_COMMENT, GET_INSTALLATION, GET_ROLE, LAST_EDIT, LIST_EVENTS, LIST_INSTALLATIONS, SUGGESTED_ACTORS,
    };

    /// The reads that decide what somebody may do, or who did what only some may do: a role, who set a label, what a comment
    /// that commands says and whether it was edited, where the App is let in.
    const DECIDE_RIGHTS: [&Operation; 7] =
        [&GET_ROLE, &LIST_EVENTS, &GET_COMMENT, &LAST_EDIT, &GET_INSTALLATION, &LIST_INSTALLATIONS, &SUGGESTED_ACTORS];

    #[test]
    fn no_right_depends_on_what_is_polled() {
        let both: Vec<&str> = DECIDE_RIGHTS.iter().filter(|one| is_polled(one)).map(|one| one.name).collect();
        assert_eq!(both, [""; 0]);
    }

    #[test]
    fn a_full_last_page_is_not_kept() {
        let more = "</x?per_page=2&page=2>; rel=\"next\"";
        let back = "</x?per_page=2&page=1>; rel=\"prev\"";
        let of = |path: &str, link: &str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("link", link.parse().unwrap());
            may_grow_behind(path, &headers, body.as_bytes())
        };
        assert!(of("/x?per_page=2", "", "[1,2]"));
        assert!(of("/x?a=b&per_page=2&page=2", back, "[3,{\"a\":[]}]"));
        assert!(!of("/x?per_page=2", more, "[1,2]"), "the next page says for itself whether it changed");
        assert!(!of("/x?per_page=2", "", "[1]"), "the next item changes it");
        assert!(!of("/x", "", "{}"), "no list");
        assert!(!of("/x?per_page=2", "", r#"{"total_count":2,"check_runs":[1,2]}"#), "its total changes");
    }
}
