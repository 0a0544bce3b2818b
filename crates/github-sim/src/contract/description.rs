//! GitHub's description of its REST API as `script/contract` cut it, read line by line and no further than needed.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::rest::route::{Params, match_path};

static TEXT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/contract/rest.tsv"));

/// Schemas by media type.
pub(crate) type Types = BTreeMap<String, Value>;

/// An operation's parameters, body and answers.
#[derive(Debug, Deserialize)]
pub(crate) struct About {
    pub parameters: Vec<Parameter>,
    pub body: Option<Body>,
    /// By status.
    pub answers: BTreeMap<String, Types>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Parameter {
    pub name: String,
    pub r#in: Place,
    pub required: bool,
    pub schema: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Path,
    Query,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    pub required: bool,
    pub types: Types,
}

/// One operation that GitHub describes.
#[derive(Debug)]
pub struct DescribedOperation {
    /// GitHub's id of it.
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path; a parameter `{name*}` may hold slashes.
    pub path: &'static str,
    json: &'static str,
    about: OnceLock<Result<About, String>>,
}

impl DescribedOperation {
    /// Taken apart when first asked for; the fault in the cut, where it is broken.
    pub(crate) fn about(&self) -> Result<&About, &str> {
        let about = self.about.get_or_init(|| serde_json::from_str(self.json).map_err(|error| error.to_string()));
        about.as_ref().map_err(String::as_str)
    }
}

/// The whole description.
#[derive(Debug, Default)]
pub(crate) struct Description {
    operations: Vec<DescribedOperation>,
    /// JSON by name.
    pub schemas: HashMap<&'static str, &'static str>,
    aliases: Vec<(&'static str, &'static str)>,
    /// The answers that any operation may give, by status.
    pub general: BTreeMap<String, Types>,
}

/// GitHub's description.
pub(crate) fn github() -> &'static Description {
    static GITHUB: OnceLock<Description> = OnceLock::new();
    GITHUB.get_or_init(|| Description::read(TEXT))
}

/// Every operation that the contract knows: those of GitHub's that an App like Baton plausibly uses.
pub fn described_operations() -> impl Iterator<Item = &'static DescribedOperation> {
    github().operations.iter()
}

impl Description {
    fn read(text: &'static str) -> Self {
        let mut all = Self::default();
        for line in text.lines() {
            let columns: Vec<&'static str> = line.split('\t').collect();
            match columns[..] {
                ["operation", name, method, path, json] => {
                    all.operations.push(DescribedOperation { name, method, path, json, about: OnceLock::new() });
                }
                ["schema", name, json] => {
                    all.schemas.insert(name, json);
                }
                ["alias", path, is] => all.aliases.push((path, is)),
                ["general", json] => all.general = serde_json::from_str(json).unwrap_or_default(),
                _ => {}
            }
        }
        all
    }

    /// The operation of a method and a path below the API's base URL, and the path's parameters.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<(&DescribedOperation, Params)> {
        let path = self.without_alias(path);
        let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
        let segments: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let fitting = self.operations.iter().filter(|operation| operation.method == method).filter_map(|operation| {
            let (literals, params) = match_path(operation.path, &segments)?;
            Some((literals, operation, params))
        });
        // The more of a path is literal, the better it fits.
        let best = fitting.max_by_key(|(literals, ..)| *literals)?;
        Some((best.1, best.2))
    }

    /// The path as GitHub describes it; what an alias leaves open stands for itself.
    fn without_alias(&self, path: &str) -> String {
        for (alias, is) in &self.aliases {
            let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
            let pattern: Vec<&str> = alias.trim_matches('/').split('/').collect();
            let fits = parts.len() >= pattern.len()
                && pattern.iter().zip(&parts).all(|(pattern, part)| pattern.starts_with('{') || pattern == part);
            if fits {
                let rest: Vec<&str> = parts.into_iter().skip(pattern.len()).collect();
                return [vec![is.trim_matches('/')], rest].concat().join("/");
            }
        }
        path.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::github;

    #[test]
    fn paths_lead_to_operations() {
        let name = |method: &str, path: &str| github().find(method, path).map(|(operation, _)| operation.name);
        assert_eq!(name("GET", "/repos/o/r/issues/comments/7"), Some("issues/get-comment"));
        assert_eq!(name("GET", "/repos/o/r/branches/a/b"), Some("repos/get-branch"));
        assert_eq!(name("GET", "/repos/o/r/git/ref/heads/a/b"), Some("git/get-ref"));
        assert_eq!(name("GET", "/repositories/7"), Some("repos/get"));
        assert_eq!(name("POST", "/repositories/7/issues/1/labels"), Some("issues/add-labels"));
        assert_eq!(name("PUT", "/repos/o/r/issues/comments/7"), None);
        assert_eq!(name("GET", "/nowhere"), None);
    }

    #[test]
    fn every_line_can_be_read() {
        assert!(github().operations.len() > 250 && github().schemas.len() > 200 && github().general.len() > 5);
        for operation in &github().operations {
            assert!(operation.about().is_ok(), "{}: {:?}", operation.name, operation.about());
        }
        for (name, json) in &github().schemas {
            assert!(serde_json::from_str::<serde_json::Value>(json).is_ok(), "{name}");
        }
    }
}
