//! The attributes of a tag: what the page's reader never sees of them.

use html5gum::StartTag;

use super::hidden::{Hidden, Omitted};

/// Records every attribute that says something nobody reads.
pub(super) fn note(element: &str, tag: &StartTag<()>, omitted: &mut Omitted) {
    for (name, value) in &tag.attributes {
        let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
        let kind = match (element, name.as_ref()) {
            ("a", "href") => continue,
            ("a", "title") => Hidden::LinkTitle,
            ("img" | "image", "alt" | "title") => Hidden::ImageText,
            ("img" | "image" | "source", "src" | "srcset") => Hidden::ImageAddress,
            (_, "class") if value.starts_with("language-") || value.starts_with("footnote-") => continue,
            (_, "id") if value.len() < 8 => continue,
            (_, "style") if value.starts_with("text-align: ") && value.len() < 20 => continue,
            (_, "type") if value == "checkbox" => continue,
            (_, "align" | "dir" | "width" | "height" | "start" | "colspan" | "rowspan") if value.len() < 12 => {
                continue;
            }
            _ => Hidden::Attribute,
        };
        let text = match kind {
            Hidden::Attribute if value.is_empty() => continue,
            Hidden::Attribute => format!("{name}={value}"),
            _ => value.into_owned(),
        };
        omitted.add(kind, &text);
    }
}

/// The value of an attribute, decoded.
pub(super) fn value(tag: &StartTag<()>, wanted: &str) -> Option<String> {
    tag.attributes
        .iter()
        .find(|(name, _)| name.as_slice() == wanted.as_bytes())
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}
