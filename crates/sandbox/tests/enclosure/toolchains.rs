//! Toolchains that lie in a home folder closed to others work inside, and their credentials are not there.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use baton_sandbox::{SandboxError, Toolchains};

use super::setup::*;

/// A tool in a folder whose parent nobody but the owner may enter.
#[tokio::test]
async fn a_tool_below_a_closed_home() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let tools = home.path().join("tools");
    fs::create_dir_all(tools.join("bin")).unwrap();
    fs::write(home.path().join("diary"), "private").unwrap();
    fs::write(tools.join("credentials.toml"), "token = 'CANARY'").unwrap();
    fs::write(tools.join("bin/greet"), "#!/bin/sh\necho hello\n").unwrap();
    fs::set_permissions(tools.join("bin/greet"), fs::Permissions::from_mode(0o755)).unwrap();
    let checkout = checkout(&[]);
    let mut spec = spec(checkout.path());
    let found = Toolchains::found_in(std::slice::from_ref(&tools));
    (spec.path_prefix, spec.env) = (found.path_prefix, found.env);
    spec.read_only_paths = vec![tools.clone()];
    let mut session = start(spec).await;
    let home = home.path().display();
    let command = format!("greet; cat {home}/tools/credentials.toml; ls {home}; touch {home}/tools/x");
    let done = sh(&mut *session, &command).await;
    assert!(done.output.starts_with("hello\n"), "{}", done.output);
    assert!(!done.output.contains("CANARY") && !done.output.contains("diary"), "{}", done.output);
    assert!(done.output.contains("Read-only file system"), "{}", done.output);
}

/// The real ones of this machine, where it has them: a Rust and a Python project are tested inside.
#[tokio::test]
async fn rust_and_python_from_a_home_folder() {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let folders: Vec<PathBuf> =
        [".cargo", ".rustup", ".pyenv"].iter().map(|n| home.join(n)).filter(|p| p.is_dir()).collect();
    let checkout = checkout(&[
        (
            "Cargo.toml",
            "[package]\nname = \"two\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[profile.dev]\ndebug = false\n",
        ),
        ("src/lib.rs", "#[test]\nfn adds() { assert_eq!(1 + 1, 2); }\n"),
        (
            "test_two.py",
            "import unittest\nclass Two(unittest.TestCase):\n    def test_two(self):\n        self.assertEqual(1 + 1, 2)\n",
        ),
        (".gitignore", "target\n"),
    ]);
    let mut spec = spec(checkout.path());
    spec.limits.workspace_bytes = 512 * MIB;
    let found = Toolchains::found_in(&folders);
    (spec.path_prefix, spec.env) = (found.path_prefix, found.env);
    spec.read_only_paths = folders;
    let mut session = start(spec).await;
    let python = sh(&mut *session, "python3 -m unittest -v test_two 2>&1").await;
    assert!(python.ending.success() && python.output.contains("OK"), "{}", python.output);
    let rust = sh(&mut *session, "cargo test 2>&1").await;
    assert!(rust.ending.success() && rust.output.contains("1 passed"), "{}", rust.output);
    let changes = session.changes().await.unwrap();
    let paths: Vec<&str> = changes.written.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(paths, ["Cargo.lock"], "builds leave what git would see");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let checkout = checkout(&[]);
    let mut spec = spec(checkout.path());
    spec.read_only_paths = vec!["/no/such/toolchain".into()];
    let Err(error) = baton_sandbox::Sandbox::start(&sandbox(), spec).await else { panic!("it started") };
    assert!(matches!(&error, SandboxError::ReadOnlyPath { path, .. } if path.ends_with("toolchain")), "{error}");
    insta::assert_snapshot!(error.to_string(), @"the folder /no/such/toolchain cannot be offered inside the sandbox: No such file or directory (os error 2); install the toolchain, or take the folder out of `sandbox.read_only_paths`");
}
