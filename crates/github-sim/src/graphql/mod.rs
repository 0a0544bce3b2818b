//! GraphQL: the few operations Apps use, found by name in a really parsed document. Anything else is an honest error.

mod nodes;
mod operation;
mod select;

use std::sync::Mutex;

use async_graphql_parser::parse_query;
use async_graphql_parser::types::{ExecutableDocument, Field, OperationType, Selection, SelectionSet};
use serde_json::{Map, Value, json};

use crate::refusal::Refusal;
use crate::rest::access::Identity;
use crate::rest::disturb::with_faults;
use crate::rest::serve::{Incoming, Reply, finish, refused_by_limit};
use crate::sim::lock;
use crate::world::World;

pub use operation::operations;

/// Serves one GraphQL request.
pub(crate) fn serve(world: &Mutex<World>, request: &Incoming) -> Reply {
    let mut world = lock(world);
    let asked = parse(&request.body);
    let name = asked.as_ref().map_or_else(|_| "graphql".to_owned(), |asked| format!("graphql/{}", asked.first_field()));
    let who = world.identify(request.authorization.as_deref());
    let limited = who.as_ref().ok().and_then(|who| refused_by_limit(&mut world, &name, request, *who));
    let reply = with_faults(&mut world, &name, request, |world| match (&who, &asked) {
        (Ok(_), _) if limited.is_some() => limited.unwrap_or_default(),
        (_, _) if request.method != "POST" => Reply::refuse(&Refusal::not_found()),
        (Err(refusal), _) => Reply::refuse(refusal),
        (Ok(Identity::Anonymous), _) => {
            Reply::refuse(&Refusal::new(401, "This endpoint requires you to be authenticated."))
        }
        (Ok(_), Err(message)) => Reply::json(200, &json!({"errors": [{"message": message}]})),
        (Ok(who), Ok(asked)) => Reply::json(200, &asked.answer(world, *who)),
    });
    finish(&mut world, &name, &who.unwrap_or(Identity::Anonymous), request, reply)
}

/// A parsed request.
struct Asked {
    document: ExecutableDocument,
    kind: OperationType,
    selection: SelectionSet,
    variables: Value,
}

/// What went wrong with one field: GitHub's `type` and its message.
pub(crate) struct FieldError {
    pub kind: &'static str,
    pub message: String,
}

impl From<Refusal> for FieldError {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.status {
            404 | 410 => "NOT_FOUND",
            403 => "FORBIDDEN",
            _ => "UNPROCESSABLE",
        };
        Self { kind, message: refusal.message }
    }
}

fn parse(body: &[u8]) -> Result<Asked, String> {
    let request: Value = serde_json::from_slice(body).map_err(|_| "Problems parsing JSON".to_owned())?;
    let query = request
        .get("query")
        .and_then(Value::as_str)
        .ok_or("A query attribute must be specified and must be a string.")?;
    let document = parse_query(query).map_err(|error| format!("Parse error: {error}"))?;
    let wanted = request.get("operationName").and_then(Value::as_str);
    let operations: Vec<_> = document.operations.iter().collect();
    let fits = |name: Option<&async_graphql_value::Name>| wanted.is_none() || name.map(|name| name.as_str()) == wanted;
    let found =
        operations.into_iter().find(|(name, _)| fits(*name)).ok_or("No operation of this name in the document")?;
    let (kind, selection) = (found.1.node.ty, found.1.node.selection_set.node.clone());
    let variables = request.get("variables").cloned().unwrap_or_default();
    Ok(Asked { kind, selection, variables, document })
}

impl Asked {
    fn first_field(&self) -> String {
        let name = self.selection.items.iter().find_map(|item| match &item.node {
            Selection::Field(field) => Some(field.node.name.node.to_string()),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
        });
        name.unwrap_or_default()
    }

    fn answer(&self, world: &mut World, who: Identity) -> Value {
        let (mut data, mut errors) = (Map::new(), Vec::new());
        for item in &self.selection.items {
            let Selection::Field(field) = &item.node else { continue };
            let field = &field.node;
            let key = field.response_key().node.to_string();
            match self.perform(world, who, field) {
                Ok(value) => {
                    let shaped = select::shape(&self.document, &field.selection_set.node, &value);
                    match shaped {
                        Ok(shaped) => data.insert(key, shaped),
                        Err(message) => {
                            errors.push(json!({"message": message, "path": [key]}));
                            data.insert(key, Value::Null)
                        }
                    };
                }
                Err(error) => {
                    errors.push(json!({"type": error.kind, "path": [key], "message": error.message,
                        "locations": [{"line": 1, "column": 1}]}));
                    data.insert(key, Value::Null);
                }
            }
        }
        let mut answer = json!({"data": data});
        if let (false, Value::Object(fields)) = (errors.is_empty(), &mut answer) {
            fields.insert("errors".into(), errors.into());
        }
        answer
    }

    fn perform(&self, world: &mut World, who: Identity, field: &Field) -> Result<Value, FieldError> {
        let mut arguments = Map::new();
        for (name, value) in &field.arguments {
            let constant = value.node.clone().into_const_with(|variable| {
                let given = self.variables.get(variable.as_str()).cloned().unwrap_or_default();
                async_graphql_value::ConstValue::from_json(given)
            });
            let json = constant.ok().and_then(|value| value.into_json().ok()).unwrap_or_default();
            arguments.insert(name.node.to_string(), json);
        }
        operation::perform(world, who, self.kind, field.name.node.as_str(), &Value::Object(arguments))
    }
}
