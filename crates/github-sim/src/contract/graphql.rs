//! One exchange over GraphQL held against GitHub's schema: the document, its variables, the shape of the answer.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema, ast};
use serde_json::{Map, Value};

use super::Complaint;

static TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/contract/schema.graphql"));

/// GitHub's schema. The script that cut it has proved that it is one.
fn github() -> &'static Result<Valid<Schema>, String> {
    static GITHUB: OnceLock<Result<Valid<Schema>, String>> = OnceLock::new();
    GITHUB.get_or_init(|| {
        let schema = Schema::parse(TEXT, "schema.graphql").map_err(|broken| broken.errors.to_string())?;
        Ok(Valid::assume_valid(schema))
    })
}

/// A request that is as it should be.
pub(crate) struct Asked {
    schema: &'static Valid<Schema>,
    document: Valid<ExecutableDocument>,
    name: Option<String>,
}

fn complaint(place: impl Into<String>, what: impl Into<String>) -> Complaint {
    (place.into(), what.into())
}

fn one(place: &str, what: impl Into<String>) -> Vec<Complaint> {
    vec![complaint(place, what)]
}

/// `graphql/` and the first field that a request asks for, whether it exists or not.
pub(crate) fn name(body: &[u8]) -> String {
    let request: Option<Value> = serde_json::from_slice(body).ok();
    let query = request.as_ref().and_then(|it| it.get("query")?.as_str());
    let document = query.and_then(|text| ast::Document::parse(text, "document").ok());
    let operation = document.as_ref().and_then(|document| {
        document.definitions.iter().find_map(|definition| match definition {
            ast::Definition::OperationDefinition(operation) => Some(operation),
            _ => None,
        })
    });
    let field = operation.and_then(|it| it.selection_set.iter().find_map(ast::Selection::as_field));
    field.map_or_else(|| "graphql".to_owned(), |field| format!("graphql/{}", field.name))
}

/// Takes a request's body apart; what is wrong with it.
pub(crate) fn read(body: &[u8]) -> Result<Asked, Vec<Complaint>> {
    let schema = github().as_ref().map_err(|fault| one("document", format!("the schema cannot be used: {fault}")))?;
    let request: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| one("body", format!("this is no JSON object: {error}")))?;
    let unknown = request.keys().filter(|key| !["query", "variables", "operationName"].contains(&key.as_str()));
    let mut found: Vec<Complaint> =
        unknown.map(|key| complaint(format!("body/{key}"), "GitHub knows no such member")).collect();
    let Some(query) = request.get("query").and_then(Value::as_str) else {
        found.push(complaint("body/query", "a document is required, as a string"));
        return Err(found);
    };
    let name = request.get("operationName").and_then(Value::as_str).map(str::to_owned);
    match ExecutableDocument::parse_and_validate(schema, query, "document") {
        Err(broken) => {
            found.extend(broken.errors.iter().map(|error| complaint("document", error.error.to_string())));
        }
        Ok(document) => {
            found.extend(variables(schema, &document, name.as_deref(), request.get("variables")));
            if found.is_empty() {
                return Ok(Asked { schema, document, name });
            }
        }
    }
    Err(found)
}

fn variables(
    schema: &Valid<Schema>,
    document: &Valid<ExecutableDocument>,
    name: Option<&str>,
    given: Option<&Value>,
) -> Vec<Complaint> {
    let Ok(operation) = document.operations.get(name) else {
        return one("body/operationName", "the document has no operation of this name");
    };
    let given = match given {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(given)) => given.clone(),
        Some(_) => return one("variables", "this is no object"),
    };
    let declared = |name: &str| operation.variables.iter().any(|variable| variable.name == name);
    let undeclared = given.keys().filter(|key| !declared(key));
    let mut found: Vec<Complaint> =
        undeclared.map(|key| complaint(format!("variables/{key}"), "the document declares no such variable")).collect();
    let coerced =
        serde_json::from_value::<JsonMap>(Value::Object(given)).map_err(|error| error.to_string()).and_then(|given| {
            coerce_variable_values(schema, operation, &given).map_err(|error| error.message().to_string())
        });
    found.extend(coerced.err().map(|what| complaint("variables", what)));
    found
}

impl Asked {
    /// What is wrong with the answer.
    pub(crate) fn answer(&self, body: &[u8]) -> Vec<Complaint> {
        let answer: Map<String, Value> = match serde_json::from_slice(body) {
            Ok(answer) => answer,
            Err(error) => return one("body", format!("this is no JSON object: {error}")),
        };
        let mut found = Vec::new();
        let errors = answer.get("errors").and_then(Value::as_array);
        for (at, error) in errors.into_iter().flatten().enumerate() {
            if !error.get("message").is_some_and(Value::is_string) {
                found.push(complaint(format!("errors/{at}/message"), "every error has a message"));
            }
        }
        match (self.operation(), answer.get("data"), errors.is_some_and(|errors| !errors.is_empty())) {
            (Some(operation), Some(Value::Object(data)), _) => {
                self.object(&operation.selection_set, data, "data", &mut found);
            }
            (_, None | Some(Value::Null), true) => {}
            _ => found.push(complaint("data", "neither data nor errors")),
        }
        found
    }

    fn operation(&self) -> Option<&Operation> {
        self.document.operations.get(self.name.as_deref()).ok().map(|operation| &**operation)
    }

    fn object(&self, set: &SelectionSet, value: &Map<String, Value>, place: &str, found: &mut Vec<Complaint>) {
        let told = value.get("__typename").and_then(Value::as_str);
        let plain = matches!(self.schema.types.get(&set.ty), Some(ExtendedType::Object(_)));
        let concrete = told.or(plain.then_some(set.ty.as_str()));
        let mut selected = BTreeMap::new();
        self.collect(set, concrete, true, &mut selected);
        for (key, (field, certain)) in &selected {
            let place = format!("{place}/{key}");
            match value.get(*key) {
                Some(value) => self.value(field, field.ty(), value, &place, found),
                None if *certain => found.push(complaint(place, "this was asked for and is missing")),
                None => {}
            }
        }
        let unasked = value.keys().filter(|key| !selected.contains_key(key.as_str()));
        found.extend(unasked.map(|key| complaint(format!("{place}/{key}"), "nobody asked for this")));
    }

    /// The fields of a selection by their keys in the answer, and whether they must be there: a fragment on another type
    /// than the object's asks for nothing, and of an object whose type is not known nothing can be said.
    fn collect<'a>(
        &'a self,
        set: &'a SelectionSet,
        concrete: Option<&str>,
        certain: bool,
        selected: &mut BTreeMap<&'a str, (&'a Field, bool)>,
    ) {
        for selection in &set.selections {
            let (on, inner) = match selection {
                Selection::Field(field) => {
                    let entry = selected.entry(field.response_key().as_str()).or_insert((field, certain));
                    entry.1 |= certain;
                    continue;
                }
                Selection::InlineFragment(fragment) => (fragment.type_condition.as_ref(), &fragment.selection_set),
                Selection::FragmentSpread(spread) => match self.document.fragments.get(&spread.fragment_name) {
                    Some(fragment) => (Some(fragment.type_condition()), &fragment.selection_set),
                    None => continue,
                },
            };
            let is = |on: &str| concrete.map(|it| it == on || self.schema.is_subtype(on, it));
            match on.map_or(Some(true), |on| is(on)) {
                Some(true) => self.collect(inner, concrete, certain, selected),
                Some(false) => {}
                None => self.collect(inner, concrete, false, selected),
            }
        }
    }

    fn value(&self, field: &Field, ty: &ast::Type, value: &Value, place: &str, found: &mut Vec<Complaint>) {
        let wrong = |what: String| complaint(place, what);
        match (ty, value) {
            (ast::Type::NonNullNamed(_) | ast::Type::NonNullList(_), Value::Null) => {
                found.push(wrong(format!("null, and its type is {ty}")));
            }
            (_, Value::Null) => {}
            (ast::Type::List(item) | ast::Type::NonNullList(item), Value::Array(list)) => {
                for (at, one) in list.iter().enumerate() {
                    self.value(field, item, one, &format!("{place}/{at}"), found);
                }
            }
            (ast::Type::List(_) | ast::Type::NonNullList(_), _) => {
                found.push(wrong(format!("no list, and its type is {ty}")))
            }
            (ast::Type::Named(name) | ast::Type::NonNullNamed(name), _) => match (self.schema.types.get(name), value) {
                (
                    Some(ExtendedType::Object(_) | ExtendedType::Interface(_) | ExtendedType::Union(_)),
                    Value::Object(value),
                ) => self.object(&field.selection_set, value, place, found),
                (Some(ExtendedType::Enum(enumeration)), Value::String(text))
                    if enumeration.values.contains_key(text.as_str()) => {}
                (Some(ExtendedType::Scalar(_)), _) if is_scalar(name, value) => {}
                _ => found.push(wrong(format!("of another type than {ty}"))),
            },
        }
    }
}

/// GitHub's own scalars (`DateTime`, `URI`, …) are strings.
fn is_scalar(name: &str, value: &Value) -> bool {
    match name {
        "Int" => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        _ => value.is_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Schema, TEXT};

    #[test]
    fn the_cut_is_a_schema() {
        let checked = Schema::parse_and_validate(TEXT, "schema.graphql");
        assert!(checked.is_ok(), "{}", checked.err().map(|it| it.errors.to_string()).unwrap_or_default());
    }
}
