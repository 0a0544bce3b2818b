//! Decides, before git runs, which refs of a push are refused and in GitHub's words. Git itself does the rest.

use std::path::Path;

use super::pktline::{self, Commands, FLUSH};
use super::read::EMPTY_TREE;
use super::rules::{PushRules, Pushed, Refused};
use super::{Git, GitError};

/// One ref's fate: `Err` carries GitHub's reason for the ref and what it says besides.
pub(crate) type Verdict = Result<(), Refused>;

impl Git {
    /// Judges every command of a push; `pack` is looked at in a quarantine that is thrown away.
    pub(crate) fn judge(
        &self,
        repo: u64,
        push: &Commands,
        pack: &[u8],
        rules: &PushRules,
    ) -> Result<Vec<Verdict>, GitError> {
        let quarantine = tempfile::tempdir_in(self.root())
            .map_err(|error| GitError { command: "push".into(), message: error.to_string() })?;
        let objects = self.dir(repo).join("objects");
        let env = [
            ("GIT_OBJECT_DIRECTORY", quarantine.path().to_string_lossy().into_owned()),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects.to_string_lossy().into_owned()),
        ];
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if !pack.is_empty() {
            self.command(Some(repo), &["unpack-objects", "-q"], &env, pack)?;
        }
        let judge = |command| Pushed { git: self, repo, command, rules, env: &env }.judge();
        Ok(push.commands.iter().map(judge).collect())
    }
}

/// Writes the verdicts where the `proc-receive` hook picks them up.
pub(crate) fn write_verdicts(folder: &Path, push: &Commands, verdicts: &[Verdict]) -> std::io::Result<()> {
    let atomic = push.capabilities.split(' ').any(|capability| capability == "atomic");
    let spoiled = atomic && verdicts.iter().any(Result::is_err);
    let mut answer = pktline::line("version=1\0");
    answer.extend_from_slice(FLUSH);
    let mut says = String::new();
    for (command, verdict) in push.commands.iter().zip(verdicts) {
        match verdict {
            Ok(()) if spoiled => {
                answer.extend(pktline::line(&format!("ng {} atomic transaction failed", command.name)));
            }
            Ok(()) => {
                answer.extend(pktline::line(&format!("ok {}", command.name)));
                answer.extend(pktline::line("option fall-through"));
            }
            Err(refused) => {
                says.push_str(&refused.says);
                answer.extend(pktline::line(&format!("ng {} {}", command.name, refused.reason)));
            }
        }
    }
    answer.extend_from_slice(FLUSH);
    std::fs::write(folder.join("answer"), answer)?;
    std::fs::write(folder.join("says"), says)
}

/// What a commit changed from: its first parent, or nothing.
pub(crate) fn parent_or_nothing(parents: &[String]) -> &str {
    parents.first().map_or(EMPTY_TREE, String::as_str)
}
