//! A task's runs one after the other, each in the conversation of the one before, on every interface and as a replay.

use baton_agent::{Agent, Native, Replay};
use baton_core::domain::run::{Finish, RunEnd, RunKind};

use crate::http::{APIS, KEY, config, sim};
use crate::workspace::{Workspace, request, run_to_end, script};

async fn plan_implement_revise(agent: &dyn Agent) {
    let workspace = Workspace::broken();
    let planned = run_to_end(agent, request(RunKind::Plan, "abcdef12"), &workspace).await.outcome.unwrap();
    let RunEnd::Finished(Finish::Plan { draft }) = planned.end else { panic!("{:?}", planned.end) };
    assert_eq!(draft.goal, "add adds, marked abcdef12");

    let mut implement = request(RunKind::Implement, "abcdef12");
    implement.plan = Some(draft.clone());
    implement.conversation = Some(planned.conversation);
    let implemented = run_to_end(agent, implement, &workspace).await.outcome.unwrap();
    assert_eq!(implemented.end, RunEnd::Finished(Finish::Done { summary: "add adds (abcdef12)".to_owned() }));

    let mut revise = request(RunKind::Revise, "abcdef12");
    revise.plan = Some(draft);
    revise.conversation = Some(implemented.conversation);
    let revised = run_to_end(agent, revise.clone(), &workspace).await.outcome.unwrap();
    assert_eq!(revised.end, RunEnd::Finished(Finish::Done { summary: "wrote the docs".to_owned() }));
    assert_eq!(workspace.file("docs.md"), "abcdef12 test_docs\n");

    revise.conversation = Some(revised.conversation);
    let once_more = run_to_end(agent, revise, &workspace).await.outcome.unwrap_err().to_string();
    assert!(once_more.ends_with("the recording has no conversation for revise round 2"), "{once_more}");
}

#[tokio::test]
async fn native_agents_go_on_in_one_conversation() {
    for api in APIS {
        let sim = sim(vec![]).await;
        plan_implement_revise(&Native::new(config(api, sim.base_url(api), KEY)).unwrap()).await;
    }
}

#[tokio::test]
async fn a_replay_goes_on_in_one_conversation() {
    plan_implement_revise(&Replay::new(script())).await;
}

#[tokio::test]
async fn a_conversation_moves_from_one_interface_to_another() {
    let workspace = Workspace::broken();
    let sim = sim(vec![]).await;
    let mut conversation = None;
    let runs = [RunKind::Plan, RunKind::Implement, RunKind::Revise];
    for (api, kind) in APIS.into_iter().zip(runs) {
        let mut request = request(kind, "c0ffee");
        request.conversation = conversation.take();
        let native = Native::new(config(api, sim.base_url(api), KEY)).unwrap();
        let outcome = run_to_end(&native, request, &workspace).await.outcome.unwrap();
        assert!(matches!(outcome.end, RunEnd::Finished(_)), "{:?}", outcome.end);
        conversation = Some(outcome.conversation);
    }
}

#[tokio::test]
async fn a_run_stopped_in_the_middle_goes_on_where_it_was() {
    for api in APIS {
        let sim = sim(vec![]).await;
        let native = Native::new(config(api, sim.base_url(api), KEY)).unwrap();
        for agent in [&native as &dyn Agent, &Replay::new(script())] {
            let workspace = Workspace::broken();
            let mut request = request(RunKind::Implement, "c0ffee");
            request.budget.turns = 1;
            let mut pieces = 0;
            let end = loop {
                pieces += 1;
                let outcome = run_to_end(agent, request.clone(), &workspace).await.outcome.unwrap();
                match outcome.end {
                    RunEnd::Exhausted { .. } => request.conversation = Some(outcome.conversation),
                    end => break end,
                }
            };
            assert_eq!(end, RunEnd::Finished(Finish::Done { summary: "add adds (c0ffee)".to_owned() }));
            assert_eq!(pieces, 4);
        }
    }
}
