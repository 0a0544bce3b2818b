//! Commits, branches, refs, changed files and contents as GitHub writes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::git::judge::parent_or_nothing;
use crate::git::read::{ChangedFile, CommitInfo, Signature, TreeEntry};
use crate::world::World;
use crate::world::account::Account;

impl World {
    /// The account behind an e-mail address: `ID+LOGIN@users.noreply.github.com` or `LOGIN@…`.
    pub(crate) fn account_by_email(&self, email: &str) -> Option<&Account> {
        let local = email.strip_suffix("@users.noreply.github.com")?;
        match local.split_once('+') {
            Some((id, _)) => self.account(id.parse().ok()?),
            None => self.account_by_login(local),
        }
    }

    /// The address that [`Self::account_by_email`] finds back.
    pub(crate) fn email_of(&self, user: u64) -> String {
        format!("{user}+{}@users.noreply.github.com", self.login(user))
    }

    fn signer_json(&self, signature: &Signature) -> Value {
        self.account_by_email(&signature.email).map_or(Value::Null, |account| self.user_json(account.id))
    }

    pub(crate) fn commit_json(&self, repo: u64, commit: &CommitInfo) -> Value {
        let url = format!("{}/commits/{}", self.repo_url(repo), commit.sha);
        let html = |sha: &str| format!("{}/commit/{sha}", self.repo_html_url(repo));
        let parents = commit.parents.iter().map(
            |sha| json!({"sha": sha, "url": format!("{}/commits/{sha}", self.repo_url(repo)), "html_url": html(sha)}),
        );
        json!({
            "sha": commit.sha,
            "node_id": format!("C_kwDO{}", commit.sha),
            "commit": {
                "author": signature_json(&commit.author),
                "committer": signature_json(&commit.committer),
                "message": commit.message,
                "tree": {"sha": commit.tree, "url": format!("{}/git/trees/{}", self.repo_url(repo), commit.tree)},
                "url": format!("{}/git/commits/{}", self.repo_url(repo), commit.sha),
                "comment_count": 0,
                "verification": unsigned(),
            },
            "url": url,
            "html_url": html(&commit.sha),
            "comments_url": format!("{url}/comments"),
            "author": self.signer_json(&commit.author),
            "committer": self.signer_json(&commit.committer),
            "parents": parents.collect::<Vec<_>>(),
        })
    }

    /// `GET /git/commits/{sha}`: the commit as git keeps it.
    pub(crate) fn git_commit_json(&self, repo: u64, commit: &CommitInfo) -> Value {
        let url = |kind: &str, sha: &str| format!("{}/git/{kind}s/{sha}", self.repo_url(repo));
        let html = |sha: &str| format!("{}/commit/{sha}", self.repo_html_url(repo));
        let parents =
            commit.parents.iter().map(|sha| json!({"sha": sha, "url": url("commit", sha), "html_url": html(sha)}));
        json!({
            "sha": commit.sha,
            "node_id": format!("C_kwDO{}", commit.sha),
            "url": url("commit", &commit.sha),
            "html_url": html(&commit.sha),
            "author": signature_json(&commit.author),
            "committer": signature_json(&commit.committer),
            "tree": {"sha": commit.tree, "url": url("tree", &commit.tree)},
            "message": commit.message,
            "parents": parents.collect::<Vec<_>>(),
            "verification": unsigned(),
        })
    }

    /// `GET /commits/{ref}`: with the files the commit changed.
    pub(crate) fn full_commit_json(&self, repo: u64, commit: &CommitInfo) -> Value {
        let mut answer = self.commit_json(repo, commit);
        let files = self.git.changed_files(repo, parent_or_nothing(&commit.parents), &commit.sha);
        let (additions, deletions) = files.iter().fold((0, 0), |(a, d), file| (a + file.additions, d + file.deletions));
        let more = json!({
            "stats": {"additions": additions, "deletions": deletions, "total": additions + deletions},
            "files": files.iter().map(|file| self.changed_file_json(repo, &commit.sha, file)).collect::<Vec<_>>(),
        });
        super::merge(&mut answer, more);
        answer
    }

    pub(crate) fn changed_file_json(&self, repo: u64, sha: &str, file: &ChangedFile) -> Value {
        let path = encode_path(&file.path);
        let (html, api) = (self.repo_html_url(repo), self.repo_url(repo));
        let mut answer = json!({
            "sha": file.blob,
            "filename": file.path,
            "status": file.status,
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": format!("{html}/blob/{sha}/{path}"),
            "raw_url": format!("{html}/raw/{sha}/{path}"),
            "contents_url": format!("{api}/contents/{path}?ref={sha}"),
        });
        if let Value::Object(fields) = &mut answer {
            if let Some(patch) = &file.patch {
                fields.insert("patch".into(), patch.as_str().into());
            }
            if let Some(previous) = &file.previous {
                fields.insert("previous_filename".into(), previous.as_str().into());
            }
        }
        answer
    }

    pub(crate) fn ref_json(&self, repo: u64, name: &str, sha: &str) -> Value {
        json!({
            "ref": name,
            "node_id": format!("REF_kwDO{repo}{name}"),
            "url": format!("{}/git/{name}", self.repo_url(repo)),
            "object": {"type": "commit", "sha": sha, "url": format!("{}/git/commits/{sha}", self.repo_url(repo))},
        })
    }

    pub(crate) fn branch_json(&self, repo: u64, branch: &str, commit: &CommitInfo) -> Value {
        let protected = self.repo(repo).is_some_and(|repo| repo.protected.contains_key(branch));
        let url = format!("{}/branches/{branch}", self.repo_url(repo));
        json!({
            "name": branch,
            "commit": self.commit_json(repo, commit),
            "_links": {"self": url, "html": format!("{}/tree/{branch}", self.repo_html_url(repo))},
            "protected": protected,
            "protection": {"enabled": protected, "required_status_checks": {
                "enforcement_level": "off", "contexts": [], "checks": [],
            }},
            "protection_url": format!("{url}/protection"),
        })
    }

    /// The commit as push webhooks and check suites carry it.
    pub(crate) fn head_commit_json(&self, repo: u64, sha: &str) -> Value {
        self.git.commit(repo, sha).map_or(Value::Null, |commit| {
            json!({
                "id": commit.sha, "tree_id": commit.tree, "message": commit.message,
                "timestamp": commit.committer.date,
                "author": {"name": commit.author.name, "email": commit.author.email},
                "committer": {"name": commit.committer.name, "email": commit.committer.email},
            })
        })
    }

    /// One commit of a push webhook: with the paths it touched.
    pub(crate) fn pushed_commit_json(&self, repo: u64, commit: &CommitInfo) -> Value {
        let paths = self.git.changed_paths(repo, parent_or_nothing(&commit.parents), &commit.sha);
        let with = |letters: &[char]| -> Vec<&str> {
            paths.iter().filter(|(status, _)| letters.contains(status)).map(|(_, path)| path.as_str()).collect()
        };
        let person = |who: &Signature| {
            let mut person = json!({"name": who.name, "email": who.email});
            if let (Some(account), Value::Object(fields)) = (self.account_by_email(&who.email), &mut person) {
                fields.insert("username".into(), account.login.as_str().into());
            }
            person
        };
        json!({
            "id": commit.sha,
            "tree_id": commit.tree,
            "distinct": true,
            "message": commit.message,
            "timestamp": commit.committer.date,
            "url": format!("{}/commit/{}", self.repo_html_url(repo), commit.sha),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "added": with(&['A']),
            "removed": with(&['D']),
            "modified": with(&['M', 'T']),
        })
    }

    /// `GET /contents/{path}` of a file.
    pub(crate) fn content_json(&self, repo: u64, name: &str, entry: &TreeEntry, bytes: Option<&[u8]>) -> Value {
        let path = encode_path(&entry.path);
        let url = format!("{}/contents/{path}?ref={name}", self.repo_url(repo));
        let html = format!("{}/blob/{name}/{path}", self.repo_html_url(repo));
        let git = format!("{}/git/{}s/{}", self.repo_url(repo), entry.kind, entry.sha);
        let file = entry.kind == "blob";
        let kind = match (entry.mode.as_str(), entry.kind.as_str()) {
            ("120000", _) => "symlink",
            (_, "tree") => "dir",
            (_, "commit") => "submodule",
            _ => "file",
        };
        let download = format!("{}/raw/{name}/{path}", self.repo_html_url(repo));
        let mut answer = json!({
            "name": entry.path.rsplit('/').next(),
            "path": entry.path,
            "sha": entry.sha,
            "size": entry.size,
            "url": url,
            "html_url": html,
            "git_url": git,
            "download_url": file.then_some(download),
            "type": kind,
            "_links": {"self": url, "git": git, "html": html},
        });
        if let (Some(bytes), Value::Object(fields)) = (bytes, &mut answer) {
            if kind == "symlink" {
                fields.insert("target".into(), String::from_utf8_lossy(bytes).into());
                return answer;
            }
            if entry.size > 1024 * 1024 {
                fields.insert("content".into(), "".into());
                fields.insert("encoding".into(), "none".into());
                return answer;
            }
            let encoded = STANDARD.encode(bytes);
            let lines: Vec<&str> =
                encoded.as_bytes().chunks(60).map(|chunk| std::str::from_utf8(chunk).unwrap_or_default()).collect();
            fields.insert("content".into(), format!("{}\n", lines.join("\n")).into());
            fields.insert("encoding".into(), "base64".into());
        }
        answer
    }
}

fn signature_json(signature: &Signature) -> Value {
    json!({"name": signature.name, "email": signature.email, "date": signature.date})
}

fn unsigned() -> Value {
    json!({"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null})
}

/// A path for a URL: encoded, but its slashes.
fn encode_path(path: &str) -> String {
    let encode = |part| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC).to_string();
    path.split('/').map(|part| encode(part).replace("%2E", ".").replace("%2D", "-")).collect::<Vec<_>>().join("/")
}
