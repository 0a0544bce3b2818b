//! What has to fit together: keys that need or exclude each other, and names that must be there.

use super::document::{Document, Found};
use super::fault::{Mistake, Origin};
use super::keys::{Key, Kind, OPERATOR};
use super::value::{Given, allowed, nearest, quoted};

/// Judges a whole configuration.
pub(super) fn judge(document: &Document, mistakes: &mut Vec<Mistake>) {
    for path in document.values.keys() {
        one_way_for_each_secret(document, path, mistakes);
    }
    for (path, place) in &document.named {
        match path[0].as_str() {
            "agents" => agent(document, path, place, mistakes),
            _ => {
                for name in ["api", "base_url"] {
                    needs(document, path, place, name, "", mistakes);
                }
            }
        }
    }
    refers(document, &["policy".to_owned(), "agent".to_owned()], "agents", mistakes);
}

fn one_way_for_each_secret(document: &Document, path: &[String], mistakes: &mut Vec<Mistake>) {
    let Some(name) = path.last().and_then(|last| last.strip_suffix("_file")) else { return };
    let mut text = path.to_vec();
    if let Some(last) = text.last_mut() {
        name.clone_into(last);
    }
    let (Some(file), Some(_)) = (document.values.get(path), document.values.get(&text)) else { return };
    mistakes.push(Mistake {
        place: file.place.clone(),
        key: path.join("."),
        found: format!("`{name}` and `{name}_file` are both set"),
        allowed: "one of the two; keep one".to_owned(),
        nearest: None,
    });
}

fn agent(document: &Document, path: &[String], place: &Origin, mistakes: &mut Vec<Mistake>) {
    match text(document, path, "kind").as_deref() {
        Some("native") => {
            for name in ["provider", "model"] {
                needs(document, path, place, name, " with `kind = \"native\"`", mistakes);
            }
        }
        Some("replay") => needs(document, path, place, "script", " with `kind = \"replay\"`", mistakes),
        // Another kind was complained of already.
        Some(_) => {}
        None => needs(document, path, place, "kind", "", mistakes),
    }
    let mut provider = path.to_vec();
    provider.push("provider".to_owned());
    refers(document, &provider, "providers", mistakes);
}

fn at<'a>(document: &'a Document, table: &[String], name: &str) -> Option<&'a Found> {
    let path: Vec<String> = table.iter().cloned().chain([name.to_owned()]).collect();
    document.values.get(&path)
}

fn text(document: &Document, table: &[String], name: &str) -> Option<String> {
    match &at(document, table, name)?.given {
        Given::Text(text) => Some(text.clone()),
        _ => Some(String::new()),
    }
}

fn needs(document: &Document, table: &[String], place: &Origin, name: &str, why: &str, mistakes: &mut Vec<Mistake>) {
    if at(document, table, name).is_some() {
        return;
    }
    let key = OPERATOR
        .iter()
        .filter(|section| section.path.first().is_some_and(|first| *first == table[0]) && section.path.len() == 2)
        .find_map(|section| section.keys.iter().find(|key| key.name == name));
    let kind = key.map_or(Kind::Text, |key: &Key| key.kind);
    mistakes.push(Mistake {
        place: place.clone(),
        key: format!("{}.{name}", table.join(".")),
        found: format!("it is not set, and it is needed{why}"),
        allowed: allowed(kind),
        nearest: None,
    });
}

/// The value of `path` has to be the name of a table of `kind`.
fn refers(document: &Document, path: &[String], kind: &str, mistakes: &mut Vec<Mistake>) {
    let Some(Found { given: Given::Text(name), place, .. }) = document.values.get(path) else { return };
    let names: Vec<&str> =
        document.named.keys().filter(|named| named[0] == kind).map(|named| named[1].as_str()).collect();
    if names.contains(&name.as_str()) {
        return;
    }
    mistakes.push(Mistake {
        place: place.clone(),
        key: path.join("."),
        found: format!("{}, and there is no section `[{kind}.{name}]`", quoted(name)),
        allowed: match names.as_slice() {
            [] => format!("the name of a section `[{kind}.NAME]`"),
            names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        },
        nearest: nearest(name, names.into_iter()),
    });
}
