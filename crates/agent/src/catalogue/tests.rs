//! What the table promises: its schemas, its sentences to the model, its agreement with the types.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn call(tool: &str, arguments: Value) -> Call {
    Call { id: "c".to_owned(), tool: tool.to_owned(), arguments }
}

fn told(kind: RunKind, tool: &str, arguments: Value) -> String {
    match parse(kind, &call(tool, arguments)) {
        Ok(invocation) => format!("{invocation:?}"),
        Err(sentence) => sentence,
    }
}

#[test]
fn every_mistake_is_told_to_the_model() {
    let cases = [
        ("implement", told(RunKind::Implement, "submit_plan", json!({}))),
        ("plan", told(RunKind::Plan, "edit", json!({}))),
        ("no object", told(RunKind::Plan, "read", json!("{\"path\": "))),
        ("missing", told(RunKind::Plan, "read", json!({ "lines": 3 }))),
        ("unknown", told(RunKind::Plan, "read", json!({ "file": "a" }))),
        ("type", told(RunKind::Plan, "read", json!({ "path": "a", "from_line": "3" }))),
        ("zero", told(RunKind::Plan, "read", json!({ "path": "a", "from_line": 0 }))),
        ("huge", told(RunKind::Plan, "read", json!({ "path": "a", "lines": 4_294_967_296_u64 }))),
        ("blank", told(RunKind::Implement, "finish", json!({ "summary": " \n" }))),
        ("word", told(RunKind::Plan, "finish_without_change", json!({ "reason": "bored", "explanation": "x" }))),
        (
            "no steps",
            told(RunKind::Plan, "submit_plan", json!({ "goal": "g", "files": [], "steps": [], "testing": "t" })),
        ),
        (
            "list item",
            told(RunKind::Plan, "submit_plan", json!({ "goal": "g", "files": [1], "steps": ["s"], "testing": "t" })),
        ),
    ];
    let told: Vec<String> = cases.iter().map(|(case, sentence)| format!("{case}: {sentence}")).collect();
    assert_snapshot!(told.join("\n"), @"
    implement: There is no tool `submit_plan` in this run. The tools are: read, list, search, edit, write, run, finish, finish_without_change.
    plan: There is no tool `edit` in this run. The tools are: read, list, search, run, submit_plan, finish_without_change.
    no object: The arguments of `read` are not a JSON object. Send one with: path, from_line (optional), lines (optional).
    missing: `read` needs the argument `path`. It takes: path, from_line (optional), lines (optional).
    unknown: `read` has no argument `file`. It takes: path, from_line (optional), lines (optional).
    type: The argument `from_line` of `read` must be a whole number from 1.
    zero: The argument `from_line` of `read` must be a whole number from 1.
    huge: The argument `lines` of `read` must be a whole number from 1.
    blank: The argument `summary` of `finish` must be a string of at most 20000 bytes that is not blank.
    word: The argument `reason` of `finish_without_change` must be one of: cannot_reproduce, already_fixed, cannot_do.
    no steps: The argument `steps` of `submit_plan` must be a list of 1 to 100 strings of at most 4000 bytes each.
    list item: The argument `files` of `submit_plan` must be a list of 0 to 100 strings of at most 4096 bytes each.
    ");
}

/// The table and the types it leads to agree: every tool accepts its own arguments, with and without the optional.
#[test]
fn every_tool_accepts_arguments_made_from_its_own_table() {
    for kind in [RunKind::Plan, RunKind::Implement, RunKind::Revise] {
        for spec in offered(kind) {
            for all in [true, false] {
                let arguments: Map<String, Value> = spec
                    .fields
                    .iter()
                    .filter(|field| all || field.required)
                    .map(|field| (field.name.to_owned(), example(&field.kind)))
                    .collect();
                let parsed = parse(kind, &call(spec.name, Value::Object(arguments)));
                assert!(parsed.is_ok(), "{}: {parsed:?}", spec.name);
                let is_end = matches!(parsed, Ok(Invocation::Finish(_)));
                assert_eq!(is_end, ends_a_run(spec.name));
                if let Ok(Invocation::Tool(request)) = parsed {
                    assert_eq!(request.name(), spec.name);
                }
            }
        }
    }
}

fn example(kind: &Kind) -> Value {
    match kind {
        Kind::Text(_) | Kind::Words(_) => json!("x"),
        Kind::Count => json!(1),
        Kind::Flag => json!(true),
        Kind::List { .. } => json!(["x"]),
        Kind::OneOf(words) => json!(words[0]),
    }
}

#[test]
fn a_schema_says_all_that_is_checked() {
    assert_snapshot!(serde_json::to_string_pretty(&READ.schema()).unwrap(), @r#"
    {
      "type": "object",
      "properties": {
        "path": {
          "type": "string",
          "description": "The file, relative to the workspace."
        },
        "from_line": {
          "type": "integer",
          "minimum": 1,
          "description": "First line to show, counting from 1."
        },
        "lines": {
          "type": "integer",
          "minimum": 1,
          "description": "How many lines to show at most."
        }
      },
      "required": [
        "path"
      ],
      "additionalProperties": false
    }
    "#);
}

proptest! {
    /// Whatever a model sends, the answer is a value or a short sentence, never a panic.
    #[test]
    fn any_call_is_answered(tool in "[a-z_]{0,24}|read|edit|submit_plan|.{0,80}", text in ".{0,40}", number in any::<i64>()) {
        for kind in [RunKind::Plan, RunKind::Revise] {
            for arguments in [json!({ "path": text, "lines": number }), json!([text]), json!({ &text: number }), json!(null)] {
                if let Err(sentence) = parse(kind, &call(&tool, arguments)) {
                    prop_assert!(sentence.len() < 600);
                }
            }
        }
    }
}
