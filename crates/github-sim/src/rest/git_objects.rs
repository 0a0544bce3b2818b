//! Git's own objects over REST: trees, blobs, commits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::call::{Answer, Call, Outcome};
use super::commits::resolve;
use super::operation::{Route, reads, route};
use super::refs::refuse_empty;
use crate::refusal::Refusal;

const CONTENTS: &[&str] = &["contents"];
/// GitHub cuts a recursive tree off after this many entries.
const MOST_ENTRIES: usize = 100_000;
/// And refuses blobs above this many bytes.
const MOST_BYTES: u64 = 100 * 1024 * 1024;

pub(super) const ROUTES: &[Route] = &[
    route("git/get-tree", "GET", "/repos/{owner}/{repo}/git/trees/{tree_sha*}", reads(CONTENTS), tree),
    route("git/get-blob", "GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", reads(CONTENTS), blob),
    route("git/get-commit", "GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", reads(CONTENTS), |call| {
        refuse_empty(call)?;
        let commit = call.world.git.commit(call.repo, call.param("commit_sha")).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.git_commit_json(call.repo, &commit))
    }),
];

fn tree(call: &mut Call<'_>) -> Outcome {
    refuse_empty(call)?;
    let name = call.param("tree_sha");
    let git = &call.world.git;
    let named = resolve(call, name).unwrap_or_else(|| name.to_owned());
    let sha = git.tree_id(call.repo, &named).ok_or_else(Refusal::not_found)?;
    let mut entries = git.tree(call.repo, &sha, call.query("recursive").is_some());
    let truncated = entries.len() > MOST_ENTRIES;
    entries.truncate(MOST_ENTRIES);
    let url = |kind: &str, sha: &str| format!("{}/git/{kind}s/{sha}", call.world.repo_url(call.repo));
    let written = entries.iter().map(|entry| {
        let mut line = json!({"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha});
        if let (false, Value::Object(fields)) = (entry.kind == "commit", &mut line) {
            fields.insert("url".into(), url(&entry.kind, &entry.sha).into());
            fields.extend((entry.kind == "blob").then(|| ("size".to_owned(), entry.size.into())));
        }
        line
    });
    let written: Vec<Value> = written.collect();
    Answer::ok(json!({"sha": sha, "url": url("tree", &sha), "tree": written, "truncated": truncated}))
}

fn blob(call: &mut Call<'_>) -> Outcome {
    refuse_empty(call)?;
    let sha = call.param("file_sha");
    let git = &call.world.git;
    let size = git.blob_size(call.repo, sha).ok_or_else(Refusal::not_found)?;
    if size > MOST_BYTES {
        return Err(
            Refusal::validation(vec![json!({"resource": "Blob", "field": "data", "code": "too_large"})]).with(403)
        );
    }
    let bytes = git.run(call.repo, &["cat-file", "blob", sha])?;
    if call.accept.contains("raw") {
        return Ok(Answer::raw(&bytes, "application/vnd.github.raw; charset=utf-8"));
    }
    let url = format!("{}/git/blobs/{sha}", call.world.repo_url(call.repo));
    Answer::ok(json!({"content": STANDARD.encode(&bytes), "encoding": "base64", "url": url, "sha": sha, "size": size,
        "node_id": format!("B_kwDO{sha}")}))
}
