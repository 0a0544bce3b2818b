//! The secrets of this world, each with a text of its own, and the places where none of them may ever stand.

use std::path::Path;

use baton::config::Config;

use super::World;

/// Signs webhooks.
pub const WEBHOOK_SECRET: &str = "CANARY-webhook-5d1f0c7be2";

/// A model provider's key: configured, and never needed by a replay.
const PROVIDER_KEY: &str = "CANARY-provider-9a77e31c04";

/// Adds an agent with a provider and a key, as most operators have one.
pub(super) fn configure_provider(config: &mut Config) {
    let text = format!(
        "[agents.hosted]\nkind = \"native\"\nprovider = \"models\"\nmodel = \"some-model\"\n\
         [providers.models]\napi = \"anthropic\"\nbase_url = \"http://127.0.0.1:9/\"\napi_key = \"{PROVIDER_KEY}\"\n"
    );
    let further: Config = toml::from_str(&text).expect("a configuration");
    config.agents.extend(further.agents);
    config.providers.extend(further.providers);
}

impl World {
    /// Fails where a secret stands in anything that people, agents or the disk get to see.
    pub(super) async fn look_for_secrets(&self) {
        let needles = self.needles();
        let look = |place: &str, bytes: &[u8]| {
            for (what, needle) in &needles {
                assert!(!contains(bytes, needle), "{what} stands in {place}");
            }
            if let Some(token) = token_in(bytes) {
                panic!("an installation token ({token}…) stands in {place}");
            }
        };
        // Whatever was written to GitHub, also what was edited away again.
        for effect in self.sim.ledger() {
            look(
                &format!("what `{}` wrote to GitHub ({})", effect.actor, effect.what),
                effect.detail.to_string().as_bytes(),
            );
        }
        for repo in self.numbers.keys() {
            look(&format!("the threads of {repo}"), self.story_of(repo).as_bytes());
        }
        for delivery in self.sim.deliveries() {
            look("a webhook's payload", delivery.payload.to_string().as_bytes());
        }
        for task in self.tasks().await {
            for run in self.store.runs(task.id).await.expect("runs") {
                let log = self.store.run_log(super::run_id(task.id, &run.id), 0, 10_000).await.expect("log");
                for entry in log {
                    look(&format!("the log of run {}", run.id), entry.entry.as_str().as_bytes());
                }
            }
        }
        // The database with its journal, and everything in Baton's own folder and in the pushed repositories. Objects of
        // git are compressed: those are read through git.
        for name in ["baton.db", "baton.db-wal"] {
            if let Ok(bytes) = std::fs::read(self.folder.path().join(name)) {
                look(name, &bytes);
            }
        }
        for folder in ["data", "github"] {
            every_file(&self.folder.path().join(folder), &mut |path, bytes| look(&path.display().to_string(), bytes));
        }
        for folder in git_folders(self.folder.path()) {
            look(&format!("the commits in {}", folder.display()), &commits_in(&folder));
        }
    }

    /// Every commit on GitHub, with its change, whichever branch reaches it.
    pub fn everything_pushed(&self) -> String {
        let folders = git_folders(&self.folder.path().join("github"));
        folders.iter().map(|folder| String::from_utf8_lossy(&commits_in(folder)).into_owned()).collect()
    }

    fn needles(&self) -> Vec<(&'static str, Vec<u8>)> {
        // A line of the middle of the key: its frame is no secret.
        let lines: Vec<&str> = self.app.private_key_pem.lines().collect();
        let middle = lines[lines.len() / 2];
        vec![
            ("the App's private key", middle.as_bytes().to_vec()),
            ("the webhook secret", WEBHOOK_SECRET.as_bytes().to_vec()),
            ("the provider's key", PROVIDER_KEY.as_bytes().to_vec()),
            ("the App's client secret", self.app.client_secret.as_bytes().to_vec()),
        ]
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle)
}

/// The beginning of an installation token, wherever it came from: GitHub's have this prefix.
fn token_in(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let found = text.match_indices("ghs_").find_map(|(at, _)| {
        let token: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        (token.len() >= 20).then_some(token)
    });
    found.map(|token| token.chars().take(12).collect())
}

fn every_file(folder: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => every_file(&path, look),
            // Compressed objects, gigabytes of them in some stories.
            Ok(_) if path.extension().is_some_and(|ending| ending == "pack") => {}
            Ok(kind) if kind.is_file() => look(&path, &std::fs::read(&path).unwrap_or_default()),
            _ => {}
        }
    }
}

/// The bare repositories below a folder.
fn git_folders(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        if path.join("objects").is_dir() && path.join("HEAD").is_file() {
            found.push(path);
        } else {
            found.extend(git_folders(&path));
        }
    }
    found
}

/// Every commit that any reference of a bare repository reaches: author, message and change.
#[expect(clippy::disallowed_methods, reason = "the audit reads with git's own program, not with the code under test")]
fn commits_in(folder: &Path) -> Vec<u8> {
    let output = std::process::Command::new("git")
        .arg("--git-dir")
        .arg(folder)
        .args(["-c", "safe.directory=*", "log", "--all", "--patch", "--format=%H %an %ae %cn %ce%n%B"])
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
