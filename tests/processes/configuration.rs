//! The configuration as an operator meets it on the command line: mistakes, explanations, where values come from.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::process::run;
use super::programs;

/// Exit code, standard output and standard error of a command in a folder of its own, with the folder's name taken out.
fn told(folder: &TempDir, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let baton = programs::baton();
    let output = run(folder.path(), &baton.path, arguments, variables);
    let clean = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(folder.path().to_str().unwrap(), "FOLDER");
    (output.status.code(), clean(output.stdout), clean(output.stderr))
}

fn folder_with(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("baton.toml"), text).unwrap();
    folder
}

const WRONG: &str = "[github]\napp_id = \"7\"\nwebhok_secret = \"canary\"\n\n[worker]\nlease_second = 3\n";

#[test]
fn every_command_tells_all_mistakes_at_once() {
    let folder = folder_with(WRONG);
    let commands =
        [&["serve"][..], &["worker"], &["config", "check"], &["task", "list"], &["migrate"], &["delivery", "list"]];
    for command in commands {
        let arguments: Vec<&str> = ["--set", "server.listn=here"].into_iter().chain(command.iter().copied()).collect();
        let (code, said, fault) = told(&folder, &arguments, &[("BATON_WORKER__CONCURRENCY", "many")]);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{command:?}: {fault}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(fault, @r#"
            baton: the configuration has 5 mistakes:
              baton.toml:2:10: `github.app_id`: the text "7"; allowed: a whole number from 1 on
              baton.toml:3:1: `github.webhok_secret`: there is no such key; allowed: `api_url`, `web_url`, `git_url`, `app_id`, `private_key`, `private_key_file`, `webhook_secret`, `webhook_secret_file`, `previous_webhook_secret`, `previous_webhook_secret_file`, `assignees`. Did you mean `webhook_secret`?
              baton.toml:6:1: `worker.lease_second`: there is no such key; allowed: `concurrency`, `per_repository`, `lease_seconds`, `reconcile_seconds`. Did you mean `lease_seconds`?
              BATON_WORKER__CONCURRENCY: `worker.concurrency`: the text "many"; allowed: a whole number from 1 on
              --set server.listn: `server.listn`: there is no such key; allowed: `listen`, `public_url`, `tunnel`. Did you mean `listen`?
            "#);
        }
    }
    let (code, said, _) = told(&folder, &["config", "check", "--json"], &[]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["good"], said["mistakes"].as_array().unwrap().len()), (Some(2), &Value::Bool(false), 3));
    insta::assert_json_snapshot!(said["mistakes"][1], @r#"
    {
      "place": {
        "from": "file",
        "file": "baton.toml",
        "line": 3,
        "column": 1
      },
      "key": "github.webhok_secret",
      "found": "there is no such key",
      "allowed": "`api_url`, `web_url`, `git_url`, `app_id`, `private_key`, `private_key_file`, `webhook_secret`, `webhook_secret_file`, `previous_webhook_secret`, `previous_webhook_secret_file`, `assignees`",
      "nearest": "webhook_secret"
    }
    "#);
}

#[test]
fn a_configuration_that_is_not_there() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("none.toml");
    let (code, said, fault) = told(&folder, &["--config", place.to_str().unwrap(), "serve"], &[]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    insta::assert_snapshot!(fault, @"baton: FOLDER/none.toml: No such file or directory (os error 2). Name another file with `--config`, or make this one readable");
}

#[test]
fn bytes_that_are_no_text() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("baton.toml"), b"[github]\napp_id = 1 # \xc3\x28\n").unwrap();
    let (code, _, fault) = told(&folder, &["config", "check"], &[]);
    assert_eq!(code, Some(2));
    insta::assert_snapshot!(fault, @"
    baton: the configuration has a mistake:
      baton.toml:2:14: a byte that belongs to no text; allowed: UTF-8
    ");
}

#[test]
fn it_is_told_where_each_value_comes_from() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/replays/python-dotfile-right.json");
    let folder = folder_with(&format!(
        "[github]\napp_id = 7\nwebhook_secret = \"canary-1\"\n\n[agents.recorded]\nkind = \"replay\"\nscript = \"{}\"\n",
        script.display()
    ));
    let variables = [("BATON_GITHUB__PRIVATE_KEY", "canary-2"), ("BATON_POLICY__OWNERS", "[\"acme\"]")];
    let (code, said, fault) =
        told(&folder, &["--set", "worker.concurrency=4", "config", "check", "--explain"], &variables);
    assert_eq!(code, Some(0), "{said}{fault}");
    assert!(!format!("{said}{fault}").contains("canary"), "{said}");
    // One line of each kind.
    let lines: Vec<String> = [
        "# ",
        "github.app_id",
        "github.private_key ",
        "github.webhook_secret ",
        "github.api_url",
        "server.public_url",
        "worker.concurrency",
        "policy.owners",
        "agents.recorded.kind",
        "The configuration",
    ]
    .iter()
    .filter_map(|begin| said.lines().find(|line| line.starts_with(begin)))
    .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    # baton.toml
    github.app_id 7 baton.toml:2
    github.private_key (hidden) BATON_GITHUB__PRIVATE_KEY
    github.webhook_secret (hidden) baton.toml:3
    github.api_url "https://api.github.com" default
    server.public_url (not set) default
    worker.concurrency 4 --set worker.concurrency
    policy.owners ["acme"] BATON_POLICY__OWNERS
    agents.recorded.kind "replay" baton.toml:6
    The configuration is good.
    "#);
    let (code, said, _) = told(&folder, &["config", "check", "--explain", "--json"], &variables);
    assert_eq!(code, Some(0));
    let said: Value = serde_json::from_str(&said).unwrap();
    let setting = |key: &str| said["settings"].as_array().unwrap().iter().find(|it| it["key"] == key).unwrap().clone();
    assert_eq!(setting("github.webhook_secret")["value"], "(hidden)");
    insta::assert_json_snapshot!(setting("policy.owners"), @r#"
{
  "key": "policy.owners",
  "value": "[\"acme\"]",
  "origin": {
    "from": "variable",
    "name": "BATON_POLICY__OWNERS"
  }
}
"#);
}
