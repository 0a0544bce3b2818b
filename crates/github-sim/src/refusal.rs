//! The ways GitHub says no, with its own texts.

use serde_json::{Value, json};

/// An answer other than success, in GitHub's shape.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{status} {message}{}", .errors.as_ref().map(|errors| format!(" {errors}")).unwrap_or_default())]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The `message` field.
    pub message: String,
    /// The `errors` field, where there is one.
    pub errors: Option<Value>,
    /// The `documentation_url` field behind `https://docs.github.com/rest`.
    pub docs: &'static str,
}

impl Refusal {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: None, docs: "" }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    pub(crate) fn gone() -> Self {
        Self::new(410, "This issue was deleted")
    }

    pub(crate) fn issues_disabled() -> Self {
        Self::new(410, "Issues are disabled for this repo")
    }

    /// 422 of the operations whose bodies GitHub holds against a schema: words, and no `errors`.
    pub(crate) fn schema(words: impl std::fmt::Display) -> Self {
        Self::new(422, format!("Invalid request.\n\n{words}"))
    }

    pub(crate) fn bad_credentials() -> Self {
        Self::new(401, "Bad credentials")
    }

    pub(crate) fn requires_authentication() -> Self {
        Self::new(401, "Requires authentication")
    }

    pub(crate) fn not_by_integration() -> Self {
        Self::new(403, "Resource not accessible by integration")
    }

    pub(crate) fn needs_admin() -> Self {
        Self::new(403, "Must have admin rights to Repository.")
    }

    pub(crate) fn archived() -> Self {
        Self::new(403, "Repository was archived so is read-only.")
    }

    /// 422 with one machine-readable reason.
    pub(crate) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        Self::validation(vec![json!({"resource": resource, "field": field, "code": code})])
    }

    /// 422 with one reason in words.
    pub(crate) fn custom(resource: &str, message: impl Into<String>) -> Self {
        Self::validation(vec![json!({"resource": resource, "code": "custom", "message": message.into()})])
    }

    pub(crate) fn validation(errors: Vec<Value>) -> Self {
        Self { errors: Some(errors.into()), ..Self::new(422, "Validation Failed") }
    }

    /// The same reason under another status.
    pub(crate) fn with(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The answer's JSON.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({"message": self.message});
        if let Value::Object(fields) = &mut body {
            if let Some(errors) = &self.errors {
                fields.insert("errors".into(), errors.clone());
            }
            fields.insert("documentation_url".into(), format!("https://docs.github.com/rest{}", self.docs).into());
            fields.insert("status".into(), self.status.to_string().into());
        }
        body
    }
}

impl From<crate::git::GitError> for Refusal {
    fn from(error: crate::git::GitError) -> Self {
        Self::new(500, error.to_string())
    }
}
