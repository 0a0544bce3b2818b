//! A GitHub, a Baton and one issue of one repository, and what people do there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::baton::Baton;
use super::github::{BATON, GitHub, MACHINE_USER, MAINTAINER, REPORTER};
use super::process::until;
use super::story::{Pace, Story};
use super::traces;

/// A small repository takes seconds; a machine that is busy with other tests takes longer.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct World {
    pub baton: Baton,
    pub github: GitHub,
    pub story: Story,
    pub nonce: String,
    /// The issue's number.
    pub issue: u64,
    // Last: what runs in it ends before it goes.
    folder: TempDir,
}

impl World {
    /// Everything is up, and nothing has happened. The agent plays the story's conversation at this pace.
    pub fn with(story: Story, pace: &Pace) -> Self {
        let folder = TempDir::new().unwrap();
        let script = folder.path().join("script.json");
        fs::write(&script, story.conversation(pace).to_string()).unwrap();
        let section = format!("[agents.scripted]\nkind = \"replay\"\nscript = \"{}\"\n", script.display());
        Self::in_folder(folder, story, &section)
    }

    /// The same with these sections of the configuration.
    pub fn in_folder(folder: TempDir, story: Story, sections: &str) -> Self {
        let github = GitHub::start(folder.path());
        github.repository(story.repository, &story.tree());
        let mut baton = Baton::configure(folder.path(), &github, sections);
        baton.serve();
        github.tell(&baton.address);
        let nonce = format!("CR-{:08X}", rand::random::<u32>());
        Self { baton, github, story, nonce, issue: 0, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The reporter opens the issue, and the maintainer assigns it to Baton's login.
    pub fn hand_over(&mut self) {
        let (title, body) = self.story.issue(&self.nonce);
        let deed = json!({ "verb": "opens_issue", "repo": self.story.repository, "title": title, "body": body });
        self.issue = self.github.person(REPORTER, &deed)["number"].as_u64().unwrap();
        self.does(MAINTAINER, json!({ "verb": "assigns", "login": MACHINE_USER }));
    }

    /// A person's deed on the issue.
    pub fn does(&self, login: &str, mut deed: Value) -> Value {
        deed["repo"] = self.story.repository.into();
        deed["number"] = self.issue.into();
        self.github.person(login, &deed)
    }

    pub fn says(&self, login: &str, text: &str) {
        self.does(login, json!({ "verb": "says", "body": text }));
    }

    /// The issue as a reader sees it.
    pub fn thread(&self) -> String {
        self.github.text(&format!("thread/{}/{}", self.story.repository, self.issue))
    }

    /// What Baton has said on the issue.
    pub fn said(&self) -> Vec<String> {
        let thread = self.thread();
        let posts = thread.split("\n--- @").filter(|post| post.starts_with(BATON));
        posts.map(str::to_owned).collect()
    }

    pub fn until<T>(&self, what: &str, ask: impl FnMut() -> Option<T>) -> T {
        until(what, PATIENCE, ask)
    }

    pub fn wait_for_plan(&self) {
        self.until("the plan stands on the issue", || self.said().iter().any(|it| is_plan(it)).then_some(()));
    }

    /// Waits until the whole work shows: pull request, check run, request for a review, last progress.
    pub fn wait_for_review(&self) -> Value {
        self.until("the pull request is ready for review", || {
            let pull = self.pulls().into_iter().next()?;
            let checked = self.github.list(&self.at("check-runs")).iter().any(|run| run["status"] == "completed");
            let asked = pull["requested_reviewers"].as_array().is_some_and(|them| !them.is_empty());
            let shown = self.said().iter().any(|it| is_progress(it) && it.contains("`in_review`"));
            (checked && asked && shown).then_some(pull)
        })
    }

    pub fn pulls(&self) -> Vec<Value> {
        self.github.list(&self.at("pulls"))
    }

    /// `what/OWNER/NAME`
    pub fn at(&self, what: &str) -> String {
        format!("{what}/{}", self.story.repository)
    }

    /// The state of the task by the command line, where there is one.
    pub fn state(&self) -> Option<String> {
        Some(self.baton.task()?["state"].as_str()?.to_owned())
    }

    /// From the hand-over to the end, with nobody in the way.
    pub fn play(&mut self) -> Value {
        self.hand_over();
        self.wait_for_plan();
        self.says(MAINTAINER, "Sounds right.\n\n/plan approve");
        self.wait_for_review()
    }

    /// The files that may hold the secrets: those the operator keeps them in.
    pub fn secret_files(&self) -> Vec<PathBuf> {
        let own = ["app.pem", "webhook.secret", "provider.key", "github-sim.out", "github"];
        own.iter().map(|name| self.folder().join(name)).collect()
    }

    /// The end of every story: what the issue asked for, each thing once, and nothing left behind. Ends the server.
    pub fn audit(&mut self) {
        let pulls = self.pulls();
        assert_eq!(pulls.len(), 1, "{pulls:#?}");
        let pull = &pulls[0];
        let number = pull["number"].as_u64().unwrap();
        let diff = self.github.text(&format!("{}/{number}", self.at("diff")));
        assert!(diff.contains(&self.nonce), "{} is not in\n{diff}", self.nonce);
        assert_eq!(pull["draft"], false, "{pull:#}");
        assert_eq!(pull["state"], "open");
        assert_eq!(pull["requested_reviewers"], json!([MAINTAINER]));
        let body = pull["body"].as_str().unwrap();
        for part in ["| Tests | Number | Which |", "fail on the base's source, pass now"] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert!(body.contains(&format!("Closes #{}", self.issue)), "{body}");

        let checks = self.github.list(&self.at("check-runs"));
        let check = |run: &Value| (run["name"].clone(), run["conclusion"].clone(), run["head_sha"].clone());
        let expected = (json!("baton"), json!("success"), pull["head_sha"].clone());
        assert_eq!(checks.iter().map(check).collect::<Vec<_>>(), [expected]);

        let said = self.said();
        assert_eq!(said.iter().filter(|it| is_plan(it)).count(), 1, "{said:#?}");
        assert_eq!(said.iter().filter(|it| is_progress(it)).count(), 1, "{said:#?}");
        assert_eq!(said.len(), 2, "{said:#?}");
        let branches = self.github.list(&self.at("branches"));
        assert_eq!(branches, [pull["head"].clone(), json!("main")]);
        self.audit_deeds();

        self.baton.stop();
        self.github.audit_contract();
        self.nothing_runs();
        assert_eq!(self.state().as_deref(), Some("in_review"));
        let problems: Vec<_> =
            ["panicked", "ERROR"].into_iter().filter(|mark| self.baton.logs().contains(mark)).collect();
        assert!(problems.is_empty(), "{problems:?} in\n{}", self.baton.logs());
    }

    /// What GitHub's own book says: nothing was made twice, not even to be taken away again.
    fn audit_deeds(&self) {
        let deeds = self.github.deeds();
        let count = |what: &str| deeds.iter().filter(|(done, _)| done == what).count();
        let counts: Vec<_> =
            ["comment.create", "ref.push", "pull.create", "check_run.create"].map(|it| (it, count(it))).into();
        assert_eq!(
            counts,
            [("comment.create", 2), ("ref.push", 1), ("pull.create", 1), ("check_run.create", 1)],
            "{deeds:#?}"
        );
    }

    /// No process, control group or checkout of a run is left.
    pub fn nothing_runs(&self) {
        until("every sandboxed process is gone", Duration::from_secs(60), || {
            traces::enclosed(self.folder(), self.baton.program(), &self.baton.pids).is_empty().then_some(())
        });
        let groups = traces::groups(&self.baton.pids);
        assert!(groups.is_empty(), "{groups:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() && self.issue > 0 {
            let logs = self.baton.logs();
            let from = logs.len().saturating_sub(20_000);
            let from = (from..logs.len()).find(|at| logs.is_char_boundary(*at)).unwrap_or(0);
            eprintln!("── the thread\n{}\n── the end of Baton's logs\n{}", self.thread(), &logs[from..]);
        }
    }
}

pub fn is_plan(post: &str) -> bool {
    post.contains("### Plan, revision")
}

pub fn is_progress(post: &str) -> bool {
    // Its heading says whether the task goes on.
    ["### Baton is on this issue", "### Baton's progress"].iter().any(|heading| post.contains(heading))
}
