//! Any body of any event: it is understood, ignored or called malformed, and said so in a bounded sentence.
//!
//! The first byte chooses the event, the rest is the body.

#![no_main]

use baton_webhook::{HANDLED, Incoming, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let (event, _) = HANDLED[usize::from(*first) % HANDLED.len()];
    match parse(event, body) {
        Incoming::Ignored { reason } => assert!(reason.to_string().len() < 300),
        Incoming::Malformed { reason } => assert!(reason.to_string().len() < 300),
        Incoming::Issue { issue, .. } => assert!(issue.labels.len() <= 1000 && issue.assignees.len() <= 1000),
        _ => {}
    }
});
