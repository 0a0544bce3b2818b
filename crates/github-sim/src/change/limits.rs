//! The lengths GitHub allows.

use serde_json::json;

use super::{Done, Refusal};

/// Characters in an issue, a pull request, a comment.
pub(crate) const BODY: usize = 65_536;

/// Refuses a text that is too long.
pub(crate) fn check_body(resource: &str, body: &str) -> Done<()> {
    if body.chars().count() <= BODY {
        return Ok(());
    }
    Err(Refusal::validation(vec![json!({
        "resource": resource, "code": "custom", "field": "body",
        "message": format!("body is too long (maximum is {BODY} characters)"),
    })]))
}

/// Refuses an empty or an overlong title.
pub(crate) fn check_title(resource: &str, title: &str) -> Done<()> {
    if title.trim().is_empty() {
        return Err(Refusal::invalid(resource, "title", "missing_field"));
    }
    if title.chars().count() > 256 {
        return Err(Refusal::validation(vec![json!({
            "resource": resource, "code": "custom", "field": "title",
            "message": "title is too long (maximum is 256 characters)",
        })]));
    }
    Ok(())
}
