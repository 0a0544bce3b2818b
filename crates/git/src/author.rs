//! Who a person is to their own git, in a clone of theirs. The one place where a person's configuration is read: by git itself,
//! so that it says what `git commit` there would say.

use std::path::Path;

use tokio::process::Command;

use crate::import::Identity;
use crate::local_clone::CloneError;

/// Whose work a commit made in a clone would be: by the environment, the clone's configuration, the person's, the
/// machine's, and at last by git's own guess, in that order.
///
/// # Errors
/// [`CloneError::NoAuthor`] where git does not know.
pub async fn author_of_clone(path: &Path) -> Result<Identity, CloneError> {
    let mut command = Command::new("git");
    // `git var` reads the configuration and starts nothing. What names another repository would lead away from this one.
    command.arg("-C").arg(path).args(["var", "GIT_AUTHOR_IDENT"]).env("LC_ALL", "C");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CONFIG"] {
        command.env_remove(name);
    }
    let unknown = |said: &str| CloneError::NoAuthor { path: path.to_owned(), said: crate::remote::readable(said) };
    let output = command.kill_on_drop(true).output().await.map_err(|error| unknown(&error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // The reason is the last line; before it, git explains to people how to tell it.
        return Err(unknown(said.trim().lines().last().unwrap_or_default()));
    }
    read(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| unknown("its answer cannot be read"))
}

/// `NAME <ADDRESS> SECONDS ZONE`
fn read(said: &str) -> Option<Identity> {
    let (who, _) = said.trim().rsplit_once("> ")?;
    let (name, email) = who.rsplit_once(" <")?;
    (!name.trim().is_empty()).then(|| Identity { name: name.trim().to_owned(), email: email.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_says_is_a_name_and_an_address() {
        let read = |said: &str| read(said).map(|who| (who.name, who.email));
        let who = |name: &str, email: &str| Some((name.to_owned(), email.to_owned()));
        assert_eq!(read("Mia Ro\u{e9} <mia@example.org> 1795305600 +0100\n"), who("Mia Ro\u{e9}", "mia@example.org"));
        assert_eq!(read("a < b <x> 1 +0000"), who("a < b", "x"));
        assert_eq!(read("Mia <> 1 +0000"), who("Mia", ""));
        assert_eq!(read(" <mia@example.org> 1 +0000"), None);
        assert_eq!(read(""), None);
    }
}
