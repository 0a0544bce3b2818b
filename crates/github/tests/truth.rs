//! What can be asked of GitHub where its webhooks were lost: against the simulator.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(
    clippy::disallowed_methods,
    reason = "the simulator judges a JWT by the machine's clock, so it is signed by that"
)]

use std::sync::Arc;
use std::time::Duration;

use baton_core::domain::ids::{InstallationId, IssueNumber, RepositoryId};
use baton_core::domain::issue::RepositoryRef;
use baton_core::domain::time::Timestamp;
use baton_github::{AttemptOutcome, Config, GitHubApp, GitHubError, IssueAct, Repository, Timeouts};
use github_sim::{AppCredentials, AppSpec, Fate, Options, Role, Sim};

mod manifest;

const REPO: &str = "acme/app";

struct World {
    sim: Sim,
    credentials: AppCredentials,
    app: GitHubApp,
    repository: Repository,
    installation: u64,
}

fn world() -> World {
    let sim = Sim::start(Options::default()).unwrap();
    let id = sim.repository(REPO, [("README.md", "# App\n")]).unwrap();
    sim.role(REPO, "alice", Role::Maintain).unwrap();
    sim.role(REPO, "tom", Role::Triage).unwrap();
    // Nobody listens there.
    let webhook_url = Some("http://127.0.0.1:9/".to_owned());
    let credentials = sim.app(AppSpec { webhook_url, ..manifest::app() }).unwrap();
    let installation = sim.install(credentials.app_id, REPO).unwrap();
    let config = Config {
        api_url: sim.api_url().parse().unwrap(),
        graphql_url: Some(sim.graphql_url().parse().unwrap()),
        web_url: Some(sim.web_url().parse().unwrap()),
        app_id: i64::try_from(credentials.app_id).unwrap(),
        private_key_pem: credentials.private_key_pem.clone().into(),
        marker_secrets: vec![credentials.webhook_secret.clone().into()],
        key_source: None,
        authorities_pem: None,
        budget: baton_github::Budget::default(),
        timeouts: Timeouts::default(),
        clock: Arc::new(now),
    };
    let app = GitHubApp::new(&config).unwrap();
    let reference = RepositoryRef {
        id: RepositoryId(id.try_into().unwrap()),
        name: REPO.parse().unwrap(),
        installation: InstallationId(installation.try_into().unwrap()),
    };
    let repository = app.repository(&reference);
    World { sim, credentials, app, repository, installation }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

fn number(issue: u64) -> IssueNumber {
    IssueNumber(issue.try_into().unwrap())
}

#[tokio::test]
async fn everything_that_changed_is_read_however_much_changed_in_one_second() {
    let w = world();
    let long_ago = Timestamp(0);
    let mut opened = Vec::new();
    // The simulator's clock may show one second for all of these, so times alone cannot part them into pages.
    for nth in 0..230 {
        opened.push(w.sim.person("alice").opens_issue(REPO, &format!("Number {nth}"), "").unwrap());
    }
    let comment = w.sim.person("tom").says(REPO, opened[3], "Me too").unwrap();
    let changed = w.repository.issues_since(long_ago).await.unwrap();
    assert!(changed.complete);
    let mut found: Vec<i64> = changed.items.iter().map(|issue| issue.number.0).collect();
    found.sort_unstable();
    found.dedup();
    let expected: Vec<i64> = opened.iter().map(|issue| (*issue).try_into().unwrap()).collect();
    assert_eq!(found, expected);
    let comments = w.repository.comments_since(long_ago).await.unwrap();
    assert_eq!(comments.items.iter().map(|it| it.id.0).collect::<Vec<_>>(), [i64::try_from(comment).unwrap()]);
    let later = now().plus(Duration::from_secs(3600));
    assert_eq!(w.repository.issues_since(later).await.unwrap().items, []);
    assert_eq!(w.repository.comments_since(later).await.unwrap().items, []);
}

#[tokio::test]
async fn who_did_what_to_an_issue() {
    let w = world();
    let issue = w.sim.person("alice").opens_issue(REPO, "Title", "Body").unwrap();
    w.sim.person("alice").assigns(REPO, issue, "tom").unwrap();
    w.sim.person("tom").labels(REPO, issue, "baton").unwrap();
    w.sim.person("tom").unlabels(REPO, issue, "baton").unwrap();
    w.sim.person("alice").edits_issue(REPO, issue, Some("Another"), None).unwrap();
    w.sim.person("alice").unassigns(REPO, issue, "tom").unwrap();
    let events = w.repository.issue_events(number(issue)).await.unwrap();
    let lines: Vec<(String, IssueAct)> =
        events.into_iter().map(|event| (event.actor.unwrap().person.login, event.act)).collect();
    let by = |login: &str, act| (login.to_owned(), act);
    assert_eq!(
        lines,
        [
            by("alice", IssueAct::Assigned("tom".into())),
            by("tom", IssueAct::Labelled("baton".into())),
            by("tom", IssueAct::Unlabelled("baton".into())),
            by("alice", IssueAct::Renamed),
            by("alice", IssueAct::Unassigned("tom".into())),
        ]
    );
}

#[tokio::test]
async fn whether_a_text_was_edited() {
    let w = world();
    let issue = w.sim.person("alice").opens_issue(REPO, "Title", "Body").unwrap();
    let comment = w.sim.person("alice").says(REPO, issue, "First").unwrap();
    let before = w.repository.issue(number(issue)).await.unwrap();
    let said = w.repository.comments_since(Timestamp(0)).await.unwrap().items.remove(0);
    assert_eq!(w.repository.last_edit(&before.node_id).await.unwrap(), None);
    assert_eq!(w.repository.last_edit(&said.node_id).await.unwrap(), None);
    w.sim.person("alice").edits_issue(REPO, issue, None, Some("Another")).unwrap();
    w.sim.person("alice").edits_comment(REPO, comment, "Second").unwrap();
    assert!(w.repository.last_edit(&before.node_id).await.unwrap().is_some());
    assert!(w.repository.last_edit(&said.node_id).await.unwrap().is_some());
    w.sim.person("alice").deletes_comment(REPO, comment).unwrap();
    assert!(matches!(w.repository.last_edit(&said.node_id).await, Err(GitHubError::NotFound { .. })));
}

#[tokio::test]
async fn failed_deliveries_are_listed_and_asked_for_again() {
    let w = world();
    w.sim.webhook_fates(|it| if it.event == "issues" { Fate::Fails } else { Fate::IsLost });
    let issue = w.sim.person("alice").opens_issue(REPO, "Title", "Body").unwrap();
    w.sim.person("alice").says(REPO, issue, "Lost for good").unwrap();
    let all = w.app.attempts_since(Timestamp(0)).await.unwrap();
    let failed: Vec<_> = all.iter().filter(|attempt| attempt.event == "issues").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].outcome, failed[0].action.as_deref()), (AttemptOutcome::Failed, Some("opened")));
    assert!(!all.iter().any(|attempt| attempt.event == "issue_comment"));
    w.app.redeliver(failed[0].id).await.unwrap();
    let again = w.app.attempts_since(Timestamp(0)).await.unwrap();
    let attempts = again.iter().filter(|attempt| attempt.guid == failed[0].guid).count();
    assert_eq!(attempts, 2, "under the same GUID");
    assert!(matches!(w.app.redeliver(1).await, Err(GitHubError::NotFound { .. })));
    assert_eq!(w.app.attempts_since(now().plus(Duration::from_secs(3600))).await.unwrap(), []);
}

#[tokio::test]
async fn where_the_app_is_installed_and_on_what() {
    let w = world();
    w.sim.repository("acme/other", [("README.md", "# Other\n")]).unwrap();
    w.sim.install(w.credentials.app_id, "acme/other").unwrap();
    let all = w.app.installations().await.unwrap();
    assert_eq!(all.len(), 1);
    assert!(!all[0].suspended && all[0].created_at.is_some());
    let names = |covered: Vec<baton_github::Covered>| {
        let mut names: Vec<String> = covered.iter().map(|it| it.reference.name.to_string()).collect();
        names.sort();
        names
    };
    assert_eq!(names(w.app.repositories_of(all[0].id).await.unwrap()), ["acme/app", "acme/other"]);
    w.sim.suspend(w.installation, true);
    assert!(w.app.installations().await.unwrap()[0].suspended);
    w.sim.uninstall(w.installation);
    assert_eq!(w.app.installations().await.unwrap(), []);
    assert!(w.app.repositories_of(all[0].id).await.is_err());
}
