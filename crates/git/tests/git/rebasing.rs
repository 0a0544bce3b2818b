//! rebasing
