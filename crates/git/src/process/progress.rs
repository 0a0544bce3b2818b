//! Reads what git says of its progress (`fetch --progress`), and keeps it out of what else it says.

use baton_core::domain::transfer::{Transfer, TransferStep};

/// One line of git's progress, without the carriage return or line feed that ends it. `so_far` is what was heard before:
/// git names bytes only while they arrive.
///
/// The lines are those of git's `progress.c`: `Receiving objects:  34% (340/1000), 680.12 MiB | 3.00 MiB/s`.
pub(super) fn read(line: &str, so_far: Option<Transfer>) -> Option<Transfer> {
    let (step, counted) = STEPS.iter().find_map(|(title, step)| Some((*step, line.strip_prefix(title)?)))?;
    let (percent, rest) = counted.split_once("% (")?;
    let percent = percent.trim().parse::<u8>().ok()?.min(100);
    let told = rest.split_once("), ").and_then(|(_, throughput)| bytes(throughput));
    let bytes = told.or(so_far.map(|before| before.bytes)).unwrap_or(0);
    Some(Transfer { step, percent, bytes })
}

const STEPS: [(&str, TransferStep); 5] = [
    ("remote: Counting objects:", TransferStep::Preparing),
    ("remote: Compressing objects:", TransferStep::Preparing),
    ("Receiving objects:", TransferStep::Receiving),
    ("Unpacking objects:", TransferStep::Receiving),
    ("Resolving deltas:", TransferStep::Unpacking),
];

/// `680.12 MiB | 3.00 MiB/s`, `1.5 GiB, done.`, `512 bytes`
fn bytes(throughput: &str) -> Option<u64> {
    let mut words = throughput.split([' ', ',', '|']).filter(|word| !word.is_empty());
    let (amount, unit) = (words.next()?, words.next()?);
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
    let unit: u64 = match unit {
        "bytes" | "byte" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    // Two digits behind the point, as git writes them.
    let part: u64 = part.get(..part.len().min(2))?.parse().ok()?;
    Some(whole.parse::<u64>().ok()?.saturating_mul(unit).saturating_add(unit.saturating_mul(part) / 100))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_line_of_a_fetch_has_its_meaning() {
        let said = "remote: Enumerating objects: 20100, done.\n\
                    remote: Counting objects:   7% (1407/20100)\n\
                    remote: Compressing objects: 100% (40/40), done.\n\
                    Receiving objects:   1% (201/20100)\n\
                    Receiving objects:  34% (6834/20100), 680.12 MiB | 3.00 MiB/s\n\
                    Receiving objects:  35% (7035/20100)\n\
                    Receiving objects: 100% (20100/20100), 1.86 GiB | 61.00 MiB/s, done.\n\
                    remote: Total 20100 (delta 0), reused 0 (delta 0), pack-reused 0\n\
                    Resolving deltas:  50% (2/4)\n\
                    From http://127.0.0.1:1/o/r\n\
                    Unpacking objects: 100% (3/3), 253 bytes | 253.00 KiB/s, done.";
        let mut so_far = None;
        let mut table = String::new();
        for line in said.lines() {
            match read(line.trim_start(), so_far) {
                Some(transfer) => {
                    so_far = Some(transfer);
                    table.push_str(&format!("{:?} {}% {}\n", transfer.step, transfer.percent, transfer.bytes));
                }
                None => table.push_str("-\n"),
            }
        }
        insta::assert_snapshot!(table, @r"
        -
        Preparing 7% 0
        Preparing 100% 0
        Receiving 1% 0
        Receiving 34% 713157509
        Receiving 35% 713157509
        Receiving 100% 1997159792
        -
        Unpacking 50% 1997159792
        -
        Receiving 100% 253
        ");
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in "\\PC*", title in 0_usize..5, tail in "[0-9%(). ,/|KMGiBbytes-]{0,40}") {
            let _ = (read(&text, None), read(&format!("{}{tail}", STEPS[title].0), None));
        }
    }
}
