//! Check suites, check runs and commit statuses as GitHub writes them.

use serde_json::{Value, json};

use crate::clock::{stamp, stamp_or_null};
use crate::world::World;
use crate::world::check::{CheckRun, CheckSuite, Status};

impl World {
    pub(crate) fn check_run_json(&self, repo: u64, run: &CheckRun) -> Value {
        let url = format!("{}/check-runs/{}", self.repo_url(repo), run.id);
        json!({
            "id": run.id,
            "name": run.name,
            "node_id": format!("CR_kwDO{}", run.id),
            "head_sha": run.head_sha,
            "external_id": run.external_id,
            "url": url,
            "html_url": format!("{}/runs/{}", self.repo_html_url(repo), run.id),
            "details_url": run.details_url,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": stamp_or_null(run.started_at),
            "completed_at": stamp_or_null(run.completed_at),
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": run.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": {"id": run.suite},
            "app": self.via_json(Some(run.app)),
            "pull_requests": self.pulls_at_json(repo, &run.head_sha),
        })
    }

    pub(crate) fn check_suite_json(&self, repo: u64, suite: &CheckSuite) -> Value {
        let runs: Vec<&CheckRun> = self
            .repo(repo)
            .map(|repo| repo.check_runs.iter().filter(|run| run.suite == suite.id).collect())
            .unwrap_or_default();
        let done = !runs.is_empty() && runs.iter().all(|run| run.status == "completed");
        let conclusion = done.then(|| {
            let failed = runs.iter().any(|run| matches!(run.conclusion.as_deref(), Some("failure" | "timed_out")));
            if failed { "failure" } else { "success" }
        });
        let url = format!("{}/check-suites/{}", self.repo_url(repo), suite.id);
        json!({
            "id": suite.id,
            "node_id": format!("CS_kwDO{}", suite.id),
            "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "status": if done { "completed" } else if runs.is_empty() { "queued" } else { "in_progress" },
            "conclusion": conclusion,
            "url": url,
            "before": null,
            "after": suite.head_sha,
            "pull_requests": self.pulls_at_json(repo, &suite.head_sha),
            "app": self.via_json(Some(suite.app)),
            "created_at": stamp(suite.created_at),
            "updated_at": stamp(suite.updated_at),
            "rerequestable": true,
            "runs_rerequestable": true,
            "latest_check_runs_count": runs.len(),
            "check_runs_url": format!("{url}/check-runs"),
            "head_commit": self.head_commit_json(repo, &suite.head_sha),
        })
    }

    pub(crate) fn status_json(&self, repo: u64, status: &Status) -> Value {
        json!({
            "url": format!("{}/statuses/{}", self.repo_url(repo), status.sha),
            "avatar_url": format!("{}/avatars/u/{}?v=4", self.urls.web, status.creator),
            "id": status.id,
            "node_id": format!("SC_kwDO{}", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.at),
            "updated_at": stamp(status.at),
            "creator": self.user_json(status.creator),
        })
    }

    /// The open pull requests whose head is this commit, in the short form that checks carry.
    fn pulls_at_json(&self, repo: u64, sha: &str) -> Vec<Value> {
        let Some(repository) = self.repo(repo) else { return Vec::new() };
        let side = |id: u64, branch: &str, sha: &str| {
            let name = self.repo(id).map_or("", |repo| repo.name.as_str());
            json!({"ref": branch, "sha": sha, "repo": {"id": id, "url": self.repo_url(id), "name": name}})
        };
        let open = repository.issues.values().filter(|issue| issue.open);
        open.filter_map(|issue| Some((issue.number, issue.pull.as_ref()?)))
            .filter(|(_, pull)| pull.head_sha == sha)
            .map(|(number, pull)| {
                json!({
                    "url": format!("{}/pulls/{number}", self.repo_url(repo)),
                    "id": pull.id,
                    "number": number,
                    "head": side(pull.head_repo, &pull.head_ref, &pull.head_sha),
                    "base": side(repo, &pull.base_ref, &pull.base_sha),
                })
            })
            .collect()
    }
}
