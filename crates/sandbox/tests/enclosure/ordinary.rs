//! Everything again as an ordinary user: no root to drop, no control groups, the same enclosure.

use std::process::Command;

use super::setup::*;

/// A user that exists nowhere but in the kernel.
const USER: &str = "64200";

#[test]
fn the_same_tests_as_an_ordinary_user() {
    if !is_root() {
        // These tests are being run by an ordinary user already.
        return;
    }
    let own = std::env::current_exe().unwrap();
    let readable = Command::new("setpriv")
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "test", "-x"])
        .arg(&own)
        .status()
        .expect("setpriv is missing: run `apt-get install util-linux`");
    assert!(readable.success(), "an ordinary user must be able to reach {}: open its folders to others", own.display());
    let output = Command::new("setpriv")
        .args(["--reuid", USER, "--regid", USER, "--clear-groups", "--inh-caps=-all", "env", "-i"])
        .args(["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent"])
        .arg(own)
        // Toolchains of a closed home are not for others; the rest is.
        .args(["--test-threads=2", "--skip", "rust_and_python", "--skip", "where_user_namespaces_are_off"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("matrix::nothing_gets_out_under_any_policy ... ok"), "{told}");
    println!("{told}");
}
