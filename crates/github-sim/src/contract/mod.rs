//! The contract: every request that comes in and every answer that goes out, held against GitHub's own published
//! descriptions of its REST API and its GraphQL schema.
//!
//! The descriptions lie in `fixtures/contract`, cut there by `script/contract`. They are read once in a process and no
//! further than needed: an operation is taken apart when it is first asked for. Behind the feature `contract`, since the
//! validators take their time to compile.

mod book;
mod description;
mod graphql;
mod rest;
mod schema;
mod watch;

pub use book::{Tally, Violation, Whose};
pub use description::{DescribedOperation, described_operations};

pub(crate) use book::Book;
pub(crate) use watch::{graphql as watch_graphql, insist, is_on_purpose, page as watch_page, rest as watch_rest};

/// What is wrong with a request to the REST API, by GitHub's description alone: for servers in tests that stand in for
/// GitHub and do not behave. `path` is below the API's base URL. Nothing comes out of a request that is as it should be.
pub fn check_request(method: &str, path: &str, query: &str, body: &[u8]) -> Vec<Violation> {
    let asked = rest::Asked { method, path, query, body };
    let operation = description::github().find(method, path);
    let name = operation.as_ref().map_or("", |(operation, _)| operation.name);
    let found = rest::request(operation, &asked);
    found.into_iter().map(|(place, what)| Violation::of(Whose::Request, name, &asked.line(), place, what)).collect()
}

/// What is wrong with an answer of the REST API to `method` and `path`, as [`check_request`].
pub fn check_answer(
    method: &str,
    path: &str,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Vec<Violation> {
    let asked = rest::Asked { method, path, query: "", body: b"" };
    let Some((operation, _)) = description::github().find(method, path) else { return Vec::new() };
    let answered = rest::Answered { status, headers, body, accept: "" };
    let found = rest::answer(operation, &answered);
    found
        .into_iter()
        .map(|(place, what)| Violation::of(Whose::Answer, operation.name, &asked.line(), place, what))
        .collect()
}

/// What is wrong with the body of a GraphQL request, by GitHub's schema.
pub fn check_graphql_request(body: &[u8]) -> Vec<Violation> {
    let found = graphql::read(body).err().unwrap_or_default();
    found
        .into_iter()
        .map(|(place, what)| Violation::of(Whose::Request, "graphql", "POST /graphql", place, what))
        .collect()
}

/// What is wrong with the answer to a GraphQL request that is itself as it should be.
pub fn check_graphql_answer(request: &[u8], answer: &[u8]) -> Vec<Violation> {
    let found = graphql::read(request).map(|asked| asked.answer(answer)).unwrap_or_default();
    found
        .into_iter()
        .map(|(place, what)| Violation::of(Whose::Answer, "graphql", "POST /graphql", place, what))
        .collect()
}

/// Where something is wrong (`body/labels/0`), and what.
pub(crate) type Complaint = (String, String);
