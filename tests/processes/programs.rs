//! The programs under test, and where they lie (see the first lines of `main.rs`).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use tempfile::TempDir;

/// `baton`, under a name of its own: a build that goes on beside the tests replaces the file, not what they run.
pub struct Baton {
    pub path: PathBuf,
    _folder: TempDir,
}

pub fn baton() -> Baton {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("baton");
    let built = env!("CARGO_BIN_EXE_baton");
    if fs::hard_link(built, &path).is_err() {
        fs::copy(built, &path).unwrap();
    }
    Baton { path, _folder: folder }
}

/// The GitHub simulator.
pub fn github_sim() -> PathBuf {
    other("github-sim", "github-sim")
}

/// The scripted model server.
pub fn model_sim() -> PathBuf {
    other("model-sim", "agent")
}

/// A program of another package, which lies beside `baton`.
fn other(program: &str, room: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_baton")).with_file_name(program);
    let lock = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs.lock")).unwrap();
    // Each test is a process of its own under nextest: only one of them asks Cargo.
    lock.lock().unwrap();
    let stamp = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{program}.built"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates").join(room).join("src");
    let made = [&path, &stamp].into_iter().filter_map(|file| changed(file)).max();
    if !path.is_file() || made < newest(&source) {
        build(program);
        // Cargo leaves a program alone whose source was touched and not changed.
        File::create(&stamp).unwrap();
    }
    assert!(path.is_file(), "{} is missing: run `cargo test --workspace --no-run`", path.display());
    path
}

fn build(program: &str) {
    // The same command that builds them with the workspace's tests, so that nothing is compiled in a second variant.
    let package = if program == "model-sim" { "baton-agent" } else { program };
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--no-run", "--package", package, "--tests"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if let Some(target) = Path::new(env!("CARGO_TARGET_TMPDIR")).parent() {
        command.arg("--target-dir").arg(target);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{program} cannot be built:\n{}", String::from_utf8_lossy(&output.stderr));
}

fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|it| it.modified()).ok()
}

/// When a file below `folder` was last changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.filter_map(|entry| if entry.path().is_dir() { newest(&entry.path()) } else { changed(&entry.path()) }).max()
}
