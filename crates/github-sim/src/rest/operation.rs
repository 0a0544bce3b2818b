//! The one table of operations: what is served, and what a caller needs for it.

use serde::Serialize;

use super::call::{Call, Outcome};
use crate::world::permission::{Level, Role};

/// Where [`Operation::id`] comes from.
pub const OPERATIONS_DOC: &str = "https://github.com/github/rest-api-description";

/// What a caller must have, as GitHub's "Permissions required for GitHub Apps" says (in the documentation's repository:
/// `src/github-apps/data/fpt-2026-03-10/server-to-server-permissions.json`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Needs {
    /// Nothing at all.
    Nothing,
    /// Any token.
    Token,
    /// An App's JWT.
    AppJwt,
    /// An installation token.
    InstallationToken,
    /// Rights on the repository of the path.
    Repository {
        /// An App's token needs one of these permissions. Where both `issues` and `pull_requests` stand here, an
        /// issue asks for `issues`, a pull request for either.
        any_of: &'static [&'static str],
        /// At least at this level.
        level: Level,
        /// A person needs at least this role.
        role: Role,
    },
}

/// One operation of the API.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Operation {
    /// GitHub's own id of it (`issues/create-comment`).
    pub id: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path with `{parameters}`; `{name*}` may hold slashes.
    pub path: &'static str,
    /// What a caller must have.
    pub needs: Needs,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub operation: Operation,
    pub handle: fn(&mut Call<'_>) -> Outcome,
}

pub(crate) const fn route(
    id: &'static str,
    method: &'static str,
    path: &'static str,
    needs: Needs,
    handle: fn(&mut Call<'_>) -> Outcome,
) -> Route {
    Route { operation: Operation { id, method, path, needs }, handle }
}

/// Reading with a permission; people need to be able to read.
pub(crate) const fn reads(any_of: &'static [&'static str]) -> Needs {
    Needs::Repository { any_of, level: Level::Read, role: Role::Read }
}

/// Writing with a permission; people need `role`.
pub(crate) const fn writes(any_of: &'static [&'static str], role: Role) -> Needs {
    Needs::Repository { any_of, level: Level::Write, role }
}

/// All routes, by subject.
pub(crate) const ROUTES: &[&[Route]] = &[
    super::apps::ROUTES,
    super::hooks::ROUTES,
    super::users::ROUTES,
    super::repositories::ROUTES,
    super::assignees::ROUTES,
    super::labels::ROUTES,
    super::issues::ROUTES,
    super::comments::ROUTES,
    super::reactions::ROUTES,
    super::pulls::ROUTES,
    super::reviews::ROUTES,
    super::refs::ROUTES,
    super::commits::ROUTES,
    super::git_objects::ROUTES,
    super::checks::ROUTES,
];

/// Every REST operation the simulator serves, with what it asks of the caller: to compare with an App's manifest.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    ROUTES.iter().flat_map(|routes| routes.iter()).map(|route| &route.operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for operation in operations() {
            assert!(seen.insert((operation.method, operation.path)), "{} twice", operation.path);
        }
        assert!(seen.len() > 80, "only {} operations", seen.len());
    }
}
