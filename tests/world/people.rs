//! What people do, as verbs on [`REPO`]. A second passes with each; what follows happens when the story settles.

use github_sim::{Files, Refusal, Role, Verdict};

use super::{MACHINE_USER, REPO, World};

/// Somebody in the world.
#[derive(Clone, Copy)]
pub struct Voice<'w> {
    world: &'w World,
    login: &'static str,
    repo: &'static str,
    quiet: bool,
}

impl World {
    /// Maintains the repository.
    pub fn alice(&self) -> Voice<'_> {
        self.somebody("alice")
    }

    /// May write.
    pub fn bob(&self) -> Voice<'_> {
        self.somebody("bob")
    }

    /// May label and assign.
    pub fn tina(&self) -> Voice<'_> {
        self.somebody("tina")
    }

    /// May read, and opens issues.
    pub fn rita(&self) -> Voice<'_> {
        self.somebody("rita")
    }

    /// Owns the repository.
    pub fn olga(&self) -> Voice<'_> {
        self.somebody("olga")
    }

    /// A person by login.
    pub fn somebody(&self, login: &'static str) -> Voice<'_> {
        Voice { world: self, login, repo: REPO, quiet: false }
    }

    /// Changes what a person may do from now on.
    pub fn role(&self, login: &str, role: Role) {
        self.sim.role(REPO, login, role).expect("the repository is there");
    }
}

fn done<T>(result: Result<T, Refusal>) -> T {
    result.expect("GitHub lets them")
}

impl<'w> Voice<'w> {
    /// The same person in another repository.
    pub fn at(self, repo: &'static str) -> Self {
        Self { repo, ..self }
    }

    /// The same person, and GitHub loses the webhook.
    pub fn quietly(self) -> Self {
        Self { quiet: true, ..self }
    }

    fn person(&self) -> github_sim::Person<'w> {
        self.world.tick();
        let person = self.world.sim.person(self.login);
        if self.quiet { person.quietly() } else { person }
    }

    pub fn opens_issue(&self, title: &str, body: &str) -> u64 {
        done(self.person().opens_issue(self.repo, title, body))
    }

    /// Opens the issue most stories are about.
    pub fn reports_the_typo(&self) -> u64 {
        self.opens_issue("The greeting is misspelt", "`sh greet.sh Ada` says `Helo, Ada!`. It should say `Hello`.")
    }

    pub fn says(&self, issue: u64, text: &str) -> u64 {
        done(self.person().says(self.repo, issue, text))
    }

    pub fn edits_comment(&self, comment: u64, text: &str) {
        done(self.person().edits_comment(self.repo, comment, text));
    }

    pub fn deletes_comment(&self, comment: u64) {
        done(self.person().deletes_comment(self.repo, comment));
    }

    pub fn edits_body(&self, issue: u64, body: &str) {
        done(self.person().edits_issue(self.repo, issue, None, Some(body)));
    }

    pub fn edits_title(&self, issue: u64, title: &str) {
        done(self.person().edits_issue(self.repo, issue, Some(title), None));
    }

    pub fn assigns(&self, issue: u64) {
        done(self.person().assigns(self.repo, issue, MACHINE_USER));
    }

    pub fn unassigns(&self, issue: u64) {
        done(self.person().unassigns(self.repo, issue, MACHINE_USER));
    }

    pub fn labels(&self, issue: u64, label: &str) {
        done(self.person().labels(self.repo, issue, label));
    }

    pub fn unlabels(&self, issue: u64, label: &str) {
        done(self.person().unlabels(self.repo, issue, label));
    }

    pub fn closes(&self, issue: u64) {
        done(self.person().closes(self.repo, issue));
    }

    pub fn reopens(&self, issue: u64) {
        done(self.person().reopens(self.repo, issue));
    }

    pub fn locks(&self, issue: u64) {
        done(self.person().locks(self.repo, issue));
    }

    pub fn deletes_issue(&self, issue: u64) {
        done(self.person().deletes_issue(self.repo, issue));
    }

    pub fn transfers_issue(&self, issue: u64, to: &str) -> u64 {
        done(self.person().transfers_issue(self.repo, issue, to))
    }

    pub fn merges(&self, pull: u64) {
        done(self.person().merges(self.repo, pull));
    }

    pub fn approves_pull(&self, pull: u64) {
        done(self.person().reviews(self.repo, pull, Verdict::Approves, "Reads well."));
    }

    pub fn opens_pull(&self, head: &str, title: &str) -> u64 {
        self.opens_pull_with(head, title, "")
    }

    pub fn opens_pull_with(&self, head: &str, title: &str, body: &str) -> u64 {
        done(self.person().opens_pull(self.repo, head, "main", title, body))
    }

    pub fn pushes(&self, branch: &str, path: &str, text: &str) {
        let files = Files::none().with(path, text);
        done(self.person().pushes(self.repo, branch, files, "Change something"));
    }
}
