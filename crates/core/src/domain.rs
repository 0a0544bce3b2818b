//! The vocabulary and the rules: tasks, events, effects, plans, patches, evidence. Pure data and pure functions.

pub mod actor;
pub mod closing;
pub mod contact;
pub mod effect;
pub mod enclosure;
pub mod event;
pub mod evidence;
pub mod ids;
pub mod issue;
pub mod kept;
pub mod note;
pub mod patch;
pub mod plan;
pub mod refusal;
pub mod rejection;
pub mod run;
pub mod settings;
pub mod state;
pub mod step;
pub mod task;
pub mod time;
pub mod tool;
pub mod transfer;
pub mod usage;
pub mod wait;
