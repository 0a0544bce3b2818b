//! Odd bodies (A-10, A-11): forms, bombs, deleted accounts, actions nobody has heard of. Never a panic, never an error
//! for a shape.

use std::time::{Duration, Instant};

use baton_core::domain::actor::AccountKind;
use baton_webhook::{CommentChange, Ignored, Incoming, IssueChange, IssueState, Malformed, Origin, parse};
use proptest::prelude::*;

const REPOSITORY: &str = r#""repository":{"id":1,"full_name":"acme/app"}"#;

fn reason(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Ignored { reason } => reason.to_string(),
        Incoming::Malformed { reason } => reason.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a11_the_least_a_payload_must_say() {
    let cases = [
        ("star", "not even JSON".to_owned()),
        ("issues", format!(r#"{{"action":"typed",{REPOSITORY},"issue":{{"number":1}}}}"#)),
        ("issues", format!(r#"{{{REPOSITORY},"issue":{{"number":1}}}}"#)),
        ("issues", r#"{"action":"opened","issue":{"number":1}}"#.to_owned()),
        ("issues", r#"{"action":"opened","repository":{"id":1,"full_name":"../x"},"issue":{"number":1}}"#.to_owned()),
        ("issues", format!(r#"{{"action":"opened",{REPOSITORY}}}"#)),
        ("issues", format!(r#"{{"action":"opened",{REPOSITORY},"issue":{{"number":"1"}}}}"#)),
        ("issue_comment", format!(r#"{{"action":"created",{REPOSITORY},"issue":{{"number":1}},"comment":null}}"#)),
        ("check_run", format!(r#"{{"action":"requested_action",{REPOSITORY},"check_run":{{"id":1}}}}"#)),
        ("installation", r#"{"action":"created"}"#.to_owned()),
        ("push", format!("{{{REPOSITORY}}}")),
        ("issues", String::new()),
        ("issues", "null".to_owned()),
        ("issues", "[1,2]".to_owned()),
        ("issues", r#"{"action":"opened""#.to_owned()),
        ("issues", r#"{"action":"opened","action":"closed"}"#.to_owned()),
        ("issues", "a=b&c=d".to_owned()),
        ("issues\u{1b}[31m`", String::new()),
    ];
    let lines: Vec<String> = cases.iter().map(|(event, body)| reason(&parse(event, body.as_bytes()))).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    Baton does not use the event `star`
    Baton does not use the action `typed` of `issues`
    the `issues` event names no action
    the `issues` event has no usable `repository`
    the `issues` event has no usable `repository.full_name`
    the `issues` event has no usable `issue`
    the `issues` event has no usable `issue.number`
    the `issue_comment` event has no usable `comment`
    the `check_run` event has no usable `requested_action.identifier`
    the `installation` event has no usable `installation`
    the `push` event has no usable `ref`
    the body is not the JSON of a GitHub event (line 1, column 0)
    the body is JSON, but not an object
    the body is JSON, but not an object
    the body is not the JSON of a GitHub event (line 1, column 18)
    the body is not the JSON of a GitHub event (line 1, column 27)
    the form-encoded body has no `payload` field; choose application/json in the webhook's settings
    Baton does not use the event `issues?[31m?`
    ");
}

#[test]
fn deleted_accounts_and_empty_texts() {
    let body = format!(
        r#"{{"action":"edited",{REPOSITORY},"sender":null,"issue":{{"number":3,"title":"t","body":null,"user":null,
            "state":"closed","labels":null,"assignees":[null,{{"login":"half"}},{{"id":5,"login":"x","type":"Mannequin"}}]}},
            "changes":{{"body":{{"from":null}}}}}}"#
    );
    let Incoming::Issue { context, issue, change } = parse("issues", body.as_bytes()) else { panic!("not an issue") };
    assert_eq!(context.sender, None);
    assert!(context.repository.private, "private unless the payload says otherwise");
    assert_eq!((issue.author, issue.body.as_str(), issue.state), (None, "", IssueState::Closed));
    assert_eq!(issue.assignees.iter().map(|a| (a.id.0, a.kind)).collect::<Vec<_>>(), [(5, AccountKind::Bot)]);
    assert_eq!(change, IssueChange::Edited { title_before: None, body_before: Some(String::new()) });
}

#[test]
fn a_transfer_says_where_to() {
    let body = format!(
        r#"{{"action":"transferred",{REPOSITORY},"issue":{{"number":3}},
            "changes":{{"new_issue":{{"number":9}},"new_repository":{{"full_name":"acme/other"}}}}}}"#
    );
    let Incoming::Issue { change: IssueChange::Transferred { to: Some((name, number)) }, .. } =
        parse("issues", body.as_bytes())
    else {
        panic!("not a transfer")
    };
    assert_eq!((name.to_string().as_str(), number.0), ("acme/other", 9));
}

#[test]
fn closed_and_edited_which_the_examples_lack() {
    let closed = format!(r#"{{"action":"closed",{REPOSITORY},"issue":{{"number":3,"state":"closed"}}}}"#);
    assert!(matches!(parse("issues", closed.as_bytes()), Incoming::Issue { change: IssueChange::Closed, .. }));
    let edited = format!(r#"{{"action":"edited",{REPOSITORY},"pull_request":{{"number":3}}}}"#);
    assert!(matches!(parse("pull_request", edited.as_bytes()), Incoming::PullRequest { .. }));
}

#[test]
fn a11_form_encoded_bodies_are_read_too() {
    let json = format!(
        r#"{{"action":"created",{REPOSITORY},"issue":{{"number":1,"pull_request":{{}}}},"comment":{{"id":2,"body":"a+b & ü=🦀"}}}}"#
    );
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json).finish();
    let incoming = parse("issue_comment", form.as_bytes());
    assert_eq!(incoming, parse("issue_comment", json.as_bytes()));
    let Incoming::Comment { issue, comment, change, .. } = incoming else { panic!("not a comment") };
    assert_eq!(
        (issue.origin, comment.body.as_str(), change),
        (Origin::PullRequest, "a+b & ü=🦀", CommentChange::Created)
    );
}

/// A-10. The bombs stay in the fields nobody reads and in those somebody does; time is the witness that nothing is
/// built from them, with much room for a slow machine.
#[test]
fn a10_bombs_are_bounded() {
    let deep = "[".repeat(5_000_000) + &"]".repeat(5_000_000);
    let half_deep = "{\"issue\":".repeat(1_000_000);
    let keys = (0..1_000_000).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(",");
    let labels = vec![r#"{"name":"l"}"#; 1_000_000].join(",");
    let huge_number = "9".repeat(1_000_000);
    let bombs = [
        format!(r#"{{"action":"opened","x":{deep},{REPOSITORY},"issue":{{"number":1}}}}"#),
        format!(r#"{{"action":"opened",{REPOSITORY},"issue":{{"number":1,"title":{deep}}}}}"#),
        half_deep,
        format!(r#"{{"action":"opened",{keys},{REPOSITORY},"issue":{{"number":1}}}}"#),
        format!(r#"{{"action":"opened",{REPOSITORY},"issue":{{"number":1,"labels":[{labels}]}}}}"#),
        format!(r#"{{"action":"opened",{REPOSITORY},"issue":{{"number":{huge_number}}}}}"#),
        format!(r#"{{"action":"opened",{REPOSITORY},"issue":{{"number":1e999999999}}}}"#),
        format!(r#"{{"action":"opened",{REPOSITORY},"issue":{{"number":1,"title":"{}"}}}}"#, "\\u0000".repeat(100_000)),
    ];
    for (i, bomb) in bombs.iter().enumerate() {
        let start = Instant::now();
        let incoming = parse("issues", bomb.as_bytes());
        assert!(start.elapsed() < Duration::from_secs(20), "bomb {i} took {:?}", start.elapsed());
        if let Incoming::Issue { issue, .. } = &incoming {
            assert!(issue.labels.len() <= 1000, "bomb {i}");
        }
    }
    assert!(matches!(
        parse("issues", b"{\"action\":\"opened\",\"x\":\"\xff\xfe\"}"),
        Incoming::Ignored { reason: Ignored::Missing { field: "repository", .. } }
    ));
    assert!(matches!(
        parse("issues", b"{\"action\":\"\xff\xfe\"}"),
        Incoming::Malformed { reason: Malformed::Json { .. } }
    ));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,12}".prop_map(Into::into),
    ];
    let field = prop_oneof![
        "(action|repository|installation|sender|issue|comment|changes|assignee|label|pull_request|ref|before|after)",
        "(id|number|full_name|login|type|title|body|user|labels|assignees|state|head|base|sha|repo|from|permissions)",
        "[a-z]{1,6}",
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(field.clone(), inner, 0..8)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn event() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(
            baton_webhook::HANDLED.iter().map(|(event, _)| (*event).to_owned()).collect::<Vec<_>>()
        ),
        ".{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_bytes_give_an_answer(event in event(), body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _answer = parse(&event, &body);
    }

    #[test]
    fn any_text_that_begins_like_a_form_gives_an_answer(body in "payload=[%+{}a-f0-9\"&=]{0,80}") {
        let _answer = parse("issues", body.as_bytes());
    }

    /// With a known action in front, any JSON of any shape is understood or ignored: never malformed.
    #[test]
    fn any_json_object_is_understood_or_ignored(event in event(), mut body in json(), action in 0usize..12) {
        if let Some(object) = body.as_object_mut() {
            let known = baton_webhook::HANDLED.iter().find(|(name, _)| *name == event).map_or(&[][..], |(_, actions)| actions);
            if let Some(action) = known.get(action) {
                object.insert("action".to_owned(), (*action).into());
            }
            let incoming = parse(&event, &serde_json::to_vec(&body).unwrap());
            let malformed = matches!(incoming, Incoming::Malformed { .. });
            prop_assert!(!malformed, "{:?}", incoming);
        }
    }
}
