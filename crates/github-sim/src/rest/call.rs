//! One request on its way through a handler, and the answer that comes out.

use serde_json::Value;

use super::access::Identity;
use super::route::Params;
use crate::refusal::Refusal;
use crate::world::{Actor, World};

pub(crate) type Outcome = Result<Answer, Refusal>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub status: u16,
    /// `None`: no body at all.
    pub body: Option<Value>,
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Outcome {
        Ok(Self { status: 200, body: Some(body), headers: Vec::new() })
    }

    pub(crate) fn created(body: Value) -> Outcome {
        Ok(Self { status: 201, body: Some(body), headers: Vec::new() })
    }

    /// A text as it is, under a media type of its own.
    pub(crate) fn raw(bytes: &[u8], media_type: &str) -> Self {
        let body = Some(Value::String(String::from_utf8_lossy(bytes).into_owned()));
        Self { status: 200, body, headers: vec![("content-type", media_type.to_owned())] }
    }

    pub(crate) fn no_content() -> Outcome {
        Ok(Self { status: 204, body: None, headers: Vec::new() })
    }
}

pub(crate) struct Call<'a> {
    pub world: &'a mut World,
    pub who: Identity,
    pub actor: Actor,
    /// The repository of the path; 0 where there is none.
    pub repo: u64,
    pub params: Params,
    pub query: Vec<(String, String)>,
    pub body: Value,
    /// The absolute URL without its query, for `Link`.
    pub url: String,
    /// The value of `Accept`.
    pub accept: String,
}

impl Call<'_> {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value.as_str())
    }

    /// A parameter that must be a number; anything else is not found.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.param(name).parse().map_err(|_| Refusal::not_found())
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// A string of the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A string that must be there.
    pub(crate) fn required(&self, resource: &str, name: &str) -> Result<String, Refusal> {
        match self.body.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            None | Some(Value::Null) => Err(Refusal::invalid(resource, name, "missing_field")),
            Some(other) => {
                let text = format!("Invalid request.\n\nFor 'properties/{name}', {other} is not a string.");
                Err(Refusal::new(422, text))
            }
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.body.get(name).and_then(Value::as_bool)
    }

    /// A list of names: strings, objects with a `name`, or the body itself being such a list. `None` when absent.
    pub(crate) fn names(&self, field: &str) -> Option<Vec<String>> {
        let list = self.body.get(field).or(Some(&self.body).filter(|body| body.is_array()))?;
        let name = |it: &Value| it.as_str().or_else(|| it.get("name")?.as_str()).map(str::to_owned);
        match list {
            Value::Array(list) => Some(list.iter().filter_map(name).collect()),
            Value::String(one) => Some(vec![one.clone()]),
            _ => None,
        }
    }
}
