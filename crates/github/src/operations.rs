//! Everything Baton asks of GitHub, in one table: nothing can be sent that is not in it, and `app-manifest.yml` holds
//! exactly the permissions it adds up to (a test proves both directions).
//!
//! Names, paths and permissions are those of GitHub's REST reference ("Permissions required for GitHub Apps").

use std::collections::BTreeMap;
use std::fmt;

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads; may be repeated.
    Get,
    /// Creates.
    Post,
    /// Changes.
    Patch,
    /// Removes.
    Delete,
}

impl Verb {
    pub(crate) fn method(self) -> http::Method {
        match self {
            Self::Get => http::Method::GET,
            Self::Post => http::Method::POST,
            Self::Patch => http::Method::PATCH,
            Self::Delete => http::Method::DELETE,
        }
    }
}

/// A permission of a GitHub App on a repository. `workflows` is not among them, and must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Check runs.
    Checks,
    /// Files, branches, commits.
    Contents,
    /// Issues, their comments, labels and reactions.
    Issues,
    /// Names, roles: what every App may read.
    Metadata,
    /// Pull requests.
    PullRequests,
}

impl Permission {
    /// The key in manifests and tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checks => "checks",
            Self::Contents => "contents",
            Self::Issues => "issues",
            Self::Metadata => "metadata",
            Self::PullRequests => "pull_requests",
        }
    }
}

/// How much of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Look.
    Read,
    /// Change; includes looking.
    Write,
}

impl Level {
    /// The value in manifests and tokens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What a request is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: whoever asks is answered.
    Nothing,
    /// The App's own signature.
    AppKey,
    /// Any token of the App, whatever it may do.
    AnyToken,
    /// A token with all of these permissions.
    Permissions(&'static [(Permission, Level)]),
}

/// `issues: write`, for people.
impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::AppKey => f.write_str("the App's private key"),
            Self::AnyToken => f.write_str("a token of the App"),
            Self::Permissions(list) => {
                for (i, (permission, level)) in list.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", permission.name(), level.name())?;
                }
                Ok(())
            }
        }
    }
}

/// One thing Baton asks of GitHub.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// GitHub's `operationId`, or `graphql/` and the mutation's name.
    pub name: &'static str,
    /// The method.
    pub verb: Verb,
    /// The path below the API's address, with GitHub's names in braces.
    pub path: &'static str,
    /// What it takes.
    pub needs: Needs,
}

impl Operation {
    /// Whether it goes to the GraphQL endpoint.
    pub(crate) fn is_graphql(&self) -> bool {
        self.path == "/graphql"
    }
}

macro_rules! operations {
    ($($id:ident = $name:literal, $verb:ident $path:literal, $needs:expr;)*) => {
        $(pub(crate) static $id: Operation = Operation { name: $name, verb: Verb::$verb, path: $path, needs: $needs };)*

        /// The whole table.
        pub static OPERATIONS: &[&Operation] = &[$(&$id),*];
    };
}

use Level::{Read, Write};
use Needs::{AnyToken, AppKey, Permissions};
use Permission::{Checks, Contents, Issues, Metadata, PullRequests};

operations! {
    CONVERT_MANIFEST = "apps/create-from-manifest", Post "/app-manifests/{code}/conversions", Needs::Nothing;
    GET_APP = "apps/get-authenticated", Get "/app", AppKey;
    LIST_INSTALLATIONS = "apps/list-installations", Get "/app/installations", AppKey;
    GET_INSTALLATION = "apps/get-repo-installation", Get "/repos/{owner}/{repo}/installation", AppKey;
    GET_GRANT = "apps/get-installation", Get "/app/installations/{installation_id}", AppKey;
    CREATE_TOKEN = "apps/create-installation-access-token",
        Post "/app/installations/{installation_id}/access_tokens", AppKey;
    REVOKE_TOKEN = "apps/revoke-installation-access-token", Delete "/installation/token", AnyToken;
    LIST_INSTALLATION_REPOSITORIES = "apps/list-repos-accessible-to-installation",
        Get "/installation/repositories", Permissions(&[(Metadata, Read)]);
    GET_HOOK_CONFIG = "apps/get-webhook-config-for-app", Get "/app/hook/config", AppKey;
    LIST_DELIVERIES = "apps/list-webhook-deliveries", Get "/app/hook/deliveries", AppKey;
    REDELIVER = "apps/redeliver-webhook-delivery", Post "/app/hook/deliveries/{delivery_id}/attempts", AppKey;
    GET_USER = "users/get-by-username", Get "/users/{username}", AnyToken;

    GET_REPOSITORY = "repos/get", Get "/repos/{owner}/{repo}", Permissions(&[(Metadata, Read)]);
    GET_BRANCH_RULES = "repos/get-branch-rules",
        Get "/repos/{owner}/{repo}/rules/branches/{branch}", Permissions(&[(Metadata, Read)]);
    GET_ROLE = "repos/get-collaborator-permission-level",
        Get "/repos/{owner}/{repo}/collaborators/{username}/permission", Permissions(&[(Metadata, Read)]);
    CHECK_ASSIGNABLE = "issues/check-user-can-be-assigned",
        Get "/repos/{owner}/{repo}/assignees/{assignee}", Permissions(&[(Issues, Read)]);
    GET_REF = "git/get-ref", Get "/repos/{owner}/{repo}/git/ref/{ref}", Permissions(&[(Contents, Read)]);

    GET_ISSUE = "issues/get", Get "/repos/{owner}/{repo}/issues/{issue_number}", Permissions(&[(Issues, Read)]);
    LIST_ISSUES = "issues/list-for-repo", Get "/repos/{owner}/{repo}/issues", Permissions(&[(Issues, Read)]);
    LIST_REPOSITORY_COMMENTS = "issues/list-comments-for-repo",
        Get "/repos/{owner}/{repo}/issues/comments", Permissions(&[(Issues, Read)]);
    LIST_COMMENTS = "issues/list-comments",
        Get "/repos/{owner}/{repo}/issues/{issue_number}/comments", Permissions(&[(Issues, Read)]);
    GET_COMMENT = "issues/get-comment",
        Get "/repos/{owner}/{repo}/issues/comments/{comment_id}", Permissions(&[(Issues, Read)]);
    CREATE_COMMENT = "issues/create-comment",
        Post "/repos/{owner}/{repo}/issues/{issue_number}/comments", Permissions(&[(Issues, Write)]);
    UPDATE_COMMENT = "issues/update-comment",
        Patch "/repos/{owner}/{repo}/issues/comments/{comment_id}", Permissions(&[(Issues, Write)]);
    REACT_TO_COMMENT = "reactions/create-for-issue-comment",
        Post "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", Permissions(&[(Issues, Write)]);
    REACT_TO_ISSUE = "reactions/create-for-issue",
        Post "/repos/{owner}/{repo}/issues/{issue_number}/reactions", Permissions(&[(Issues, Write)]);
    LIST_LABELS = "issues/list-labels-on-issue",
        Get "/repos/{owner}/{repo}/issues/{issue_number}/labels", Permissions(&[(Issues, Read)]);
    ADD_LABELS = "issues/add-labels",
        Post "/repos/{owner}/{repo}/issues/{issue_number}/labels", Permissions(&[(Issues, Write)]);
    REMOVE_LABEL = "issues/remove-label",
        Delete "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}", Permissions(&[(Issues, Write)]);
    LIST_EVENTS = "issues/list-events",
        Get "/repos/{owner}/{repo}/issues/{issue_number}/events", Permissions(&[(Issues, Read)]);

    LIST_PULLS = "pulls/list", Get "/repos/{owner}/{repo}/pulls", Permissions(&[(PullRequests, Read)]);
    GET_PULL = "pulls/get", Get "/repos/{owner}/{repo}/pulls/{pull_number}", Permissions(&[(PullRequests, Read)]);
    CREATE_PULL = "pulls/create", Post "/repos/{owner}/{repo}/pulls", Permissions(&[(PullRequests, Write)]);
    UPDATE_PULL = "pulls/update",
        Patch "/repos/{owner}/{repo}/pulls/{pull_number}", Permissions(&[(PullRequests, Write)]);
    REQUEST_REVIEWERS = "pulls/request-reviewers",
        Post "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", Permissions(&[(PullRequests, Write)]);

    LIST_CHECK_RUNS = "checks/list-for-ref",
        Get "/repos/{owner}/{repo}/commits/{ref}/check-runs", Permissions(&[(Checks, Read)]);
    CREATE_CHECK_RUN = "checks/create", Post "/repos/{owner}/{repo}/check-runs", Permissions(&[(Checks, Write)]);
    UPDATE_CHECK_RUN = "checks/update",
        Patch "/repos/{owner}/{repo}/check-runs/{check_run_id}", Permissions(&[(Checks, Write)]);

    SUGGESTED_ACTORS = "graphql/repository", Post "/graphql", Permissions(&[(Issues, Read)]);
    LAST_EDIT = "graphql/node", Post "/graphql", Permissions(&[(Issues, Read)]);
    MINIMIZE_COMMENT = "graphql/minimizeComment", Post "/graphql", Permissions(&[(Issues, Write)]);
    // GitHub answers "Resource not accessible by integration" to these two without contents:write.
    MARK_READY = "graphql/markPullRequestReadyForReview",
        Post "/graphql", Permissions(&[(PullRequests, Write), (Contents, Write)]);
    MARK_DRAFT = "graphql/convertPullRequestToDraft",
        Post "/graphql", Permissions(&[(PullRequests, Write), (Contents, Write)]);
}

/// The permissions the App has to be given: the union of the table, and of what pushing a branch takes (`contents: write`,
/// by git).
#[must_use]
pub fn needed_permissions() -> BTreeMap<Permission, Level> {
    let mut needed = BTreeMap::from([(Contents, Write)]);
    for operation in OPERATIONS {
        if let Permissions(list) = operation.needs {
            for (permission, level) in list {
                let had = needed.entry(*permission).or_insert(*level);
                *had = (*had).max(*level);
            }
        }
    }
    needed
}

/// What an App that was given `granted` (as `GET /app` lists it) still lacks, as `name: level`.
#[must_use]
pub fn missing_permissions(granted: &BTreeMap<String, String>) -> Vec<String> {
    let has = |permission: Permission, level: Level| match granted.get(permission.name()).map(String::as_str) {
        Some("write" | "admin") => true,
        Some("read") => level == Read,
        _ => false,
    };
    needed_permissions()
        .into_iter()
        .filter(|(permission, level)| !has(*permission, *level))
        .map(|(permission, level)| format!("{}: {}", permission.name(), level.name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> serde_json::Value {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../app-manifest.yml");
        yaml_serde::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    }

    #[test]
    fn the_manifest_asks_for_exactly_what_the_table_needs() {
        let needed = needed_permissions();
        let needed: BTreeMap<&str, &str> =
            needed.iter().map(|(permission, level)| (permission.name(), level.name())).collect();
        let manifest = manifest();
        let asked: BTreeMap<&str, &str> = manifest["default_permissions"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, level)| (name.as_str(), level.as_str().unwrap()))
            .collect();
        assert_eq!(asked, needed);
        assert!(!asked.contains_key("workflows"), "Baton must never be able to change workflows");
    }

    #[test]
    fn what_an_app_lacks_is_named() {
        let mut granted: BTreeMap<String, String> =
            needed_permissions().iter().map(|(p, l)| (p.name().to_owned(), l.name().to_owned())).collect();
        assert_eq!(missing_permissions(&granted), Vec::<String>::new());
        granted.insert("contents".into(), "read".into());
        granted.remove("checks");
        assert_eq!(missing_permissions(&granted), ["checks: write", "contents: write"]);
    }

    #[test]
    fn the_manifest_has_only_keys_that_github_knows() {
        let known = [
            "name",
            "url",
            "hook_attributes",
            "redirect_url",
            "callback_urls",
            "setup_url",
            "description",
            "public",
            "default_events",
            "default_permissions",
            "request_oauth_on_install",
            "setup_on_update",
        ];
        let manifest = manifest();
        for key in manifest.as_object().unwrap().keys() {
            assert!(known.contains(&key.as_str()), "{key}");
        }
        for key in ["name", "url", "hook_attributes", "redirect_url", "public", "default_events", "default_permissions"]
        {
            assert!(!manifest[key].is_null(), "{key} is missing");
        }
    }

    #[test]
    fn names_are_unique_and_paths_absolute() {
        let names: std::collections::BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
        assert_eq!(names.len(), OPERATIONS.len());
        assert!(OPERATIONS.iter().all(|operation| operation.path.starts_with('/')));
    }
}
