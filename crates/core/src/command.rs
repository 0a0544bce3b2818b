//! The grammar of what people type in comments.
