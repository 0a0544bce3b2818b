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

/// Refuses a label whose name, colour or description GitHub would not take.
pub(crate) fn check_label(name: &str, color: Option<&str>, description: Option<&str>) -> Done<()> {
    if name.trim().is_empty() {
        return Err(Refusal::invalid("Label", "name", "missing_field"));
    }
    for (field, text, most) in [("name", name, 50), ("description", description.unwrap_or_default(), 100)] {
        if text.chars().count() > most {
            return Err(Refusal::validation(vec![json!({
                "resource": "Label", "code": "custom", "field": field,
                "message": format!("{field} is too long (maximum is {most} characters)"),
            })]));
        }
    }
    let hex = |color: &str| color.len() == 6 && color.bytes().all(|b| b.is_ascii_hexdigit());
    if color.is_some_and(|color| !hex(color.trim_start_matches('#'))) {
        return Err(Refusal::invalid("Label", "color", "invalid"));
    }
    Ok(())
}
