//! GitHub's published description of its webhooks (npm `@octokit/openapi-webhooks`), and what it lets a payload be: the
//! fullest payload of an event, and every way in which one may lack something.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

/// The servers that are described: github.com, its Enterprise Cloud, and every Enterprise Server that is supported.
pub const SERVERS: [&str; 8] =
    ["api.github.com", "ghec", "ghes-3.14", "ghes-3.15", "ghes-3.16", "ghes-3.17", "ghes-3.18", "ghes-3.19"];

/// One server's description.
pub struct Described {
    document: Value,
}

/// One thing that a description allows a payload to lack: where, and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lack {
    /// A JSON pointer.
    pub at: String,
    pub instead: Instead,
}

/// What a payload has in a place where it lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instead {
    /// The field is not there.
    Nothing,
    Null,
    EmptyList,
}

impl Described {
    pub fn by(server: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let file = root.join(format!("node_modules/@octokit/openapi-webhooks/generated/{server}.json"));
        let text = std::fs::read(&file).unwrap_or_else(|error| {
            panic!("{}: {error}. Run script/setup: it installs GitHub's descriptions with npm.", file.display())
        });
        Self { document: serde_json::from_slice(&text).expect("a description is JSON") }
    }

    /// What an event's payload is; with an action, for events that have them.
    pub fn event(&self, event: &str, action: Option<&str>) -> &Value {
        let name = [Some(event), action].into_iter().flatten().collect::<Vec<_>>().join("-").replace('_', "-");
        let content = &self.document["webhooks"][&name]["post"]["requestBody"]["content"]["application/json"];
        assert!(content["schema"].is_object(), "GitHub describes no webhook `{name}`");
        self.resolved(&content["schema"])
    }

    fn resolved<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema["$ref"].as_str() {
            let found = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
            schema = found.unwrap_or_else(|| panic!("{reference} is nowhere"));
        }
        schema
    }

    /// The first alternative that is a value: descriptions list "null" as one too.
    fn value_of<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let schema = self.resolved(schema);
        let alternatives = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array());
        match alternatives.and_then(|list| list.iter().find(|one| !self.is_only_null(one))) {
            Some(alternative) => self.value_of(alternative),
            None => schema,
        }
    }

    fn is_only_null(&self, schema: &Value) -> bool {
        types(self.resolved(schema)) == ["null"]
    }

    fn may_be_null(&self, schema: &Value) -> bool {
        let schema = self.resolved(schema);
        let alternatives = ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
        types(schema).contains(&"null") || alternatives.into_iter().any(|one| self.may_be_null(one))
    }

    /// Fields with their descriptions, and whether each has to be there.
    fn fields<'a>(&'a self, schema: &'a Value) -> Vec<(&'a str, &'a Value, bool)> {
        let parts = schema["allOf"].as_array().into_iter().flatten().map(|part| self.value_of(part));
        let parts: Vec<&Value> = std::iter::once(schema).chain(parts).collect();
        let needed: BTreeSet<&str> =
            parts.iter().filter_map(|part| part["required"].as_array()).flatten().filter_map(Value::as_str).collect();
        let properties = parts.iter().filter_map(|part| part["properties"].as_object()).flatten();
        properties.map(|(name, field)| (name.as_str(), field, needed.contains(name.as_str()))).collect()
    }

    /// The fullest payload: every field is there and has a value.
    pub fn full(&self, schema: &Value) -> Value {
        self.built(schema, &|_| true)
    }

    /// The least payload: only what has to be there.
    pub fn least(&self, schema: &Value) -> Value {
        self.built(schema, &|needed| needed)
    }

    fn built(&self, schema: &Value, takes: &dyn Fn(bool) -> bool) -> Value {
        let schema = self.value_of(schema);
        let fields = self.fields(schema);
        let kind = types(schema).into_iter().find(|kind| *kind != "null");
        if !fields.is_empty() || kind == Some("object") {
            let kept = fields.into_iter().filter(|(_, _, needed)| takes(*needed));
            let mut object: Map<String, Value> =
                kept.map(|(name, field, _)| (name.to_owned(), self.built(field, takes))).collect();
            if schema["additionalProperties"].is_object() && takes(false) {
                object.insert("further".to_owned(), self.built(&schema["additionalProperties"], takes));
            }
            return Value::Object(object);
        }
        if let Some(value) = schema["enum"].as_array().and_then(|all| all.iter().find(|one| !one.is_null())) {
            return value.clone();
        }
        match kind {
            Some("array") => Value::Array(vec![self.built(&schema["items"], takes)]),
            Some("integer") => example(schema).filter(Value::is_i64).unwrap_or(json!(7)),
            Some("number") => json!(0.5),
            Some("boolean") => json!(false),
            Some("string") => example(schema).filter(Value::is_string).unwrap_or_else(|| text(schema)),
            _ => Value::Null,
        }
    }

    /// Everything that a payload of this kind may lack, one at a time.
    pub fn lacks(&self, schema: &Value) -> Vec<Lack> {
        let mut found = Vec::new();
        self.look(schema, "", &mut found);
        found.sort();
        found.dedup();
        found
    }

    fn look(&self, schema: &Value, at: &str, found: &mut Vec<Lack>) {
        let schema = self.value_of(schema);
        for (name, field, needed) in self.fields(schema) {
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            if !needed {
                found.push(Lack { at: at.clone(), instead: Instead::Nothing });
            }
            if self.may_be_null(field) {
                found.push(Lack { at: at.clone(), instead: Instead::Null });
            }
            self.look(field, &at, found);
        }
        if schema["items"].is_object() {
            if schema["minItems"].as_u64().is_none_or(|least| least == 0) {
                found.push(Lack { at: at.to_owned(), instead: Instead::EmptyList });
            }
            if self.may_be_null(&schema["items"]) {
                found.push(Lack { at: format!("{at}/0"), instead: Instead::Null });
            }
            self.look(&schema["items"], &format!("{at}/0"), found);
        }
    }
}

impl Lack {
    /// Takes it from a payload; false when the payload has not got that place.
    pub fn apply(&self, payload: &mut Value) -> bool {
        let Some((parent, name)) = self.at.rsplit_once('/') else { return false };
        let Some(parent) = payload.pointer_mut(parent) else { return false };
        let name = name.replace("~1", "/").replace("~0", "~");
        let Some(place) = (match parent {
            Value::Object(fields) if self.instead == Instead::Nothing => return fields.remove(&name).is_some(),
            Value::Object(fields) => fields.get_mut(&name),
            Value::Array(items) => name.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        }) else {
            return false;
        };
        *place = if self.instead == Instead::Null { Value::Null } else { json!([]) };
        true
    }
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn example(schema: &Value) -> Option<Value> {
    let listed = schema["examples"].as_array().and_then(|all| all.first());
    listed.or_else(|| schema.get("example")).cloned()
}

fn text(schema: &Value) -> Value {
    json!(match schema["format"].as_str() {
        Some("date-time") => "2011-01-26T19:01:12Z",
        Some("uri" | "uri-template") => "https://api.github.com/repos/octocat/Hello-World",
        _ => "text",
    })
}
