//! An agent has changed files and spent money, a command of it runs, and then its Baton is killed, its sandbox runs out of
//! time, or a person stops it. The run goes on from what was kept: what it did is there, its model is asked for the rest
//! alone, and what it cost is not forgotten.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::baton::secret_file;
use super::github::MAINTAINER;
use super::model::Model;
use super::process::{run, until};
use super::story::{PYTHON, Pace, marked};
use super::traces;
use super::world::{PATIENCE, World};

/// Dollars for a million tokens, and what an answer of the model has of each: so one answer costs $0.0045.
const PRICES: &str = "{ input = 3.0, output = 15.0 }";
const ANSWER: u64 = 4_500;

/// A model that edits first and then runs a command: by then there is something to lose.
struct Working {
    world: World,
    model: Model,
    /// The command.
    mark: String,
}

/// The plan is approved, the edits are made, and the command runs.
fn working(more: &str) -> Working {
    let folder = TempDir::new().unwrap();
    secret_file(&folder.path().join("provider.key"), "a-key");
    let mark = marked(90);
    let mut conversation = PYTHON.conversation(&Pace { working: Some(mark.clone()), ..Pace::default() });
    conversation["conversations"][1]["turns"].as_array_mut().unwrap().swap(0, 1);
    let script = folder.path().join("script.json");
    fs::write(&script, conversation.to_string()).unwrap();
    let model = Model::start(folder.path(), &script, "a-key", &[]);
    let sections = format!(
        "[agents.own]\nkind = \"native\"\nprovider = \"scripted\"\nmodel = \"some-model\"\n\
         [providers.scripted]\napi = \"anthropic\"\nbase_url = \"http://{}\"\napi_key_file = \"{}\"\n\
         prices = {PRICES}\n{more}",
        model.address,
        folder.path().join("provider.key").display(),
    );
    let mut world = World::in_folder(folder, PYTHON, &sections);
    world.hand_over();
    world.wait_for_plan();
    world.says(MAINTAINER, "/plan approve");
    world.until("the agent's command runs", || traces::running(&mark));
    Working { world, model, mark }
}

impl Working {
    /// The command runs once more, and ends.
    fn let_it_end(&self) {
        let pid = self.world.until("the agent's command runs again", || traces::running(&self.mark));
        traces::end(pid);
    }

    /// Dies with all that it had started.
    fn kill(&mut self) {
        self.world.baton.kill();
        until("the sandbox dies with its Baton", PATIENCE, || {
            let left = traces::enclosed(self.world.folder(), self.world.baton.program(), &self.world.baton.pids);
            left.is_empty().then_some(())
        });
    }

    /// How often the model was asked: to plan (reading, the plan), and to work.
    fn asked(&self) -> (usize, usize) {
        let requests = self.model.requests();
        let requests = requests.as_array().unwrap();
        assert!(requests.iter().all(|it| it["status"] == 200), "{requests:#?}");
        let works = |it: &&Value| it["body"]["messages"].to_string().contains("Baton run: implement, round 1.");
        let working = requests.iter().filter(works).count();
        (requests.len() - working, working)
    }

    fn show(&self) -> Value {
        self.world.baton.json(&["task", "show", "1", "--json"]).remove(0)
    }

    /// What the task's document says of its use, which its history has to agree with.
    fn usage(&self) -> (u64, u64) {
        let usage = self.show()["task"]["document"]["usage"].clone();
        (usage["calls"].as_u64().unwrap(), usage["cost"].as_u64().unwrap())
    }

    fn history(&self, what: &str) -> Vec<Value> {
        let history = self.show()["history"].clone();
        history.as_array().unwrap().iter().map(|it| it["event"].clone()).filter(|it| it["event"] == what).collect()
    }
}

/// It edits, runs the command, is broken off, is asked again (the command was interrupted), and ends: four answers.
const ANSWERS: (usize, usize) = (2, 4);

impl Working {
    fn ends_as_if_nothing_had_happened(mut self) {
        let pull = self.world.wait_for_review();
        let body = pull["body"].as_str().unwrap();
        assert!(body.contains("implement; went on from what was kept at "), "{body}");
        let asked = self.asked();
        let answers = (asked.0 + asked.1) as u64;
        assert_eq!(self.usage(), (answers, answers * ANSWER), "what it cost before the end counts, and once");
        assert!(!self.history("run_continued").is_empty());
        assert!(self.show()["kept"].is_null(), "nothing is kept of what came to its end");
        let told = self.world.baton.says(&["task", "show", "1"]);
        assert!(told.contains("· went on from what was kept at "), "{told}");
        self.world.audit();
    }
}

#[test]
fn a_kill_in_the_middle_of_a_command() {
    let mut working = working("");
    assert_eq!(working.show()["kept"]["about"]["files"], 3, "{:#}", working.show()["kept"]);
    working.kill();
    working.world.baton.serve();
    working.world.until("the progress says that it went on", || {
        working.world.thread().contains("The agent went on from what was kept at ").then_some(())
    });
    working.let_it_end();
    let interrupted =
        working.model.requests().as_array().unwrap().iter().any(|it| {
            it["body"]["messages"].to_string().contains("The run was broken off before this call had ended.")
        });
    assert!(interrupted, "the model is told what became of its command");
    working.world.wait_for_review();
    assert_eq!(working.asked(), ANSWERS, "the turns before the end are not repeated");
    working.ends_as_if_nothing_had_happened();
}

/// The worker that has the run is stopped (SIGSTOP) until its lease is over, and comes back when another one has gone on.
#[test]
fn a_lost_lease_and_a_worker_that_comes_back() {
    let mut working = working("");
    let first = traces::running(&working.mark).unwrap();
    let worker = working.world.baton.freeze_for_a_worker();
    let another = || traces::running_all(&working.mark).into_iter().find(|pid| *pid != first);
    working.world.until("another worker goes on", another);
    working.world.baton.thaw();
    working.world.until("the first worker's command is gone", || {
        (!traces::running_all(&working.mark).contains(&first)).then_some(())
    });
    // On a busy machine a lease of two seconds may be lost more than once.
    working.world.until("the change is made", || {
        if let Some(pid) = traces::running(&working.mark) {
            traces::end(pid);
        }
        working.world.state().filter(|state| state != "implementing")
    });
    let requests = working.model.requests();
    let begun = requests.as_array().unwrap().iter().filter(|it| {
        let messages = it["body"]["messages"].as_array().unwrap();
        messages.len() == 1 && messages[0].to_string().contains("Baton run: implement, round 1.")
    });
    assert_eq!(begun.count(), 1, "nobody began anew");
    working.ends_as_if_nothing_had_happened();
    drop(worker);
}

/// The sandbox's own time is over in the middle of a command: the task fails, and `/baton retry` goes on from there.
#[test]
fn a_sandbox_that_runs_out_of_time() {
    let working = working("[sandbox.limits]\nwall_seconds = 20\n");
    working.world.until("the task fails", || working.world.state().filter(|state| state == "failed"));
    let diff = working.world.baton.says(&["task", "diff", "1"]);
    assert!(diff.contains("Unfinished work, as kept at ") && diff.contains(&working.world.nonce), "{diff}");
    working.world.says(MAINTAINER, "/baton retry");
    working.let_it_end();
    working.world.wait_for_review();
    assert_eq!(working.asked(), ANSWERS);
    let answers = (ANSWERS.0 + ANSWERS.1) as u64;
    assert_eq!(working.usage(), (answers, answers * ANSWER));
    assert_eq!(working.world.pulls().len(), 1);
}

/// What was done until then is there to be looked at, and costs what it cost.
#[test]
fn a_person_who_cancels() {
    let mut working = working("");
    working.world.says(MAINTAINER, "/baton cancel");
    working.world.until("the task is cancelled", || working.world.state().filter(|state| state == "cancelled"));
    working.world.until("the command is gone", || traces::running(&working.mark).is_none().then_some(()));
    let diff = working.world.baton.says(&["task", "diff", "1"]);
    assert!(diff.starts_with("Unfinished work, as kept at "), "{diff}");
    assert!(diff.contains(": neither judged nor tested, and not pushed."), "{diff}");
    assert!(diff.contains(&working.world.nonce), "{diff}");
    let told = working.world.baton.says(&["task", "show", "1"]);
    assert!(told.contains("unfinished work of run 1.2, kept at "), "{told}");
    working.world.until("what was used is booked", || (working.usage() == (4, 4 * ANSWER)).then_some(()));
    working.world.baton.stop();
    working.world.nothing_runs();
    assert_eq!(working.world.pulls().len(), 0);
}

/// The bytes that were kept have come to harm: the run starts anew and says so.
#[test]
fn what_was_kept_is_damaged() {
    let mut working = working("");
    working.kill();
    damage(working.world.folder());
    working.world.baton.serve();
    working
        .world
        .until("it says that it starts anew", || (working.history("kept_work_unusable").len() == 1).then_some(()));
    let told = working.world.baton.says(&["task", "show", "1"]);
    assert!(told.contains("kept work unusable (the database holds a kept work that cannot be read: "), "{told}");
    working.let_it_end();
    working.world.wait_for_review();
    assert_eq!(working.asked(), (2, 5), "editing, the command; editing, the command, the end");
    assert_eq!(working.usage(), (7, 7 * ANSWER), "and yet what it cost counts");
    working.world.audit();
}

fn damage(folder: &Path) {
    let program = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n\
                   changed = db.execute('UPDATE kept SET changes = substr(changes, 1, length(changes) - 40)').rowcount\n\
                   db.commit()\nassert changed == 1, changed\n";
    let database = folder.join("baton.db");
    let done = run(folder, Path::new("/usr/bin/python3"), &["-c", program, database.to_str().unwrap()], &[]);
    assert!(done.status.success(), "is python3 there? {}", String::from_utf8_lossy(&done.stderr));
}
