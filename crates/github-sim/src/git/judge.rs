//! Decides, before git runs, which refs of a push are refused and in GitHub's words. Git itself does the rest.

use std::path::Path;

use super::pktline::{self, Commands, FLUSH, RefCommand};
use super::read::{EMPTY_TREE, ZERO};
use super::{Git, GitError};

/// What the pusher's token and the repository's settings allow.
#[derive(Debug, Clone)]
pub(crate) struct PushRules {
    pub may_change_workflows: bool,
    pub is_app: bool,
    pub protected: Vec<String>,
    pub may_pass_protection: bool,
}

/// One ref's fate: `Err` carries GitHub's reason for the ref and what it says besides.
pub(crate) type Verdict = Result<(), Refused>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub reason: String,
    pub says: String,
}

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
        Ok(push.commands.iter().map(|command| self.judge_ref(repo, command, rules, &env)).collect())
    }

    fn judge_ref(&self, repo: u64, command: &RefCommand, rules: &PushRules, env: &[(&str, &str)]) -> Verdict {
        if let Some(branch) = command.name.strip_prefix("refs/heads/")
            && rules.protected.iter().any(|it| it == branch)
            && !rules.may_pass_protection
        {
            return Err(protected(branch));
        }
        if command.new != ZERO
            && !rules.may_change_workflows
            && let Some(path) = self.changed_workflow(repo, command, env)
        {
            let who = if rules.is_app { "a GitHub App" } else { "a Personal Access Token" };
            let right = if rules.is_app { "`workflows` permission" } else { "`workflow` scope" };
            let reason = format!("refusing to allow {who} to create or update workflow `{path}` without {right}");
            return Err(Refused { reason, says: String::new() });
        }
        Ok(())
    }

    /// A workflow file that one of the new commits makes, changes or deletes.
    fn changed_workflow(&self, repo: u64, command: &RefCommand, env: &[(&str, &str)]) -> Option<String> {
        let log = ["log", "--format=", "--name-only", "-m", "--no-renames", "-z", &command.new, "--not", "--all"];
        let mut args = log.to_vec();
        args.extend(["--", ".github/workflows"]);
        let listed = self.command(Some(repo), &args, env, b"").ok()?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        listed.split(['\0', '\n']).find(|path| !path.is_empty()).map(str::to_owned)
    }
}

fn protected(branch: &str) -> Refused {
    Refused {
        reason: "protected branch hook declined".into(),
        says: format!(
            "error: GH006: Protected branch update failed for refs/heads/{branch}.\n\
             error: Changes must be made through a pull request.\n"
        ),
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
