//! The native agent over real HTTP, on each interface, with everything that can go wrong on the way.

use std::time::{Duration, Instant};

use baton_agent::scripted::{Fault, ModelSim, Options};
use baton_agent::{AgentFailure, Api, Native, NativeConfig, Patience, PriceTable, Retries};
use baton_core::domain::run::{Finish, RunEnd, RunKind};
use baton_core::domain::usage::{MicroDollars, Usage};
use insta::assert_snapshot;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::workspace::{Ran, Workspace, request, run, run_to_end, script};

pub const APIS: [Api; 3] = [Api::Anthropic, Api::OpenAi, Api::OpenAiChat];
const LONG: Duration = Duration::from_secs(30);
pub const KEY: &str = "CANARY-5ec7e7";

pub async fn sim(faults: Vec<(usize, Fault)>) -> ModelSim {
    let options = Options { faults, key: Some(KEY.to_owned()) };
    ModelSim::start("127.0.0.1:0".parse().unwrap(), vec![script()], options).await.unwrap()
}

pub fn config(api: Api, base_url: String, key: &str) -> NativeConfig {
    let mut config = NativeConfig::new(api, base_url, SecretString::from(key), "mend add");
    // Long, so that a busy machine is no fault.
    config.patience = Patience { connect: LONG, first_byte: LONG, idle: LONG };
    config.retries = Retries { attempts: 3, first: Duration::from_millis(2), longest: Duration::from_millis(10) };
    config.prices = PriceTable::from_dollars(3.0, 15.0, Some(0.3), Some(3.75));
    config
}

fn native(sim: &ModelSim, api: Api) -> Native {
    Native::new(config(api, sim.base_url(api), KEY)).unwrap()
}

async fn implement(sim: &ModelSim, api: Api) -> (Ran, Workspace) {
    let workspace = Workspace::broken();
    let ran = run_to_end(&native(sim, api), request(RunKind::Implement, "c0ffee"), &workspace).await;
    assert!(!format!("{ran:?}").contains("CANARY"), "the key shows");
    (ran, workspace)
}

fn finished(ran: &Ran) -> bool {
    matches!(&ran.outcome, Ok(outcome) if outcome.end == RunEnd::Finished(Finish::Done { summary: "add adds (c0ffee)".to_owned() }))
}

#[tokio::test]
async fn each_interface_does_the_whole_run() {
    for api in APIS {
        let sim = sim(vec![]).await;
        let (ran, workspace) = implement(&sim, api).await;
        assert!(finished(&ran), "{api:?}: {:?}", ran.outcome);
        assert_eq!(workspace.file("src/add.py"), "def add(a, b):\n    \"\"\"c0ffee\"\"\"\n    return a + b\n");
        assert_eq!(
            ran.transcript(),
            "started native mend add\n\
             calls run\ngets not ok 1 failed in 0.04s\n\
             says 1 test fails. {{é}}\n\
             calls edit\ngets ok edited src/add.py\ncalls edit\ngets ok edited src/add.py\n\
             calls run\ngets ok 1 passed in 0.03s\nsays Done."
        );
        let expected = Usage {
            calls: 4,
            input_tokens: 300,
            cache_read_tokens: 3000,
            output_tokens: 60,
            // 300 at 3 dollars, 3000 at 0.3, 60 at 15 per million
            cost: MicroDollars(2_700),
            ..Usage::default()
        };
        assert_eq!(ran.outcome.unwrap().usage, expected, "{api:?}");
        let statuses: Vec<u16> = sim.requests().iter().map(|seen| seen.status).collect();
        assert_eq!(statuses, [200; 4]);
        let last = sim.requests().last().unwrap().body.to_string();
        let thoughts = match api {
            Api::Anthropic => last.matches("\"signature\":\"sealed-").count(),
            Api::OpenAi => last.matches("\"encrypted_content\":\"sealed-").count(),
            Api::OpenAiChat => 2,
        };
        assert_eq!(thoughts, 2, "{api:?}: what the model thought goes back to it");
    }
}

#[tokio::test]
async fn faults_that_pass_are_got_over() {
    let faults = ["429:0", "500", "529", "503", "cut", "short", "garbage", "overloaded"];
    let mut all = Vec::new();
    for api in APIS {
        let mut told = Vec::new();
        for fault in faults {
            // In the first request, and in one in the middle.
            let sim = sim(vec![(1, fault.parse().unwrap()), (3, fault.parse().unwrap())]).await;
            let (ran, _) = implement(&sim, api).await;
            assert!(finished(&ran), "{api:?} {fault}: {:?}", ran.outcome);
            let retries: Vec<String> =
                ran.transcript().lines().filter_map(|line| line.strip_prefix("retries: ")).map(str::to_owned).collect();
            assert_eq!((retries.len(), &retries[0]), (2, &retries[1]), "{api:?} {fault}");
            told.push(format!("{fault}: {}", retries[0]));
        }
        all.push(told.join("\n"));
    }
    assert_eq!((&all[0], &all[0]), (&all[1], &all[2]), "every interface tells the same");
    assert_snapshot!(all[0], @"
    429:0: the provider answered 429: injected fault
    500: the provider answered 500: injected fault
    529: the provider answered 529: injected fault
    503: the provider answered 503: injected fault
    cut: the provider's answer broke off before its end
    short: the provider's answer broke off before its end
    garbage: the provider's stream is not the JSON it should be
    overloaded: the provider broke off: injected fault
    ");
}

#[tokio::test]
async fn silence_is_a_fault_that_passes() {
    let silent = |api, fault: Fault| async move {
        let sim = sim(vec![(1, fault)]).await;
        let mut config = config(api, sim.base_url(api), KEY);
        let short = Duration::from_secs(1);
        config.patience = Patience { connect: LONG, first_byte: short, idle: short };
        let native = Native::new(config).unwrap();
        let ran = run_to_end(&native, request(RunKind::Implement, "c0ffee"), &Workspace::broken()).await;
        assert!(finished(&ran), "{api:?} {fault}: {:?}", ran.outcome);
        let transcript = ran.transcript();
        let told = transcript.lines().find_map(|line| line.strip_prefix("retries: ")).unwrap_or("nothing");
        format!("{fault}: {told}")
    };
    for fault in [Fault::Stall, Fault::Hang] {
        let told = futures::future::join_all(APIS.map(|api| silent(api, fault))).await;
        let expected = match fault {
            Fault::Stall => "stall: the provider did not send anything for 1 s",
            _ => "hang: the provider did not answer for 1 s",
        };
        assert_eq!(told, [expected; 3]);
    }
}

#[tokio::test]
async fn faults_that_stay_end_the_run_at_once_with_the_providers_words() {
    for api in APIS {
        for status in ["400", "401", "403", "404", "422"] {
            let sim = sim(vec![(2, status.parse().unwrap())]).await;
            let (ran, _) = implement(&sim, api).await;
            let reason = format!("the provider answered {status}: injected fault");
            assert_eq!(ran.outcome, Err(AgentFailure::Permanent { reason }));
            assert_eq!(sim.requests().len(), 2, "{api:?}: not tried again");
        }
    }
}

#[tokio::test]
async fn a_key_that_the_provider_quotes_is_not_passed_on() {
    for api in APIS {
        let sim = sim(vec![]).await;
        let native = Native::new(config(api, sim.base_url(api), "CANARY-wrong")).unwrap();
        assert!(!format!("{native:?}").contains("CANARY"));
        let ran = run_to_end(&native, request(RunKind::Plan, "c0ffee"), &Workspace::broken()).await;
        let problem = sim.requests()[0].problem.clone().unwrap();
        assert!(problem.contains("CANARY-wrong"), "the provider did quote it: {problem}");
        let reason = "the provider answered 401: invalid API key: [the key]".to_owned();
        assert_eq!(ran.outcome, Err(AgentFailure::Permanent { reason }));
        assert!(!format!("{:?}", ran.events).contains("CANARY"));
    }
}

#[tokio::test]
async fn faults_that_do_not_pass_in_time_are_told_as_transient() {
    for api in APIS {
        let sim = sim((1..=3).map(|number| (number, "529".parse().unwrap())).collect()).await;
        let (ran, _) = implement(&sim, api).await;
        let reason = "the provider answered 529: injected fault (gave up after 3 attempts)".to_owned();
        assert_eq!(ran.outcome, Err(AgentFailure::Transient { reason, retry_after: None }));
    }
}

#[tokio::test]
async fn the_wait_that_a_provider_asks_for_is_kept() {
    let sim = sim(vec![(1, "429:1".parse().unwrap())]).await;
    let before = Instant::now();
    let (ran, _) = implement(&sim, Api::Anthropic).await;
    assert!(finished(&ran));
    assert!(before.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_conversation_said_to_be_too_long_is_shortened_and_asked_again() {
    for api in APIS {
        let sim = sim(vec![(1, Fault::Overflow)]).await;
        let (ran, _) = implement(&sim, api).await;
        assert!(finished(&ran), "{api:?}: {:?}", ran.outcome);
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_a_fault_that_passes() {
    let gone = sim(vec![]).await.base_url(Api::OpenAi);
    let native = Native::new(config(Api::OpenAi, gone, KEY)).unwrap();
    let ran = run_to_end(&native, request(RunKind::Plan, "c0ffee"), &Workspace::broken()).await;
    let Err(AgentFailure::Transient { reason, .. }) = ran.outcome else { panic!("{:?}", ran.outcome) };
    assert!(reason.starts_with("the provider cannot be reached: "), "{reason}");
    assert!(!reason.contains("127.0.0.1"), "no address: {reason}");
}

#[tokio::test]
async fn cancelling_hangs_up_on_the_provider() {
    for api in APIS {
        for fault in [Fault::Hang, Fault::Stall] {
            let sim = sim(vec![(1, fault)]).await;
            let mut patient = config(api, sim.base_url(api), KEY);
            patient.patience = Patience::default();
            let cancel = CancellationToken::new();
            let stopper = cancel.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                stopper.cancel();
            });
            let before = Instant::now();
            let native = Native::new(patient).unwrap();
            let ran = run(&native, request(RunKind::Plan, "c0ffee"), &Workspace::broken(), cancel).await;
            assert_eq!(ran.outcome.unwrap().end, RunEnd::Cancelled);
            assert!(before.elapsed() < Duration::from_secs(3));
        }
    }
}

#[tokio::test]
async fn a_web_page_in_place_of_a_provider_says_what_to_check() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let page = axum::Router::new().fallback(|| async { axum::response::Html("<h1>Welcome</h1>") });
        axum::serve(listener, page).await
    });
    let native = Native::new(config(Api::OpenAiChat, format!("http://{address}"), KEY)).unwrap();
    let ran = run_to_end(&native, request(RunKind::Plan, "c0ffee"), &Workspace::broken()).await;
    assert_snapshot!(ran.outcome.unwrap_err(), @"the provider answered with text/html; charset=utf-8 where a stream of events was expected; check base_url and api");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let target = sim(vec![]).await;
    let elsewhere = target.url();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let redirect = move |path: axum::http::Uri| {
            let to = format!("{elsewhere}{}", path.path());
            async move { axum::response::Redirect::temporary(&to) }
        };
        axum::serve(listener, axum::Router::new().fallback(redirect)).await
    });
    let native = Native::new(config(Api::Anthropic, format!("http://{address}"), KEY)).unwrap();
    let ran = run_to_end(&native, request(RunKind::Plan, "c0ffee"), &Workspace::broken()).await;
    let reason = "the provider answered 307".to_owned();
    assert_eq!(ran.outcome, Err(AgentFailure::Permanent { reason }));
    assert_eq!(target.requests().len(), 0);
}
