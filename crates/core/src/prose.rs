//! Every sentence the bot can say.

pub mod bounded;
pub mod neutral;
pub mod untrusted;

pub mod contact;
pub mod feedback;
pub mod kept;
pub mod note;
pub mod place;
pub mod plan;
pub mod progress;
pub mod pull;
pub mod refusal;
pub mod transfer;
pub mod wait;

use std::time::Duration;

use crate::domain::usage::MicroDollars;

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

/// To the cent, for people: `$0.07`; what is less than a cent and not nothing is said so.
#[must_use]
pub fn money(amount: MicroDollars) -> String {
    let cents = (amount.0 + 5_000) / 10_000;
    if cents == 0 && amount.0 > 0 {
        return "less than $0.01".to_owned();
    }
    format!("${}.{:02}", cents / 100, cents % 100)
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
