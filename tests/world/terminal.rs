//! What the operator sees: the real program, started on the world's database.

use std::process::Command;

use super::World;

impl World {
    /// What `baton …` prints. The program goes by the real clock, so only what is stored can be compared.
    #[expect(clippy::disallowed_methods, reason = "the operator's own way to ask: the program that is under test")]
    pub fn terminal(&self, arguments: &[&str]) -> String {
        let store = format!("store.url=sqlite://{}", self.folder.path().join("baton.db").display());
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        command.args(["--set", &store]).args(arguments).env_clear().current_dir(self.folder.path());
        let output = command.output().expect("the program starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }
}
