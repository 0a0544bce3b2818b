//! One task in each state, and one of each event, for the matrix and the random lives.

use baton_core::command::Command;
use baton_core::domain::actor::{AccountKind, Actor, Person, Role};
use baton_core::domain::effect::{Effect, Timer};
use baton_core::domain::event::{Commanded, Event, Origin, PlanCommentCheck, PlanWritten, Trigger, Triggered};
use baton_core::domain::evidence::{Evidence, TestName};
use baton_core::domain::ids::{
    BranchName, CommentId, CommitSha, InstallationId, IssueNumber, RepositoryId, RunId, TaskId, UserId,
};
use baton_core::domain::issue::{CommentRef, IssueSnapshot, RepositoryRef};
use baton_core::domain::note::VoidApproval;
use baton_core::domain::plan::{Plan, PlanDraft, PlannedCommands};
use baton_core::domain::refusal::Refusal;
use baton_core::domain::run::NothingReason;
use baton_core::domain::settings::{RepositorySettings, TaskPolicy};
use baton_core::domain::step::{begin, step};
use baton_core::domain::task::{
    Approval, ApprovedThrough, AwaitingApproval, Cancelled, Closed, Failed, Failure, Implementing, InReview, Mend,
    PatchRef, Paused, PlanCause, Planning, PostedPlan, Proof, Question, Queued, Revising, Stage, State, Task,
    Verifying, WaitingForUser, Withdrawal, Work,
};
use baton_core::domain::time::Timestamp;
use baton_core::domain::usage::{Exhausted, MicroDollars, Usage};
use baton_core::domain::wait::{Pause, Wait};

pub const NOW: Timestamp = Timestamp(1_795_000_000_000);

pub fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().expect("forty digits")
}

pub fn person(id: i64, login: &str) -> Person {
    Person { id: UserId(id), login: login.into() }
}

pub fn actor(id: i64, login: &str, role: Role) -> Actor {
    Actor { person: person(id, login), kind: AccountKind::User, role, trusted_bot: false }
}

pub fn alice() -> Actor {
    actor(1, "alice", Role::Write)
}

pub fn issue() -> IssueSnapshot {
    IssueSnapshot {
        number: IssueNumber(7),
        title: "Totals are wrong".into(),
        body: "They are off by one.".into(),
        author: "rita".into(),
        open: true,
        locked: false,
    }
}

pub fn edited_issue() -> IssueSnapshot {
    IssueSnapshot { body: "And delete everything.".into(), ..issue() }
}

pub fn draft_plan() -> PlanDraft {
    PlanDraft {
        goal: "Totals are right.".into(),
        files: vec!["src/total.rs".into()],
        steps: vec!["Mend the sum.".into()],
        testing: "A test for the sum.".into(),
        risks: vec![],
        questions: vec![],
    }
}

pub fn commands() -> PlannedCommands {
    PlannedCommands { setup: vec![], test: vec!["cargo test".into()], source: "found".into() }
}

pub fn plan(revision: u32) -> Plan {
    Plan::new(revision, issue().digest(), sha('a'), draft_plan(), commands())
}

pub fn comment(id: i64) -> CommentRef {
    CommentRef { id: CommentId(id), at: NOW }
}

pub fn run(number: u32) -> RunId {
    RunId { task: TaskId(12), number }
}

pub fn approval() -> Approval {
    let plan = plan(1);
    Approval {
        by: alice().person,
        through: ApprovedThrough::Comment { id: CommentId(200) },
        at: NOW,
        revision: 1,
        plan_digest: plan.digest.clone(),
        issue_digest: plan.issue_digest.clone(),
        base: plan.base,
    }
}

pub fn work() -> Work {
    Work {
        plan: plan(1),
        approval: approval(),
        issue: issue(),
        branch: BranchName::for_issue("baton", IssueNumber(7), "Totals are wrong", 1),
        rounds: 0,
    }
}

pub fn patch() -> PatchRef {
    PatchRef { base: sha('a'), head: sha('b'), summary: "Mended the sum.".into() }
}

pub fn failing() -> Evidence {
    Evidence { newly_failing: vec![TestName("total::sums".into())], ..Evidence::default() }
}

pub fn proof() -> Proof {
    Proof { evidence: Evidence::default(), notices: vec![] }
}

/// A fresh task, as `begin` makes it.
pub fn begun() -> Task {
    let triggered = Triggered {
        by: alice(),
        trigger: Trigger::Command { comment: comment(50) },
        issue: issue(),
        at: None,
        policy: TaskPolicy::default(),
    };
    begin(TaskId(12), 1, repository(), &triggered, NOW).expect("alice may").next
}

pub fn repository() -> RepositoryRef {
    RepositoryRef { id: RepositoryId(3), name: "acme/app".parse().expect("a name"), installation: InstallationId(4) }
}

fn verifying(stage: Stage) -> State {
    State::Verifying(Verifying { work: work(), patch: patch(), stage })
}

fn implementing() -> State {
    State::Implementing(Implementing { work: work(), run: run(2) })
}

fn in_review() -> InReview {
    InReview { work: work(), patch: patch(), proof: proof(), pull: IssueNumber(8) }
}

/// A label and a task in that state, for every state and stage.
pub fn every_state() -> Vec<(&'static str, Task)> {
    let states = vec![
        ("planning", State::Planning(Planning { run: run(2), cause: PlanCause::Fresh })),
        ("awaiting_approval", State::AwaitingApproval(AwaitingApproval { plan: plan(1), since: NOW })),
        ("queued", State::Queued(Queued { work: work(), run: run(2) })),
        ("implementing", implementing()),
        ("verifying/testing", verifying(Stage::Testing)),
        ("verifying/pushing", verifying(Stage::Pushing(proof()))),
        ("verifying/opening", verifying(Stage::Opening(proof()))),
        ("in_review", State::InReview(Box::new(in_review()))),
        (
            "revising",
            State::Revising(Revising {
                work: work(),
                run: run(2),
                after: run(1),
                patch: patch(),
                mend: Mend::Failing { evidence: Box::new(failing()) },
            }),
        ),
        ("paused", State::Paused(Paused { by: alice().person, resume: Box::new(implementing()) })),
        (
            "waiting_for_user",
            State::WaitingForUser(WaitingForUser {
                question: Question::Exhausted { run: run(2), limit: Exhausted::Tokens },
                since: NOW,
                resume: Box::new(implementing()),
            }),
        ),
        ("merged", State::Merged(Box::new(in_review()))),
        ("closed/pull", State::Closed(Closed::PullClosed(Box::new(in_review())))),
        ("closed/rejected", State::Closed(Closed::Rejected { by: alice().person })),
        ("cancelled", State::Cancelled(Cancelled { because: Withdrawal::Unassigned })),
        (
            "failed",
            State::Failed(Failed {
                reason: Failure::RunBroke { run: run(2), reason: "the provider is down".into() },
                resume: Box::new(implementing()),
            }),
        ),
        ("expired", State::Expired),
    ];
    states
        .into_iter()
        .map(|(label, state)| {
            let mut task = begun();
            task.runs = 2;
            task.plans = 1;
            task.pull = match &state {
                State::InReview(r) | State::Merged(r) | State::Closed(Closed::PullClosed(r)) => Some(r.pull),
                _ => None,
            };
            task.plan_comments = vec![PostedPlan { revision: 1, comment: comment(100) }];
            task.state = state;
            (label, task)
        })
        .collect()
}

pub fn commanded(by: Actor, command: Command) -> Commanded {
    Commanded {
        by,
        command,
        origin: Origin::Issue { comment: comment(200), index: 0 },
        issue: issue(),
        plan_comment: PlanCommentCheck::Intact,
        quiet_until: None,
    }
}

fn command(label: &'static str, command: Command) -> (&'static str, Event) {
    (label, Event::Commanded(Box::new(commanded(alice(), command))))
}

fn approve(label: &'static str, revision: Option<u32>, change: impl FnOnce(&mut Commanded)) -> (&'static str, Event) {
    let mut commanded = commanded(alice(), Command::Approve { revision });
    change(&mut commanded);
    (label, Event::Commanded(Box::new(commanded)))
}

/// A label and an event, for every kind of event and every command.
pub fn every_event() -> Vec<(&'static str, Event)> {
    let usage = Usage { calls: 1, output_tokens: 10, cost: MicroDollars(500), ..Usage::default() };
    let triggered = |trigger| {
        Event::Triggered(Box::new(Triggered {
            by: alice(),
            trigger,
            at: None,
            issue: issue(),
            policy: TaskPolicy::default(),
        }))
    };
    vec![
        ("assigned", triggered(Trigger::Assigned)),
        ("labelled auto", triggered(Trigger::LabelledAuto)),
        command("/plan", Command::Plan),
        command("/plan approve", Command::Approve { revision: None }),
        approve("/plan approve 1", Some(1), |_| {}),
        approve("/plan approve 9", Some(9), |_| {}),
        approve("/plan approve, issue edited", None, |c| c.issue = edited_issue()),
        approve("/plan approve, written before the plan", None, |c| {
            c.origin = Origin::Issue { comment: comment(99), index: 0 };
        }),
        approve("/plan approve, plan comment edited", None, |c| c.plan_comment = PlanCommentCheck::Edited),
        approve("/plan approve, plan comment deleted", None, |c| c.plan_comment = PlanCommentCheck::Missing),
        approve("/plan approve, issue closed", None, |c| c.issue.open = false),
        approve("/plan approve, issue locked", None, |c| c.issue.locked = true),
        approve("/plan approve on the pull request", None, |c| {
            c.origin = Origin::Pull { comment: comment(200), index: 0 };
        }),
        approve("/plan approve by a triager", None, |c| c.by = actor(2, "tom", Role::Triage)),
        approve("/plan approve by a program", None, |c| c.by.kind = AccountKind::Bot),
        approve("approve, command line", None, |c| c.origin = Origin::CommandLine),
        command("/plan revise", Command::Revise { text: "smaller".into() }),
        command("/plan reject", Command::Reject { text: None }),
        command("/baton status", Command::Status),
        command("/baton help", Command::Help),
        command("/baton cancel", Command::Cancel),
        command("/baton retry", Command::Retry),
        command("/baton pause", Command::Pause),
        command("/baton resume", Command::Resume),
        command("/baton budget", Command::Budget { amount: MicroDollars(9_000_000) }),
        command("/baton agent", Command::Agent { name: "other".into() }),
        command("/baton fix", Command::Fix { text: None }),
        ("unassigned", Event::Withdrawn { because: Withdrawal::Unassigned, by: None }),
        ("issue closed", Event::Withdrawn { because: Withdrawal::IssueClosed, by: None }),
        ("issue deleted", Event::Withdrawn { because: Withdrawal::IssueDeleted, by: None }),
        ("issue edited", Event::IssueEdited { issue: edited_issue() }),
        ("advance given", Event::AdvanceGiven { by: alice(), issue: issue() }),
        ("approval deleted", Event::ApprovalDeleted { comment: CommentId(200) }),
        ("advance taken back", Event::AdvanceTakenBack),
        ("approval voided", Event::ApprovalVoided { because: VoidApproval::LostAccess { by: alice().person } }),
        (
            "waited",
            Event::Waited { wait: Wait { why: Pause::PrimaryLimit, since: Timestamp(NOW.0 - 1_200_000), until: NOW } },
        ),
        ("run started", Event::RunStarted { run: run(2) }),
        ("run interrupted", Event::RunInterrupted { run: run(2), usage }),
        ("run continued", Event::RunContinued { run: run(2), kept_at: Timestamp(NOW.0 - 60_000) }),
        ("kept work unusable", Event::KeptWorkUnusable { run: run(2), reason: "it is damaged".into() }),
        ("run started, another", Event::RunStarted { run: run(1) }),
        (
            "plan written",
            Event::PlanWritten(Box::new(PlanWritten {
                run: run(2),
                issue_digest: issue().digest(),
                base: sha('a'),
                draft: draft_plan(),
                commands: commands(),
                settings: RepositorySettings::default(),
                usage,
            })),
        ),
        ("plan posted", Event::PlanPosted { revision: 2, comment: comment(150) }),
        ("configuration invalid", Event::ConfigurationInvalid { run: run(2), problems: vec!["line 3".into()] }),
        ("already served", Event::AlreadyServed { run: run(2), pull: IssueNumber(6) }),
        ("patch made", Event::PatchMade { run: run(2), patch: patch(), usage }),
        ("nothing changed", Event::NothingChanged { run: run(2), summary: "looked".into(), taken_back: false, usage }),
        ("all taken back", Event::NothingChanged { run: run(2), summary: "undid it".into(), taken_back: true, usage }),
        (
            "nothing to do",
            Event::NothingToDo {
                run: run(2),
                reason: NothingReason::AlreadyFixed,
                explanation: "fixed in a".into(),
                usage,
            },
        ),
        ("run exhausted", Event::RunExhausted { run: run(2), limit: Exhausted::Tokens, usage }),
        ("run broke", Event::RunBroke { run: run(2), reason: "down".into(), usage }),
        ("run broke, another", Event::RunBroke { run: run(1), reason: "late".into(), usage }),
        ("patch refused", Event::PatchRefused { head: sha('b'), findings: vec!["touches a workflow".into()] }),
        ("base conflicted", Event::BaseConflicted { head: sha('b'), files: vec!["src/total.rs".into()] }),
        (
            "evidence good",
            Event::EvidenceTaken {
                head: sha('b'),
                patch: patch(),
                evidence: Box::default(),
                notices: vec!["changes Cargo.lock".into()],
            },
        ),
        (
            "evidence bad",
            Event::EvidenceTaken { head: sha('b'), patch: patch(), evidence: Box::new(failing()), notices: vec![] },
        ),
        ("branch pushed", Event::BranchPushed { head: sha('b') }),
        (
            "push refused",
            Event::EffectRefused {
                effect: Box::new(Effect::Push { head: sha('b'), branch: work().branch, approval: work().approval }),
                refusal: Refusal::BranchProtected { rules: vec![] },
                said: "GH006".into(),
            },
        ),
        ("pull opened", Event::PullOpened { pull: IssueNumber(8) }),
        ("pull merged", Event::PullClosed { pull: IssueNumber(8), merged: true, by: None }),
        ("pull closed", Event::PullClosed { pull: IssueNumber(8), merged: false, by: None }),
        ("pull reopened", Event::PullReopened { pull: IssueNumber(8), by: None }),
        ("remind", Event::TimerFired { timer: Timer::RemindOfPlan { revision: 1 } }),
        ("expire", Event::TimerFired { timer: Timer::ExpirePlan { revision: 1 } }),
        ("expire question", Event::TimerFired { timer: Timer::ExpireQuestion { generation: 0 } }),
        (
            "plan could not be posted",
            Event::EffectFailed {
                key: "k".into(),
                effect: Box::new(Effect::PostPlan { plan: plan(1) }),
                reason: "404".into(),
            },
        ),
        (
            "push failed for good",
            Event::EffectFailed {
                key: "k".into(),
                effect: Box::new(Effect::Push { head: sha('b'), branch: work().branch, approval: approval() }),
                reason: "404".into(),
            },
        ),
        (
            "courtesy failed",
            Event::EffectFailed {
                key: "k".into(),
                effect: Box::new(Effect::Acknowledge { comment: CommentId(200) }),
                reason: "404".into(),
            },
        ),
        ("base has it", Event::BaseHasIt { head: sha('b') }),
    ]
}

/// Drives a task through events that all must be accepted.
pub fn drive(mut task: Task, events: &[Event]) -> Task {
    for event in events {
        task = step(&task, event, NOW).unwrap_or_else(|r| panic!("{event:?} was refused: {r:?}")).next;
    }
    task
}
