//! All of GitHub's own example payloads (npm `@octokit/webhooks-examples`, github.com and Enterprise Server): what
//! Baton handles is understood and agrees with the payload, everything else is ignored with its reason.

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use baton_webhook::{
    Account, CheckRunChange, CommentChange, Context, HANDLED, Incoming, InstallationChange, IssueChange, PullChange,
    parse,
};
use serde_json::Value;

const SERVERS: [&str; 6] = ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"];

struct Example {
    event: String,
    payload: Value,
}

fn examples(server: &str) -> Vec<Example> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("node_modules/@octokit/webhooks-examples").join(server).join("index.json");
    let text = std::fs::read(&file).unwrap_or_else(|error| {
        panic!("{}: {error}. Run script/setup: it installs GitHub's example payloads with npm.", file.display())
    });
    let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
    events
        .iter()
        .flat_map(|event| {
            event["examples"]
                .as_array()
                .unwrap()
                .iter()
                .map(|payload| Example { event: event["name"].as_str().unwrap().to_owned(), payload: payload.clone() })
        })
        .collect()
}

fn all_examples() -> Vec<(&'static str, Example)> {
    SERVERS.iter().flat_map(|server| examples(server).into_iter().map(move |example| (*server, example))).collect()
}

fn read(example: &Example) -> Incoming {
    parse(&example.event, &serde_json::to_vec(&example.payload).unwrap())
}

fn outcome(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Issue { change, .. } => format!("Issue {}", issue_change(change)),
        Incoming::Comment { change, issue, .. } => {
            let change = match change {
                CommentChange::Created => "Created",
                CommentChange::Edited { body_before: Some(_) } => "Edited(body)",
                CommentChange::Edited { body_before: None } => "Edited",
                CommentChange::Deleted => "Deleted",
            };
            format!("Comment {change} on {:?}", issue.origin)
        }
        Incoming::PullRequest { change, .. } => match change {
            PullChange::Closed { merged, .. } => format!("PullRequest Closed(merged: {merged})"),
            PullChange::Synchronize { before } => format!("PullRequest Synchronize(before: {})", before.is_some()),
            other => format!("PullRequest {other:?}"),
        },
        Incoming::Push { push, .. } => format!(
            "Push {} -> {}, branch: {}, forced: {}",
            push.before.is_some(),
            push.after.is_some(),
            push.branch().is_some(),
            push.forced
        ),
        Incoming::CheckRun { change, .. } => match change {
            CheckRunChange::Rerequested => "CheckRun Rerequested".to_owned(),
            CheckRunChange::RequestedAction { identifier } => format!("CheckRun RequestedAction({identifier})"),
        },
        Incoming::Installation { change, .. } => match change {
            InstallationChange::Created { repositories } => format!("Installation Created({})", repositories.len()),
            other => format!("Installation {other:?}"),
        },
        Incoming::InstallationRepositories { added, removed, .. } => {
            format!("InstallationRepositories +{} -{}", added.len(), removed.len())
        }
        Incoming::Ping { hook } => format!("Ping(hook: {})", hook.is_some()),
        Incoming::Ignored { reason } => format!("ignored: {reason}"),
        Incoming::Malformed { reason } => format!("MALFORMED: {reason}"),
    }
}

fn issue_change(change: &IssueChange) -> String {
    match change {
        IssueChange::Edited { title_before, body_before } => {
            format!("Edited(title: {}, body: {})", title_before.is_some(), body_before.is_some())
        }
        IssueChange::Assigned { assignee } => format!("Assigned({})", assignee.is_some()),
        IssueChange::Unassigned { assignee } => format!("Unassigned({})", assignee.is_some()),
        IssueChange::Labeled { label } => format!("Labeled({})", label.is_some()),
        IssueChange::Unlabeled { label } => format!("Unlabeled({})", label.is_some()),
        IssueChange::Transferred { to } => format!("Transferred({})", to.is_some()),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_becomes_of_every_example() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let examples = all_examples();
    for (_, example) in &examples {
        let action = example.payload["action"].as_str().unwrap_or("-");
        let line = format!("{}.{action} → {}", example.event, outcome(&read(example)));
        *seen.entry(line).or_default() += 1;
    }
    let lines: Vec<String> = seen.iter().map(|(line, count)| format!("{count:>3} × {line}")).collect();
    insta::assert_snapshot!(format!("{} examples\n{}", examples.len(), lines.join("\n")));
}

#[test]
fn handled_is_handled_and_the_rest_is_ignored() {
    let mut counts = (0, 0);
    for (server, example) in all_examples() {
        let action = example.payload["action"].as_str().unwrap_or("");
        let handled = HANDLED
            .iter()
            .any(|(event, actions)| *event == example.event && (actions.is_empty() || actions.contains(&action)));
        let ignored = matches!(read(&example), Incoming::Ignored { .. });
        assert_eq!(handled, !ignored, "{server} {}.{action}", example.event);
        *(if handled { &mut counts.0 } else { &mut counts.1 }) += 1;
    }
    assert!(counts.0 > 80 && counts.1 > 400, "{counts:?}");
}

#[test]
fn what_is_read_is_what_the_payload_says() {
    for (server, example) in all_examples() {
        let at = format!("{server} {} {}", example.event, example.payload["action"]);
        let json = &example.payload;
        match read(&example) {
            Incoming::Issue { context, issue, .. } => {
                agrees(&context, json, &at);
                issue_agrees(&issue, &json["issue"], &at);
            }
            Incoming::Comment { context, issue, comment, .. } => {
                agrees(&context, json, &at);
                issue_agrees(&issue, &json["issue"], &at);
                assert_eq!(comment.id.0, json["comment"]["id"], "{at}");
                assert_eq!(comment.body, json["comment"]["body"], "{at}");
                assert_eq!(comment.node_id, json["comment"]["node_id"], "{at}");
                assert_eq!(comment.created_at.unwrap().to_string(), json["comment"]["created_at"], "{at}");
                assert_eq!(comment.updated_at.unwrap().to_string(), json["comment"]["updated_at"], "{at}");
                account_agrees(comment.author.as_ref(), &json["comment"]["user"], &at);
            }
            Incoming::PullRequest { context, pull, .. } => {
                agrees(&context, json, &at);
                let wire = &json["pull_request"];
                assert_eq!(pull.number.0, wire["number"], "{at}");
                assert_eq!(pull.title, wire["title"], "{at}");
                assert_eq!(pull.body, wire["body"].as_str().unwrap_or(""), "{at}");
                assert_eq!(pull.draft, wire["draft"], "{at}");
                assert_eq!(pull.merged, wire["merged"].as_bool().unwrap_or(false), "{at}");
                assert_eq!(pull.head.sha.unwrap().as_str(), wire["head"]["sha"], "{at}");
                assert_eq!(pull.base.branch, wire["base"]["ref"], "{at}");
                assert_eq!(pull.base.repository.unwrap().0, wire["base"]["repo"]["id"], "{at}");
                account_agrees(pull.author.as_ref(), &wire["user"], &at);
            }
            Incoming::Push { context, push } => {
                agrees(&context, json, &at);
                assert_eq!(push.git_ref, json["ref"], "{at}");
                assert_eq!(push.after.is_none(), json["deleted"] == true, "{at}");
                assert_eq!(push.before.is_none(), json["created"] == true, "{at}");
            }
            Incoming::CheckRun { context, check_run, .. } => {
                agrees(&context, json, &at);
                assert_eq!(check_run.id, json["check_run"]["id"], "{at}");
                assert_eq!(check_run.head_sha.unwrap().as_str(), json["check_run"]["head_sha"], "{at}");
                assert_eq!(check_run.app.unwrap(), json["check_run"]["app"]["id"], "{at}");
            }
            Incoming::Installation { installation, sender, .. }
            | Incoming::InstallationRepositories { installation, sender, .. } => {
                assert_eq!(installation.id.0, json["installation"]["id"], "{at}");
                assert_eq!(installation.app.unwrap(), json["installation"]["app_id"], "{at}");
                account_agrees(installation.account.as_ref(), &json["installation"]["account"], &at);
                account_agrees(sender.as_ref(), &json["sender"], &at);
                let granted = json["installation"]["permissions"].as_object().unwrap();
                assert_eq!(installation.permissions.len(), granted.len(), "{at}");
            }
            Incoming::Ping { .. } | Incoming::Ignored { .. } => {}
            Incoming::Malformed { reason } => panic!("{at}: {reason}"),
        }
    }
}

fn agrees(context: &Context, json: &Value, at: &str) {
    assert_eq!(context.repository.id.0, json["repository"]["id"], "{at}");
    assert_eq!(context.repository.name.to_string(), json["repository"]["full_name"], "{at}");
    assert_eq!(context.repository.private, json["repository"]["private"], "{at}");
    let default_branch = json["repository"]["default_branch"].as_str();
    assert_eq!(context.repository.default_branch.as_deref(), default_branch, "{at}");
    assert_eq!(context.installation.map(|id| id.0), json["installation"]["id"].as_i64(), "{at}");
    account_agrees(context.sender.as_ref(), &json["sender"], at);
}

fn issue_agrees(issue: &baton_webhook::Issue, json: &Value, at: &str) {
    assert_eq!(issue.number.0, json["number"], "{at}");
    assert_eq!(issue.title, json["title"], "{at}");
    assert_eq!(issue.body, json["body"].as_str().unwrap_or(""), "{at}");
    assert_eq!(issue.html_url, json["html_url"], "{at}");
    assert_eq!(issue.node_id, json["node_id"], "{at}");
    let labels: Vec<&str> =
        json["labels"].as_array().into_iter().flatten().filter_map(|l| l["name"].as_str()).collect();
    assert_eq!(issue.labels, labels, "{at}");
    assert_eq!(issue.assignees.len(), json["assignees"].as_array().map_or(0, Vec::len), "{at}");
    account_agrees(issue.author.as_ref(), &json["user"], at);
}

fn account_agrees(account: Option<&Account>, json: &Value, at: &str) {
    assert_eq!(account.map(|a| a.id.0), json["id"].as_i64(), "{at}");
    assert_eq!(account.map(|a| a.login.as_str()), json["login"].as_str(), "{at}");
}

/// Deleted accounts, missing and retyped fields: every field of one example of each handled action, nulled, removed and replaced one
/// at a time, still gives an answer that is no error. (What GitHub's description lets a payload lack, all of it, goes through the
/// real endpoint in `tests/scenarios/payloads.rs`; here are the types that it does not allow.)
#[test]
fn no_mutation_of_a_handled_example_is_malformed() {
    let mut mutations = 0;
    let mut seen = BTreeSet::new();
    for example in examples("api.github.com") {
        let first = seen.insert((example.event.clone(), example.payload["action"].to_string()));
        if !first || matches!(read(&example), Incoming::Ignored { .. }) {
            continue;
        }
        let payload = without_addresses(&example.payload);
        for path in paths(&payload, 2) {
            for replacement in
                [None, Some(Value::Null), Some(7.into()), Some("text".into()), Some(Value::Array(vec![]))]
            {
                let mut payload = payload.clone();
                replace(&mut payload, &path, replacement);
                let incoming = parse(&example.event, &serde_json::to_vec(&payload).unwrap());
                assert!(!matches!(incoming, Incoming::Malformed { .. }), "{} {path:?}", example.event);
                mutations += 1;
            }
        }
    }
    assert!(mutations > 3_000, "{mutations}");
}

/// Most of a payload is addresses, which nobody reads: without them a thousand copies of it are quickly made.
fn without_addresses(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !name.ends_with("_url") && *name != "url" && *name != "_links");
            Value::Object(kept.map(|(name, inner)| (name.clone(), without_addresses(inner))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_addresses).collect()),
        other => other.clone(),
    }
}

/// The paths of the fields Baton reads, and their neighbours, down to `depth`.
fn paths(value: &Value, depth: usize) -> Vec<Vec<String>> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, inner) in object {
        found.push(vec![name.clone()]);
        if depth > 1 {
            for mut path in paths(inner, depth - 1) {
                path.insert(0, name.clone());
                found.push(path);
            }
        }
    }
    found
}

fn replace(value: &mut Value, path: &[String], with: Option<Value>) {
    let (last, parents) = path.split_last().unwrap();
    let mut at = value;
    for name in parents {
        at = &mut at[name.as_str()];
    }
    let object = at.as_object_mut().unwrap();
    match with {
        Some(with) => drop(object.insert(last.clone(), with)),
        None => drop(object.remove(last)),
    }
}
