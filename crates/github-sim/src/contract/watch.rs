//! Looks over the simulator's shoulder: takes each exchange with its outcome and enters it into the book.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::book::{Page, Tally, Violation};
use super::description::github;
use super::rest::{Answered, Asked};
use super::{Complaint, graphql as schema, rest as description};
use crate::rest::access::Identity;
use crate::rest::serve::{Incoming, Reply};
use crate::sim::{Sim, lock};
use crate::world::World;

/// A request with this header (any value) is wrong on purpose, or beyond what its token may: its answer is checked, it is
/// not. For tests of refusals.
const ON_PURPOSE: &str = "x-github-sim-wrong-on-purpose";

/// What GitHub says to an App that lacks a permission.
const FORBIDDEN: &str = "Resource not accessible by integration";

/// An exchange of the REST API; the request's path is below the API's base URL.
pub(crate) fn rest(world: &Mutex<World>, request: &Incoming, reply: &Reply) {
    let asked = Asked { method: &request.method, path: &request.path, query: &request.query, body: &request.body };
    let operation = github().find(&request.method, &request.path);
    let name = operation.as_ref().map_or("", |(operation, _)| operation.name).to_owned();
    let answered = operation.as_ref().filter(|_| is_own(reply)).map(|(operation, _)| {
        let answered =
            Answered { status: reply.status, headers: &reply.headers, body: &reply.body, accept: &request.accept };
        description::answer(operation, &answered)
    });
    let forbidden = is_own(reply) && reply.status == 403 && is_forbidden(world, request, reply);
    let complaints = wanted(request, || description::request(operation, &asked));
    let page = Page { operation: name, request: asked.line(), asked: complaints, answered, forbidden };
    lock(world).contract.enter(page);
}

/// An exchange over GraphQL.
pub(crate) fn graphql(world: &Mutex<World>, request: &Incoming, reply: &Reply) {
    let read = schema::read(&request.body);
    let operation = schema::name(&request.body);
    // Nothing can be said about the shape of an answer to a question that has none.
    let answered = read.as_ref().ok().filter(|_| is_own(reply) && reply.status == 200);
    let answered = answered.map(|asked| asked.answer(&reply.body));
    let forbidden = is_own(reply) && is_forbidden(world, request, reply);
    let complaints = wanted(request, || read.err().unwrap_or_default());
    let request = format!("{} {}", request.method, request.path);
    lock(world).contract.enter(Page { operation, request, asked: complaints, answered, forbidden });
}

/// A request for a page for people. With credentials it was meant for the API: no operation of GitHub's has this path.
pub(crate) fn page(world: &Mutex<World>, request: &Incoming) {
    if request.authorization.is_some() {
        let asked = Asked { method: &request.method, path: &request.path, query: &request.query, body: &request.body };
        let complaints = wanted(request, || description::request(None, &asked));
        lock(world).contract.enter(Page { request: asked.line(), asked: complaints, ..Page::default() });
    }
}

impl Sim {
    /// Everything that was not as GitHub describes it: requests that came in, answers that went out, and what an App asked
    /// for without the permission. In order. A simulator that ends with violations nobody asked for panics with them.
    pub fn violations(&self) -> Vec<Violation> {
        let mut world = self.lock();
        world.contract.looked_at = true;
        world.contract.violations.clone()
    }

    /// How much was held against GitHub's descriptions, by operation.
    pub fn contract(&self) -> BTreeMap<String, Tally> {
        self.lock().contract.tallies.clone()
    }
}

/// The end of a simulator: no test may overlook what its simulator found, whether it knows of the contract or not.
#[expect(clippy::panic, reason = "only tests are built with the contract, and in a test a panic is the report")]
pub(crate) fn insist(world: &Mutex<World>) {
    let world = lock(world);
    let found: Vec<String> = world.contract.violations.iter().map(ToString::to_string).collect();
    let told = found.is_empty() || world.contract.looked_at || std::thread::panicking();
    drop(world);
    if !told {
        panic!("not as GitHub describes it:\n{}", found.join("\n"));
    }
}

/// Whether the answer is the simulator's own, and none that a planned fault put in its place.
fn is_own(reply: &Reply) -> bool {
    !reply.planned
}

fn wanted(request: &Incoming, check: impl FnOnce() -> Vec<Complaint>) -> Option<Vec<Complaint>> {
    (!request.wrong_on_purpose).then(check)
}

/// Whether an App asked for what it may not. While an owner has not accepted all that the App asks for, it cannot know.
fn is_forbidden(world: &Mutex<World>, request: &Incoming, reply: &Reply) -> bool {
    let says = |text: &str| reply.body.windows(text.len()).any(|window| window == text.as_bytes());
    !request.wrong_on_purpose && says(FORBIDDEN) && !awaits_acceptance(&lock(world), request)
}

fn awaits_acceptance(world: &World, request: &Incoming) -> bool {
    let Ok(Identity::Installation { installation, .. }) = world.identify(request.authorization.as_deref()) else {
        return false;
    };
    let installation = world.installation(installation);
    let app = installation.and_then(|it| world.app(it.app));
    installation.zip(app).is_some_and(|(it, app)| it.permissions != app.permissions)
}

/// Whether a request's headers say that it is wrong on purpose.
pub(crate) fn is_on_purpose(header: impl Fn(&str) -> Option<String>) -> bool {
    header(ON_PURPOSE).is_some()
}
