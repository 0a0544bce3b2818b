//! What `baton serve` needs before it starts, and what it says when that is not there: exit code 2, and what to do.

use std::net::TcpListener;

use tempfile::TempDir;

use super::baton::Baton;
use super::github::GitHub;
use super::story::{PYTHON, Pace};

/// A configured Baton that was not started, and its folder.
fn configured() -> (TempDir, GitHub, Baton) {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script.json");
    std::fs::write(&script, PYTHON.conversation(&Pace::default()).to_string()).unwrap();
    let github = GitHub::start(folder.path());
    let agent = format!("[agents.scripted]\nkind = \"replay\"\nscript = \"{}\"\n", script.display());
    let baton = Baton::configure(folder.path(), &github, &agent);
    (folder, github, baton)
}

/// Exit code and standard error of a command, with the folder's name taken out.
fn refused(folder: &TempDir, baton: &Baton, arguments: &[&str]) -> (Option<i32>, String) {
    let output = baton.command(arguments);
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said.replace(folder.path().to_str().unwrap(), "FOLDER"))
}

#[test]
fn no_webhook_secret() {
    let (folder, _github, baton) = configured();
    baton.write(&baton.text().replace("webhook_secret_file", "#"));
    let (code, said) = refused(&folder, &baton, &["serve"]);
    assert_eq!(code, Some(2), "{said}");
    insta::assert_snapshot!(said, @"baton: no webhook secret is configured, so nobody could tell GitHub's deliveries from forged ones. Set `github.webhook_secret` (or `github.webhook_secret_file`) to the secret of the GitHub App");
    let (code, said) = refused(&folder, &baton, &["config", "check"]);
    assert_eq!(code, Some(2), "{said}");
    insta::assert_snapshot!(said, @"baton: `baton serve` needs what is not set: github.webhook_secret");
}

/// An empty file is no secret: anybody can sign with nothing.
#[test]
fn an_empty_webhook_secret() {
    let (folder, _github, baton) = configured();
    std::fs::write(folder.path().join("webhook.secret"), "\n").unwrap();
    let (code, said) = refused(&folder, &baton, &["serve"]);
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn an_address_that_is_taken() {
    let (folder, _github, mut baton) = configured();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    baton.address = taken.local_addr().unwrap().to_string();
    baton.write(baton.text());
    let (code, said) = refused(&folder, &baton, &["serve"]);
    assert_eq!(code, Some(2), "{said}");
    let told = format!("cannot listen on {}: ", baton.address);
    assert!(said.contains(&told) && said.contains("Set `server.listen` to a free address"), "{said}");
}
