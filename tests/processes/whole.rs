//! The whole loop against a GitHub in another process, for each repository: an issue goes in, a proven pull request comes
//! out.

use std::path::PathBuf;

use tempfile::TempDir;

use super::story::{JAVASCRIPT, PYTHON, RUST, Story};
use super::world::World;

fn play(story: Story, sandbox: &str) {
    let script = story.recording();
    let agent = format!("[agents.recorded]\nkind = \"replay\"\nscript = \"{}\"\n", script.display());
    let mut world = World::in_folder(TempDir::new().unwrap(), story, &format!("{agent}{sandbox}"));
    world.play();
    world.audit();
}

#[test]
fn a_python_repository() {
    play(PYTHON, "");
}

#[test]
fn a_javascript_repository() {
    play(JAVASCRIPT, "");
}

/// Rust is usually not where the system's programs are: its folders are offered to the sandbox.
#[test]
fn a_rust_repository() {
    play(RUST, &format!("[sandbox]\nread_only_paths = {:?}\n", rust_folders()));
}

/// Where cargo and the toolchains are, when they are in folders of their own.
fn rust_folders() -> Vec<PathBuf> {
    let cargo = PathBuf::from(env!("CARGO"));
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let named =
        |variable: &str, usual: &str| std::env::var_os(variable).map_or_else(|| home.join(usual), PathBuf::from);
    let folders = [named("CARGO_HOME", ".cargo"), named("RUSTUP_HOME", ".rustup")];
    let folders: Vec<PathBuf> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
    if cargo.starts_with("/usr") { Vec::new() } else { folders }
}
