//! A hundred tasks that finish together, under GitHub's own limits: the real client and its budget against the simulator,
//! which counts every request by GitHub's published figures. Time is injected on both sides and jumps from one wait to the
//! next, as the queue would; the work in sandboxes is not part of this (`tests/scenarios/storm.rs` has a few whole tasks).

#![expect(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use baton_core::domain::ids::{BranchName, CommentId, CommitSha, InstallationId, IssueNumber, RepositoryId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_github::{
    Budget, CheckConclusion, CheckRunUpdate, CheckState, Config, GitHubApp, GitHubError, Importance, NewPull,
    Repository, Timeouts,
};
use github_sim::{Limits, Options, Role, Sim, TimeSource};

mod manifest;

const REPO: &str = "acme/app";
const BEGIN: i64 = 1_767_603_600;

/// One thing that is left to do for one task.
#[derive(Clone, Debug)]
struct Job {
    task: usize,
    what: What,
    due: Timestamp,
    seq: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Answer,
    Pull,
    Review,
    Check,
    Progress,
    React,
}

impl What {
    fn importance(self) -> Importance {
        match self {
            Self::Answer => Importance::Answer,
            Self::Pull | Self::Review => Importance::Pull,
            Self::Check => Importance::Check,
            Self::Progress => Importance::Progress,
            Self::React => Importance::Reaction,
        }
    }

    /// What the simulator's log calls it.
    fn of(operation: &str) -> Option<Self> {
        match operation {
            "issues/create-comment" => Some(Self::Answer),
            "pulls/create" => Some(Self::Pull),
            "pulls/request-reviewers" => Some(Self::Review),
            "checks/create" => Some(Self::Check),
            "issues/update-comment" => Some(Self::Progress),
            "reactions/create-for-issue-comment" => Some(Self::React),
            _ => None,
        }
    }
}

/// What stands before the storm.
struct World {
    sim: Sim,
    repository: Repository,
    time: Arc<AtomicI64>,
    tasks: Vec<(IssueNumber, CommentId, BranchName, CommitSha)>,
}

impl World {
    async fn new(tasks: usize) -> Self {
        let begin = jiff::Timestamp::from_second(BEGIN).unwrap();
        let sim = Sim::start(Options { time: TimeSource::Fixed(begin), ..Options::default() }).unwrap();
        let id = sim.repository(REPO, [("README.md", "# App\n")]).unwrap();
        for login in ["alice", "bob"] {
            sim.role(REPO, login, Role::Write).unwrap();
        }
        let app = sim.app(manifest::app()).unwrap();
        let installation = sim.install(app.app_id, REPO).unwrap();
        let time = Arc::new(AtomicI64::new(BEGIN * 1000));
        let clock = Arc::clone(&time);
        let config = Config {
            api_url: sim.api_url().parse().unwrap(),
            graphql_url: Some(sim.graphql_url().parse().unwrap()),
            web_url: Some(sim.web_url().parse().unwrap()),
            app_id: i64::try_from(app.app_id).unwrap(),
            private_key_pem: app.private_key_pem.clone().into(),
            marker_secrets: vec![app.webhook_secret.clone().into()],
            key_source: None,
            authorities_pem: None,
            timeouts: Timeouts::default(),
            budget: Budget::default(),
            clock: Arc::new(move || Timestamp(clock.load(Ordering::SeqCst))),
        };
        let repository = GitHubApp::new(&config).unwrap().repository(&RepositoryRef {
            id: RepositoryId(id.try_into().unwrap()),
            name: REPO.parse().unwrap(),
            installation: InstallationId(installation.try_into().unwrap()),
        });
        let mut world = Self { sim, repository, time, tasks: Vec::new() };
        let bot = format!("{}[bot]", app.slug);
        for task in 1..=tasks {
            let issue = world.sim.person("bob").opens_issue(REPO, &format!("Issue {task}"), "").unwrap();
            let progress = world.sim.person(&bot).says(REPO, issue, "Working.").unwrap();
            let branch = format!("baton/issue-{task}");
            let commit =
                world.sim.person("bob").pushes(REPO, &branch, [("fix.txt", format!("{task}\n"))], "Fix").unwrap();
            world.tasks.push((
                IssueNumber(issue.try_into().unwrap()),
                CommentId(progress.try_into().unwrap()),
                BranchName::try_from(branch).unwrap(),
                commit.parse().unwrap(),
            ));
        }
        world.sim.switch(|switches| switches.limits = Some(Limits { refuse: false, ..Limits::default() }));
        world
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.time.load(Ordering::SeqCst))
    }

    fn forward_to(&self, at: Timestamp) {
        let by = at.since(self.now());
        self.time.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        self.sim.advance(by);
    }

    /// Does one job as the engine does: room first, then find or create.
    async fn perform(&self, job: &Job) -> Result<(), GitHubError> {
        let (issue, progress, branch, commit) = &self.tasks[job.task];
        let key = format!("{}/{:?}", job.task, job.what);
        let github = self.repository.on_errand(job.what.importance(), &key);
        github.room_for(1)?;
        match job.what {
            What::Answer => github.create_comment(*issue, &key, "You asked.").await.map(drop),
            What::Pull => {
                let new = NewPull { head: branch, commit, base: "main", title: "Fix", body: "Fixed.", draft: false };
                github.create_pull(&new).await.map(drop)
            }
            What::Review => {
                let pull = github.find_pull(branch).await?.unwrap();
                github.request_reviewers(pull.number, &["alice".to_owned()]).await.map(drop)
            }
            What::Check => {
                let update = CheckRunUpdate {
                    state: CheckState::Completed(CheckConclusion::Success),
                    title: "Good",
                    summary: "Good",
                    text: None,
                    details_url: None,
                };
                github.set_check_run("baton", &key, commit, &update).await.map(drop)
            }
            What::Progress => github.update_comment(*progress, &key, "Done.").await.map(drop),
            What::React => github.react_to_comment(*progress).await.map(drop),
        }
    }

    /// Does all jobs, the most important of those that are due first, each again when it was told to come back.
    async fn work(&self, mut jobs: Vec<Job>, mut late: Option<(Timestamp, Job)>) {
        let mut attempts = 0;
        loop {
            if let Some((at, job)) = late.take() {
                if self.now() >= at {
                    jobs.push(Job { due: self.now(), ..job });
                } else {
                    late = Some((at, job));
                }
            }
            let due = jobs.iter().enumerate().filter(|(_, job)| job.due <= self.now());
            let Some((place, _)) = due.min_by_key(|(_, job)| (job.what, job.seq)) else {
                match jobs.iter().map(|job| job.due).chain(late.iter().map(|(at, _)| *at)).min() {
                    Some(next) => self.forward_to(next),
                    None => return,
                }
                continue;
            };
            attempts += 1;
            assert!(attempts < 20_000, "jobs are asked for again and again");
            let mut job = jobs.swap_remove(place);
            match self.perform(&job).await {
                Ok(()) if job.what == What::Pull => {
                    jobs.push(Job { what: What::Review, seq: job.seq + 10_000, due: self.now(), ..job });
                }
                Ok(()) => {}
                Err(GitHubError::RetryAfter { at, .. }) => {
                    job.due = at;
                    jobs.push(job);
                }
                Err(error) => panic!("{job:?}: {error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tasks_finish_together() {
    let world = World::new(100).await;
    let begin = world.now();
    let mut jobs = Vec::new();
    // As they come: nothing here is sorted by what matters.
    for task in 0..100 {
        for what in [What::React, What::Progress, What::Check, What::Pull] {
            jobs.push(Job { task, what, due: begin, seq: jobs.len() });
        }
        if task % 10 == 0 {
            jobs.push(Job { task, what: What::Answer, due: begin, seq: jobs.len() });
        }
    }
    // In the middle of it, a person asks something.
    let asked = begin.plus(Duration::from_secs(100));
    let question = Job { task: 55, what: What::Answer, due: asked, seq: 0 };
    world.work(jobs, Some((asked, question))).await;

    assert!(world.sim.above_limits().is_empty(), "above a limit: {:?}", world.sim.above_limits());
    assert_eq!(world.sim.pulls(REPO).unwrap().len(), 100, "every pull request is there, once");
    assert_eq!(world.sim.check_runs(REPO).unwrap().len(), 100);

    let writes: Vec<(What, Timestamp)> = world
        .sim
        .requests()
        .iter()
        .filter_map(|request| Some((What::of(&request.operation)?, request.at.parse::<jiff::Timestamp>().unwrap())))
        .map(|(what, at)| (what, Timestamp(at.as_millisecond())))
        .collect();
    let answered = writes.iter().rposition(|(what, _)| *what == What::Answer).unwrap();
    let waited = writes[answered].1.since(asked);
    assert!(waited <= Duration::from_secs(3), "the person waited {waited:?}");
    let mut order = writes.clone();
    order.remove(answered);
    assert!(order.iter().map(|(what, _)| what.importance()).is_sorted(), "out of order: {order:?}");

    let mut report = String::new();
    for what in [What::Answer, What::Pull, What::Review, What::Check, What::Progress, What::React] {
        let times: Vec<u64> =
            order.iter().filter(|(one, _)| *one == what).map(|(_, at)| at.since(begin).as_secs()).collect();
        writeln!(report, "{what:?}: {} writes, {}..{} s", times.len(), times[0], times[times.len() - 1]).unwrap();
    }
    let most = |span: u64| {
        let within =
            |from: Timestamp| writes.iter().filter(|(_, at)| *at >= from && at.since(from).as_secs() < span).count();
        writes.iter().map(|(_, from)| within(*from)).max().unwrap()
    };
    writeln!(report, "most writes in a minute: {}, in an hour: {}", most(60), most(3600)).unwrap();
    insta::assert_snapshot!("storm", report);
}
