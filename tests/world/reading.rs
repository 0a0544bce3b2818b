//! The world as a reader sees it: threads, pull requests and histories as text, with what differs from run to run taken out.

use std::fmt::Write as _;

use baton_store::JobState;

use super::{REPO, World};

impl World {
    /// What people see on the issues and pull requests of [`REPO`], in order.
    pub fn story(&self) -> String {
        self.story_of(REPO)
    }

    /// What people see on the issues and pull requests of a repository.
    pub fn story_of(&self, repo: &str) -> String {
        let mut text = String::new();
        for number in 1.. {
            match self.sim.thread(repo, number) {
                Ok(thread) => {
                    let _ = writeln!(text, "{}\n", thread.trim_end());
                }
                Err(refusal) if refusal.status == 404 && number > 8 => break,
                Err(_) => {}
            }
        }
        for check in self.sim.check_runs(repo).expect("check runs") {
            let title = check.title.unwrap_or_default();
            let _ = writeln!(
                text,
                "check `{}`: {} {} ({title})",
                check.name,
                check.status,
                check.conclusion.unwrap_or_default()
            );
        }
        for pull in self.sim.pulls(repo).expect("pulls") {
            let asked = pull.requested_reviewers.join(", ");
            let _ = writeln!(
                text,
                "pull request #{}: {} -> {}, asked for review: [{asked}]",
                pull.number, pull.head, pull.base
            );
        }
        filtered(text.trim_end())
    }

    /// The thread of one issue or pull request of [`REPO`].
    pub fn thread(&self, number: u64) -> String {
        filtered(&self.sim.thread(REPO, number).expect("there is such a thread"))
    }

    /// The texts the bot said on an issue or pull request, oldest first, without the progress comment and the plans.
    pub fn notes(&self, number: u64) -> String {
        let thread = self.thread(number);
        // The first is the body of the issue or pull request.
        let comments = thread.split("\n--- @").skip(2).filter(|comment| comment.starts_with("baton[bot]"));
        let notes = comments.filter(|comment| !is_progress(comment));
        let notes = notes.filter(|comment| !comment.contains("### Plan, revision"));
        let text = |note: &str| {
            let (_, text) = note.split_once('\n').unwrap_or_default();
            text.rsplit_once("<!-- ").map_or(text, |(text, _)| text).trim().to_owned()
        };
        notes.map(text).collect::<Vec<_>>().join("\n---\n")
    }

    /// The comment that Baton keeps up to date.
    pub fn progress(&self, number: u64) -> String {
        self.thread(number).split("\n--- @").find(|comment| is_progress(comment)).unwrap_or_default().to_owned()
    }

    /// What the only pull request of [`REPO`] changes.
    pub fn diff(&self) -> String {
        filtered(&self.sim.diff(REPO, self.pull().number).expect("a difference"))
    }

    /// The body of the only pull request of [`REPO`].
    pub fn pull_body(&self) -> String {
        filtered(&self.pull().body)
    }

    /// The only pull request of [`REPO`].
    pub fn pull(&self) -> github_sim::PullRecord {
        let mut pulls = self.sim.pulls(REPO).expect("pulls");
        assert_eq!(pulls.len(), 1, "there should be exactly one pull request");
        pulls.remove(0)
    }

    /// Every task's history: who, from where to where, by what.
    pub async fn history(&self) -> String {
        let mut text = String::new();
        for task in self.tasks().await {
            let _ = writeln!(text, "task {} on {}#{}", task.id, task.repository.name, task.issue.number);
            for entry in self.store.history(task.id, 0, 10_000).await.expect("history") {
                let event: serde_json::Value = entry.event.read("event").expect("an event");
                let name = event["event"].as_str().unwrap_or_default();
                let from = if entry.state_before.is_empty() { "-" } else { &entry.state_before };
                let _ = writeln!(text, "  {}: {name}: {from} -> {}", entry.actor, entry.state_after);
            }
        }
        text
    }

    /// Story and history together: the whole of what a scenario came to.
    pub async fn whole(&self) -> String {
        format!("{}\n\n{}", self.story(), self.history().await)
    }

    /// The commits of tasks that Baton's own repositories keep alive.
    #[expect(clippy::disallowed_methods, reason = "a look from outside, by git itself")]
    pub fn commits_kept(&self) -> Vec<String> {
        let mirrors = self.config.lock().expect("the configuration").store.data.join("mirrors");
        let mut kept = Vec::new();
        for entry in std::fs::read_dir(mirrors).expect("mirrors").flatten() {
            if entry.path().extension().is_none_or(|ending| ending != "git") {
                continue;
            }
            let mut git = std::process::Command::new("git");
            git.arg("--git-dir").arg(entry.path()).args(["for-each-ref", "--format=%(refname)", "refs/baton/tasks"]);
            let listed = git.output().expect("git lists references");
            kept.extend(String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned));
        }
        kept
    }

    /// Everything there is to know, for a story that failed.
    pub(super) async fn account(&self) -> String {
        let mut text = format!("The story so far:\n{}\n", self.whole().await);
        for state in [JobState::Queued, JobState::Running, JobState::Dead] {
            for job in self.jobs(state).await {
                let error = job.last_error.unwrap_or_default();
                let _ = writeln!(text, "{} job {} {} at {}: {error}", state.name(), job.id, job.kind, job.run_at);
            }
        }
        for outcome in self.outcomes().await {
            let _ = writeln!(text, "delivery {outcome}");
        }
        text.push_str(&std::fs::read_to_string(self.folder().join("baton.log")).unwrap_or_default());
        text
    }
}

fn is_progress(comment: &str) -> bool {
    ["### Baton is on this issue", "### Baton's progress"].iter().any(|head| comment.contains(head))
}

/// Takes out commits, digests, signatures, ports and durations: what a reader does not read.
pub fn filtered(text: &str) -> String {
    let rules = [
        (r"<!-- baton:(\S+?):[0-9a-f]{64} -->", "<!-- $1 -->"),
        (r"127\.0\.0\.1:\d+", "[host]"),
        (r"issuecomment-\d+", "issuecomment-[id]"),
        (r"\b[0-9a-f]{40}\b", "[commit]"),
        (r"index [0-9a-f]{7,40}\.\.[0-9a-f]{7,40}", "index [blobs]"),
        (r"commit `?[0-9a-f]{7,12}`?", "commit [commit]"),
        (r"plan `?[0-9a-f]{8,16}`?\b", "plan [digest]"),
        (r"`[0-9a-f]{7,12}`", "`[commit]`"),
        (r"\([0-9a-f]{12}\)", "([digest])"),
        (r"(?m)^(`.*`: exit status \d+), in .*$", "$1, in [time]"),
        (r"/answer/\d+/", "/answer/[id]/"),
        (r"/trigger/\d+/\d+", "/trigger/[who]/[when]"),
        (r"<!-- issue/\d+/", "<!-- issue/[repository]/"),
        (r"(/plan/\d+)/[0-9a-f]{12} ", "$1/[digest] "),
    ];
    // What keeps a quoted command from being one is invisible; here it is not.
    let mut text = text.replace('\u{200b}', "[|]");
    for (pattern, replacement) in rules {
        let pattern = regex::Regex::new(pattern).expect("a pattern");
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text
}
