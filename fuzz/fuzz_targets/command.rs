//! Any comment: the grammar finds so many commands at most, on lines that are there, and never panics.

#![no_main]

use baton_core::command::{Command, Found, MAX_COMMANDS, MAX_TEXT_CHARS, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|comment: &str| {
    let found = parse(comment);
    assert!(found.len() <= MAX_COMMANDS + 1);
    let lines = comment.replace("\r\n", "\n").replace('\r', "\n").matches('\n').count() + 1;
    for one in found {
        match one {
            Found::Command { command, line } => {
                assert!((1..=lines).contains(&line));
                if let Command::Revise { text } = command {
                    assert!((1..=MAX_TEXT_CHARS).contains(&text.chars().count()));
                }
            }
            Found::Mistyped { line_text, line, .. } => {
                assert!((1..=lines).contains(&line) && line_text.chars().count() <= 200);
            }
        }
    }
});
