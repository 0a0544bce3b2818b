//! Markdown as GitHub renders it: the dialect, and what a reader of the rendered page sees. Knows no command and no sentence.

mod attributes;
mod building;
pub(crate) mod characters;
pub(crate) mod dialect;
pub(crate) mod document;
mod frame;
pub(crate) mod hidden;
pub(crate) mod reading;
mod style;
pub(crate) mod writing;
