//! Somebody who looks at every write of an App, just before it is done and just after, and may break it off there: tests
//! end the App's process at that moment, or lose its answer.

use std::fmt;

use crate::rest::access::Identity;

/// When a write is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// It has come in, and nothing is done yet.
    Before,
    /// It is done, and nobody was told.
    After,
}

/// What becomes of a write that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Passage {
    /// It goes on.
    Goes,
    /// Nothing more is done, and the connection is cut.
    IsCut,
}

type Judge = Box<dyn FnMut(&str, Moment) -> Passage + Send>;

/// The one who looks; nobody until somebody is asked to.
#[derive(Default)]
pub(crate) struct Witness(Option<Judge>);

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Witness").field(&self.0.is_some()).finish()
    }
}

impl Witness {
    pub(crate) fn judging(judge: impl FnMut(&str, Moment) -> Passage + Send + 'static) -> Self {
        Self(Some(Box::new(judge)))
    }

    /// Whether a request is cut off here. `operation` is what the request log calls it.
    pub(crate) fn cuts(&mut self, operation: &str, moment: Moment) -> bool {
        self.0.as_mut().is_some_and(|judge| judge(operation, moment) == Passage::IsCut)
    }
}

/// Whether a request is a write of an App.
pub(crate) fn is_witnessed(who: Option<Identity>, reads: bool) -> bool {
    !reads && matches!(who, Some(Identity::App { .. } | Identity::Installation { .. }))
}
