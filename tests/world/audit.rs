//! What must be true at the end of every story, whatever it was about.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use baton_core::domain::event::Event;
use baton_core::domain::step::{begin, step};
use baton_core::domain::task::Task;
use baton_store::{Job, JobState};
use github_sim::{Level, Needs};

use super::World;

/// Kinds of jobs that may wait when a story is over: timers, and the housekeeping that recurs.
const MAY_WAIT: [&str; 2] = ["wake", "reconcile"];

impl World {
    pub(super) async fn audit(&self) {
        self.settle().await;
        self.no_job_is_left().await;
        for task in self.tasks().await {
            self.history_replays(&task).await;
        }
        self.every_comment_is_an_effect_once().await;
        self.one_branch_and_one_pull_request_a_task().await;
        self.every_request_was_allowed();
        self.everything_was_as_github_describes_it();
        self.nobody_was_notified_by_accident();
        self.look_for_secrets().await;
        self.no_sandbox_is_left().await;
        assert_eq!(self.store.integrity_complaints().await.expect("the database answers"), Vec::<String>::new());
    }

    async fn no_job_is_left(&self) {
        let names = |jobs: &[Job]| jobs.iter().map(|job| job.kind.clone()).collect::<Vec<_>>();
        let running = self.jobs(JobState::Running).await;
        assert!(running.is_empty(), "leases are left: {:?}", names(&running));
        let waiting = self.jobs(JobState::Queued).await;
        let waiting: Vec<&Job> = waiting.iter().filter(|job| !MAY_WAIT.contains(&job.kind.as_str())).collect();
        assert!(waiting.is_empty(), "work is left that nobody does: {waiting:#?}");
        let mut expected = self.dead.lock().expect("the list").clone();
        for job in self.jobs(JobState::Dead).await {
            let at = expected.iter().position(|kind| *kind == job.kind);
            let at = at.unwrap_or_else(|| panic!("a job died that nobody expected to: {job:#?}"));
            expected.remove(at);
        }
        assert!(expected.is_empty(), "the story expected these jobs to be given up: {expected:?}");
    }

    /// The stored task is exactly what its history makes of it, by the pure core alone.
    async fn history_replays(&self, task: &Task) {
        let mut replayed: Option<Task> = None;
        for entry in self.store.history(task.id, 0, 10_000).await.expect("history") {
            let event: Event = entry.event.read("event").expect("an event");
            let transition = match (&replayed, &event) {
                (None, Event::Triggered(triggered)) => {
                    begin(task.id, task.attempt, task.repository.clone(), triggered, entry.at)
                }
                (None, other) => panic!("the history of task {} begins with {other:?}", task.id),
                (Some(before), event) => step(before, event, entry.at),
            };
            let next =
                transition.unwrap_or_else(|rejection| panic!("{event:?} is rejected in replay: {rejection:?}")).next;
            assert_eq!(next.state.name().as_str(), entry.state_after, "entry {} of task {}", entry.seq, task.id);
            replayed = Some(next);
        }
        assert_eq!(replayed.as_ref(), Some(task), "the history of task {} makes another task", task.id);
    }

    /// Each comment by the bot carries the mark of one effect that a job performed, and no two carry the same.
    async fn every_comment_is_an_effect_once(&self) {
        let mut known: Vec<String> = Vec::new();
        for state in JobState::ALL {
            for job in self.jobs(state).await {
                known.extend(job.effect_key);
            }
        }
        known.extend(self.tasks().await.iter().map(|task| format!("{}/progress", task.scope())));
        let mut seen: BTreeMap<(String, String), u64> = BTreeMap::new();
        for effect in self.sim.ledger() {
            if effect.what != "comment.create" || effect.actor != self.bot() {
                continue;
            }
            let body = effect.detail["body"].as_str().unwrap_or_default();
            if self.ghostwritten.lock().expect("the list").iter().any(|text| text == body) {
                continue;
            }
            let key = mark(body).unwrap_or_else(|| panic!("the bot said something without a mark:\n{body}"));
            assert!(known.contains(&key), "no effect explains the comment with the mark {key}:\n{body}");
            let place = (effect.repository.clone().unwrap_or_default(), key);
            *seen.entry(place).or_default() += 1;
        }
        for ((repository, key), times) in seen {
            assert_eq!(times, 1, "{repository}: the comment of {key} was made {times} times");
        }
    }

    async fn one_branch_and_one_pull_request_a_task(&self) {
        let mut known: Vec<String> = Vec::new();
        for state in JobState::ALL {
            for job in self.jobs(state).await.iter().filter(|job| job.kind == "push") {
                let payload: serde_json::Value = job.payload.read("a push").expect("a payload");
                known.push(payload["effect"]["branch"].as_str().expect("a branch").to_owned());
            }
        }
        let mut pulls: BTreeMap<String, u64> = BTreeMap::new();
        for effect in self.sim.ledger().iter().filter(|effect| effect.actor == self.bot()) {
            match effect.what.as_str() {
                "pull.create" | "pull.open" => {
                    *pulls.entry(effect.detail["head"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
                }
                what => assert!(!what.starts_with("pull.merge") && what != "review.create", "the bot did {what}"),
            }
        }
        for (head, times) in pulls {
            assert_eq!(times, 1, "{times} pull requests were opened from {head}");
        }
        for repo in self.numbers.keys() {
            for branch in self.sim.branches(repo).expect("branches") {
                if branch.starts_with("baton/") {
                    assert!(known.contains(&branch), "no task explains the branch {branch}, known are {known:?}");
                }
            }
        }
    }

    /// The manifest's permissions are all that any request needed.
    fn every_request_was_allowed(&self) {
        let granted = self.granted();
        let rest: BTreeMap<&str, Needs> =
            github_sim::operations().chain(github_sim::graphql_operations()).map(|op| (op.id, op.needs)).collect();
        for request in self.sim.requests().iter().filter(|request| request.with.starts_with("installation")) {
            let what = format!("{} {}", request.method, request.path);
            assert!(!request.operation.is_empty(), "GitHub does not serve {what}");
            let needs = match request.operation.as_str() {
                "git/upload-pack" => Some((&["contents"][..], Level::Read)),
                "git/receive-pack" => Some((&["contents"][..], Level::Write)),
                other => match rest.get(other) {
                    Some(Needs::Repository { any_of, level, .. }) => Some((*any_of, *level)),
                    Some(Needs::Nothing | Needs::Token | Needs::AppJwt | Needs::InstallationToken) => None,
                    None => panic!("{other} ({what}) is no operation of GitHub's"),
                },
            };
            if let Some((any_of, level)) = needs {
                let allowed = any_of.iter().any(|name| granted.get(*name).is_some_and(|have| *have >= level));
                assert!(
                    allowed,
                    "{what} needs one of {any_of:?} at {level:?}, and app-manifest.yml does not ask for it"
                );
            }
        }
    }

    /// What went over the wire, both ways, is what GitHub's own descriptions say, and nothing was refused for want of a
    /// permission. A story that is about such a refusal plans it as a fault.
    fn everything_was_as_github_describes_it(&self) {
        let found: Vec<String> = self.sim.violations().iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "not as GitHub describes it:\n{}", found.join("\n"));
        // Git's own protocol is spoken beside the API.
        let requests = self.sim.requests();
        let asked =
            requests.iter().filter(|it| !["git/upload-pack", "git/receive-pack"].contains(&&*it.operation)).count();
        let checked: u64 = self.sim.contract().values().map(|tally| tally.requests).sum();
        assert_eq!(checked, asked as u64, "not every request was held against GitHub's descriptions");
    }

    /// Whatever the bot writes, it calls nobody who did not call it.
    fn nobody_was_notified_by_accident(&self) {
        let bot = self.bot();
        let called: Vec<_> = self.sim.mentions().into_iter().filter(|mention| mention.by == bot).collect();
        assert!(called.is_empty(), "the bot notified people by their names: {called:?}");
    }

    /// No process of a sandbox outlives its run. The worker has waited for their end already; the kernel may take a moment
    /// to forget them.
    async fn no_sandbox_is_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "processes of sandboxes are left: {left:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let folder = self.folder.path().display().to_string();
        assert!(!mounts.contains(&folder), "mounts are left:\n{mounts}");
    }

    /// Processes that belong to this world's sandboxes: of its agent user, or below one of its folders.
    fn processes(&self) -> Vec<String> {
        let uid = super::stage::agent_user().map(|user| user.uid);
        let folder = self.folder.path().display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let path = entry.path();
            let Ok(status) = std::fs::read_to_string(path.join("status")) else { continue };
            let is_ours = uid.is_some_and(|uid| {
                let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
                line.split_whitespace().any(|one| one.parse() == Ok(uid))
            });
            let command = std::fs::read(path.join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let is_below = command.contains("bwrap") && command.contains(&folder);
            if is_ours || is_below {
                found.push(format!("{}: {command}", path.display()));
            }
        }
        found
    }

    /// The bot's login.
    pub fn bot(&self) -> String {
        format!("{}[bot]", self.app.slug)
    }

    fn granted(&self) -> BTreeMap<String, Level> {
        super::stage::app_from_manifest("").permissions
    }
}

/// The effect's key in the hidden mark of a comment.
fn mark(body: &str) -> Option<String> {
    let rest = body.rsplit_once("<!-- baton:")?.1;
    let (mark, _) = rest.split_once(" -->")?;
    mark.rsplit_once(':').map(|(key, _)| key.to_owned())
}
