//! Fields that never fail: a value of another type than expected counts as absent. Parses as a stream, so that the parts
//! of a payload nobody reads cost no memory, however large and deep they are.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The most elements kept of a list. GitHub allows 100 labels and 10 assignees on an issue; installations list more
/// repositories, which are asked for by paging anyway.
const LIST_LIMIT: usize = 1000;

/// One kind of value that a field may hold. Every method says what becomes of that JSON type; the default is "absent".
trait Kind: Sized {
    fn text(_: &str) -> Option<Self> {
        None
    }
    fn number(_: i64) -> Option<Self> {
        None
    }
    fn flag(_: bool) -> Option<Self> {
        None
    }
    fn list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn object<'de, A: MapAccess<'de>>(mut fields: A) -> Result<Option<Self>, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Kind for String {
    fn text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Kind for i64 {
    fn number(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Kind for bool {
    fn flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

/// A nested object whose own fields are lenient.
pub(crate) struct Object<T>(pub(crate) T);

impl<T: for<'a> Deserialize<'a>> Kind for Object<T> {
    fn object<'de, A: MapAccess<'de>>(fields: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(|inner| Some(Self(inner)))
    }
}

/// An object of which only the presence matters.
pub(crate) struct Presence;

impl Kind for Presence {
    fn object<'de, A: MapAccess<'de>>(mut fields: A) -> Result<Option<Self>, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }
}

/// A list of objects; elements that are none are left out.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: for<'a> Deserialize<'a>> Kind for List<T> {
    fn list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Option<Self>, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < LIST_LIMIT {
            match items.next_element::<Field<Object<T>>>()? {
                Some(field) => kept.extend(field.0.map(|object| object.0)),
                None => return Ok(Some(Self(kept))),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Self(kept)))
    }
}

/// An object used as a dictionary of texts; other values are left out.
pub(crate) struct Texts(pub(crate) BTreeMap<String, String>);

impl Kind for Texts {
    fn object<'de, A: MapAccess<'de>>(mut fields: A) -> Result<Option<Self>, A::Error> {
        let mut kept = BTreeMap::new();
        while let Some((name, value)) = fields.next_entry::<String, Field<String>>()? {
            if let (Some(value), true) = (value.0, kept.len() < LIST_LIMIT) {
                kept.insert(name, value);
            }
        }
        Ok(Some(Self(kept)))
    }
}

/// A field of kind `K`, or nothing: absent, null, or of another type.
pub(crate) struct Field<K>(pub(crate) Option<K>);

impl<K> Default for Field<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Field<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue(PhantomData)).map(Self)
    }
}

struct AnyValue<K>(PhantomData<K>);

impl<'de, K: Kind> Visitor<'de> for AnyValue<K> {
    type Value = Option<K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(K::text(text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(K::number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().and_then(K::number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(K::flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        K::list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        K::object(fields)
    }
}
