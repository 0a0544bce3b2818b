//! The page of an issue or a pull request: its posts, and of a pull request the checks and the difference.

use super::markdown::{escape, render};
use super::references::References;
use super::{badge, document};
use crate::clock::stamp;
use crate::reading::label_names;
use crate::world::World;
use crate::world::issue::Issue;

/// The part of an address that says which of the two it is.
pub(super) fn kind(issue: &Issue) -> &'static str {
    if issue.pull.is_some() { "pull" } else { "issues" }
}

/// The page of an issue or a pull request.
pub(super) fn page(world: &World, repo: u64, issue: &Issue) -> String {
    let name = escape(&world.full_name(repo));
    let labels: String = label_names(world, repo, issue)
        .iter()
        .map(|label| format!("<span class=\"label\">{}</span>", escape(label)))
        .collect();
    let branches = issue.pull.as_ref().map(|pull| {
        format!("<p>from <code>{}</code> into <code>{}</code></p>", escape(&pull.head_ref), escape(&pull.base_ref))
    });
    let mut body = format!(
        "<p><a href=\"/{name}\">{name}</a></p><h1>{} <small>#{}</small></h1><p>{} {labels}</p>{}",
        escape(&issue.title),
        issue.number,
        badge(issue),
        branches.unwrap_or_default()
    );
    let number_kind = |number: u64| world.issue(repo, number).map(kind);
    let references = References { repository: &world.full_name(repo), kind: &number_kind };
    let mut say = |post: Post<'_>| body.push_str(&post.shown(&references));
    say(Post {
        anchor: format!("issue-{}", issue.id),
        login: world.login(issue.author),
        at: stamp(issue.created_at),
        note: String::new(),
        body: issue.body.as_deref().unwrap_or_default(),
        folded: None,
    });
    for comment in &issue.comments {
        let reactions: Vec<&str> = comment.reactions.iter().map(|it| it.content.as_str()).collect();
        say(Post {
            anchor: format!("issuecomment-{}", comment.id),
            login: world.login(comment.author),
            at: stamp(comment.created_at),
            note: reactions.join(" "),
            body: &comment.body,
            folded: comment.minimized.as_deref(),
        });
    }
    for review in issue.pull.iter().flat_map(|pull| &pull.reviews) {
        say(Post {
            anchor: format!("pullrequestreview-{}", review.id),
            login: world.login(review.author),
            at: stamp(review.submitted_at),
            note: review.state.name().to_lowercase().replace('_', " "),
            body: &review.body,
            folded: None,
        });
    }
    if issue.pull.is_some() {
        body.push_str(&checks(world, repo, issue));
        let diff = world.pull_diff(repo, issue.number).unwrap_or_default();
        body.push_str(&format!("<h2 id=\"files\">Changes</h2><pre class=\"diff\">{}</pre>", colour(&diff)));
    }
    document(&issue.title, &body)
}

/// What somebody said.
struct Post<'w> {
    /// Its place on the page, as links on GitHub name it.
    anchor: String,
    login: &'w str,
    at: String,
    note: String,
    body: &'w str,
    /// Why it is folded away, when it is.
    folded: Option<&'w str>,
}

impl Post<'_> {
    fn shown(&self, references: &References<'_>) -> String {
        let (anchor, at) = (&self.anchor, &self.at);
        let head = format!(
            "<b>{}</b> <small><a href=\"#{anchor}\">{at}</a> {}</small>",
            escape(self.login),
            escape(&self.note)
        );
        let text = format!("<div class=\"text\">{}</div>", render(self.body, references));
        let inside = match self.folded {
            None => format!("<div class=\"head\">{head}</div>{text}"),
            Some(why) => format!(
                "<details><summary class=\"head\">{head} <i>hidden as {}</i></summary>{text}</details>",
                escape(&why.to_lowercase())
            ),
        };
        format!("<article id=\"{anchor}\">{inside}</article>")
    }
}

fn checks(world: &World, repo: u64, issue: &Issue) -> String {
    let Some((pull, repository)) = issue.pull.as_ref().zip(world.repo(repo)) else { return String::new() };
    let runs = repository.check_runs.iter().filter(|run| run.head_sha == pull.head_sha);
    let lines: String = runs
        .map(|run| {
            let state = escape(run.conclusion.as_deref().unwrap_or(&run.status));
            let title = escape(run.title.as_deref().unwrap_or_default());
            format!(
                "<li><span class=\"badge {state}\">{state}</span> {} <small>{title}</small></li>",
                escape(&run.name)
            )
        })
        .collect();
    if lines.is_empty() { String::new() } else { format!("<h2>Checks</h2><ul class=\"threads\">{lines}</ul>") }
}

fn colour(diff: &str) -> String {
    let line = |line: &str| {
        let kind = match line.as_bytes().first() {
            Some(b'+') => "added",
            Some(b'-') => "removed",
            Some(b'@') => "place",
            _ => return format!("{}\n", escape(line)),
        };
        format!("<span class=\"{kind}\">{}</span>\n", escape(line))
    };
    diff.lines().map(line).collect()
}
