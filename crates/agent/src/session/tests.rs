//! The loop's promises: limits, cancellation, mistakes of the model, retries, room, going on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_core::domain::run::{AgentEvent, Finish, NothingReason, RunEnd, RunKind};
use baton_core::domain::tool::{TOOL_REPLY_LIMIT, ToolRequest};
use baton_core::domain::usage::{Exhausted, MicroDollars, RunBudget, Usage};
use insta::{assert_debug_snapshot, assert_snapshot};
use proptest::prelude::*;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::room::Room;
use super::testing::*;
use super::*;
use crate::conversation::{Turn, turn_bytes, well_formed};

fn finish() -> Step {
    calls([("finish", json!({ "summary": "done" }))])
}

fn read(path: &str) -> Step {
    calls([("read", json!({ "path": path }))])
}

async fn plain(steps: impl IntoIterator<Item = Step>, request: RunRequest) -> Ran {
    let model = Listed::new(steps);
    ran(&model, &limits(), request, CancellationToken::new(), |_| Some(replied("text"))).await
}

fn end(ran: &Ran) -> &RunEnd {
    &ran.outcome.as_ref().unwrap().end
}

fn last_result(ran: &Ran) -> String {
    let conversation = ran.conversation();
    let parts = conversation.turns.iter().rev().flat_map(|turn| match turn {
        Turn::User { parts } => parts.as_slice(),
        Turn::Assistant { .. } => &[],
    });
    let results: Vec<&String> = parts
        .filter_map(|part| match part {
            UserPart::Result { text, .. } => Some(text),
            UserPart::Text { .. } => None,
        })
        .collect();
    results[results.len() - 1].clone()
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_everything_in_order() {
    let steps = [
        answer(
            vec![
                AssistantPart::Text { text: "I look first.".to_owned() },
                AssistantPart::Call(Call { id: "a".into(), tool: "read".into(), arguments: json!({ "path": "x" }) }),
                AssistantPart::Call(Call { id: "b".into(), tool: "run".into(), arguments: json!({ "command": "t" }) }),
            ],
            Stop::Done,
        ),
        finish(),
    ];
    let model = Listed::new(steps);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ran = ran(&model, &limits(), request(RunKind::Implement), CancellationToken::new(), {
        let asked = Arc::clone(&asked);
        move |request| {
            asked.lock().unwrap().push(request.name());
            Some(ToolReply { ok: request.name() != "run", text: "out".to_owned(), exit: Some(3) })
        }
    })
    .await;
    assert_eq!(*asked.lock().unwrap(), ["read", "run"], "several calls of one answer run in order");
    let told: Vec<String> = ran.events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    assert_snapshot!(told.join("\n"), @r#"
    {"type":"started","agent":"test","model":"listed"}
    {"type":"used","usage":{"calls":1,"input_tokens":8,"cache_read_tokens":0,"cache_write_tokens":0,"output_tokens":2,"cost":1000}}
    {"type":"text","text":"I look first."}
    {"type":"tool_started","id":"a","request":{"tool":"read","path":"x"}}
    {"type":"tool_finished","id":"a","reply":{"ok":true,"text":"out","exit":3}}
    {"type":"tool_started","id":"b","request":{"tool":"run","command":"t"}}
    {"type":"tool_finished","id":"b","reply":{"ok":false,"text":"out","exit":3}}
    {"type":"used","usage":{"calls":1,"input_tokens":8,"cache_read_tokens":0,"cache_write_tokens":0,"output_tokens":2,"cost":1000}}
    "#);
    let second = model.asked.lock().unwrap()[1].last().cloned();
    assert_debug_snapshot!(second, @r#"
    Some(
        User {
            parts: [
                Result {
                    call: "a",
                    ok: true,
                    text: "out",
                },
                Result {
                    call: "b",
                    ok: false,
                    text: "[exit status 3]\nout",
                },
            ],
        },
    )
    "#);
    assert_eq!(end(&ran), &RunEnd::Finished(Finish::Done { summary: "done".to_owned() }));
    assert_eq!(ran.outcome.as_ref().unwrap().usage.calls, 2);
}

#[tokio::test(start_paused = true)]
async fn every_way_to_end_is_told_apart() {
    let plan = json!({ "goal": "g", "files": ["f"], "steps": ["s"], "testing": "t", "risks": ["r"] });
    let planned = plain([calls([("submit_plan", plan)])], request(RunKind::Plan)).await;
    assert!(matches!(end(&planned), RunEnd::Finished(Finish::Plan { draft }) if draft.risks == ["r"]));
    let nothing = json!({ "reason": "already_fixed", "explanation": "it is" });
    let nothing = plain([calls([("finish_without_change", nothing)])], request(RunKind::Revise)).await;
    let expected = Finish::Nothing { reason: NothingReason::AlreadyFixed, explanation: "it is".to_owned() };
    assert_eq!(end(&nothing), &RunEnd::Finished(expected));
}

#[tokio::test(start_paused = true)]
async fn what_follows_the_end_in_one_answer_is_not_run() {
    let both = [("finish", json!({ "summary": "done" })), ("run", json!({ "command": "rm -rf ." }))];
    let ran = plain([calls(both)], request(RunKind::Implement)).await;
    assert!(!ran.events.iter().any(|event| matches!(event, AgentEvent::ToolStarted { .. })));
    assert_eq!(last_result(&ran), "Not run: the run had ended.");
}

#[tokio::test(start_paused = true)]
async fn each_limit_stops_the_run_and_keeps_its_work() {
    let wide = RunBudget { seconds: 100, turns: 100, tokens: 1_000, cost: MicroDollars(1_000_000) };
    let cases = [
        (RunBudget { turns: 2, ..wide }, Exhausted::Turns, 2),
        (RunBudget { tokens: 20, ..wide }, Exhausted::Tokens, 2),
        (RunBudget { cost: MicroDollars(2_000), ..wide }, Exhausted::Cost, 2),
        (RunBudget { cost: MicroDollars(0), ..wide }, Exhausted::Cost, 0),
        (RunBudget { tokens: 0, ..wide }, Exhausted::Tokens, 0),
        (RunBudget { turns: 0, ..wide }, Exhausted::Turns, 0),
        (RunBudget { seconds: 0, ..wide }, Exhausted::Time, 0),
    ];
    for (budget, limit, asked) in cases {
        let mut request = request(RunKind::Implement);
        request.budget = budget;
        let model = Listed::new((0..9).map(|_| read("x")));
        let ran = ran(&model, &limits(), request, CancellationToken::new(), |_| Some(replied("text"))).await;
        assert_eq!(end(&ran), &RunEnd::Exhausted { limit });
        assert_eq!(model.asked.lock().unwrap().len(), asked, "{limit:?}");
        assert_eq!(ran.conversation().runs.last().map(|run| run.finished), Some(false));
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_beyond_the_budget_asks_for_is_not_run() {
    let mut request = request(RunKind::Implement);
    request.budget.tokens = 10;
    let ran = plain([read("x")], request).await;
    assert_eq!(end(&ran), &RunEnd::Exhausted { limit: Exhausted::Tokens });
    assert!(!ran.events.iter().any(|event| matches!(event, AgentEvent::ToolStarted { .. })));
    assert_eq!(last_result(&ran), "Not run: the run was stopped.");
}

#[tokio::test(start_paused = true)]
async fn time_stops_a_request_and_a_tool_in_the_middle() {
    let mut request = request(RunKind::Implement);
    request.budget.seconds = 60;
    for steps in [vec![Step::Hang], vec![read("hang")]] {
        let before = Instant::now();
        let model = Listed::new(steps);
        let ran = ran(&model, &limits(), request.clone(), CancellationToken::new(), |_| None).await;
        assert_eq!(end(&ran), &RunEnd::Exhausted { limit: Exhausted::Time });
        assert_eq!(before.elapsed().as_secs(), 60);
        ran.conversation();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_the_run_counts_even_if_it_uses_up_the_budget() {
    let mut request = request(RunKind::Implement);
    request.budget.tokens = 10;
    let ran = plain([finish()], request).await;
    assert!(matches!(end(&ran), RunEnd::Finished(_)));
}

#[tokio::test(start_paused = true)]
async fn cancelling_ends_a_request_a_pause_and_a_tool_at_once() {
    let unreachable = ModelFault::transient("cut");
    for steps in [vec![Step::Hang], vec![read("hang")], vec![Step::Fail(unreachable)]] {
        let cancel = CancellationToken::new();
        let stopper = cancel.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stopper.cancel();
        });
        let before = Instant::now();
        let ran = ran(&Listed::new(steps), &limits(), request(RunKind::Implement), cancel, |_| None).await;
        assert_eq!(end(&ran), &RunEnd::Cancelled);
        assert!(before.elapsed() < Duration::from_millis(250), "{:?}", before.elapsed());
        ran.conversation();
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_stands_still_does_not_hold_up_cancellation() {
    let (tools, _served) = tool_port_pair();
    let (events, _never_read) = mpsc::channel(1);
    let cancel = CancellationToken::new();
    let stopper = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stopper.cancel();
    });
    let model = Listed::new([says("a"), says("b"), says("c")]);
    let channels = Channels { tools, events, cancel };
    let fence = crate::fence::Nonces::fixed("f00d").draw();
    let outcome = conduct("test", &model, &limits(), &fence, request(RunKind::Plan), channels).await;
    assert_eq!(outcome.unwrap().end, RunEnd::Cancelled);
}

fn tool_port_pair() -> (crate::port::ToolPort, crate::port::ToolCalls) {
    crate::port::tool_port()
}

#[tokio::test(start_paused = true)]
async fn a_model_that_calls_no_tool_is_reminded_and_then_given_up() {
    let once = plain([says("Shall I?"), finish()], request(RunKind::Implement)).await;
    assert!(matches!(end(&once), RunEnd::Finished(_)));
    let never = plain((0..9).map(|_| says("Hm.")), request(RunKind::Implement)).await;
    assert_snapshot!(never.outcome.unwrap_err(), @"the model answered 4 times in a row without a tool call; try again, or use another model");
    let empty = plain([answer(vec![], Stop::Done), finish()], request(RunKind::Implement)).await;
    assert!(matches!(end(&empty), RunEnd::Finished(_)), "an empty answer is reminded too");
}

#[tokio::test(start_paused = true)]
async fn wrong_calls_are_explained_and_a_row_of_them_ends_the_run() {
    let wrong = || calls([("read", json!({ "file": "x" }))]);
    let ran_well = plain([wrong(), wrong(), read("x"), wrong(), finish()], request(RunKind::Implement)).await;
    assert!(matches!(end(&ran_well), RunEnd::Finished(_)));
    let model = Listed::new([wrong(), finish()]);
    ran(&model, &limits(), request(RunKind::Implement), CancellationToken::new(), |_| None).await;
    let told = format!("{:?}", model.asked.lock().unwrap()[1].last());
    assert_snapshot!(told, @r#"Some(User { parts: [Result { call: "baton_0", ok: false, text: "[refused]\n`read` has no argument `file`. It takes: path, from_line (optional), lines (optional)." }] })"#);
    let never = plain((0..9).map(|_| wrong()), request(RunKind::Implement)).await;
    assert_snapshot!(never.outcome.unwrap_err(), @"the model made 6 wrong tool calls in a row; try again, or use another model. The last: `read` has no argument `file`. It takes: path, from_line (optional), lines (optional).");
}

#[tokio::test(start_paused = true)]
async fn a_planning_run_cannot_even_ask_to_write() {
    let write = calls([("write", json!({ "path": "x", "content": "y" }))]);
    let nothing = json!({ "reason": "cannot_do", "explanation": "no" });
    let ran = plain([write, calls([("finish_without_change", nothing)])], request(RunKind::Plan)).await;
    assert!(!ran.events.iter().any(|event| matches!(event, AgentEvent::ToolStarted { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_cut_off_answer_is_told_to_be_smaller() {
    let half = Call { id: "a".into(), tool: "write".into(), arguments: json!("{\"path\": \"x\", \"cont") };
    let model = Listed::new([answer(vec![AssistantPart::Call(half)], Stop::Length), finish()]);
    ran(&model, &limits(), request(RunKind::Implement), CancellationToken::new(), |_| None).await;
    let told = format!("{:?}", model.asked.lock().unwrap()[1].last());
    assert!(told.contains("cut off at the limit on output"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_run_with_its_reason() {
    let refused = answer(vec![], Stop::Refused("not my field".to_owned()));
    let ran = plain([refused], request(RunKind::Implement)).await;
    assert_eq!(ran.outcome, Err(AgentFailure::permanent("the model refused to go on: not my field")));
}

#[tokio::test(start_paused = true)]
async fn faults_that_pass_are_retried_and_faults_that_stay_are_not() {
    let cut = || Step::Fail(ModelFault { used: spent(5), ..ModelFault::transient("cut") });
    let twice = plain([cut(), cut(), finish()], request(RunKind::Implement)).await;
    assert!(matches!(end(&twice), RunEnd::Finished(_)));
    assert_eq!(twice.outcome.as_ref().unwrap().usage.tokens(), 20, "what failed calls used counts");
    let pauses: Vec<u64> = twice
        .events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::Retrying { after_millis, .. } => Some(*after_millis),
            _ => None,
        })
        .collect();
    assert!(matches!(pauses[..], [500..=1000, 1000..=2000]), "{pauses:?}");

    let always = plain((0..9).map(|_| cut()), request(RunKind::Implement)).await;
    let reason = "cut (gave up after 3 attempts)".to_owned();
    assert_eq!(always.outcome, Err(AgentFailure::Transient { reason, retry_after: None }));

    let hour = Some(Duration::from_secs(3600));
    let busy = ModelFault { kind: FaultKind::Transient { retry_after: hour }, ..ModelFault::transient("busy") };
    let busy = plain([Step::Fail(busy), finish()], request(RunKind::Implement)).await;
    let reason = "busy (gave up after 1 attempts)".to_owned();
    assert_eq!(
        busy.outcome,
        Err(AgentFailure::Transient { reason, retry_after: hour }),
        "longer than the run may last"
    );

    let wrong_key = plain([Step::Fail(ModelFault::permanent("wrong key")), finish()], request(RunKind::Plan)).await;
    assert_eq!(wrong_key.outcome, Err(AgentFailure::permanent("wrong key")));
}

fn spent(tokens: u64) -> Usage {
    Usage { input_tokens: tokens, ..Usage::default() }
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_went_away_is_a_fault_that_passes() {
    let (tools, served) = crate::port::tool_port();
    drop(served);
    let (events, _told) = mpsc::channel(64);
    let channels = Channels { tools, events, cancel: CancellationToken::new() };
    let fence = crate::fence::Nonces::fixed("f00d").draw();
    let model = Listed::new([read("x")]);
    let failure = conduct("test", &model, &limits(), &fence, request(RunKind::Plan), channels).await.unwrap_err();
    assert!(matches!(failure, AgentFailure::Transient { .. }), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tools_answer_is_bounded_again() {
    let model = Listed::new([read("x"), finish()]);
    let huge = "é".repeat(TOOL_REPLY_LIMIT);
    let ran =
        ran(&model, &limits(), request(RunKind::Plan), CancellationToken::new(), move |_| Some(replied(&huge))).await;
    let lengths: Vec<usize> = ran
        .events
        .iter()
        .filter_map(|event| match event {
            AgentEvent::ToolFinished { reply, .. } => Some(reply.text.len()),
            _ => None,
        })
        .collect();
    assert!(lengths.iter().all(|length| *length <= TOOL_REPLY_LIMIT), "{lengths:?}");
    assert!(lengths.iter().all(|length| *length > TOOL_REPLY_LIMIT - 100), "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn the_model_learns_once_that_its_budget_ends() {
    let mut request = request(RunKind::Implement);
    request.budget.turns = 6;
    let model = Listed::new((0..9).map(|_| read("x")));
    ran(&model, &limits(), request, CancellationToken::new(), |_| Some(replied("text"))).await;
    let all = format!("{:?}", model.asked.lock().unwrap().last());
    assert_eq!(all.matches(crate::prompt::NEAR_THE_LIMIT).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_goes_on_and_a_finished_one_is_followed_by_the_next_round() {
    let mut first = request(RunKind::Implement);
    first.budget.turns = 1;
    let stopped = plain([read("x")], first.clone()).await;
    let mut again = request(RunKind::Implement);
    again.feedback = Some("new: lint fails".to_owned());
    again.conversation = Some(stopped.outcome.unwrap().conversation);
    let model = Listed::new([finish()]);
    let ran_on = ran(&model, &limits(), again, CancellationToken::new(), |_| None).await;
    let asked = format!("{:?}", model.asked.lock().unwrap()[0]);
    assert_eq!(asked.matches("Baton run: ").count(), 1, "no second opening");
    assert!(asked.contains("Continue where you were."));
    assert!(asked.contains("\\nnew: lint fails\\n</data-f00d>"), "what is new is told, fenced: {asked}");

    let mut revise = request(RunKind::Revise);
    revise.feedback = Some("tests::adds fails".to_owned());
    revise.conversation = Some(ran_on.outcome.unwrap().conversation);
    let revised = plain([finish()], revise.clone()).await;
    revise.conversation = Some(revised.outcome.unwrap().conversation);
    let twice = plain([finish()], revise).await;
    let runs: Vec<String> =
        twice.conversation().runs.iter().map(|run| format!("{} {}", run.kind.name(), run.round)).collect();
    assert_eq!(runs, ["implement 1", "revise 1", "revise 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_none_is_refused() {
    for (stored, reason) in [
        (json!({ "version": 9, "runs": [], "turns": [] }), "has layout 9"),
        (json!("?"), "cannot be read"),
        (json!({ "version": 1, "runs": [], "turns": [{ "role": "assistant", "parts": [] }] }), "is broken"),
    ] {
        let mut request = request(RunKind::Plan);
        request.conversation = Some(stored);
        let failure = plain([finish()], request).await.outcome.unwrap_err();
        assert!(failure.to_string().contains(reason), "{failure}");
        assert!(matches!(failure, AgentFailure::Permanent { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_run_stays_within_the_window() {
    let thought = |at: usize| AssistantPart::Text { text: format!("Thought {at}. {}", "I wonder. ".repeat(150)) };
    let call =
        |at: usize| Call { id: String::new(), tool: "read".into(), arguments: json!({ "path": format!("file-{at}") }) };
    let steps = (0..40).map(|at| answer(vec![thought(at), AssistantPart::Call(call(at))], Stop::Done));
    let model = Listed::new(steps.chain([finish()]));
    let small = Limits { context_window: Some(12_000), max_output_tokens: 1_000, ..limits() };
    let ran = ran(&model, &small, request(RunKind::Implement), CancellationToken::new(), |request| {
        let ToolRequest::Read { path, .. } = request else { panic!("{request:?}") };
        Some(replied(&format!("{path}\n{}", "line of text\n".repeat(400))))
    })
    .await;
    assert!(matches!(end(&ran), RunEnd::Finished(_)), "{:?}", ran.outcome);
    let largest = model.asked.lock().unwrap().iter().map(|turns| turns.iter().map(turn_bytes).sum::<usize>()).max();
    assert!(largest < Some(12_000 * 5), "{largest:?}");
    let last = model.asked.lock().unwrap().last().cloned().unwrap();
    let opening = format!("{:?}", last[0]);
    assert!(opening.contains("Baton run: implement, round 1."), "the task stays");
    assert!(opening.contains("you called read: file-3"), "what was dropped is told: {opening}");
    assert!(
        ran.events.iter().any(|event| matches!(event, AgentEvent::Notice { text } if text.starts_with("Made room")))
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_says_too_long_is_asked_again_with_less_and_only_once() {
    let full =
        || Step::Fail(ModelFault { kind: FaultKind::ContextFull, ..ModelFault::permanent("prompt is too long") });
    let big = |_: &ToolRequest| Some(replied(&"x".repeat(5_000)));
    let model = Listed::new([read("a"), read("b"), read("c"), full(), finish()]);
    let squeezed = ran(&model, &limits(), request(RunKind::Implement), CancellationToken::new(), big).await;
    assert!(matches!(end(&squeezed), RunEnd::Finished(_)));
    let sizes: Vec<usize> =
        model.asked.lock().unwrap().iter().map(|turns| turns.iter().map(turn_bytes).sum()).collect();
    assert!(sizes[4] < sizes[3] * 2 / 3, "{sizes:?}");
    let model = Listed::new([read("a"), read("b"), full(), full()]);
    let failure = ran(&model, &limits(), request(RunKind::Implement), CancellationToken::new(), big).await.outcome;
    assert_eq!(failure, Err(AgentFailure::permanent("prompt is too long")));
}

/// A conversation of answers with so many calls each, and results of these sizes.
fn grown(answers: &[Vec<usize>]) -> Conversation {
    let mut conversation = Conversation::default();
    let fence = crate::fence::Nonces::fixed("f00d").draw();
    conversation.say_text(crate::prompt::opening(&request(RunKind::Implement), 1, &fence));
    for (at, sizes) in answers.iter().enumerate() {
        let part = |_| {
            AssistantPart::Call(Call { id: String::new(), tool: "run".into(), arguments: json!({ "command": at }) })
        };
        let parts = std::iter::once(AssistantPart::Text { text: format!("step {at}") }).chain(sizes.iter().map(part));
        let calls = conversation.hear(parts.collect());
        for (call, size) in calls.iter().zip(sizes) {
            conversation.say(UserPart::Result { call: call.id.clone(), ok: true, text: "y".repeat(*size) });
        }
        if sizes.is_empty() {
            conversation.say_text("go on");
        }
    }
    conversation
}

proptest! {
    /// Whatever the conversation, making room again and again keeps every call with its result, the task, and the end.
    #[test]
    fn making_room_never_breaks_a_conversation(
        answers in prop::collection::vec(prop::collection::vec(0..9_000_usize, 0..4), 1..14),
        window in 2_000..40_000_u64,
        forced in any::<bool>(),
    ) {
        let mut conversation = grown(&answers);
        let limits = Limits { context_window: Some(window), max_output_tokens: 500, ..limits() };
        let room = Room::new(&limits, "system", &[]);
        for _ in 0..3 {
            let before = conversation.bytes();
            let told = room.make(&mut conversation, forced);
            prop_assert!(told.is_some() || conversation.bytes() == before);
            prop_assert_eq!(well_formed(&conversation.turns), Ok(()));
            let ends_with_a_user = matches!(conversation.turns.last(), Some(Turn::User { .. }));
            prop_assert!(ends_with_a_user);
            let first = format!("{:?}", conversation.turns[0]);
            prop_assert!(first.contains("Baton run: implement, round 1."));
            let more = conversation.hear(vec![AssistantPart::Call(Call { id: String::new(), tool: "run".into(), arguments: json!({}) })]);
            conversation.say(UserPart::Result { call: more[0].id.clone(), ok: true, text: "z".repeat(3_000) });
        }
    }

    /// Ids are unique and acceptable to every provider, whatever the model called them.
    #[test]
    fn calls_get_ids_that_every_provider_takes(ids in prop::collection::vec("[a-c]?|.{0,3}|baton_[0-3]", 1..8)) {
        let mut conversation = Conversation::default();
        conversation.say_text("task");
        for id in ids {
            let calls = conversation.hear(vec![AssistantPart::Call(Call { id, tool: "run".into(), arguments: json!({}) })]);
            for call in calls {
                prop_assert!(!call.id.is_empty() && call.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
                conversation.say(UserPart::Result { call: call.id, ok: true, text: String::new() });
            }
        }
        prop_assert_eq!(well_formed(&conversation.turns), Ok(()));
    }

    #[test]
    fn bounded_texts_are_bounded(text in ".{0,400}", limit in 80..300_usize) {
        let bounded = bounded(&text, limit);
        prop_assert!(bounded.len() <= limit.max(text.len().min(limit)));
        prop_assert!(text.len() > limit || bounded == text);
    }
}
