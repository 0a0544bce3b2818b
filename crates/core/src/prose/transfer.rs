//! How far a fetch has come, in words.

use crate::domain::transfer::{Transfer, TransferStep};

/// `fetching acme/app, 34% (680 MB)`. `repository` is put in as it is.
#[must_use]
pub fn line(repository: &str, transfer: &Transfer) -> String {
    let Transfer { step, percent, bytes } = *transfer;
    let received = if bytes < 1_000_000 {
        format!("{} kB", super::number(bytes / 1_000))
    } else {
        format!("{} MB", super::number(bytes / 1_000_000))
    };
    match step {
        TransferStep::Preparing => format!("fetching {repository}, the server prepares it, {percent}%"),
        TransferStep::Receiving => format!("fetching {repository}, {percent}% ({received})"),
        TransferStep::Unpacking => format!("fetching {repository}, {received} are here; unpacking, {percent}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_says_how_far_it_is() {
        let lines = [
            Transfer { step: TransferStep::Preparing, percent: 7, bytes: 0 },
            Transfer { step: TransferStep::Receiving, percent: 1, bytes: 12_345 },
            Transfer { step: TransferStep::Receiving, percent: 34, bytes: 680_900_000 },
            Transfer { step: TransferStep::Unpacking, percent: 99, bytes: 2_000_000_000 },
        ]
        .map(|transfer| line("acme/app", &transfer));
        insta::assert_snapshot!(lines.join("\n"), @r"
        fetching acme/app, the server prepares it, 7%
        fetching acme/app, 1% (12 kB)
        fetching acme/app, 34% (680 MB)
        fetching acme/app, 2,000 MB are here; unpacking, 99%
        ");
    }
}
