//! Where in a YAML text a value or a key stands. The parser tells places only with its errors, so the text is read once more,
//! with a reader that refuses at exactly that spot.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// One step down into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Element(usize),
}

/// A place, line and column from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
}

/// Where the value at `path` begins, or its key. The beginning of the text where that cannot be told.
pub(super) fn locate(text: &str, path: &[Step], of_key: bool) -> Place {
    let seed = Search { path, of_key };
    let found = seed.deserialize(yaml_serde::Deserializer::from_str(text));
    let location = found.err().and_then(|error| error.location());
    location.map_or(Place { line: 1, column: 1 }, |at| Place { line: at.line().max(1), column: at.column().max(1) })
}

/// Goes down the path, and refuses at its end.
#[derive(Clone, Copy)]
struct Search<'a> {
    path: &'a [Step],
    of_key: bool,
}

/// What the refusal says; nobody reads it.
const HERE: &str = "here";

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! refuse {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<(), E> { self.end() })*
    };
}

impl Search<'_> {
    /// What has nothing below it: the spot itself, or a dead end.
    fn end<E: Error>(self) -> Result<(), E> {
        if self.path.is_empty() { Err(E::custom(HERE)) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    refuse!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.end()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.end()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (step, rest) = self.path.split_first().ok_or_else(|| A::Error::custom(HERE))?;
        let mut at = 0;
        loop {
            let next = if *step == Step::Element(at) {
                list.next_element_seed(Search { path: rest, ..self })?
            } else {
                list.next_element::<IgnoredAny>()?.map(drop)
            };
            if next.is_none() {
                return Ok(());
            }
            at += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (step, rest) = self.path.split_first().ok_or_else(|| A::Error::custom(HERE))?;
        let refuses = self.of_key && rest.is_empty();
        while let Some(ours) = map.next_key_seed(IsKey { step, refuses })? {
            if ours {
                map.next_value_seed(Search { path: rest, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Whether a key is the one on the path.
#[derive(Clone, Copy)]
struct IsKey<'a> {
    step: &'a Step,
    refuses: bool,
}

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! other_keys {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E: Error>(self, _: $type) -> Result<bool, E> { Ok(false) })*
    };
}

impl<'de> Visitor<'de> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        let ours = matches!(self.step, Step::Key(key) if key == name);
        if ours && self.refuses { Err(E::custom(HERE)) } else { Ok(ours) }
    }

    other_keys!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64);

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_none<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}
