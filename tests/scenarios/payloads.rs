//! Every payload that GitHub publishes, and everything that its description lets a payload lack: posted to the real
//! endpoint as JSON and as a form, always answered with 2xx and kept byte for byte; then considered by the real engine, and
//! always handled or ignored with a reason. No shape is an error.
//!
//! `cargo nextest run -p baton -E 'test(payloads)' --success-output final` prints the totals.

mod described;
pub mod door;
mod examples;
mod world;

use std::collections::BTreeSet;

use baton_webhook::HANDLED;
use serde_json::Value;

use described::{Described, Instead, Lack, SERVERS};
use door::{Door, Post};

/// The fields that `crates/webhook` reads, under GitHub's names. Whatever else a payload lacks cannot be noticed; with
/// `--full` it is left out one by one all the same.
const READ: [&str; 52] = [
    "account",
    "action",
    "after",
    "app",
    "app_id",
    "assignee",
    "assignees",
    "base",
    "before",
    "body",
    "changes",
    "check_run",
    "comment",
    "created_at",
    "default_branch",
    "draft",
    "external_id",
    "forced",
    "from",
    "full_name",
    "head",
    "head_sha",
    "hook_id",
    "html_url",
    "id",
    "identifier",
    "installation",
    "issue",
    "label",
    "labels",
    "locked",
    "login",
    "merged",
    "merged_by",
    "name",
    "new_issue",
    "new_repository",
    "node_id",
    "number",
    "permissions",
    "private",
    "pull_request",
    "ref",
    "repo",
    "repositories",
    "repositories_added",
    "repositories_removed",
    "repository",
    "requested_action",
    "sender",
    "sha",
    "title",
];
const READ_TOO: [&str; 4] = ["state", "type", "updated_at", "user"];

/// Events and actions that Baton reads.
fn handled() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    HANDLED.iter().flat_map(|(event, actions)| {
        let actions: Vec<Option<&str>> =
            if actions.is_empty() { vec![None] } else { actions.iter().copied().map(Some).collect() };
        actions.into_iter().map(move |action| (*event, action))
    })
}

fn is_read(lack: &Lack) -> bool {
    let names = lack.at.split('/').skip(1);
    names.into_iter().all(|name| name == "0" || READ.contains(&name) || READ_TOO.contains(&name))
}

/// What is left out of a payload, one at a time.
#[derive(Clone, Copy, PartialEq)]
enum OneByOne {
    Nothing,
    WhatIsRead,
    Everything,
}

/// The payloads of all events that Baton reads as one server may send them: the fullest, the least, with null wherever that
/// may stand, the least of those, and one for each single thing they may lack. `shape` changes what all of them are made
/// from.
fn lacking(server: &str, one_by_one: OneByOne, shape: &dyn Fn(&mut Value)) -> Vec<Post> {
    let described = Described::by(server);
    let mut posts = Vec::new();
    for (event, action) in handled() {
        let schema = described.event(event, action);
        let name = [Some(server), Some(event), action].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mut add = |what: &str, payload: &Value| posts.push(Post::json(format!("{name}: {what}"), event, payload));
        let (mut full, mut least) = (described.full(schema), described.least(schema));
        shape(&mut full);
        shape(&mut least);
        add("full", &full);
        add("least", &least);
        let lacks = described.lacks(schema);
        for (what, payload) in [("full, null", &full), ("least, null", &least)] {
            let mut payload = payload.clone();
            // From the inside outwards: what is null has nothing in it that could be.
            for lack in lacks.iter().rev().filter(|lack| lack.instead != Instead::Nothing) {
                lack.apply(&mut payload);
            }
            add(what, &payload);
        }
        for lack in lacks {
            if one_by_one == OneByOne::Nothing || one_by_one == OneByOne::WhatIsRead && !is_read(&lack) {
                continue;
            }
            let mut payload = full.clone();
            if lack.apply(&mut payload) {
                add(&format!("{} is {:?}", lack.at, lack.instead), &payload);
            }
        }
    }
    let mut seen = BTreeSet::new();
    posts.retain(|post| seen.insert((post.event.clone(), post.body.clone())));
    posts
}

fn example_posts() -> Vec<Post> {
    let post = |(number, example): (usize, &examples::Example)| {
        let action = example.payload["action"].as_str().unwrap_or("-");
        Post::json(
            format!("example {number}, {} {}.{action}", example.server, example.event),
            &example.event,
            &example.payload,
        )
    };
    examples::all().iter().enumerate().map(post).collect()
}

/// Posts everything as JSON and as a form to an endpoint of its own. Returns how many posts that were.
async fn all_are_taken(posts: &[Post]) -> usize {
    let door = Door::open().await;
    let forms: Vec<Post> = posts.iter().map(Post::as_form).collect();
    for kind in [posts, &forms] {
        let wrong = door.takes(kind).await;
        assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), kind.len(), &wrong[..wrong.len().min(20)]);
    }
    let all = posts.len() + forms.len();
    assert_eq!(door.kept().await, u64::try_from(all).expect("a count"));
    door.close().await;
    all
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn every_example_is_taken() {
    let posts = example_posts();
    let servers: BTreeSet<String> = examples::all().into_iter().map(|example| example.server).collect();
    assert!(posts.len() >= 726 && servers.len() >= 6, "{} examples of {servers:?}", posts.len());
    let all = on_a_runtime(all_are_taken(&posts));
    println!(
        "payloads posted: {} examples of {} servers, as JSON and as form: {all} posts, non-2xx 0, not kept 0",
        posts.len(),
        servers.len()
    );
}

#[test]
fn whatever_a_payload_lacks_it_is_taken() {
    let mut posts = lacking(SERVERS[0], OneByOne::WhatIsRead, &|_| {});
    for server in &SERVERS[1..] {
        posts.extend(lacking(server, OneByOne::Nothing, &|_| {}));
    }
    assert!(posts.len() > 1_500, "{}", posts.len());
    let all = on_a_runtime(all_are_taken(&posts));
    println!(
        "payloads posted: {} mutations by the descriptions of {} servers, as JSON and as form: {all} posts, non-2xx 0, \
         not kept 0",
        posts.len(),
        SERVERS.len()
    );
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn whatever_a_payload_lacks_it_is_taken_on_every_server() {
    let (mut mutations, mut all) = (0, 0);
    for server in SERVERS {
        let posts = lacking(server, OneByOne::Everything, &|_| {});
        mutations += posts.len();
        all += on_a_runtime(all_are_taken(&posts));
    }
    println!(
        "payloads posted: {mutations} mutations, each single one on each of {} servers, as JSON and as form: {all} posts, \
         non-2xx 0, not kept 0",
        SERVERS.len()
    );
}
