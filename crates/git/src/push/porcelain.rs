//! Reads git's machine-readable answers: `push --porcelain` and `ls-remote`. Never guesses: an unknown line is skipped.

use baton_core::domain::ids::CommitSha;

/// What became of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Made, moved forward or moved sideways.
    Moved,
    /// Nothing was to be done.
    UpToDate,
    /// Refused, with git's summary.
    Rejected(String),
}

/// The outcome of one reference. Lines are `FLAG TAB FROM:TO TAB SUMMARY` (git-push(1), "OUTPUT").
pub(crate) fn outcome(stdout: &str, reference: &str) -> Option<Outcome> {
    stdout.lines().find_map(|line| {
        let mut parts = line.splitn(3, '\t');
        let (flag, names, summary) = (parts.next()?, parts.next()?, parts.next()?);
        let (_, to) = names.split_once(':')?;
        if to != reference {
            return None;
        }
        match flag {
            " " | "+" | "*" => Some(Outcome::Moved),
            "=" => Some(Outcome::UpToDate),
            "!" => Some(Outcome::Rejected(summary.to_owned())),
            _ => None,
        }
    })
}

/// The commit of one reference in `ls-remote`'s list of `SHA TAB NAME`.
pub(crate) fn listed(stdout: &str, reference: &str) -> Option<CommitSha> {
    stdout.lines().find_map(|line| {
        let (sha, name) = line.split_once('\t')?;
        if name == reference { sha.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REF: &str = "refs/heads/baton/issue-1";

    #[test]
    fn each_flag_has_its_meaning() {
        let read = |line: &str| outcome(&format!("To http://h/r.git\n{line}\nDone\n"), REF);
        let to = "0123:refs/heads/baton/issue-1";
        assert_eq!(read(&format!("*\t{to}\t[new branch]")), Some(Outcome::Moved));
        assert_eq!(read(&format!(" \t{to}\taaa..bbb")), Some(Outcome::Moved));
        assert_eq!(read(&format!("+\t{to}\taaa...bbb (forced update)")), Some(Outcome::Moved));
        assert_eq!(read(&format!("=\t{to}\t[up to date]")), Some(Outcome::UpToDate));
        assert_eq!(
            read(&format!("!\t{to}\t[remote rejected] (pre-receive hook declined)")),
            Some(Outcome::Rejected("[remote rejected] (pre-receive hook declined)".into()))
        );
        assert_eq!(read(&format!("-\t:{REF}\t[deleted]")), None);
        assert_eq!(read("*\t0123:refs/heads/other\t[new branch]"), None);
        assert_eq!(read(""), None);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(text in "\\PC*", flag in "[ +*=!-]", tail in "\\PC{0,30}") {
            let _ = (outcome(&text, REF), listed(&text, REF));
            let lines = format!("{text}\n{flag}\tx:{REF}\t{tail}\n");
            let found = outcome(&lines, REF);
            prop_assert_eq!(found.is_some(), flag != "-");
        }

        #[test]
        fn a_listed_reference_is_found_among_others(
            others in prop::collection::vec(("[0-9a-f]{40}", "refs/heads/[a-z]{1,9}"), 0..5),
            sha in "[0-9a-f]{40}",
        ) {
            let mut text: String = others.iter().map(|(s, n)| format!("{s}\t{n}\n")).collect();
            prop_assert_eq!(listed(&text, REF), None);
            text.push_str(&format!("{sha}\t{REF}\n"));
            prop_assert_eq!(listed(&text, REF).map(String::from), Some(sha));
        }
    }
}
