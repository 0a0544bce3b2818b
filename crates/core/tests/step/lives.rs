//! Random lives of a task: whatever comes in whatever order, the promises hold.

use baton_core::command::Command;
use baton_core::domain::actor::Role;
use baton_core::domain::effect::{Effect, Purpose};
use baton_core::domain::event::{Event, PlanWritten};
use baton_core::domain::settings::{PlanSettings, RepositorySettings};
use baton_core::domain::step::step;
use baton_core::domain::task::{ApprovedThrough, State, StateName, Task};
use baton_core::domain::usage::Usage;
use proptest::prelude::*;

use crate::sample::{
    NOW, actor, begun, commanded, commands, comment, draft_plan, drive, every_event, issue, plan, sha,
};

fn any_event() -> impl Strategy<Value = Event> {
    let events: Vec<Event> = every_event().into_iter().map(|(_, event)| event).collect();
    (prop::sample::select(events), 1_u32..6).prop_map(|(event, run)| at_run(event, run))
}

/// Points the outcome of a run at run `number`, so that random lives get further than one run.
fn at_run(mut event: Event, number: u32) -> Event {
    match &mut event {
        Event::RunStarted { run }
        | Event::PatchMade { run, .. }
        | Event::NothingChanged { run, .. }
        | Event::NothingToDo { run, .. }
        | Event::RunExhausted { run, .. }
        | Event::RunBroke { run, .. } => run.number = number,
        Event::PlanWritten(written) => written.run.number = number,
        Event::PlanPosted { revision, .. } => *revision = number,
        _ => {}
    }
    event
}

fn implements(effect: &Effect) -> Option<&Purpose> {
    match effect {
        Effect::Run(order) => match &order.purpose {
            purpose @ (Purpose::Implement { .. } | Purpose::Revise { .. }) => Some(purpose),
            Purpose::Plan { .. } => None,
        },
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_comes_nothing_is_done_without_an_approval_of_exactly_this(
        events in prop::collection::vec(any_event(), 1..40)
    ) {
        let mut task = begun();
        let mut keys: Vec<String> = Vec::new();
        for event in events {
            let Ok(transition) = step(&task, &event, NOW) else { continue };
            // Bills only grow, runs and plans are only ever numbered upwards.
            prop_assert!(transition.next.usage.cost >= task.usage.cost);
            prop_assert!(transition.next.runs >= task.runs && transition.next.plans >= task.plans);
            for effect in &transition.effects {
                if let Some(Purpose::Implement { plan, approval, issue }
                    | Purpose::Revise { plan, approval, issue, .. }) = implements(effect) {
                    prop_assert_eq!(&approval.plan_digest, &plan.digest);
                    prop_assert_eq!(&approval.issue_digest, &issue.digest());
                    prop_assert_eq!(&approval.base, &plan.base);
                    prop_assert!(approval.through != ApprovedThrough::Label, "no file allows the label here");
                }
                // Work that was ordered once is never ordered again under the same name.
                if let Effect::Run(_) | Effect::Verify { .. } | Effect::Push { .. } | Effect::OpenPull { .. } = effect {
                    let key = effect.key(&task.scope(), transition.next.turn());
                    prop_assert!(!keys.contains(&key), "{} twice", key);
                    keys.push(key);
                }
            }
            // Ends are ends: only a writer's retry, a new plan, or a reopened pull request leads out of them.
            if task.ended() && !transition.next.ended() {
                let allowed = match &event {
                    Event::Commanded(c) => matches!(c.command, Command::Retry | Command::Plan),
                    Event::PullReopened { .. } => true,
                    _ => false,
                };
                prop_assert!(allowed, "{:?} revived {:?}", event, task.state.name());
            }
            // Whatever stops work says so to the queue.
            let working = |t: &Task| t.current_run().is_some();
            if working(&task) && !working(&transition.next) && transition.next.ended() {
                let by_outcome = matches!(
                    event,
                    Event::NothingChanged { .. } | Event::NothingToDo { .. } | Event::AlreadyServed { .. }
                );
                prop_assert!(by_outcome || transition.effects.contains(&Effect::StopWork), "{:?}", event);
            }
            task = transition.next;
        }
    }

    #[test]
    fn a_task_survives_being_stored(events in prop::collection::vec(any_event(), 1..30)) {
        let mut task = begun();
        for event in events {
            let stored: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
            prop_assert_eq!(&stored, &event);
            if let Ok(transition) = step(&task, &stored, NOW) {
                let json = serde_json::to_string(&transition.next).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Task>(&json).unwrap(), &transition.next);
                for effect in &transition.effects {
                    let json = serde_json::to_string(effect).unwrap();
                    prop_assert_eq!(&serde_json::from_str::<Effect>(&json).unwrap(), effect);
                }
                task = transition.next;
            }
        }
    }
}

fn written(run: u32, auto: bool) -> Event {
    Event::PlanWritten(Box::new(PlanWritten {
        run: crate::sample::run(run),
        issue_digest: issue().digest(),
        base: sha('a'),
        draft: draft_plan(),
        commands: commands(),
        settings: RepositorySettings {
            plan: PlanSettings { auto, ..PlanSettings::default() },
            ..RepositorySettings::default()
        },
        usage: Usage::default(),
    }))
}

#[test]
fn the_label_counts_only_where_the_file_allows_it_and_only_for_the_text_it_was_set_on() {
    let labelled = Event::AdvanceGiven { by: actor(1, "alice", Role::Write), issue: issue() };
    let allowed = drive(begun(), &[labelled.clone(), written(1, true)]);
    assert_eq!(allowed.state.name(), StateName::Queued);
    assert_eq!(allowed.work().expect("queued").approval.through, ApprovedThrough::Label);

    let forbidden = drive(begun(), &[labelled.clone(), written(1, false)]);
    assert_eq!(forbidden.state.name(), StateName::AwaitingApproval);

    let edited = Event::IssueEdited { issue: crate::sample::edited_issue() };
    let changed = drive(begun(), &[labelled, edited, written(1, true)]);
    assert_eq!(changed.state.name(), StateName::AwaitingApproval);

    let by_triager = Event::AdvanceGiven { by: actor(2, "tom", Role::Triage), issue: issue() };
    assert!(step(&begun(), &by_triager, NOW).is_err());
}

#[test]
fn a_second_person_must_approve_where_the_operator_says_so() {
    let mut task = drive(begun(), &[written(1, false), Event::PlanPosted { revision: 1, comment: comment(100) }]);
    task.policy.second_person_approves = true;
    let approve = |id, login| {
        Event::Commanded(Box::new(commanded(actor(id, login, Role::Write), Command::Approve { revision: None })))
    };
    assert_eq!(
        step(&task, &approve(1, "alice"), NOW),
        Err(baton_core::domain::rejection::Rejection::NeedsSecondPerson)
    );
    let next = step(&task, &approve(2, "bob"), NOW).expect("bob is another").next;
    assert!(matches!(next.state, State::Queued(_)));
}

#[test]
fn a_retry_goes_on_with_the_same_branch_plan_and_approval() {
    let (_, failed) =
        crate::sample::every_state().into_iter().find(|(label, _)| *label == "failed").expect("there is one");
    let before = failed.work().cloned().expect("work is kept");
    let retry = Event::Commanded(Box::new(commanded(crate::sample::alice(), Command::Retry)));
    let after = step(&failed, &retry, NOW).expect("alice may").next;
    let work = after.work().expect("queued again");
    assert_eq!((work.branch.clone(), &work.approval, &work.plan), (before.branch, &before.approval, &plan(1)));
    assert_eq!(after.runs, failed.runs + 1, "a new run, so that nothing of the broken one can be taken for it");
}
