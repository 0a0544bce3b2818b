//! What people are told, where they read it: help for the states at hand, progress after the end, evidence that shows
//! nothing, and the words for the operator's terminal.

#![expect(clippy::expect_used, clippy::panic, reason = "in a test a panic is the report")]

#[path = "step/sample.rs"]
#[expect(dead_code, reason = "made for the state machine's own tests, which use all of it")]
mod sample;

use baton_core::command::spec::{self, Place};
use baton_core::domain::event::{Event, Origin};
use baton_core::domain::evidence::{CommandRole, CommandRun, Doubt, Evidence, Reported, TestName};
use baton_core::domain::note::{Asked, Note};
use baton_core::domain::rejection::Rejection;
use baton_core::domain::step::{makes_sense, step};
use baton_core::domain::task::{StateName, Task};
use baton_core::prose::neutral::Links;
use baton_core::prose::note::{Around, comment, refusal};
use baton_core::prose::place::ReadAt;
use baton_core::prose::progress::{self, Progress, Queue, check_title};
use baton_core::prose::pull::evidence;
use insta::assert_snapshot;

use sample::{NOW, alice, begun, commanded, comment as at, every_state, failing, repository, run};

fn view(task: &Task) -> Progress<'_> {
    Progress {
        task,
        now: NOW,
        queue: Queue::NotWaiting,
        transfer: None,
        wait: None,
        paused_by_operator: false,
        issue_page: "https://github.com/acme/app/issues/7".to_owned(),
    }
}

fn said(note: &Note, task: Option<&Task>, place: Place) -> String {
    comment(note, &Around { task: task.map(view), place, links: &Links::none(), contact: None })
}

#[test]
fn help_offers_what_is_accepted_in_each_state() {
    let mut table = String::new();
    for (label, task) in every_state() {
        for (place, name) in [(Place::Issue, "issue"), (Place::PullRequest, "PR")] {
            let offered: Vec<&str> = spec::COMMANDS
                .iter()
                .filter(|spec| makes_sense(spec, Some(&task), place, NOW))
                .map(|spec| spec.name)
                .collect();
            table.push_str(&format!("{label}, {name}: {}\n", offered.join(", ")));
        }
    }
    assert_snapshot!(table);
    let none: Vec<&str> =
        spec::COMMANDS.iter().filter(|spec| makes_sense(spec, None, Place::Issue, NOW)).map(|spec| spec.name).collect();
    assert_eq!(none, ["plan", "baton status", "baton doctor", "baton help"]);
}

#[test]
fn every_command_has_a_sample_of_itself() {
    for spec in spec::COMMANDS {
        assert_eq!(spec.sample().map(|command| command.name()), Some(spec.name));
    }
}

#[test]
fn help_names_the_rest_in_one_line() {
    let (_, task) = every_state().into_iter().find(|(label, _)| *label == "awaiting_approval").expect("a state");
    assert_snapshot!(said(&Note::Help, Some(&task), Place::Issue), @r"
    The task on this issue is `awaiting_approval`.

    A command stands at the start of a line of a new comment. Writers are those who may write to this repository.

    | Command | Who | What it does |
    |---|---|---|
    | `/plan` | writers | Write a plan for this issue, or write it anew. |
    | `/plan approve [REV]` | writers | Approve the newest plan, or revision REV if it still is the newest; the work starts. |
    | `/plan revise TEXT` | writers | Write a new revision of the plan that takes TEXT into account. |
    | `/plan reject [TEXT]` | writers | Turn the plan down and end the task; TEXT says why. |
    | `/baton status` | everyone | Show the state, the place in the queue, the cost so far and the links. |
    | `/baton cancel` | writers | Stop whatever is running and end the task. |
    | `/baton pause` | writers | Hold the task until it is resumed. |
    | `/baton budget AMOUNT` | writers | Set this task's limit to AMOUNT US dollars. |
    | `/baton doctor` | writers | Show what was found in this repository: languages, commands, configuration errors, permissions. |
    | `/baton help` | everyone | Show the commands that work here. |

    Not at this moment: `/baton resume`, `/baton retry`.
    ");
}

#[test]
fn progress_is_told_in_each_state() {
    let mut all = String::new();
    for (label, task) in every_state() {
        all.push_str(&format!("=== {label}\n{}\n", progress::comment(&view(&task))));
    }
    assert_snapshot!(all);
}

/// From whatever state a task is cancelled, its progress says how far it came.
#[test]
fn the_end_keeps_how_far_a_task_came() {
    use baton_core::command::Command;
    let done = |task: &Task| progress::comment(&view(task)).matches("- [x]").count();
    let mut table = String::new();
    for (label, task) in every_state().into_iter().filter(|(_, task)| !task.ended()) {
        let cancel = Event::Commanded(Box::new(commanded(alice(), Command::Cancel)));
        let cancelled = step(&task, &cancel, NOW).expect("alice may").next;
        assert_eq!(cancelled.state.name(), StateName::Cancelled);
        assert_eq!(done(&cancelled), done(&task), "{label}");
        table.push_str(&format!("{label}: {}\n", done(&task)));
    }
    assert_snapshot!(table, @r"
    planning: 0
    awaiting_approval: 1
    queued: 2
    implementing: 2
    verifying/testing: 3
    verifying/pushing: 4
    verifying/opening: 4
    in_review: 5
    revising: 3
    paused: 2
    waiting_for_user: 2
    ");
}

/// Revision 2 stands on the issue while the third is being written.
#[test]
fn a_revision_that_is_not_written_yet_has_its_own_number() {
    let mut task = begun();
    task.plans = 2;
    let shown = progress::comment(&view(&task));
    assert!(shown.contains("- [ ] Write a plan (revision 3)\n"), "{shown}");
    let broke = Event::RunBroke { run: run(1), reason: "down".into(), usage: Default::default() };
    let failed = step(&task, &broke, NOW).expect("its own run").next;
    let shown = progress::comment(&view(&failed));
    assert!(shown.starts_with("### Baton's progress\n\n- [ ] Write a plan (revision 3)\n"), "{shown}");
}

/// What was asked on the pull request is answered there.
#[test]
fn an_answer_stands_where_it_was_asked_for() {
    use baton_core::command::Command;
    use baton_core::domain::effect::Effect;
    let (_, task) = every_state().into_iter().find(|(label, _)| *label == "in_review").expect("a state");
    for command in [Command::Status, Command::Help, Command::Cancel] {
        let mut asked = commanded(alice(), command);
        for (origin, thread) in
            [(Origin::Pull { comment: at(300), index: 0 }, 8), (Origin::Issue { comment: at(300), index: 0 }, 7)]
        {
            asked.origin = origin;
            let event = Event::Commanded(Box::new(asked.clone()));
            let effects = step(&task, &event, NOW).expect("alice may").effects;
            let threads: Vec<i64> = effects
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Say { thread, .. } => Some(thread.number.0),
                    _ => None,
                })
                .collect();
            assert_eq!(threads, [thread], "{:?}", asked.command);
        }
    }
    let shown = said(&Note::Status, Some(&task), Place::PullRequest);
    assert!(shown.contains("[plan 1](https://github.com/acme/app/issues/7#issuecomment-100)"), "{shown}");
}

#[test]
fn refusals_name_the_command_of_the_place() {
    let rejections = [
        Rejection::NotTheNewest { asked: 9, newest: 2 },
        Rejection::AlreadyPlanning,
        Rejection::NotPaused { state: StateName::Paused },
        Rejection::NothingToPause { state: StateName::Failed },
        Rejection::UnderWay { state: StateName::Implementing },
        Rejection::IssueChanged { revision: 2 },
        Rejection::Ended { state: StateName::Merged },
        Rejection::BudgetSpent,
        Rejection::BeforeThisTask,
    ];
    let mut all = String::new();
    for rejection in &rejections {
        for at in [ReadAt::Issue, ReadAt::PullRequest, ReadAt::CommandLine(sample::begun().id)] {
            all.push_str(&format!("{at:?}: {}\n", refusal(rejection, at)));
        }
    }
    assert_snapshot!(all);
}

#[test]
fn a_command_is_repeated_so_that_it_can_be_copied() {
    let asked = Asked::Command { line: "/plan approve".to_owned() };
    let note = Note::Refused { to: alice().person, asked, rejection: Rejection::NoTask };
    assert_snapshot!(said(&note, None, Place::Issue), @"alice, `/plan approve` was not carried out: Baton has no task on this issue. `/plan` asks for one.");
    // What would be one for another bot, wherever it stands in a line, stays broken.
    let asked = Asked::Command { line: "/plan bors r+ @dependabot rebase".to_owned() };
    let note = Note::Refused { to: alice().person, asked, rejection: Rejection::NoTask };
    assert_snapshot!(said(&note, None, Place::Issue).replace('\u{200b}', "·"), @"alice, `/plan b·ors r+ @·dependabot rebase` was not carried out: Baton has no task on this issue. `/plan` asks for one.");
}

#[test]
fn the_last_answer_of_an_hour_says_when_the_next_one_comes() {
    let note = Note::LastForNow { answer: Box::new(Note::Status), next: NOW };
    assert_snapshot!(said(&note, None, Place::Issue), @r"
    Baton has no task on this issue. `/plan` asks for one.

    This was the tenth answer to you here within an hour; the next one comes after 11:06 UTC. Valid commands are still carried out.
    ");
}

fn command_run(success: bool, ended: &str, millis: u64, tail: &str) -> CommandRun {
    CommandRun {
        command: "make check".into(),
        success,
        ended: ended.into(),
        millis,
        tail: tail.into(),
        role: CommandRole::Test,
        reported: Reported::default(),
    }
}

#[test]
fn evidence_says_whether_it_shows_the_change() {
    let nothing_shown = Evidence { still_passing: 4, ..Evidence::default() };
    let fixed = Evidence { fixed: vec![TestName("total::sums".into())], ..Evidence::default() };
    let missing = Evidence { missing: Some("No command that runs tests was found.".into()), ..Evidence::default() };
    let by_status = Evidence {
        base_commands: vec![command_run(false, "exit 2", 61_000, "no rule")],
        branch_commands: vec![command_run(true, "exit 0", 12, "")],
        ..Evidence::default()
    };
    let killed = Evidence { branch_commands: vec![command_run(false, "killed after 600 s", 600_100, "")], ..failing() };
    let mut all = String::new();
    for found in [nothing_shown, fixed, missing, by_status, killed] {
        all.push_str(&format!("=== {}\n{}\n", check_title(&found), evidence(&found)));
    }
    assert_snapshot!(all);
}

/// Nobody hears of a comment that is edited, so a draft is told of by one of its own.
#[test]
fn a_draft_is_told_of() {
    use baton_core::domain::effect::Effect;
    use baton_core::domain::ids::IssueNumber;
    use baton_core::domain::task::{Proof, Stage, State};
    let (_, mut task) = every_state().into_iter().find(|(label, _)| *label == "verifying/opening").expect("a state");
    if let State::Verifying(verifying) = &mut task.state {
        verifying.stage = Stage::Opening(Proof { evidence: failing(), notices: vec![] });
    }
    let opened = step(&task, &Event::PullOpened { pull: IssueNumber(8) }, NOW).expect("awaited");
    let notes: Vec<&Note> = opened
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Say { thread, note, .. } => {
                assert_eq!(thread.repository, repository());
                Some(note)
            }
            _ => None,
        })
        .collect();
    assert_eq!(notes, [&Note::OpenedAsDraft { pull: IssueNumber(8), doubt: Doubt::Failing }]);
    assert_snapshot!(said(notes[0], Some(&opened.next), Place::Issue), @"Pull request #8 is open as a draft, and nobody was asked to review it: something fails that did not fail before, and the agent has used all its attempts to correct it. A person has to look, and to decide: push what is missing to its branch, mark it ready, or close it.");
    assert_snapshot!(progress::status(&view(&opened.next), ReadAt::Issue), @r"
    **State:** `in_review`, pull request #8 is a draft, because its evidence is not good; a person has to decide.

    0 s since it began · 2 runs · 0 tokens · $0.00 of $25.00 · [plan 1](https://github.com/acme/app/issues/7#issuecomment-100) · pull request #8
    ");
}

#[test]
fn a_branch_is_named_in_whole_words() {
    use baton_core::domain::ids::{BranchName, IssueNumber};
    let name = |title: &str| BranchName::for_issue("baton", IssueNumber(7), title, 1).as_str().to_owned();
    assert_eq!(
        name("The cache forgets entries all the time, generally"),
        "baton/issue-7-the-cache-forgets-entries-all-the-time"
    );
    assert_eq!(
        name("abcdefghij abcdefghij abcdefghij abcdefg and more"),
        "baton/issue-7-abcdefghij-abcdefghij-abcdefghij-abcdefg"
    );
    assert_eq!(name(&"x".repeat(50)), format!("baton/issue-7-{}", "x".repeat(40)));
}

#[test]
fn a_wrong_argument_is_answered_with_one_that_is_right() {
    use baton_core::command::{Found, parse};
    let mut all = String::new();
    for line in [
        "/plan approve seven",
        "/baton budget lots",
        "/baton agent a b",
        "/plan revise",
        "/plan aprove",
        "/baton make me a coffee",
    ] {
        let Some(Found::Mistyped { line_text, nearest, problem, .. }) = parse(line).pop() else { panic!("{line}") };
        let note = Note::Mistyped {
            to: alice().person,
            line: line_text,
            problem: problem.to_string(),
            nearest: nearest.map(str::to_owned),
        };
        all.push_str(&format!("{}\n", said(&note, None, Place::Issue)));
    }
    assert_snapshot!(all, @r"
    alice, `/plan approve seven` was not carried out: REV must be a plan's number, such as `/plan approve 2`.
    alice, `/baton budget lots` was not carried out: AMOUNT must be a sum in US dollars, such as `/baton budget 5`.
    alice, `/baton agent a b` was not carried out: NAME must be the name of a configured agent, such as `/baton agent steady`.
    alice, `/plan revise` was not carried out: TEXT is missing. Did you mean `/plan revise TEXT`?
    alice, `/plan aprove` was not carried out: there is no such command. Did you mean `/plan approve [REV]`?
    alice, `/baton make me a coffee` was not carried out: there is no such command. `/baton help` lists the commands.
    ");
}
