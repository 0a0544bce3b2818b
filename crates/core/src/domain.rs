//! The vocabulary and the rules: tasks, events, effects, plans, patches, evidence. Pure data and pure functions.

pub mod enclosure;
pub mod evidence;
pub mod ids;
pub mod patch;
pub mod plan;
pub mod run;
pub mod time;
pub mod tool;
pub mod usage;
