//! Whole flows against the GitHub simulator, with an App that has exactly what `app-manifest.yml` asks for: every effect
//! once visibly, whichever answer is lost; every refusal typed.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(
    clippy::disallowed_methods,
    reason = "the simulator judges a JWT by the machine's clock, so it is signed by that"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use baton_core::domain::actor::Role;
use baton_core::domain::contact::BranchRule;
use baton_core::domain::ids::{BranchName, CommentId, CommitSha, InstallationId, IssueNumber, RepositoryId, UserId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_github::{
    Budget, CheckConclusion, CheckRunUpdate, CheckState, Config, Found, GitAccess, GitHubApp, GitHubError, IssueState,
    Needs, NewPull, OPERATIONS, Pause, PullState, Repository, ReviewRequest, Timeouts,
};
use github_sim::{AppCredentials, Fault, FaultRule, Level, Options, Role as SimRole, Rule, Sim};
use secrecy::{ExposeSecret, SecretString};

mod manifest;

const REPO: &str = "acme/app";

struct World {
    sim: Sim,
    credentials: AppCredentials,
    app: GitHubApp,
    repository: Repository,
    /// Milliseconds that both clocks, Baton's and the simulator's, were moved ahead.
    ahead: Arc<AtomicI64>,
}

fn config(sim: &Sim, credentials: &AppCredentials, ahead: &Arc<AtomicI64>) -> Config {
    let ahead = Arc::clone(ahead);
    Config {
        api_url: sim.api_url().parse().unwrap(),
        graphql_url: Some(sim.graphql_url().parse().unwrap()),
        web_url: Some(sim.web_url().parse().unwrap()),
        app_id: i64::try_from(credentials.app_id).unwrap(),
        private_key_pem: credentials.private_key_pem.clone().into(),
        marker_secrets: vec![credentials.webhook_secret.clone().into()],
        key_source: None,
        authorities_pem: None,
        budget: Budget::default(),
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            read: Duration::from_secs(5),
            total: Duration::from_secs(10),
        },
        clock: Arc::new(move || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            Timestamp(i64::try_from(since.as_millis()).unwrap() + ahead.load(Ordering::SeqCst))
        }),
    }
}

impl World {
    async fn new() -> Self {
        let sim = Sim::start(Options::default()).unwrap();
        let id = sim.repository(REPO, [("README.md", "# App\n")]).unwrap();
        for (login, role) in
            [("alice", SimRole::Maintain), ("bob", SimRole::Write), ("tom", SimRole::Triage), ("rita", SimRole::Read)]
        {
            sim.role(REPO, login, role).unwrap();
        }
        let credentials = sim.app(manifest::app()).unwrap();
        sim.install(credentials.app_id, REPO).unwrap();
        let ahead = Arc::new(AtomicI64::new(0));
        let app = GitHubApp::new(&config(&sim, &credentials, &ahead)).unwrap();
        let installation = app.installation_of(&REPO.parse().unwrap()).await.unwrap();
        let repository = app.repository(&reference(id, installation));
        Self { sim, credentials, app, repository, ahead }
    }

    /// Waits as Baton was told to: both clocks move.
    fn wait_until(&self, at: Timestamp) {
        let by = at.since(Timestamp(self.sim.now().as_millisecond()));
        self.ahead.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        self.sim.advance(by);
    }

    fn issue(&self) -> IssueNumber {
        IssueNumber(
            self.sim.person("rita").opens_issue(REPO, "It crashes", "Press the button.").unwrap().try_into().unwrap(),
        )
    }

    fn branch(&self, name: &str) -> (BranchName, CommitSha) {
        let sha = self.sim.person("bob").pushes(REPO, name, [("fix.txt", "fixed\n")], "Fix").unwrap();
        (BranchName::try_from(name.to_owned()).unwrap(), sha.parse().unwrap())
    }

    /// The whole thread of an issue, with what differs from run to run made equal.
    fn thread(&self, issue: IssueNumber) -> String {
        let text = self.sim.thread(REPO, issue.0.try_into().unwrap()).unwrap();
        let mut out = String::new();
        for line in text.lines() {
            // The mark's signature depends on the App's secret of this run.
            match line.split_once("<!-- baton:") {
                Some((before, mark)) => {
                    let key = mark.rsplit_once(':').unwrap().0;
                    out.push_str(&format!("{before}<!-- baton:{key}:MAC -->"));
                }
                None => out.push_str(line),
            }
            out.push('\n');
        }
        out
    }
}

fn reference(id: u64, installation: InstallationId) -> RepositoryRef {
    RepositoryRef { id: RepositoryId(id.try_into().unwrap()), name: REPO.parse().unwrap(), installation }
}

#[tokio::test]
async fn the_app_knows_itself() {
    let world = World::new().await;
    let bot = world.app.bot_identity().await.unwrap();
    assert_eq!(bot.login, "baton[bot]");
    assert_eq!(bot.user, UserId(world.credentials.bot_user_id.try_into().unwrap()));
    let web = "https://github.com".parse().unwrap();
    assert_eq!(bot.commit_email(&web), format!("{}+baton[bot]@users.noreply.github.com", bot.user));
    let info = world.app.info().await.unwrap();
    let asked: BTreeMap<String, String> =
        serde_json::from_value(serde_json::to_value(manifest::app().permissions).unwrap()).unwrap();
    assert_eq!(info.permissions, asked);
    let nowhere = world.app.installation_of(&"acme/other".parse().unwrap()).await;
    assert_eq!(nowhere, Err(GitHubError::NotInstalled));
}

#[tokio::test]
async fn a_conversation() {
    let world = World::new().await;
    let repository = &world.repository;
    let issue = world.issue();
    let said = world.sim.person("alice").says(REPO, issue.0.try_into().unwrap(), "/plan").unwrap();
    let said = CommentId(said.try_into().unwrap());

    assert!(matches!(repository.react_to_comment(said).await, Ok(Found::Created(_))));
    assert!(matches!(repository.react_to_comment(said).await, Ok(Found::Existing(_))));
    assert!(matches!(repository.react_to_issue(issue).await, Ok(Found::Created(_))));
    let plan = repository.create_comment(issue, "task/1/plan/1", "The plan.").await.unwrap();
    let Found::Created(plan) = plan else { panic!("{plan:?}") };
    let again = repository.create_comment(issue, "task/1/plan/1", "The plan, told differently.").await.unwrap();
    assert_eq!(again, Found::Existing(plan.clone()));
    let second = repository.create_comment(issue, "task/1/plan/2", "A better plan.").await.unwrap().into_inner();
    repository.minimize_comment(&plan.node_id).await.unwrap();
    repository.minimize_comment(&plan.node_id).await.unwrap();
    repository.update_comment(second.id, "task/1/plan/2", "A better plan, revised.").await.unwrap();
    assert_eq!(repository.find_comment(issue, "task/1/plan/2").await.unwrap().unwrap().id, second.id);

    let read = repository.issue(issue).await.unwrap();
    assert_eq!((read.title.as_str(), read.state, read.is_pull_request), ("It crashes", IssueState::Open, false));
    assert_eq!(read.author.unwrap().person.login, "rita");
    assert_eq!(repository.comment(plan.id).await.unwrap().issue, issue);
    assert_eq!(repository.comments(issue).await.unwrap().len(), 3);
    insta::assert_snapshot!(world.thread(issue), @r"
    # It crashes #1 (open issue)

    --- @rita [eyes]
    Press the button.

    --- @alice [eyes]
    /plan

    --- @baton[bot] (minimized: outdated)
    The plan.

    <!-- baton:task/1/plan/1:MAC -->

    --- @baton[bot]
    A better plan, revised.

    <!-- baton:task/1/plan/2:MAC -->
    ");
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let world = World::new().await;
    let issue = world.issue();
    for n in 0..120 {
        world.sim.person("alice").says(REPO, issue.0.try_into().unwrap(), &format!("Comment {n}")).unwrap();
    }
    let mine = world.repository.create_comment(issue, "late", "Here.").await.unwrap().into_inner();
    let found = world.repository.create_comment(issue, "late", "Here.").await.unwrap();
    assert_eq!(found, Found::Existing(mine));
    assert_eq!(world.repository.comments(issue).await.unwrap().len(), 121);
}

#[tokio::test]
async fn what_rulesets_ask_of_a_branch() {
    let world = World::new().await;
    let (sim, repository) = (&world.sim, &world.repository);
    assert_eq!(repository.rules_for("main").await, Ok(Some(vec![])));
    for rule in [Rule::Creation, Rule::Signatures, Rule::ForcePush, Rule::StatusCheck("ci".into())] {
        sim.ruleset(REPO, "baton/*", rule).unwrap();
    }
    sim.ruleset(REPO, "~DEFAULT_BRANCH", Rule::PullRequest).unwrap();
    let checks = BranchRule::Checks { names: vec!["ci".into()], on_creation: true };
    let own = vec![BranchRule::Creation, BranchRule::Signatures, BranchRule::FastForward, checks];
    assert_eq!(repository.rules_for("baton/issue-1-not-there").await, Ok(Some(own)));
    assert_eq!(repository.rules_for("main").await, Ok(Some(vec![BranchRule::PullRequest { approvals: 1 }])));
    // An older Enterprise Server, and a plan without rulesets.
    for status in [404, 403] {
        let message = "Upgrade to GitHub Pro or make this repository public to enable this feature.".to_owned();
        sim.fault(FaultRule::new("repos/get-branch-rules", Fault::Refuse { status, message: Some(message) }, 1));
        assert_eq!(repository.rules_for("main").await, Ok(None), "{status}");
    }
}

#[tokio::test]
async fn roles_labels_and_assignees() {
    let world = World::new().await;
    let repository = &world.repository;
    let mut roles = BTreeMap::new();
    for login in ["alice", "bob", "tom", "rita", "acme", "baton[bot]"] {
        roles.insert(login, repository.permission_of(login, None).await);
    }
    world.sim.user("stranger").unwrap();
    roles.insert("stranger", repository.permission_of("stranger", None).await);
    assert_eq!(roles["alice"], Ok(Role::Maintain));
    assert_eq!(roles["bob"], Ok(Role::Write));
    assert_eq!(roles["tom"], Ok(Role::Triage));
    assert_eq!(roles["rita"], Ok(Role::Read));
    assert_eq!(roles["acme"], Ok(Role::Admin));
    assert!(roles["stranger"].as_ref().is_ok_and(|role| *role <= Role::Read), "{roles:?}");
    assert!(!roles["baton[bot]"].as_ref().is_ok_and(|role| *role >= Role::Write), "{roles:?}");
    world.sim.role(REPO, "alice", SimRole::Read).unwrap();
    assert_eq!(repository.permission_of("alice", None).await, Ok(Role::Read), "asked anew");

    let issue = world.issue();
    let number = issue.0.try_into().unwrap();
    assert_eq!(repository.who_labelled(issue, "baton").await, Ok(None));
    world.sim.person("tom").labels(REPO, number, "baton").unwrap();
    let by = repository.who_labelled(issue, "baton").await.unwrap().unwrap();
    assert_eq!((by.actor.unwrap().person.login.as_str(), by.removed), ("tom", false));
    assert_eq!(repository.remove_label(issue, "baton").await, Ok(true));
    assert_eq!(repository.remove_label(issue, "baton").await, Ok(false));
    assert!(repository.who_labelled(issue, "baton").await.unwrap().unwrap().removed);
    repository.add_label(issue, "in progress").await.unwrap();
    repository.add_label(issue, "in progress").await.unwrap();
    assert_eq!(repository.labels(issue).await.unwrap(), ["in progress"]);
    assert_eq!(repository.is_assignable("bob").await, Ok(true));
    assert_eq!(repository.is_assignable("baton[bot]").await, Ok(false), "an App's bot cannot be assigned");
}

#[tokio::test]
async fn a_pull_request_from_draft_to_merged() {
    let world = World::new().await;
    let repository = &world.repository;
    let (branch, head) = world.branch("baton/issue-1-crash");
    assert_eq!(repository.branch_head("baton/issue-1-crash").await, Ok(Some(head.clone())));
    assert_eq!(repository.branch_head("baton/none").await, Ok(None));
    let (default, base) = repository.default_branch().await.unwrap();
    assert_eq!(default, "main");
    assert_ne!(base, head);

    let new =
        NewPull { head: &branch, commit: &head, base: "main", title: "Fix the crash", body: "Closes #1", draft: true };
    assert_eq!(repository.find_pull(&branch).await, Ok(None));
    let pull = repository.create_pull(&new).await.unwrap();
    let Found::Created(pull) = pull else { panic!("{pull:?}") };
    assert_eq!((pull.state, pull.draft, pull.head.clone()), (PullState::Open, true, head.clone()));
    assert!(matches!(repository.create_pull(&new).await, Ok(Found::Existing(same)) if same.number == pull.number));
    let changed = repository.update_pull(pull.number, "Fix the crash for good", "Evidence").await.unwrap();
    assert_eq!((changed.title.as_str(), changed.body.as_str()), ("Fix the crash for good", "Evidence"));
    assert_eq!(repository.set_draft(pull.number, false).await, Ok(Found::Created(())));
    assert_eq!(repository.set_draft(pull.number, false).await, Ok(Found::Existing(())));
    assert!(!repository.pull(pull.number).await.unwrap().draft);
    assert_eq!(repository.set_draft(pull.number, true).await, Ok(Found::Created(())));
    repository.set_draft(pull.number, false).await.unwrap();

    let ask = |login: &str| vec![login.to_owned()];
    assert_eq!(repository.request_reviewers(pull.number, &ask("alice")).await, Ok(ReviewRequest::Requested));
    assert_eq!(repository.request_reviewers(pull.number, &ask("alice")).await, Ok(ReviewRequest::Requested));
    world.sim.user("stranger").unwrap();
    let stranger = repository.request_reviewers(pull.number, &ask("stranger")).await;
    assert_eq!(stranger, Ok(ReviewRequest::NotACollaborator));

    let working =
        CheckRunUpdate {
            state: CheckState::InProgress, title: "Testing", summary: "…", text: None, details_url: None
        };
    let done =
        CheckRunUpdate { state: CheckState::Completed(CheckConclusion::Success), title: "Good", ..working.clone() };
    let first = repository.set_check_run("baton", "task/1", &head, &working).await.unwrap();
    let Found::Created(first) = first else { panic!("{first:?}") };
    let second = repository.set_check_run("baton", "task/1", &head, &done).await.unwrap();
    assert!(matches!(&second, Found::Existing(run) if run.id == first.id), "{second:?}");
    let other = repository.set_check_run("baton", "task/2", &head, &done).await.unwrap();
    assert!(matches!(other, Found::Created(_)));
    let shown: Vec<_> = world
        .sim
        .check_runs(REPO)
        .unwrap()
        .iter()
        .map(|run| (run.external_id.clone(), run.conclusion.clone()))
        .collect();
    let good = Some("success".to_owned());
    assert_eq!(shown, [("task/1".to_owned(), good.clone()), ("task/2".to_owned(), good)]);

    world.sim.person("acme").merges(REPO, pull.number.0.try_into().unwrap()).unwrap();
    assert_eq!(repository.pull(pull.number).await.unwrap().state, PullState::Merged);
    assert!(matches!(repository.create_pull(&new).await, Ok(Found::Existing(pull)) if pull.state == PullState::Merged));
    assert_eq!(world.sim.pulls(REPO).unwrap().len(), 1);
}

/// The sweep: each write, with each way an answer can be lost, tried until it succeeds as a job would. Whatever was
/// lost, one comment, one pull request, one check run stand at the end.
#[tokio::test]
async fn every_write_shows_once_whatever_is_lost() {
    let faults = [
        Fault::DoAndDrop,
        Fault::Drop,
        Fault::Refuse { status: 502, message: None },
        Fault::Refuse { status: 500, message: None },
        Fault::Garbage { status: 201, body: "<html>".into() },
        Fault::Garbage { status: 502, body: "<html>".into() },
        Fault::SecondaryLimit { retry_after: None },
        Fault::Refuse { status: 401, message: None },
    ];
    let operations = ["issues/create-comment", "pulls/create", "checks/create"];
    for operation in operations {
        for fault in &faults {
            let world = World::new().await;
            let issue = world.issue();
            let (branch, head) = world.branch("baton/issue-1");
            world.sim.fault(FaultRule::new(operation, fault.clone(), 2));
            let new = NewPull { head: &branch, commit: &head, base: "main", title: "t", body: "b", draft: true };
            let update =
                CheckRunUpdate { state: CheckState::Queued, title: "t", summary: "s", text: None, details_url: None };
            let mut tries = 0;
            loop {
                let outcome = match operation {
                    "issues/create-comment" => world.repository.create_comment(issue, "k", "x").await.map(drop),
                    "pulls/create" => world.repository.create_pull(&new).await.map(drop),
                    _ => world.repository.set_check_run("baton", "k", &head, &update).await.map(drop),
                };
                tries += 1;
                match outcome {
                    Ok(()) => break,
                    Err(GitHubError::RetryAfter { at, .. }) if tries < 5 => world.wait_until(at),
                    Err(error) => assert!(
                        (error.is_transient() || matches!(error, GitHubError::Unauthorized { .. })) && tries < 5,
                        "{operation} {fault:?}: {error:?}"
                    ),
                }
            }
            let shown = (
                world.repository.comments(issue).await.unwrap().len(),
                world.sim.pulls(REPO).unwrap().len(),
                world.sim.check_runs(REPO).unwrap().len(),
            );
            let expected = match operation {
                "issues/create-comment" => (1, 0, 0),
                "pulls/create" => (0, 1, 0),
                _ => (0, 0, 1),
            };
            assert_eq!(shown, expected, "{operation} {fault:?} after {tries} tries");
        }
    }
}

#[tokio::test]
async fn refusals_have_types() {
    let world = World::new().await;
    let repository = &world.repository;
    let issue = world.issue();
    let number: u64 = issue.0.try_into().unwrap();
    let missing = repository.issue(IssueNumber(999)).await;
    assert!(matches!(missing, Err(GitHubError::NotFound { operation: "issues/get" })), "{missing:?}");
    let foreign = repository.comment(CommentId(999_999)).await;
    assert!(matches!(foreign, Err(GitHubError::NotFound { .. })), "{foreign:?}");
    let (branch, head) = world.branch("baton/issue-1");
    let none = NewPull { head: &branch, commit: &head, base: "nowhere", title: "t", body: "b", draft: false };
    let refused = repository.create_pull(&none).await;
    assert!(matches!(refused, Err(GitHubError::Validation { .. })), "{refused:?}");

    world.sim.fault(FaultRule::new("issues/get", Fault::PrimaryLimit { reset_after: 90 }, 1));
    let limited = repository.issue(issue).await.unwrap_err();
    let GitHubError::RetryAfter { at, pause: Pause::PrimaryLimit, .. } = limited else { panic!("{limited:?}") };
    let wait = at.since(Timestamp(world.sim.now().as_millisecond()));
    assert!((85..=95).contains(&wait.as_secs()), "{wait:?}");
    // Nothing is sent before that time, so the rest is asked by another Baton.
    let world = World::new().await;
    let (repository, issue) = (&world.repository, world.issue());

    world.sim.archive(REPO, true).unwrap();
    let archived = repository.create_comment(issue, "k", "x").await;
    assert_eq!(archived, Err(GitHubError::Archived));
    assert!(repository.info().await.unwrap().archived);
    world.sim.archive(REPO, false).unwrap();

    world.sim.person("acme").deletes_issue(REPO, number).unwrap();
    let deleted = repository.issue(issue).await;
    assert!(matches!(deleted, Err(GitHubError::Gone { .. })), "{deleted:?}");

    let installation = u64::try_from(repository.reference().installation.0).unwrap();
    world.sim.suspend(installation, true);
    let fresh = GitHubApp::new(&config(&world.sim, &world.credentials, &world.ahead))
        .unwrap()
        .repository(repository.reference());
    assert_eq!(fresh.info().await, Err(GitHubError::Suspended));
    world.sim.suspend(installation, false);
    world.sim.uninstall(installation);
    assert_eq!(fresh.info().await, Err(GitHubError::NotInstalled));
}

#[tokio::test]
async fn a_renamed_repository_is_followed() {
    let world = World::new().await;
    let issue = world.issue();
    world.sim.rename(REPO, "renamed").unwrap();
    let present = world.repository.info().await.unwrap().name;
    assert_eq!(present.to_string(), "acme/renamed", "the old name leads to the new one");
    let repository = world.repository.renamed(present);
    let written = repository.create_comment(issue, "k", "after the rename").await.unwrap();
    assert!(matches!(written, Found::Created(_)));
    assert!(matches!(repository.create_comment(issue, "k", "again").await, Ok(Found::Existing(_))));
}

#[tokio::test]
async fn a_git_token_opens_git_and_is_over_when_revoked() {
    let world = World::new().await;
    let token = world.repository.git_token(GitAccess::Push).await.unwrap();
    let url = format!("{}/{REPO}.git/info/refs?service=git-receive-pack", world.sim.git_url().trim_end_matches('/'));
    let status = |secret: SecretString| {
        let request = reqwest::Client::new().get(&url).basic_auth("x-access-token", Some(secret.expose_secret()));
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(status(token.secret.clone()).await, 200);
    let reader = world.repository.git_token(GitAccess::Fetch).await.unwrap();
    assert_eq!(status(reader.secret.clone()).await, 403, "a token to fetch does not push");
    world.repository.revoke(&token).await.unwrap();
    assert_eq!(status(token.secret.clone()).await, 401);
    world.repository.revoke(&token).await.unwrap();
}

/// Every operation of the table is one the simulator knows, by the same name, method and path.
#[test]
fn the_table_is_github_s() {
    let simulated: BTreeMap<_, _> = github_sim::operations().map(|operation| (operation.id, operation)).collect();
    for operation in OPERATIONS.iter().filter(|operation| !operation.name.starts_with("graphql/")) {
        let known = simulated.get(operation.name).unwrap_or_else(|| panic!("{} is unknown", operation.name));
        assert_eq!(known.method, format!("{:?}", operation.verb).to_uppercase(), "{}", operation.name);
        assert_eq!(parameters_unnamed(known.path), parameters_unnamed(operation.path), "{}", operation.name);
        if let (Needs::Permissions(ours), github_sim::Needs::Repository { any_of, level, .. }) =
            (operation.needs, known.needs)
        {
            let enough = ours.iter().any(|(permission, have)| {
                let have = if *have == baton_github::Level::Write { Level::Write } else { Level::Read };
                any_of.contains(&permission.name()) && have == level
            });
            // Every token reads metadata.
            let enough = enough || any_of.contains(&"metadata");
            assert!(enough, "{}: {} against {any_of:?} {level:?}", operation.name, operation.needs);
        }
    }
    let mutations: Vec<String> =
        github_sim::graphql_operations().iter().map(|operation| operation.id.to_owned()).collect();
    for operation in OPERATIONS.iter().filter(|operation| operation.name.starts_with("graphql/")) {
        assert!(mutations.iter().any(|name| name == operation.name), "{} is unknown: {mutations:?}", operation.name);
    }
}

fn parameters_unnamed(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}
