//! Cuts an answer down to what the document selects, with aliases, fragments and `__typename`.

use async_graphql_parser::types::{ExecutableDocument, Selection, SelectionSet};
use serde_json::{Map, Value};

/// The selected part of `value`; the message of GitHub's error where a field does not exist.
pub(super) fn shape(document: &ExecutableDocument, selection: &SelectionSet, value: &Value) -> Result<Value, String> {
    match value {
        Value::Array(list) => list.iter().map(|item| shape(document, selection, item)).collect(),
        Value::Object(fields) if !selection.items.is_empty() => {
            let mut out = Map::new();
            select(document, selection, fields, &mut out)?;
            Ok(Value::Object(out))
        }
        other => Ok(other.clone()),
    }
}

fn select(
    document: &ExecutableDocument,
    selection: &SelectionSet,
    fields: &Map<String, Value>,
    out: &mut Map<String, Value>,
) -> Result<(), String> {
    let kind = fields.get("__typename").and_then(Value::as_str).unwrap_or_default();
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => {
                let field = &field.node;
                let name = field.name.node.as_str();
                let missing = || format!("Field '{name}' doesn't exist on type '{kind}'");
                let value = fields.get(name).ok_or_else(missing)?;
                let shaped = shape(document, &field.selection_set.node, value)?;
                out.insert(field.response_key().node.to_string(), shaped);
            }
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref().map(|on| on.node.on.node.as_str());
                if on.is_none_or(|on| fits(on, kind)) {
                    select(document, &fragment.node.selection_set.node, fields, out)?;
                }
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let fragment = document.fragments.get(name).ok_or_else(|| format!("Fragment {name} was not found"))?;
                if fits(fragment.node.type_condition.node.on.node.as_str(), kind) {
                    select(document, &fragment.node.selection_set.node, fields, out)?;
                }
            }
        }
    }
    Ok(())
}

/// Whether a fragment on `on` is about a value of type `kind`: the type itself, or one of its interfaces.
fn fits(on: &str, kind: &str) -> bool {
    let actor = on == "Actor" && matches!(kind, "User" | "Bot" | "Organization");
    let minimizable = matches!(on, "Minimizable" | "Comment") && kind == "IssueComment";
    let assignable = on == "Assignable" && matches!(kind, "Issue" | "PullRequest");
    on == kind || on == "Node" || actor || minimizable || assignable
}
