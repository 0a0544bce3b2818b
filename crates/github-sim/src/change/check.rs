//! Check suites and runs, and commit statuses.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Done, Refusal};
use crate::world::check::{CheckRun, CheckSuite, Status};
use crate::world::{Actor, World};

/// The fields of a check run that creating and updating have in common.
#[derive(Debug, Default)]
pub(crate) struct CheckRunFields {
    pub name: Option<String>,
    pub status: Option<String>,
    pub conclusion: Option<String>,
    pub external_id: Option<String>,
    pub details_url: Option<String>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    pub output: Option<Value>,
    pub actions: Option<Vec<Value>>,
}

const STATUSES: [&str; 3] = ["queued", "in_progress", "completed"];
const CONCLUSIONS: [&str; 8] =
    ["action_required", "cancelled", "failure", "neutral", "success", "skipped", "stale", "timed_out"];

fn at_most(count: usize, most: usize, what: &str) -> Done<()> {
    if count <= most {
        return Ok(());
    }
    Err(Refusal::schema(format!("Only {most} {what} are allowed; {count} were supplied.")))
}

impl CheckRunFields {
    fn check(&self) -> Done<()> {
        let invalid = |field| Err(Refusal::invalid("CheckRun", field, "invalid"));
        if self.status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
            return invalid("status");
        }
        if self.conclusion.as_deref().is_some_and(|conclusion| !CONCLUSIONS.contains(&conclusion)) {
            return invalid("conclusion");
        }
        if self.status.as_deref() == Some("completed") && self.conclusion.is_none() {
            return Err(Refusal::invalid("CheckRun", "conclusion", "missing_field"));
        }
        let Some(output) = &self.output else { return self.check_actions() };
        let text = |name: &str| output.get(name).and_then(Value::as_str);
        if text("title").is_none() {
            return Err(Refusal::schema("\"title\" wasn't supplied."));
        }
        at_most(text("title").map_or(0, |title| title.chars().count()), 255, "characters")?;
        for field in ["summary", "text"] {
            // Though the words say characters, GitHub counts bytes here.
            at_most(text(field).map_or(0, str::len), 65_535, "characters")?;
        }
        at_most(output.get("annotations").and_then(Value::as_array).map_or(0, Vec::len), 50, "items")?;
        self.check_actions()
    }

    fn check_actions(&self) -> Done<()> {
        let actions = self.actions.as_deref().unwrap_or_default();
        at_most(actions.len(), 3, "items")?;
        for action in actions {
            for (field, most) in [("label", 20), ("description", 40), ("identifier", 20)] {
                let text = action.get(field).and_then(Value::as_str);
                let text = text.ok_or_else(|| Refusal::schema(format!("\"{field}\" wasn't supplied.")))?;
                at_most(text.chars().count(), most, "characters")?;
            }
        }
        Ok(())
    }

    fn apply(self, run: &mut CheckRun, now: Timestamp) {
        if let Some(name) = self.name {
            run.name = name;
        }
        if let Some(status) = self.status {
            run.status = status;
        }
        if self.conclusion.is_some() {
            run.conclusion = self.conclusion;
            run.status = "completed".into();
            run.completed_at = self.completed_at.or(Some(now));
        } else if run.status != "completed" {
            run.conclusion = None;
            run.completed_at = None;
        }
        if let Some(id) = self.external_id {
            run.external_id = id;
        }
        run.details_url = self.details_url.or(run.details_url.take());
        run.started_at = self.started_at.or(run.started_at);
        if let Some(actions) = self.actions {
            run.actions = actions;
        }
        if let Some(output) = self.output {
            let text = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
            run.title = text("title");
            run.summary = text("summary");
            run.text = text("text");
            run.annotations.extend(output.get("annotations").and_then(Value::as_array).into_iter().flatten().cloned());
        }
    }
}

impl World {
    /// Creates a check run of this App on a commit.
    pub(crate) fn create_check_run(&mut self, by: &Actor, repo: u64, sha: &str, fields: CheckRunFields) -> Done<u64> {
        let app = by.app.ok_or_else(|| Refusal::new(403, "You must authenticate via a GitHub App."))?;
        fields.check()?;
        let missing = || Refusal::custom("CheckRun", format!("No commit found for SHA: {sha}"));
        let sha = self.git.resolve(repo, sha).ok_or_else(missing)?;
        let (suite, id, now) = (self.suite_of(by, repo, app, &sha), self.fresh_id(), self.now());
        let mut run = CheckRun {
            id,
            suite,
            app,
            name: String::new(),
            head_sha: sha,
            status: "queued".into(),
            conclusion: None,
            external_id: String::new(),
            details_url: None,
            started_at: Some(now),
            completed_at: None,
            title: None,
            summary: None,
            text: None,
            annotations: Vec::new(),
            actions: Vec::new(),
        };
        fields.apply(&mut run, now);
        self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?.check_runs.push(run);
        self.announce_check_run(by, repo, id, "created");
        Ok(id)
    }

    pub(crate) fn update_check_run(&mut self, by: &Actor, repo: u64, id: u64, fields: CheckRunFields) -> Done<()> {
        fields.check()?;
        let now = self.now();
        let repository = self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?;
        let run = repository.check_runs.iter_mut().find(|run| run.id == id).ok_or_else(Refusal::not_found)?;
        if by.app != Some(run.app) {
            return Err(Refusal::new(
                403,
                format!(
                    "Invalid app_id `{}` - check run can only be modified by the GitHub App that created it.",
                    run.app
                ),
            ));
        }
        let was_done = run.status == "completed";
        fields.apply(run, now);
        let action = if run.status == "completed" && !was_done { "completed" } else { "updated" };
        self.announce_check_run(by, repo, id, action);
        Ok(())
    }

    /// Somebody presses a button of a check run; only its App hears of it.
    pub(crate) fn request_action(&mut self, by: &Actor, repo: u64, id: u64, identifier: &str) -> Done<()> {
        let run = self.check_run(repo, id)?;
        let known = run.actions.iter().any(|action| action.get("identifier").is_some_and(|it| it == identifier));
        if !known {
            return Err(Refusal::new(422, format!("the check run has no action {identifier:?}")));
        }
        let (app, written) = (run.app, self.check_run_json(repo, run));
        self.record(by, "check_run.request_action", Some(repo), json!({"id": id, "identifier": identifier}));
        let action = json!({"identifier": identifier});
        let particulars = vec![("check_run", written), ("requested_action", action)];
        self.emit_to_maker("check_run", "requested_action", repo, by, app, particulars);
        Ok(())
    }

    /// Asks the App of a check run to run it again.
    pub(crate) fn rerequest_check_run(&mut self, by: &Actor, repo: u64, id: u64) -> Done<()> {
        let run = self.check_run(repo, id)?;
        let (app, written) = (run.app, self.check_run_json(repo, run));
        self.record(by, "check_run.rerequest", Some(repo), json!({"id": id}));
        self.emit_to_maker("check_run", "rerequested", repo, by, app, vec![("check_run", written)]);
        Ok(())
    }

    /// Asks the App of a suite to run all of it again.
    pub(crate) fn rerequest_check_suite(&mut self, by: &Actor, repo: u64, id: u64) -> Done<()> {
        let suites = self.repo(repo).map(|repo| repo.check_suites.as_slice()).unwrap_or_default();
        let suite = suites.iter().find(|suite| suite.id == id).ok_or_else(Refusal::not_found)?;
        let (app, written) = (suite.app, self.check_suite_json(repo, suite));
        self.record(by, "check_suite.rerequest", Some(repo), json!({"id": id}));
        self.emit_to_maker("check_suite", "rerequested", repo, by, app, vec![("check_suite", written)]);
        Ok(())
    }

    fn check_run(&self, repo: u64, id: u64) -> Done<&CheckRun> {
        let runs = self.repo(repo).map(|repo| repo.check_runs.as_slice()).unwrap_or_default();
        runs.iter().find(|run| run.id == id).ok_or_else(Refusal::not_found)
    }

    fn announce_check_run(&mut self, by: &Actor, repo: u64, id: u64, action: &str) {
        let found = self.repo(repo).and_then(|repo| repo.check_runs.iter().find(|run| run.id == id));
        let Some(run) = found else { return };
        let written = self.check_run_json(repo, run);
        let detail = json!({"id": id, "name": run.name, "sha": run.head_sha, "status": run.status,
            "conclusion": run.conclusion, "external_id": run.external_id});
        let what = if action == "created" { "check_run.create" } else { "check_run.update" };
        self.record(by, what, Some(repo), detail);
        // GitHub has no `updated` action: a run in the middle says nothing.
        if action != "updated" {
            self.emit("check_run", Some(action), repo, by, vec![("check_run", written)]);
        }
    }

    /// The App's suite on a commit, made when there is none.
    fn suite_of(&mut self, by: &Actor, repo: u64, app: u64, sha: &str) -> u64 {
        let suites = self.repo(repo).map(|repo| repo.check_suites.as_slice()).unwrap_or_default();
        if let Some(suite) = suites.iter().find(|suite| suite.app == app && suite.head_sha == sha) {
            return suite.id;
        }
        let branch = self.git.refs(repo, "refs/heads").into_iter().find(|(_, tip)| tip == sha);
        let branch = branch.and_then(|(name, _)| name.strip_prefix("refs/heads/").map(str::to_owned));
        self.add_suite(by, repo, app, branch, sha)
    }

    fn add_suite(&mut self, by: &Actor, repo: u64, app: u64, branch: Option<String>, sha: &str) -> u64 {
        let (id, now) = (self.fresh_id(), self.now());
        let suite =
            CheckSuite { id, app, head_sha: sha.to_owned(), head_branch: branch, created_at: now, updated_at: now };
        let written = self.check_suite_json(repo, &suite);
        if let Some(repository) = self.repositories.get_mut(&repo) {
            repository.check_suites.push(suite);
        }
        self.emit("check_suite", Some("requested"), repo, by, vec![("check_suite", written)]);
        id
    }

    /// A push makes a suite for every App that may write checks there.
    pub(crate) fn note_suites(&mut self, by: &Actor, repo: u64, branch: &str, sha: &str) {
        let apps: Vec<u64> = self
            .installations_on(repo)
            .into_iter()
            .filter_map(|id| self.installation(id))
            .filter(|it| it.permissions.get("checks").is_some_and(|level| *level >= crate::Level::Write))
            .map(|it| it.app)
            .collect();
        for app in apps {
            let there = self
                .repo(repo)
                .is_some_and(|repo| repo.check_suites.iter().any(|it| it.app == app && it.head_sha == sha));
            if !there {
                self.add_suite(by, repo, app, Some(branch.to_owned()), sha);
            }
        }
    }

    pub(crate) fn create_status(
        &mut self,
        by: &Actor,
        repo: u64,
        sha: &str,
        (state, context, description, target_url): (&str, &str, Option<&str>, Option<&str>),
    ) -> Done<u64> {
        if !["error", "failure", "pending", "success"].contains(&state) {
            return Err(Refusal::invalid("Status", "state", "inclusion"));
        }
        let missing = || Refusal::new(422, format!("No commit found for SHA: {sha}"));
        let sha = self.git.resolve(repo, sha).ok_or_else(missing)?;
        let (id, at) = (self.fresh_id(), self.now());
        let status = Status {
            id,
            sha: sha.clone(),
            creator: by.user,
            state: state.into(),
            context: context.into(),
            description: description.map(str::to_owned),
            target_url: target_url.map(str::to_owned),
            at,
        };
        self.repositories.get_mut(&repo).ok_or_else(Refusal::not_found)?.statuses.push(status);
        self.record(by, "status.create", Some(repo), json!({"sha": sha, "state": state, "context": context}));
        let particulars = vec![("sha", json!(sha)), ("state", json!(state)), ("context", json!(context))];
        self.emit("status", None, repo, by, particulars);
        Ok(id)
    }
}
