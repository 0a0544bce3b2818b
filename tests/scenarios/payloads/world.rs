//! The same payloads, considered: an engine with a task in review looks into every one of them. Those that are made from
//! GitHub's description name the world's own repository, issue, comment and people, so that they get as far as they can.

use std::collections::BTreeMap;

use baton_store::{DeliveryFilter, DeliveryOutcome};
use serde_json::{Value, json};

use super::door::{Post, Poster};
use super::{OneByOne, SERVERS, example_posts, lacking};
use crate::world::{MACHINE_USER, REPO, Setup, World, play};

/// What the world's own things are called in payloads.
struct Names {
    repository: u64,
    installation: u64,
    issue: u64,
    pull: u64,
    comment: u64,
    alice: u64,
    machine: u64,
}

impl Names {
    async fn of(w: &World) -> Self {
        let issue = w.in_review().await;
        let comment = w.alice().says(issue, "/baton status");
        w.settle().await;
        let user = |login: &str| w.sim.user(login).expect("a user");
        let (repository, installation) = w.numbers_of(REPO);
        let pull = w.pull().number;
        Self { repository, installation, issue, pull, comment, alice: user("alice"), machine: user(MACHINE_USER) }
    }

    /// Puts the names where the payload has a place for them. That keeps it what the description allows.
    fn put(&self, payload: &mut Value) {
        let alice = json!({ "id": self.alice, "login": "alice", "type": "User" });
        let machine = json!({ "id": self.machine, "login": MACHINE_USER, "type": "User" });
        let names = [
            ("/repository", json!({ "id": self.repository, "full_name": REPO })),
            ("/installation", json!({ "id": self.installation })),
            ("/issue", json!({ "number": self.issue })),
            ("/issue/user", alice.clone()),
            ("/comment", json!({ "id": self.comment, "body": "/baton status" })),
            ("/comment/user", alice.clone()),
            ("/sender", alice),
            ("/assignee", machine),
            ("/label", json!({ "name": "baton" })),
            ("/pull_request", json!({ "number": self.pull })),
            ("/repositories_removed/0", json!({ "id": self.repository, "full_name": REPO })),
        ];
        if let Some(issue) = payload["issue"].as_object_mut() {
            // The conversation of an issue: what makes it a pull request's may be absent.
            issue.remove("pull_request");
        }
        // Who has an installation at all is told which.
        if payload["repository"].is_object() && payload["installation"].is_null() {
            payload["installation"] = json!({ "node_id": "text" });
        }
        for (at, fields) in names {
            let Some(place) = payload.pointer_mut(at).and_then(Value::as_object_mut) else { continue };
            place.extend(fields.as_object().cloned().unwrap_or_default());
        }
    }
}

/// After these the task is over: they come last.
fn ends_the_task(post: &Post) -> bool {
    let label = &post.label;
    [" transferred", "installation deleted", "installation suspend", " removed"].iter().any(|end| label.contains(end))
}

/// Posts all of them, has the engine look into each, and returns how often each thing became of one.
async fn consider(w: &World, mut posts: Vec<Post>) -> BTreeMap<String, usize> {
    posts.sort_by_key(ends_the_task);
    let poster = Poster::to(w.webhook_url(), &w.webhook_secret());
    let mut became: BTreeMap<String, usize> = BTreeMap::new();
    for some in posts.chunk_by(|one, other| ends_the_task(one) == ends_the_task(other)) {
        let (mut sent, wrong) = poster.post_all(some).await;
        assert_eq!(wrong, Vec::<String>::new());
        w.works_off().await;
        let mut before = None;
        loop {
            let page = w.store.deliveries(&DeliveryFilter::default(), before, 500).await.expect("deliveries");
            for delivery in &page {
                let Some(post) = sent.remove(&delivery.guid) else { continue };
                let what = match &delivery.outcome {
                    DeliveryOutcome::Handled => "handled".to_owned(),
                    DeliveryOutcome::Ignored(reason) if !reason.is_empty() => format!("ignored: {reason}"),
                    other => panic!("{}: {other:?}", post.label),
                };
                *became.entry(what).or_default() += 1;
            }
            match page.last() {
                Some(last) if !sent.is_empty() => before = Some(last.id),
                _ => break,
            }
        }
        assert!(sent.is_empty(), "not kept: {:?}", sent.values().next());
    }
    became
}

fn report(what: &str, became: &BTreeMap<String, usize>) {
    let all: usize = became.values().sum();
    let handled = became.get("handled").copied().unwrap_or_default();
    println!("payloads considered: {all} {what}: {handled} handled, {} ignored with a reason, errors 0", all - handled);
    let mut reasons: Vec<(&String, &usize)> = became.iter().collect();
    reasons.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
    for (reason, times) in reasons.into_iter().take(25) {
        println!("{times:>6} × {reason}");
    }
}

#[test]
fn every_example_is_considered() {
    play(Setup::usual(), async |w| {
        let issue = w.planned().await;
        let before = w.story();
        let became = consider(w, example_posts()).await;
        report("examples", &became);
        assert_eq!(w.story(), before, "examples are about other people's repositories");
        assert_eq!(w.tasks().await.len(), 1);
        assert_eq!(w.task(issue).await.map(|task| task.issue.number.0.unsigned_abs()), Some(issue));
    });
}

#[test]
fn whatever_a_payload_lacks_it_is_considered() {
    play(Setup::usual(), async |w| {
        let names = Names::of(w).await;
        let posts = lacking(SERVERS[0], OneByOne::WhatIsRead, &|payload| names.put(payload));
        let became = consider(w, posts).await;
        report("mutations", &became);
        // They got as far as they should: a task is live, and GitHub was asked what the payloads claim.
        for depth in ["handled", "ignored: it is so no more", "ignored: an edited comment never commands"] {
            assert!(became.contains_key(depth), "{depth}: {became:#?}");
        }
        assert_eq!(w.runs("implement").await, 1);
    });
}

#[test]
#[ignore = "takes minutes: `script/test --full` runs it"]
fn whatever_a_payload_lacks_it_is_considered_field_by_field() {
    play(Setup::usual(), async |w| {
        let names = Names::of(w).await;
        let mut posts = lacking(SERVERS[0], OneByOne::Everything, &|payload| names.put(payload));
        for server in &SERVERS[1..] {
            posts.extend(lacking(server, OneByOne::Nothing, &|payload| names.put(payload)));
        }
        report("mutations", &consider(w, posts).await);
        assert_eq!(w.runs("implement").await, 1);
    });
}
