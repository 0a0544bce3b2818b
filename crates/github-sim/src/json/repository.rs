//! Repositories and their labels as GitHub writes them.

use serde_json::{Value, json};

use crate::clock::stamp;
use crate::world::World;
use crate::world::permission::Role;
use crate::world::repository::Label;

/// Every URL template of a repository: the key without `_url`, and what stands behind the repository's own URL.
const TEMPLATES: &[(&str, &str)] = &[
    ("archive", "/{archive_format}{/ref}"),
    ("assignees", "/assignees{/user}"),
    ("blobs", "/git/blobs{/sha}"),
    ("branches", "/branches{/branch}"),
    ("collaborators", "/collaborators{/collaborator}"),
    ("comments", "/comments{/number}"),
    ("commits", "/commits{/sha}"),
    ("compare", "/compare/{base}...{head}"),
    ("contents", "/contents/{+path}"),
    ("contributors", "/contributors"),
    ("deployments", "/deployments"),
    ("downloads", "/downloads"),
    ("events", "/events"),
    ("forks", "/forks"),
    ("git_commits", "/git/commits{/sha}"),
    ("git_refs", "/git/refs{/sha}"),
    ("git_tags", "/git/tags{/sha}"),
    ("hooks", "/hooks"),
    ("issue_comment", "/issues/comments{/number}"),
    ("issue_events", "/issues/events{/number}"),
    ("issues", "/issues{/number}"),
    ("keys", "/keys{/key_id}"),
    ("labels", "/labels{/name}"),
    ("languages", "/languages"),
    ("merges", "/merges"),
    ("milestones", "/milestones{/number}"),
    ("notifications", "/notifications{?since,all,participating}"),
    ("pulls", "/pulls{/number}"),
    ("releases", "/releases{/id}"),
    ("stargazers", "/stargazers"),
    ("statuses", "/statuses/{sha}"),
    ("subscribers", "/subscribers"),
    ("subscription", "/subscription"),
    ("tags", "/tags"),
    ("teams", "/teams"),
    ("trees", "/git/trees{/sha}"),
];

impl World {
    /// The API's URL of a repository.
    pub(crate) fn repo_url(&self, repo: u64) -> String {
        format!("{}/repos/{}", self.urls.api, self.full_name(repo))
    }

    /// The URL of a repository for people.
    pub(crate) fn repo_html_url(&self, repo: u64) -> String {
        format!("{}/{}", self.urls.web, self.full_name(repo))
    }

    pub(crate) fn repository_json(&self, id: u64) -> Value {
        let Some(repo) = self.repo(id) else { return Value::Null };
        let (url, html) = (self.repo_url(id), self.repo_html_url(id));
        let open = repo.issues.values().filter(|issue| issue.open).count();
        let host = self.urls.web.split_once("://").map_or("", |(_, host)| host);
        let full_name = self.full_name(id);
        let mut answer = json!({
            "id": id,
            "node_id": format!("R_kgDO{id}"),
            "name": repo.name,
            "full_name": full_name,
            "private": repo.private,
            "owner": self.user_json(repo.owner),
            "html_url": html,
            "description": repo.description,
            "fork": repo.fork_of.is_some(),
            "url": url,
            "clone_url": format!("{html}.git"),
            "git_url": format!("git://{host}/{full_name}.git"),
            "ssh_url": format!("git@{host}:{full_name}.git"),
            "svn_url": html,
            "mirror_url": null,
            "homepage": null,
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.updated_at),
            "pushed_at": stamp(repo.pushed_at),
            "size": 1,
            "stargazers_count": 0,
            "watchers_count": 0,
            "language": null,
            "has_issues": repo.has_issues,
            "has_projects": false,
            "has_downloads": true,
            "has_wiki": false,
            "has_pages": false,
            "has_discussions": false,
            "forks_count": self.repositories.values().filter(|other| other.fork_of == Some(id)).count(),
            "archived": repo.archived,
            "disabled": false,
            "open_issues_count": open,
            "license": null,
            "allow_forking": true,
            "is_template": false,
            "web_commit_signoff_required": false,
            "topics": [],
            "visibility": if repo.private { "private" } else { "public" },
            "forks": 0,
            "open_issues": open,
            "watchers": 0,
            "default_branch": repo.default_branch,
        });
        if let Value::Object(fields) = &mut answer {
            for (key, rest) in TEMPLATES {
                fields.insert(format!("{key}_url"), format!("{url}{rest}").into());
            }
        }
        answer
    }

    /// The answer of `GET /repos/{owner}/{repo}`.
    pub(crate) fn full_repository_json(&self, id: u64, role: Role) -> Value {
        let mut answer = self.repository_json(id);
        let more = json!({
            "permissions": {
                "admin": role >= Role::Admin,
                "maintain": role >= Role::Maintain,
                "push": role >= Role::Write,
                "triage": role >= Role::Triage,
                "pull": role >= Role::Read,
            },
            "allow_rebase_merge": true,
            "allow_squash_merge": true,
            "allow_merge_commit": true,
            "allow_auto_merge": false,
            "allow_update_branch": false,
            "delete_branch_on_merge": false,
            "network_count": 0,
            "subscribers_count": 0,
        });
        super::merge(&mut answer, more);
        answer
    }

    pub(crate) fn label_json(&self, repo: u64, label: &Label) -> Value {
        let encoded = percent_encoding::utf8_percent_encode(&label.name, percent_encoding::NON_ALPHANUMERIC);
        json!({
            "id": label.id,
            "node_id": format!("LA_kwDO{}", label.id),
            "url": format!("{}/labels/{encoded}", self.repo_url(repo)),
            "name": label.name,
            "color": label.color,
            "default": false,
            "description": label.description,
        })
    }
}
