//! Questions to a repository's objects: commits, files, differences. Nothing here changes anything.

use super::Git;

/// The name git gives to "no commit".
pub(crate) const ZERO: &str = "0000000000000000000000000000000000000000";

#[derive(Debug, Clone)]
pub(crate) struct CommitInfo {
    pub sha: String,
    pub tree: String,
    pub parents: Vec<String>,
    pub author: Signature,
    pub committer: Signature,
    pub message: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Signature {
    pub name: String,
    pub email: String,
    pub date: String,
}

#[derive(Debug, Clone)]
pub(crate) struct ChangedFile {
    pub status: &'static str,
    pub path: String,
    pub previous: Option<String>,
    pub blob: String,
    pub additions: u64,
    pub deletions: u64,
    pub patch: Option<String>,
}

const FORMAT: &str = "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01";

impl Git {
    /// The commit a name stands for; `None` when there is none.
    pub(crate) fn resolve(&self, repo: u64, name: &str) -> Option<String> {
        if name.starts_with('-') {
            return None;
        }
        self.line(repo, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")]).ok()
    }

    /// The tip of a branch.
    pub(crate) fn branch(&self, repo: u64, branch: &str) -> Option<String> {
        self.resolve(repo, &format!("refs/heads/{branch}"))
    }

    /// All refs under a prefix, with what they point at.
    pub(crate) fn refs(&self, repo: u64, prefix: &str) -> Vec<(String, String)> {
        let listed =
            self.line(repo, &["for-each-ref", "--format=%(refname) %(objectname)", prefix]).unwrap_or_default();
        listed.lines().filter_map(|line| line.split_once(' ')).map(|(name, sha)| (name.into(), sha.into())).collect()
    }

    pub(crate) fn commit(&self, repo: u64, sha: &str) -> Option<CommitInfo> {
        self.commits(repo, &["-1", sha]).into_iter().next()
    }

    /// Commits of `head` that `base` has not, oldest first.
    pub(crate) fn commits_between(&self, repo: u64, base: &str, head: &str) -> Vec<CommitInfo> {
        self.commits(repo, &["--reverse", &format!("{base}..{head}")])
    }

    /// The newest commits of a branch, newest first.
    pub(crate) fn newest_commits(&self, repo: u64, from: &str, most: usize) -> Vec<CommitInfo> {
        self.commits(repo, &[&format!("-{most}"), from])
    }

    fn commits(&self, repo: u64, which: &[&str]) -> Vec<CommitInfo> {
        let mut args = vec!["log", FORMAT];
        args.extend_from_slice(which);
        let text = self.run(repo, &args).unwrap_or_default();
        String::from_utf8_lossy(&text).split('\u{1}').filter_map(|entry| parse_commit(entry.trim_start())).collect()
    }

    pub(crate) fn merge_base(&self, repo: u64, one: &str, other: &str) -> Option<String> {
        self.line(repo, &["merge-base", one, other]).ok().filter(|sha| !sha.is_empty())
    }

    pub(crate) fn is_ancestor(&self, repo: u64, older: &str, newer: &str) -> bool {
        self.run(repo, &["merge-base", "--is-ancestor", older, newer]).is_ok()
    }

    /// A file's bytes in a commit.
    pub(crate) fn file(&self, repo: u64, commit: &str, path: &str) -> Option<Vec<u8>> {
        self.run(repo, &["cat-file", "blob", &format!("{commit}:{path}")]).ok()
    }

    /// `(mode, kind, sha, size, path)` of the entries of a folder; the folder itself is `path`, `""` for the root.
    pub(crate) fn folder(&self, repo: u64, commit: &str, path: &str) -> Vec<TreeEntry> {
        let tree = if path.is_empty() { commit.to_owned() } else { format!("{commit}:{path}") };
        let listed = self.run(repo, &["ls-tree", "-z", "--long", &tree]).unwrap_or_default();
        let listed = String::from_utf8_lossy(&listed).into_owned();
        listed.split('\0').filter_map(|entry| TreeEntry::parse(entry, path)).collect()
    }

    /// The id of a commit's tree, or of the tree itself.
    pub(crate) fn tree_id(&self, repo: u64, name: &str) -> Option<String> {
        if name.starts_with('-') {
            return None;
        }
        self.line(repo, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{tree}}")]).ok()
    }

    /// What is in a tree or in a commit's tree, all folders deep where wanted (the folders' own entries among them).
    pub(crate) fn tree(&self, repo: u64, tree: &str, recursive: bool) -> Vec<TreeEntry> {
        let mut args = vec!["ls-tree", "-z", "--long"];
        args.extend(recursive.then_some(["-r", "-t"]).into_iter().flatten());
        args.push(tree);
        let listed = self.run(repo, &args).unwrap_or_default();
        let listed = String::from_utf8_lossy(&listed).into_owned();
        listed.split('\0').filter_map(|entry| TreeEntry::parse(entry, "")).collect()
    }

    /// The size of a blob in bytes; `None` when there is no such blob.
    pub(crate) fn blob_size(&self, repo: u64, sha: &str) -> Option<u64> {
        let hex = !sha.is_empty() && sha.bytes().all(|b| b.is_ascii_hexdigit());
        let kind = hex.then(|| self.line(repo, &["cat-file", "-t", sha]).ok()).flatten()?;
        (kind == "blob").then(|| self.line(repo, &["cat-file", "-s", sha]).ok()?.parse().ok()).flatten()
    }

    /// The object a path names in a commit: its kind and id.
    pub(crate) fn object_at(&self, repo: u64, commit: &str, path: &str) -> Option<(String, String)> {
        let name = format!("{commit}:{path}");
        let kind = self.line(repo, &["cat-file", "-t", &name]).ok()?;
        Some((kind, self.line(repo, &["rev-parse", &name]).ok()?))
    }

    /// What changed from `base` to `head`, with patches.
    pub(crate) fn changed_files(&self, repo: u64, base: &str, head: &str) -> Vec<ChangedFile> {
        let raw = self.run(repo, &["diff", "--raw", "-z", "--no-abbrev", "-M", base, head]).unwrap_or_default();
        let counts = self.run(repo, &["diff", "--numstat", "-z", "-M", base, head]).unwrap_or_default();
        let patches = self.run(repo, &["diff", "--patch", "-M", base, head]).unwrap_or_default();
        let mut files = parse_raw(&String::from_utf8_lossy(&raw));
        let counts = parse_numstat(&String::from_utf8_lossy(&counts));
        let patches = split_patches(&String::from_utf8_lossy(&patches));
        for (at, file) in files.iter_mut().enumerate() {
            if let Some((additions, deletions)) = counts.get(at).copied() {
                file.additions = additions;
                file.deletions = deletions;
            }
            file.patch = patches.get(at).cloned().flatten();
        }
        files
    }

    /// The paths that differ between two commits (or from nothing, for a root commit).
    pub(crate) fn changed_paths(&self, repo: u64, base: &str, head: &str) -> Vec<(char, String)> {
        let base = if base == ZERO { EMPTY_TREE } else { base };
        let raw = self.run(repo, &["diff-tree", "-r", "-z", "--name-status", "--no-renames", base, head]);
        let text = String::from_utf8_lossy(&raw.unwrap_or_default()).into_owned();
        let mut fields = text.split('\0');
        let mut paths = Vec::new();
        while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
            paths.push((status.chars().next().unwrap_or('M'), path.to_owned()));
        }
        paths
    }

    /// The whole difference as one patch text.
    pub(crate) fn diff(&self, repo: u64, base: &str, head: &str) -> String {
        String::from_utf8_lossy(&self.run(repo, &["diff", base, head]).unwrap_or_default()).into_owned()
    }
}

/// The tree with nothing in it, which git knows without its being stored.
pub(crate) const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

#[derive(Debug)]
pub(crate) struct TreeEntry {
    pub mode: String,
    pub kind: String,
    pub sha: String,
    pub size: u64,
    pub path: String,
}

impl TreeEntry {
    fn parse(entry: &str, folder: &str) -> Option<Self> {
        let (left, name) = entry.split_once('\t')?;
        let mut fields = left.split_whitespace();
        let (mode, kind, sha) = (fields.next()?, fields.next()?, fields.next()?);
        let size = fields.next().and_then(|size| size.parse().ok()).unwrap_or(0);
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        Some(Self { mode: mode.into(), kind: kind.into(), sha: sha.into(), size, path })
    }
}

fn parse_commit(entry: &str) -> Option<CommitInfo> {
    let mut fields = entry.split('\0');
    let mut next = || fields.next().map(str::to_owned);
    let (sha, tree, parents) = (next()?, next()?, next()?);
    let author = Signature { name: next()?, email: next()?, date: utc(&next()?) };
    let committer = Signature { name: next()?, email: next()?, date: utc(&next()?) };
    let message = next()?.trim_end().to_owned();
    Some(CommitInfo {
        sha,
        tree,
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author,
        committer,
        message,
    })
}

/// git keeps the author's zone; GitHub's answers are in UTC.
fn utc(date: &str) -> String {
    date.parse::<jiff::Timestamp>().map_or_else(|_| date.to_owned(), crate::clock::stamp)
}

fn parse_raw(text: &str) -> Vec<ChangedFile> {
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    let mut files = Vec::new();
    while let Some(head) = fields.next() {
        let mut words = head.split_whitespace().skip(3);
        let blob = words.next().unwrap_or_default().to_owned();
        let letter = words.next().and_then(|word| word.chars().next()).unwrap_or('M');
        let Some(first) = fields.next().map(str::to_owned) else { break };
        let (previous, path) = match letter {
            'R' | 'C' => (Some(first), fields.next().unwrap_or_default().to_owned()),
            _ => (None, first),
        };
        let status = match letter {
            'A' => "added",
            'D' => "removed",
            'R' => "renamed",
            'C' => "copied",
            _ => "modified",
        };
        files.push(ChangedFile { status, path, previous, blob, additions: 0, deletions: 0, patch: None });
    }
    files
}

fn parse_numstat(text: &str) -> Vec<(u64, u64)> {
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    let mut counts = Vec::new();
    while let Some(entry) = fields.next() {
        let mut columns = entry.split('\t');
        let mut number = || columns.next().and_then(|count| count.parse().ok()).unwrap_or(0);
        counts.push((number(), number()));
        // A rename's two names follow as fields of their own.
        if columns.next().is_none_or(str::is_empty) {
            fields.next();
            fields.next();
        }
    }
    counts
}

/// Cuts one patch text into files and drops the headers, as GitHub's `patch` field does; `None` for binary files.
fn split_patches(text: &str) -> Vec<Option<String>> {
    let mut patches: Vec<Option<String>> = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            patches.push(None);
        } else if let Some(last) = patches.last_mut() {
            match last {
                Some(patch) => patch.push_str(line),
                None if line.starts_with("@@") => *last = Some(line.to_owned()),
                None => {}
            }
        }
    }
    patches.into_iter().map(|patch| patch.map(|text| text.trim_end_matches('\n').to_owned())).collect()
}
