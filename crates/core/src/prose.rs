//! Every sentence the bot can say.

pub mod bounded;
pub mod neutral;
pub mod untrusted;

pub mod feedback;
pub mod note;
pub mod plan;
pub mod progress;
pub mod pull;

use std::time::Duration;

/// `12,345`
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Rounded for people: `42 s`, `3 min`, `2 h 5 min`, `3 d`.
#[must_use]
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d", seconds / 86_400),
    }
}
