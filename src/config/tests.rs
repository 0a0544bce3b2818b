//! The configuration as operators meet it: pages full of mistakes, layers, and any bytes at all.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::fault::{ConfigError, Mistake, Origin};
use super::keys::{OPERATOR, REPOSITORY, Unset};
use super::layers::{Flag, Loaded, Setting, Sources, read};
use super::sections::Config;

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn given(text: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let flags: Vec<Flag> = flags
        .iter()
        .map(|(key, value)| Flag { flag: format!("--set {key}"), key: (*key).into(), value: (*value).into() })
        .collect();
    read(text.as_bytes(), &Sources { file: Some(Path::new("baton.toml")), variables: &pairs(variables), flags: &flags })
}

fn mistakes(text: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    given(text, variables, flags).unwrap_err().to_string()
}

const WRONG: &str = r#"# A page full of mistakes.
[github]
api_url = "api.github.com"
app_id = "7"
webhok_secret = "canary-1"
webhook_secret = ["canary-2"]
private_key = "canary-3"
private_key_file = "/etc/key"
assignees = "robo"
label = "bot"

[servr]
listen = 80

[server]
listen = "localhost"
public_url = "https://user:canary-4@baton.example:port"

[worker]
concurrency = 0
per_repository = 1.5
lease_seconds = 99999999999999999999

[sandbox]
kind = "bublewrap"
accepted_gaps = ["memory-cgroup", "cpu-cgruop", 3]
limits = 5

[agents.one]
provider = "anthropik"

[agents.two]
kind = "nativ"

[agents.three]
kind = "replay"

[agents.four]
kind = "native"
provider = "anthropik"

[providers.anthropic]
api = "openai"
prices = { input = -1, outptu = 2 }

[policy]
repositories = ["acme/app", "acme"]
agent = "tow"
task_dollars = "much"
second_person_approves = "yes"
patch = { protected_paths = ["ok/**", "["] }
"#;

#[test]
fn a_page_full_of_mistakes_is_told_all_of_them_at_once() {
    let told = mistakes(WRONG, &[], &[]);
    insta::assert_snapshot!(told, @r#"
    the configuration has 31 mistakes:
      baton.toml:3:11: `github.api_url`: the text "api.github.com"; allowed: an address that begins with `https://` or `http://`
      baton.toml:4:10: `github.app_id`: the text "7"; allowed: a whole number from 1 on
      baton.toml:5:1: `github.webhok_secret`: there is no such key; allowed: `api_url`, `web_url`, `git_url`, `app_id`, `private_key`, `private_key_file`, `webhook_secret`, `webhook_secret_file`, `previous_webhook_secret`, `previous_webhook_secret_file`, `assignees`. Did you mean `webhook_secret`?
      baton.toml:6:18: `github.webhook_secret`: a list; allowed: a text
      baton.toml:8:20: `github.private_key_file`: `private_key` and `private_key_file` are both set; allowed: one of the two; keep one
      baton.toml:9:13: `github.assignees`: the text "robo"; allowed: a list, each of it a text
      baton.toml:10:1: `github.label`: there is no such key; allowed: `api_url`, `web_url`, `git_url`, `app_id`, `private_key`, `private_key_file`, `webhook_secret`, `webhook_secret_file`, `previous_webhook_secret`, `previous_webhook_secret_file`, `assignees`. Did you mean `policy.label`?
      baton.toml:12:2: `servr`: there is no such key; allowed: `github`, `server`, `store`, `worker`, `sandbox`, `agents`, `providers`, `policy`. Did you mean `server`?
      baton.toml:16:10: `server.listen`: the text "localhost"; allowed: `HOST:PORT`, such as `127.0.0.1:3000`
      baton.toml:17:14: `server.public_url`: the text "https://…@baton.example:port"; allowed: an address that begins with `https://` or `http://`
      baton.toml:20:15: `worker.concurrency`: the number 0; allowed: a whole number from 1 on
      baton.toml:21:18: `worker.per_repository`: the number 1.5; allowed: a whole number from 1 on
      baton.toml:22:17: `worker.lease_seconds`: the number 99999999999999999999; allowed: a whole number from 1 on
      baton.toml:25:8: `sandbox.kind`: the text "bublewrap"; allowed: `bubblewrap`. Did you mean `bubblewrap`?
      baton.toml:26:35: `sandbox.accepted_gaps`: the text "cpu-cgruop"; allowed: `memory-cgroup`, `cpu-cgroup`, `process-cgroup`. Did you mean `cpu-cgroup`?
      baton.toml:26:49: `sandbox.accepted_gaps`: the number 3; allowed: `memory-cgroup`, `cpu-cgroup`, `process-cgroup`
      baton.toml:27:10: `sandbox.limits`: a number; allowed: a section, `[sandbox.limits]`
      baton.toml:29:9: `agents.one.kind`: it is not set, and it is needed; allowed: `native`, `replay`
      baton.toml:30:12: `agents.one.provider`: "anthropik", and there is no section `[providers.anthropik]`; allowed: `anthropic`. Did you mean `anthropic`?
      baton.toml:33:8: `agents.two.kind`: the text "nativ"; allowed: `native`, `replay`. Did you mean `native`?
      baton.toml:35:9: `agents.three.script`: it is not set, and it is needed with `kind = "replay"`; allowed: a path
      baton.toml:38:9: `agents.four.model`: it is not set, and it is needed with `kind = "native"`; allowed: a text
      baton.toml:40:12: `agents.four.provider`: "anthropik", and there is no section `[providers.anthropik]`; allowed: `anthropic`. Did you mean `anthropic`?
      baton.toml:42:12: `providers.anthropic.base_url`: it is not set, and it is needed; allowed: an address that begins with `https://` or `http://`
      baton.toml:44:20: `providers.anthropic.prices.input`: the number -1; allowed: an amount of dollars, 0 or more
      baton.toml:44:24: `providers.anthropic.prices.outptu`: there is no such key; allowed: `input`, `output`, `cache_read`, `cache_write`. Did you mean `output`?
      baton.toml:47:29: `policy.repositories`: the text "acme"; allowed: `OWNER/NAME`
      baton.toml:48:9: `policy.agent`: "tow", and there is no section `[agents.tow]`; allowed: `four`, `one`, `three`, `two`. Did you mean `two`?
      baton.toml:49:16: `policy.task_dollars`: the text "much"; allowed: an amount of dollars, 0 or more
      baton.toml:50:26: `policy.second_person_approves`: the text "yes"; allowed: `true` or `false`
      baton.toml:51:39: `policy.patch.protected_paths`: the text "["; allowed: a pattern of paths, such as `infra/**`
    "#);
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn looks_at_github_are_neither_too_often_nor_too_rare() {
    let seconds = |number: u64| given(&format!("[worker]\nreconcile_seconds = {number}\n"), &[], &[]);
    for number in [60, 300, 86_400] {
        assert_eq!(seconds(number).unwrap().config.worker.reconcile_seconds, number);
    }
    insta::assert_snapshot!(seconds(59).unwrap_err().to_string(), @"
    the configuration has a mistake:
      baton.toml:2:21: `worker.reconcile_seconds`: the number 59; allowed: a whole number from 60 to 86400
    ");
    insta::assert_snapshot!(seconds(86_401).unwrap_err().to_string(), @"
    the configuration has a mistake:
      baton.toml:2:21: `worker.reconcile_seconds`: the number 86401; allowed: a whole number from 60 to 86400
    ");
}

#[test]
fn what_is_no_toml_is_told_with_what_else_is_wrong() {
    insta::assert_snapshot!(mistakes("[worker]\nconcurrency = \nlease_second = 3\n[github\napp_id = 1\n", &[], &[]), @"
    the configuration has 4 mistakes:
      baton.toml:2:15: string values must be quoted, expected literal string
      baton.toml:3:1: `worker.lease_second`: there is no such key; allowed: `concurrency`, `per_repository`, `lease_seconds`, `reconcile_seconds`. Did you mean `lease_seconds`?
      baton.toml:4:8: unclosed table, expected `]`
      baton.toml:5:1: `app_id`: there is no such key; allowed: `github`, `server`, `store`, `worker`, `sandbox`, `agents`, `providers`, `policy`. Did you mean `github.app_id`?
    ");
    let bytes = b"[worker]\nconcurrency = 1 # \xff\n";
    let told = read(bytes, &Sources { file: Some(Path::new("baton.toml")), ..Sources::default() }).unwrap_err();
    insta::assert_snapshot!(told, @"
    the configuration has a mistake:
      baton.toml:2:19: a byte that belongs to no text; allowed: UTF-8
    ");
}

#[test]
fn variables_and_flags_are_named() {
    insta::assert_snapshot!(mistakes(
        "[agents.Fast-One]\nkind = \"replay\"\nscript = \"x\"\n",
        &[
            ("BATON_GITHUB__API_ULR", "http://canary"),
            ("BATON_GITHUB_APP_ID", "7"),
            ("BATON_AGENTS__FAST_ONE__MODLE", "m"),
            ("BATON_WORKER__CONCURRENCY", "many"),
            ("BATON_POLICY__OWNERS", "acme"),
            ("BATON_POLICY__LABEL__X", "acme"),
            ("BATON_AGENTS__NEW__MODEL", "m"),
            ("BATON_LOG", "debug"),
            ("BATON_SOMEBODY_ELSES", "x"),
        ],
        &[("worker.concurency", "3"), ("server.listen", "here"), ("github.webhook_secret", "canary"), ("x", "y")],
    ), @r#"
    the configuration has 11 mistakes:
      BATON_AGENTS__FAST_ONE__MODLE: `agents.Fast-One.modle`: there is no such key; allowed: `kind`, `provider`, `model`, `script`, `context_window`, `max_output_tokens`. Did you mean `BATON_AGENTS__FAST_ONE__MODEL`?
      BATON_AGENTS__NEW__MODEL: `agents.new.kind`: it is not set, and it is needed; allowed: `native`, `replay`
      BATON_GITHUB_APP_ID: `github_app_id`: there is no such key; allowed: two underscores for each dot. Did you mean `BATON_GITHUB__APP_ID`?
      BATON_GITHUB__API_ULR: `github.api_ulr`: there is no such key; allowed: `api_url`, `web_url`, `git_url`, `app_id`, `private_key`, `private_key_file`, `webhook_secret`, `webhook_secret_file`, `previous_webhook_secret`, `previous_webhook_secret_file`, `assignees`. Did you mean `BATON_GITHUB__API_URL`?
      BATON_POLICY__LABEL__X: `policy.label.x`: there is no such key. Did you mean `BATON_POLICY__LABEL`?
      BATON_POLICY__OWNERS: `policy.owners`: the text "acme"; allowed: a list, each of it a text
      BATON_WORKER__CONCURRENCY: `worker.concurrency`: the text "many"; allowed: a whole number from 1 on
      --set github.webhook_secret: `github.webhook_secret`: a secret on the command line, where every user of this machine can read it; allowed: `github.webhook_secret_file`, or the variable
      --set server.listen: `server.listen`: the text "here"; allowed: `HOST:PORT`, such as `127.0.0.1:3000`
      --set worker.concurency: `worker.concurency`: there is no such key; allowed: `concurrency`, `per_repository`, `lease_seconds`, `reconcile_seconds`. Did you mean `concurrency`?
      --set x: `x`: there is no such key; allowed: `github`, `server`, `store`, `worker`, `sandbox`, `agents`, `providers`, `policy`
    "#);
}

#[test]
fn the_later_layer_wins_and_it_is_known_which_it_was() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n[worker]\nconcurrency = 1\nper_repository = 1\n\
                [store]\nurl = \"sqlite://u:password@x.db\"\n[agents.Fast-One]\nkind = \"native\"\nprovider = \"p\"\nmodel = \"m\"\n\
                [providers.p]\napi = \"openai\"\nbase_url = \"http://u:password@h\"\napi_key = \"canary\"\n";
    let loaded = given(
        text,
        &[
            ("BATON_SERVER__LISTEN", "0.0.0.0:80"),
            ("BATON_WORKER__CONCURRENCY", "4"),
            ("BATON_GITHUB__WEBHOOK_SECRET", "12345"),
            ("BATON_GITHUB__ASSIGNEES", "[\"robo\"]"),
            ("BATON_AGENTS__FAST_ONE__MODEL", "7"),
            ("BATON_POLICY__TASK_DOLLARS", "3"),
        ],
        &[("worker.concurrency", "8")],
    )
    .unwrap();
    let config = &loaded.config;
    assert_eq!(config.server.listen, "0.0.0.0:80");
    assert_eq!(config.worker.concurrency, 8);
    assert_eq!(config.github.assignees, ["robo"]);
    assert_eq!(config.agents["Fast-One"].model.as_deref(), Some("7"));
    assert_eq!(config.policy.task_dollars, 3.0);
    assert_eq!(config.github.webhook_secrets().unwrap()[0].expose_secret(), "12345");
    let told: Vec<&Setting> = loaded
        .settings
        .iter()
        .filter(|it| {
            it.origin != Origin::Default
                || ["github.api_url", "github.git_url", "github.app_id"].contains(&it.key.as_str())
        })
        .collect();
    let told: String = told.iter().map(|it| format!("{} = {}  ({})\n", it.key, it.value, it.origin)).collect();
    insta::assert_snapshot!(told, @r#"
    github.api_url = "https://api.github.com"  (default)
    github.git_url = (web_url)  (default)
    github.app_id = (not set)  (default)
    github.webhook_secret = (hidden)  (BATON_GITHUB__WEBHOOK_SECRET)
    github.assignees = ["robo"]  (BATON_GITHUB__ASSIGNEES)
    server.listen = "0.0.0.0:80"  (BATON_SERVER__LISTEN)
    store.url = "sqlite://…@x.db"  (baton.toml:7:7)
    worker.concurrency = 8  (--set worker.concurrency)
    worker.per_repository = 1  (baton.toml:5:18)
    agents.Fast-One.kind = "native"  (baton.toml:9:8)
    agents.Fast-One.provider = "p"  (baton.toml:10:12)
    agents.Fast-One.model = "7"  (BATON_AGENTS__FAST_ONE__MODEL)
    providers.p.api = "openai"  (baton.toml:13:7)
    providers.p.base_url = "http://…@h"  (baton.toml:14:12)
    providers.p.api_key = (hidden)  (baton.toml:15:11)
    policy.task_dollars = 3  (BATON_POLICY__TASK_DOLLARS)
    "#);
    assert!(!told.contains("password") && !format!("{loaded:?}").contains("canary"), "{loaded:?}");
}

#[test]
fn a_secret_comes_from_text_or_a_file_and_never_from_both() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file\n").unwrap();
    let path = file.path().to_str().unwrap();
    let loaded = given("", &[("BATON_GITHUB__WEBHOOK_SECRET_FILE", path)], &[]).unwrap();
    assert_eq!(loaded.config.github.webhook_secrets().unwrap()[0].expose_secret(), "from a file");
    let both = [("BATON_GITHUB__WEBHOOK_SECRET_FILE", "/f"), ("BATON_GITHUB__WEBHOOK_SECRET", "x")];
    insta::assert_snapshot!(mistakes("", &both, &[]), @"
    the configuration has a mistake:
      BATON_GITHUB__WEBHOOK_SECRET_FILE: `github.webhook_secret_file`: `webhook_secret` and `webhook_secret_file` are both set; allowed: one of the two; keep one
    ");
}

/// The defaults of the declaration are those of the structs.
#[test]
fn the_declared_defaults_are_the_defaults() {
    let mut text = String::new();
    for section in OPERATOR.iter().filter(|section| !section.path.contains(&"*")) {
        text.push_str(&format!("[{}]\n", section.path.join(".")));
        for key in section.keys {
            if let Unset::Value(value) = key.unset {
                text.push_str(&format!("{} = {value}\n", key.name));
            }
        }
    }
    let declared = given(&text, &[], &[]).unwrap().config;
    assert_eq!(format!("{declared:#?}"), format!("{:#?}", Config::default()));
}

/// Every field of the structs is declared, and nothing else: the names are those the structs tell of when they are given a key
/// that they do not know.
#[test]
fn the_declared_keys_are_those_of_the_structs() {
    for section in OPERATOR {
        let path = section.path.join(".").replace('*', "x");
        let told = toml::from_str::<Config>(&format!("[{path}]\n\"no such key\" = 1\n")).unwrap_err();
        assert_eq!(names(told.message()), expected(OPERATOR, section.path), "[{path}]");
    }
    for section in REPOSITORY {
        let indent = "  ".repeat(section.path.len());
        let text = format!(
            "{}{indent}no such key: 1\n",
            section.path.iter().map(|part| format!("{part}:\n")).collect::<String>()
        );
        let told = yaml_serde::from_str::<baton_core::domain::settings::RepositorySettings>(&text).unwrap_err();
        assert_eq!(names(&told.to_string()), expected(REPOSITORY, section.path), "{text}");
    }
}

fn names(message: &str) -> BTreeSet<String> {
    let (_, listed) = message.split_once("expected").unwrap_or_else(|| panic!("{message}"));
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn expected(all: &[super::keys::Section], path: &[&str]) -> BTreeSet<String> {
    let keys = all.iter().filter(|it| it.path == path).flat_map(|it| it.keys).map(|key| key.name.to_owned());
    let below = all.iter().filter_map(|it| it.path.strip_prefix(path)?.first()).map(|name| (*name).to_owned());
    keys.chain(below).collect()
}

/// Every key of the declaration is in the example file, and the example has no other.
#[test]
fn the_example_has_every_key() {
    let example = include_str!("../../deploy/baton.example.toml");
    for section in OPERATOR {
        for key in section.keys {
            let there = example.lines().any(|line| {
                let bare = line.trim_start_matches(['#', ' ']);
                bare.split_once(" = ").is_some_and(|(name, _)| name == key.name)
            });
            assert!(there, "deploy/baton.example.toml does not have `{}` of [{}]", key.name, section.path.join("."));
        }
    }
    given(example, &[], &[]).unwrap_or_else(|error| panic!("{error}"));
}

fn places(error: &ConfigError) -> Vec<Mistake> {
    match error {
        ConfigError::Mistakes(mistakes) => mistakes.clone(),
        other => panic!("{other}"),
    }
}

/// Text that is nearly a configuration.
fn nearly() -> impl Strategy<Value = String> {
    let section = prop::sample::select(vec![
        "[github]",
        "[worker]",
        "[agents.a]",
        "[providers.p]",
        "[policy.patch]",
        "[sandbox]",
        "[githb]",
        "[policy",
        "[[agents]]",
    ]);
    let name = prop::sample::select(vec![
        "app_id",
        "api_url",
        "kind",
        "concurrency",
        "protected_paths",
        "prices",
        "x",
        "a.b",
        "\"\"",
    ]);
    let value = prop_oneof![
        Just("1".to_owned()),
        Just("\"x\"".to_owned()),
        Just("[1, \"a\", [2]]".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("nan".to_owned()),
        Just("0xff".to_owned()),
        Just("\"\"\"\n".to_owned()),
        "\\PC{0,12}",
    ];
    prop::collection::vec((section, prop::collection::vec((name, value), 0..4)), 0..5).prop_map(|sections| {
        sections
            .into_iter()
            .map(|(section, keys)| {
                let keys: String = keys.into_iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
                format!("{section}\n{keys}")
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_configuration_or_mistakes_with_a_line(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), nearly().prop_map(String::into_bytes), "\\PC{0,200}".prop_map(String::into_bytes)]
    ) {
        let sources = Sources { file: Some(Path::new("baton.toml")), ..Sources::default() };
        if let Err(error) = read(&bytes, &sources) {
            let mistakes = places(&error);
            prop_assert!(!mistakes.is_empty());
            let lines = bytes.split(|byte| *byte == b'\n').count();
            for mistake in mistakes {
                let good = matches!(&mistake.place, Origin::File { line, column, .. } if (1..=lines).contains(line) && *column > 0);
                prop_assert!(good, "{mistake:?}");
                prop_assert!(!mistake.found.is_empty());
            }
        }
    }

    #[test]
    fn any_variable_is_taken_or_named(name in "BATON_[A-Z_]{0,30}|BATON_(GITHUB|AGENTS|POLICY)__[A-Z_]{1,20}", value in "\\PC{0,30}") {
        let variables = [(name.clone(), value)];
        let sources = Sources { file: None, variables: &variables, flags: &[] };
        if let Err(error) = read(b"", &sources) {
            for mistake in places(&error) {
                prop_assert_eq!(mistake.place, Origin::Variable { name: name.clone() });
            }
        }
    }
}
