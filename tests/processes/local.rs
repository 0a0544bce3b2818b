//! `baton run`: the same work on a person's own clone, without GitHub.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::{Process, run, until};
use super::programs;
use super::story::{PYTHON, Pace, marked};
use super::traces;
use super::world::PATIENCE;

struct Desk {
    folder: TempDir,
    baton: programs::Baton,
    clone: PathBuf,
}

impl Desk {
    /// A clone with two commits, an issue in a file, and an agent that plays this.
    fn new(script: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let clone = folder.path().join("clone");
        let copied = Command::new("cp").arg("-r").arg(PYTHON.tree()).arg(&clone).status().unwrap();
        assert!(copied.success());
        git(&clone, &["init", "-q", "-b", "trunk"]);
        git(&clone, &["config", "user.name", "Mia Ro\u{e9}"]);
        git(&clone, &["config", "user.email", "mia@example.org"]);
        git(&clone, &["add", "-A"]);
        git(&clone, &["commit", "-q", "-m", "All of it"]);
        git(&clone, &["commit", "-q", "--allow-empty", "-m", "And no more"]);
        let (title, body) = PYTHON.issue("CR-12345678");
        fs::write(folder.path().join("issue.md"), format!("# {title}\n\n{body}\n")).unwrap();
        let agent = format!("[agents.recorded]\nkind = \"replay\"\nscript = \"{}\"\n", script.display());
        fs::write(folder.path().join("baton.toml"), agent).unwrap();
        fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, baton: programs::baton(), clone }
    }

    fn temporary(&self) -> String {
        self.folder.path().join("tmp").display().to_string()
    }

    /// What `baton run` left of its stage.
    fn stages(&self) -> Vec<String> {
        let entries = fs::read_dir(self.temporary()).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("baton-stage-")).collect()
    }

    fn run(&self, repository: &Path) -> (Option<i32>, String) {
        let repository = repository.to_str().unwrap();
        let arguments = ["run", "--repo", repository, "--issue", "issue.md", "--yes"];
        let output = run(self.folder.path(), &self.baton.path, &arguments, &[("TMPDIR", &self.temporary())]);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code(), said)
    }

    fn start(&self, name: &str) -> Process {
        let arguments = ["run", "--repo", self.clone.to_str().unwrap(), "--issue", "issue.md", "--yes"];
        let variables = [("TMPDIR", self.temporary())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        Process::start(name, self.folder.path(), &self.baton.path, &arguments, &variables)
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Mia", "-c", "user.email=mia@example.org"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_branch_with_the_work_stands_in_the_clone() {
    let desk = Desk::new(&PYTHON.recording());
    let (code, said) = desk.run(&desk.clone);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("### Plan, revision 1"), "{said}");
    let branches = || git(&desk.clone, &["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
    let first = branches();
    let branch = first.lines().next().unwrap().to_owned();
    assert!(branch.starts_with("baton/issue-1-"), "{first}");
    assert!(git(&desk.clone, &["diff", "trunk", &branch]).contains("CR-12345678"));
    assert!(said.contains(&format!("The branch `{branch}` is in {}", desk.clone.display())), "{said}");
    assert_eq!(git(&desk.clone, &["status", "--short"]), "", "nothing else changed");
    assert_eq!(desk.stages(), Vec::<String>::new());

    // Once more, from below the top folder, after the clone has gone on: what is there stays.
    git(&desk.clone, &["commit", "-q", "--allow-empty", "-m", "Meanwhile"]);
    let (code, said) = desk.run(&desk.clone.join("tests"));
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(branches().lines().collect::<Vec<_>>(), [branch.as_str(), &format!("{branch}-2"), "trunk"]);
}

/// The commit is the person's whose clone it is, and names no issue, task or account of a stage that is gone.
#[test]
fn the_commit_is_the_persons_own() {
    let desk = Desk::new(&PYTHON.recording());
    let home = desk.folder.path().join("home");
    fs::create_dir(&home).unwrap();
    let commit = || {
        let branches =
            git(&desk.clone, &["for-each-ref", "--sort=-refname", "--format=%(refname:short)", "refs/heads/baton"]);
        git(&desk.clone, &["log", "-1", "--format=%an <%ae> %cn <%ce>%n%B", branches.lines().next().unwrap()])
    };
    let run = |variables: &[(&str, &str)]| {
        let arguments = ["run", "--repo", "clone", "--issue", "issue.md", "--yes"];
        let temporary = desk.temporary();
        let home = home.display().to_string();
        let mut all = vec![("TMPDIR", temporary.as_str()), ("HOME", home.as_str())];
        all.extend(variables);
        let output = run(desk.folder.path(), &desk.baton.path, &arguments, &all);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // The clone's own configuration goes before the person's.
    fs::write(home.join(".gitconfig"), "[user]\n\tname = Everywhere\n\temail = everywhere@example.org\n").unwrap();
    assert_eq!(run(&[]), (Some(0), String::new()));
    let made = commit();
    let mut lines = made.lines();
    assert_eq!(lines.next(), Some("Mia Ro\u{e9} <mia@example.org> Mia Ro\u{e9} <mia@example.org>"), "{made}");
    for word in ["Co-authored-by", "Baton-Task", "For issue", "alice", "noreply"] {
        assert!(!made.contains(word), "{made}");
    }
    // Without it, the person's is taken.
    git(&desk.clone, &["config", "--remove-section", "user"]);
    assert_eq!(run(&[]), (Some(0), String::new()));
    assert!(
        commit().starts_with("Everywhere <everywhere@example.org> Everywhere <everywhere@example.org>"),
        "{}",
        commit()
    );
    // And where git does not know, that is said before anything is done.
    fs::write(home.join(".gitconfig"), "[user]\n\tuseConfigOnly = true\n").unwrap();
    let (code, said) = run(&[]);
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("git does not know who you are") && said.contains("config user.name NAME"), "{said}");
}

#[test]
fn a_clone_that_cannot_be_used_is_said_plainly() {
    let desk = Desk::new(&PYTHON.recording());
    let folder = desk.folder.path();
    git(folder, &["clone", "-q", "--bare", "clone", "bare"]);
    git(folder, &["clone", "-q", "--depth", "1", &format!("file://{}", desk.clone.display()), "shallow"]);
    fs::create_dir(folder.join("none")).unwrap();
    for (name, expected) in [
        ("bare", "is a bare repository; give a clone with a working tree"),
        ("shallow", "is a shallow clone, and Baton needs its history; run `git fetch --unshallow` there first"),
        ("none", "is not a git repository"),
    ] {
        let (code, said) = desk.run(&folder.join(name));
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn whoever_stops_it_leaves_nothing_behind() {
    let mark = marked(30);
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script.json");
    let pace = Pace { planning: Some(mark.clone()), ..Pace::default() };
    fs::write(&script, PYTHON.conversation(&pace).to_string()).unwrap();
    let desk = Desk::new(&script);

    let mut running = desk.start("stopped");
    until("the agent works", PATIENCE, || traces::running(&mark));
    assert_eq!(desk.stages().len(), 1);
    running.terminate();
    assert_eq!(running.wait(PATIENCE).code(), Some(1));
    assert!(running.stderr().contains("stopped by SIGTERM; nothing in the clone was changed"), "{}", running.stderr());
    assert_eq!(desk.stages(), Vec::<String>::new());
    assert_eq!(traces::running(&mark), None);

    let mut killed = desk.start("killed");
    until("the agent works", PATIENCE, || traces::running(&mark));
    killed.kill();
    until("its sandbox ends with it", PATIENCE, || traces::running(&mark).is_none().then_some(()));
    assert_eq!(desk.stages().len(), 1);
    let mut next = desk.start("next");
    until("the agent works", PATIENCE, || traces::running(&mark));
    assert_eq!(desk.stages().len(), 1, "what the killed one left is removed");
    next.terminate();
    next.wait(PATIENCE);
    assert_eq!(desk.stages(), Vec::<String>::new());
}
