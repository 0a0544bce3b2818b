//! Changing files: exact replacements and whole files. What may be written is decided by the mounts, not here.

use std::fmt::Write as _;
use std::fs;

use super::files::{cannot, resolve, text};

/// Lines of a near miss that are shown.
const SHOWN: usize = 8;

/// The `edit` tool.
pub(super) fn edit(path: &str, old: &str, new: &str, all: bool, max: u64) -> Result<String, String> {
    let before = text(path)?;
    let (after, count) = replace(&before, old, new, all).map_err(|why| format!("{path}: {why}"))?;
    save(path, &after, max)?;
    let places = if count == 1 { "one place".to_owned() } else { format!("{count} places") };
    Ok(format!("{path}: replaced in {places}."))
}

/// The `write` tool.
pub(super) fn write(path: &str, content: &str, max: u64) -> Result<String, String> {
    let place = resolve(path);
    let existed = place.symlink_metadata().is_ok();
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(|e| cannot(path, &e))?;
    }
    save(path, content, max)?;
    Ok(format!("{path}: {} ({} bytes).", if existed { "overwritten" } else { "created" }, content.len()))
}

/// Writes in place, so that permissions stay. The length is checked first: past its limit the kernel would kill us.
fn save(path: &str, content: &str, max: u64) -> Result<(), String> {
    if content.len() as u64 > max {
        return Err(format!("{path}: {} bytes are more than a file may have here ({max}).", content.len()));
    }
    let place = resolve(path);
    if place.metadata().is_ok_and(|m| !m.is_file()) {
        return Err(format!("{path} is no ordinary file."));
    }
    fs::write(place, content).map_err(|e| cannot(path, &e))
}

/// The text after the replacement and how often it was made, or why it was not.
fn replace(before: &str, old: &str, new: &str, all: bool) -> Result<(String, usize), String> {
    if old.is_empty() {
        return Err("the text to replace is empty. Use `write` for a whole file.".into());
    }
    if old == new {
        return Err("the old and the new text are the same.".into());
    }
    let places: Vec<usize> = before.match_indices(old).map(|(at, _)| at).collect();
    match places.len() {
        0 => Err(near_miss(before, old)),
        1 => Ok((before.replacen(old, new, 1), 1)),
        n if all => Ok((before.replace(old, new), n)),
        n => {
            let lines: Vec<String> = places.iter().take(10).map(|at| line_of(before, *at).to_string()).collect();
            Err(format!(
                "the text occurs {n} times (lines {}{}). Give more of what is around it, or set `all`.",
                lines.join(", "),
                if n > 10 { ", …" } else { "" }
            ))
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Where the text nearly occurs: the window of lines that shares most with it, white space aside.
fn near_miss(before: &str, old: &str) -> String {
    let wanted: Vec<&str> = old.lines().map(str::trim).collect();
    let lines: Vec<&str> = before.lines().collect();
    let score = |start: usize| {
        wanted
            .iter()
            .zip(&lines[start..])
            .map(|(want, have)| match (want.is_empty(), *want == have.trim()) {
                (false, true) => 2 * want.len(),
                (false, false) => common(want, have.trim()),
                (true, _) => 0,
            })
            .sum::<usize>()
    };
    let best = (0..lines.len()).map(|start| (score(start), start)).max_by_key(|&(s, start)| (s, usize::MAX - start));
    let mut out = String::from("the text to replace does not occur exactly. ");
    let Some((score, start)) = best.filter(|(score, _)| *score > 3) else {
        out.push_str("Nothing in the file is like it; read the file again.");
        return out;
    };
    let all_match = score == wanted.iter().map(|w| 2 * w.len()).sum::<usize>();
    let _ = write!(out, "The nearest text begins at line {}", start + 1);
    if all_match && before.contains("\r\n") {
        out.push_str(" (the file has Windows line endings)");
    } else if all_match {
        out.push_str(" and differs in white space only");
    }
    out.push_str(":\n");
    for (line, number) in lines[start..].iter().take(wanted.len().clamp(1, SHOWN)).zip(start + 1..) {
        let _ = writeln!(out, "{number:>6}\t{line}");
    }
    out
}

/// Length of what two lines share at their beginning.
fn common(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_once_unless_all() {
        assert_eq!(replace("a b a", "b", "c", false), Ok(("a c a".into(), 1)));
        assert_eq!(replace("a b a", "a", "c", true), Ok(("c b c".into(), 2)));
        insta::assert_snapshot!(replace("a\nb\na\n", "a", "c", false).unwrap_err(), @"the text occurs 2 times (lines 1, 3). Give more of what is around it, or set `all`.");
        insta::assert_snapshot!(replace("a", "", "c", false).unwrap_err(), @"the text to replace is empty. Use `write` for a whole file.");
        insta::assert_snapshot!(replace("a", "a", "a", true).unwrap_err(), @"the old and the new text are the same.");
    }

    #[test]
    fn a_near_miss_is_shown_with_its_line() {
        let file = "fn one() {\n    1\n}\n\nfn two() {\n    let x = 2;\n    x\n}\n";
        insta::assert_snapshot!(near_miss(file, "fn two() {\n  let x = 2;"), @r"
        the text to replace does not occur exactly. The nearest text begins at line 5 and differs in white space only:
             5	fn two() {
             6	    let x = 2;
        ");
        insta::assert_snapshot!(near_miss(file, "    let x = 3;"), @r"
        the text to replace does not occur exactly. The nearest text begins at line 6:
             6	    let x = 2;
        ");
        insta::assert_snapshot!(near_miss(file, "struct Q"), @"the text to replace does not occur exactly. Nothing in the file is like it; read the file again.");
    }

    proptest::proptest! {
        #[test]
        fn any_texts_are_replaced_or_explained(before in "[ab\n ]{0,30}", old in "[ab\n ]{0,6}", new in "[ab]{0,3}") {
            match replace(&before, &old, &new, true) {
                Ok((after, n)) => {
                    proptest::prop_assert!(n > 0);
                    proptest::prop_assert_eq!(after, before.replace(&old, &new));
                }
                Err(why) => proptest::prop_assert!(!why.is_empty()),
            }
        }
    }
}
