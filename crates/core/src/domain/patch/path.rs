//! Which paths a patch may contain. Paths come from inside a sandbox and are hostile: what could reach a `.git` folder,
//! leave the tree or mislead a reader on any of the usual file systems is refused, never repaired.

use serde::{Deserialize, Serialize};

/// Bytes of a whole path; Linux' `PATH_MAX` is the same number.
pub const MAX_PATH_BYTES: usize = 4096;
/// Bytes of one component; the usual file systems' `NAME_MAX`.
pub const MAX_NAME_BYTES: usize = 255;

/// Components of one path: deeper trees are nobody's work, and recursion over them must end.
pub const MAX_DEPTH: usize = 100;

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum PathFault {
    /// Nothing at all, or an empty component: a leading, trailing or doubled `/`.
    #[error("it is absolute, or a part of it is empty")]
    Empty,
    /// A component `.` or `..`.
    #[error("it contains `.` or `..`")]
    Dots,
    /// A component that some file system takes for `.git`, or for git's short name of it.
    #[error("it lies in a `.git` folder, or in what some file systems take for one")]
    DotGit,
    /// A backslash, which is a separator elsewhere.
    #[error("it contains a backslash")]
    Backslash,
    /// NUL, a line break, an escape or another control character.
    #[error("it contains a control character")]
    Control,
    /// A character that turns the direction of the text around it.
    #[error("it contains a character that reverses the text shown")]
    Bidirectional,
    /// Longer than [`MAX_PATH_BYTES`], or a component longer than [`MAX_NAME_BYTES`].
    #[error("it is too long")]
    TooLong,
    /// More than [`MAX_DEPTH`] components.
    #[error("it lies too many folders deep")]
    TooDeep,
}

/// Checks a path relative to the repository's root, with `/` between its components.
///
/// # Errors
/// The first fault found, see [`PathFault`].
pub fn check_path(path: &str) -> Result<(), PathFault> {
    if path.len() > MAX_PATH_BYTES {
        return Err(PathFault::TooLong);
    }
    path.split('/').try_for_each(check_name)?;
    if path.split('/').count() > MAX_DEPTH {
        return Err(PathFault::TooDeep);
    }
    Ok(())
}

/// Checks one component of a path.
///
/// # Errors
/// The first fault found, see [`PathFault`].
pub fn check_name(name: &str) -> Result<(), PathFault> {
    if name.is_empty() {
        return Err(PathFault::Empty);
    }
    if name == "." || name == ".." {
        return Err(PathFault::Dots);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(PathFault::TooLong);
    }
    for c in name.chars() {
        match c {
            '\\' => return Err(PathFault::Backslash),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => return Err(PathFault::Control),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
                return Err(if is_dot_git(name) { PathFault::DotGit } else { PathFault::Bidirectional });
            }
            _ => {}
        }
    }
    if is_dot_git(name) {
        return Err(PathFault::DotGit);
    }
    Ok(())
}

/// Whether any of the usual file systems would open `.git` under this name: without case, with code points that HFS+ and
/// its kin drop, with NTFS' trailing dots, spaces and streams, or by its 8.3 short name (`GIT~1` to `GIT~9`).
#[must_use]
pub fn is_dot_git(name: &str) -> bool {
    let folded = fold(name);
    // NTFS: `.git::$INDEX_ALLOCATION` is the folder, `.git. . ` too.
    let stem = folded.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    if stem == ".git" {
        return true;
    }
    matches!(stem.strip_prefix("git~"), Some(n) if n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The name as the most forgiving file system compares it.
fn fold(name: &str) -> String {
    name.chars()
        .filter(|&c| !is_dropped(c))
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            'ı' | 'İ' => 'i',
            '\u{2024}' => '.',
            c => c,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// Code points without a shape of their own: HFS+ drops some of them, readers see none of them.
fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a symbolic link at `path` with this target stays inside the repository.
///
/// Links are judged by their text alone: absolute targets and those whose `..` climb above the root leave it, and so
/// does anything that passes through a `.git` folder.
#[must_use]
pub fn link_stays_inside(path: &str, target: &str) -> bool {
    if target.is_empty() || target.starts_with('/') || target.contains(['\\', '\0']) {
        return false;
    }
    let mut depth = path.split('/').count() - 1;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            name if is_dot_git(name) => return false,
            _ => depth += 1,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "a",
            "src/lib.rs",
            ".github/workflows/ci.yml",
            ".gitignore",
            ".gitattributes",
            "git",
            "git~",
            "agit~1",
            "-rf",
            "a b/c d",
            "données/été.txt",
            "日本語/ファイル",
            "x.git",
            ".git-blame-ignore-revs",
            "a:b",
            "...",
            ".hidden",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn hostile_paths_are_refused_with_their_fault() {
        use PathFault::*;
        for (path, fault) in [
            ("", Empty),
            ("/etc/passwd", Empty),
            ("a//b", Empty),
            ("a/", Empty),
            ("..", Dots),
            ("a/../b", Dots),
            ("./a", Dots),
            ("a/.", Dots),
            (".git/config", DotGit),
            ("sub/.git", DotGit),
            (".GIT/hooks/pre-commit", DotGit),
            (".giT", DotGit),
            ("git~1/config", DotGit),
            ("GIT~2", DotGit),
            (".git./config", DotGit),
            (".git ", DotGit),
            (".git. . .", DotGit),
            (".git::$INDEX_ALLOCATION/config", DotGit),
            (".git:x", DotGit),
            (".g\u{200c}it", DotGit),
            ("\u{feff}.git", DotGit),
            (".git\u{200f}", DotGit),
            (".gi\u{e0001}t", DotGit),
            ("．ｇｉｔ", DotGit),
            (".gıt", DotGit),
            (".gi\u{301}t", DotGit),
            ("a\\b", Backslash),
            ("..\\..\\x", Backslash),
            ("a\0b", Control),
            ("a\nb", Control),
            ("\u{1b}[2J", Control),
            ("a\u{7f}", Control),
            ("a\u{2028}b", Control),
            ("invoice\u{202e}fdp.exe", Bidirectional),
        ] {
            assert_eq!(check_path(path), Err(fault), "{path:?}");
        }
        assert_eq!(check_path(&"a".repeat(256)), Err(TooLong));
        assert_eq!(check_path(&"a/".repeat(3000)), Err(TooLong));
        assert_eq!(check_path(&["a"; 101].join("/")), Err(TooDeep));
    }

    #[test]
    fn links_are_followed_by_their_text() {
        for (path, target, inside) in [
            ("a", "b", true),
            ("d/a", "../b", true),
            ("d/a", "../../b", false),
            ("a", "..", false),
            ("a", "/etc/passwd", false),
            ("a", "", false),
            ("d/e/a", "../../x/../y", true),
            ("a", ".git/config", false),
            ("a", "x/../../y", false),
            ("a", "./b//c", true),
            ("a", "..\\b", false),
        ] {
            assert_eq!(link_stays_inside(path, target), inside, "{path} -> {target}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_harmless(path in "[\\PC\\x00-\\x1f./\\\\]{0,40}") {
            if check_path(&path).is_ok() {
                prop_assert!(!path.starts_with('/') && !path.contains('\\') && !path.chars().any(char::is_control));
                for name in path.split('/') {
                    prop_assert!(!name.is_empty() && name != "." && name != "..");
                    prop_assert!(!name.to_lowercase().trim_end_matches(['.', ' ']).eq(".git"));
                }
            }
        }

        #[test]
        fn disguises_of_dot_git_are_seen(
            case in prop::array::uniform3(any::<bool>()),
            at in 0usize..5,
            joker in prop::sample::select(vec!["", "\u{200c}", "\u{200d}", "\u{feff}", "\u{206a}", "\u{202e}"]),
            tail in "[. ]{0,3}(:[a-z$]{0,8})?",
        ) {
            let mut name: Vec<String> = vec![".".into()];
            for (c, upper) in "git".chars().zip(case) {
                name.push(if upper { c.to_ascii_uppercase().to_string() } else { c.to_string() });
            }
            name.insert(at.min(name.len()), joker.to_owned());
            let name = name.concat() + &tail;
            prop_assert_eq!(check_path(&format!("d/{}/config", name)), Err(PathFault::DotGit));
        }
    }
}
