//! The hidden mark by which Baton recognises a comment it wrote for one effect: `<!-- baton:KEY:MAC -->`.
//!
//! A mark counts only in comments by our own bot, and only with our signature over the repository and the key: text that
//! a person or a model made Baton quote cannot pass for another effect's comment. Pure.

use baton_core::domain::ids::RepositoryId;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

const OPEN: &str = "<!-- baton:";
const CLOSE: &str = " -->";

/// Makes and recognises marks.
#[derive(Clone)]
pub struct Markers {
    /// One keyed hash for each secret; the first signs.
    keys: Vec<Hmac<Sha256>>,
}

/// Shows nothing: the keys are secret.
impl std::fmt::Debug for Markers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Markers").finish_non_exhaustive()
    }
}

impl Markers {
    /// Derives the keys. The first secret signs, all of them are recognised; `None` without any.
    #[must_use]
    pub fn new(secrets: &[SecretString]) -> Option<Self> {
        let keys: Vec<_> = secrets
            .iter()
            .filter(|secret| !secret.expose_secret().is_empty())
            .filter_map(|secret| {
                // A key of its own, so that a mark tells nothing about what signs webhooks.
                let mut derive = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
                derive.update(b"baton comment marker 1");
                Hmac::<Sha256>::new_from_slice(&derive.finalize().into_bytes()).ok()
            })
            .collect();
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// The mark of an effect's comment, one line of HTML comment. `key` is the effect's key.
    #[must_use]
    pub fn marker(&self, repository: RepositoryId, key: &str) -> String {
        let key = escape(key);
        let mac = self.keys.first().map(|keyed| sign(keyed, repository, &key)).unwrap_or_default();
        format!("{OPEN}{key}:{mac}{CLOSE}")
    }

    /// Whether a text carries our mark of this effect.
    #[must_use]
    pub fn is_marked(&self, repository: RepositoryId, key: &str, text: &str) -> bool {
        let key = escape(key);
        marks(text).any(|mark| match mark.rsplit_once(':') {
            Some((marked, mac)) => marked == key && self.keys.iter().any(|keyed| signed(keyed, repository, &key, mac)),
            None => false,
        })
    }
}

fn sign(keyed: &Hmac<Sha256>, repository: RepositoryId, key: &str) -> String {
    hex::encode(keyed_over(keyed, repository, key).finalize().into_bytes())
}

fn signed(keyed: &Hmac<Sha256>, repository: RepositoryId, key: &str, mac: &str) -> bool {
    hex::decode(mac).is_ok_and(|mac| keyed_over(keyed, repository, key).verify_slice(&mac).is_ok())
}

fn keyed_over(keyed: &Hmac<Sha256>, repository: RepositoryId, key: &str) -> Hmac<Sha256> {
    let mut mac = keyed.clone();
    mac.update(&repository.0.to_be_bytes());
    mac.update(key.as_bytes());
    mac
}

/// Keeps a key inside an HTML comment whatever it holds: everything but letters, digits, `.`, `_`, `/`, `-` and `:` becomes
/// `%XX`, and so does a dash after a dash, because `--` may end a comment.
fn escape(key: &str) -> String {
    let mut out = String::new();
    for byte in key.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b':' | b'-');
        if plain && !(byte == b'-' && out.ends_with('-')) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What stands in each mark of a text, signed or not.
fn marks(text: &str) -> impl Iterator<Item = &str> {
    text.split(OPEN).skip(1).filter_map(|rest| rest.split_once(CLOSE).map(|(mark, _)| mark))
}

/// A text without anything that looks like a mark: for whatever a person or a model wrote and Baton repeats, and for
/// comparing texts.
#[must_use]
pub fn strip_markers(text: &str) -> String {
    let mut text = text.to_owned();
    // Again until none is left: removing one may join the halves of another. Each round shortens the text.
    while find_open(&text).is_some() {
        let mut kept = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = find_open(rest) {
            kept.push_str(&rest[..start]);
            rest = rest[start..].split_once("-->").map_or("", |(_, after)| after);
        }
        kept.push_str(rest);
        text = kept;
    }
    text.trim_end().to_owned()
}

/// Where an HTML comment starts that begins with `baton:`, however it is spaced and cased.
fn find_open(text: &str) -> Option<usize> {
    text.match_indices("<!--").map(|(at, _)| at).find(|at| {
        let inside = text[at + 4..].trim_start();
        inside.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("baton:"))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: RepositoryId = RepositoryId(42);

    fn markers(secrets: &[&str]) -> Markers {
        Markers::new(&secrets.iter().map(|secret| SecretString::from(*secret)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_mark_is_one_hidden_line() {
        insta::assert_snapshot!(
            markers(&["s"]).marker(HERE, "task/7/say/hello -->"),
            @"<!-- baton:task/7/say/hello%20-%2D%3E:aabc98c8187964c436fbca272bce3007f8e6a69aac48faa5893330074b42d1be -->"
        );
    }

    #[test]
    fn only_the_same_effect_in_the_same_repository_signed_by_us() {
        let ours = markers(&["new", "old"]);
        let text = format!("Hello\n\n{}", ours.marker(HERE, "task/7/plan/1"));
        assert!(ours.is_marked(HERE, "task/7/plan/1", &text));
        assert!(!ours.is_marked(HERE, "task/7/plan/2", &text));
        assert!(!ours.is_marked(HERE, "task/7/plan", &text));
        assert!(!ours.is_marked(RepositoryId(43), "task/7/plan/1", &text));
        assert!(!markers(&["other"]).is_marked(HERE, "task/7/plan/1", &text));
        assert!(!ours.is_marked(HERE, "task/7/plan/1", "<!-- baton:task/7/plan/1: -->"));
        assert!(!ours.is_marked(HERE, "task/7/plan/1", "<!-- baton:task/7/plan/1 -->"));
        let before_rotation = markers(&["old"]).marker(HERE, "task/7/plan/1");
        assert!(ours.is_marked(HERE, "task/7/plan/1", &before_rotation));
    }

    #[test]
    fn no_secret_no_marks() {
        assert!(Markers::new(&[]).is_none());
        assert!(Markers::new(&[SecretString::from("")]).is_none());
        assert!(!format!("{:?}", markers(&["CANARY"])).contains("CANARY"));
    }

    #[test]
    fn marks_are_taken_out_however_they_are_written() {
        let cases = [
            "a <!-- baton:x:1 --> b",
            "a <!--baton:x--> b",
            "a <!--\n BATON:x\n--> b",
            "a <!-- baton:never closed",
            "a <!-<!-- baton:x -->- baton:y --> b",
            "a <!-- other --> b",
        ];
        let lines: Vec<String> = cases.iter().map(|text| strip_markers(text)).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        a  b
        a  b
        a  b
        a
        a  b
        a <!-- other --> b
        ");
    }

    proptest! {
        #[test]
        fn any_key_makes_one_mark_that_is_found_and_stripped(key in ".*", before in "[^<]*", after in "[^<]*") {
            let markers = markers(&["s"]);
            let mark = markers.marker(HERE, &key);
            prop_assert_eq!(mark.matches("-->").count(), 1);
            prop_assert!(!mark[4..mark.len() - 3].contains("--"));
            let text = format!("{before}{mark}{after}");
            prop_assert!(markers.is_marked(HERE, &key, &text));
            let rest = format!("{before}{after}");
            prop_assert_eq!(strip_markers(&text), rest.trim_end());
        }

        #[test]
        fn stripping_leaves_nothing_behind(text in "(<!--|-->|baton:| |<|!|-|a|\n|é){0,40}") {
            let stripped = strip_markers(&text);
            prop_assert!(find_open(&stripped).is_none());
        }
    }
}
