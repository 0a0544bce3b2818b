//! A terminal as a person has it: a shell in a pseudo-terminal, typed into, and read as it stands on the screen.
//! `script` of util-linux makes the pseudo-terminal.

use std::path::Path;
use std::time::Duration;

use super::process::{Process, until};

/// What the shell shows when it waits for a command.
const PROMPT: &str = "$ ";

/// How long a key takes to show on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Terminal {
    shell: Process,
    /// Lines of the screen that were handed out.
    shown: usize,
}

impl Terminal {
    /// A shell in `folder`, which finds `program` by its name. Its own files go to `aside`.
    pub fn open(name: &str, aside: &Path, folder: &Path, program: &Path, variables: &[(&str, &str)]) -> Self {
        let programs = program.parent().unwrap().display();
        let path = format!("{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let home = folder.to_str().unwrap();
        let own = [("PATH", path.as_str()), ("HOME", home), ("TERM", "xterm-256color"), ("PS1", PROMPT)];
        let variables: Vec<_> = own.iter().chain(variables).copied().collect();
        let shell = format!("cd '{home}' && stty cols 120 rows 50 && exec bash --noprofile --norc --noediting");
        let arguments = ["--quiet", "--flush", "--return", "--echo", "always", "--command", &shell, "/dev/null"];
        let shell = Process::start(name, aside, Path::new("script"), &arguments, &variables);
        let terminal = Self { shell, shown: 0 };
        until("the shell's prompt", PATIENCE, || terminal.is_idle().then_some(()));
        terminal
    }

    /// Types a command and lets it go on; the answer is read later.
    pub fn begin(&mut self, command: &str) {
        self.shell.type_in(&format!("{command}\n"));
        until(command, PATIENCE, || self.unread().contains(command).then_some(()));
    }

    /// Ctrl-C.
    pub fn interrupt(&mut self) {
        self.shell.type_in("\u{3}");
    }

    /// Waits until this stands on the screen since the last reading.
    pub fn wait_for(&self, words: &str, patience: Duration) {
        until(&format!("`{words}` on the screen"), patience, || self.unread().contains(words).then_some(()));
    }

    /// The screen since the last reading, once the shell waits for the next command.
    pub fn read(&mut self, patience: Duration) -> String {
        until("the shell's next prompt", patience, || self.is_idle().then_some(()));
        let text = self.unread();
        self.shown += text.lines().count() - 1;
        text.trim_end().strip_suffix(PROMPT.trim_end()).unwrap().trim_end().to_owned()
    }

    /// A command from its first key to its end.
    pub fn run(&mut self, command: &str, patience: Duration) -> String {
        self.begin(command);
        self.read(patience)
    }

    fn is_idle(&self) -> bool {
        self.unread().lines().last() == Some(PROMPT)
    }

    fn unread(&self) -> String {
        screen(&self.shell.stdout()).split_inclusive('\n').skip(self.shown).collect()
    }

    /// All that was on the screen, with its colours and movements.
    pub fn raw(&self) -> String {
        self.shell.stdout()
    }
}

/// The text that stands on a screen: lines that were written over show as they were last, and colours do not count.
fn screen(written: &str) -> String {
    let mut lines = String::new();
    let (mut line, mut column): (Vec<char>, usize) = (Vec::new(), 0);
    let mut keys = written.chars();
    while let Some(key) = keys.next() {
        match key {
            '\n' => {
                lines.extend(line.drain(..));
                lines.push('\n');
                column = 0;
            }
            '\r' => column = 0,
            '\u{1b}' => {
                // Of what moves and colours, programs here know these two; one that is cut off is still to come.
                match control(&mut keys) {
                    Some('K') => line.truncate(column),
                    Some('m') | None => {}
                    Some(other) => panic!("this screen does not know the sequence that ends in {other:?}: {written:?}"),
                }
            }
            key => {
                match line.get_mut(column) {
                    Some(there) => *there = key,
                    None => line.push(key),
                }
                column += 1;
            }
        }
    }
    lines.extend(line);
    lines
}

/// What a control sequence does, its last letter (ECMA-48, section 5.4).
fn control(keys: &mut std::str::Chars) -> Option<char> {
    keys.next().filter(|key| *key == '[')?;
    keys.find(|key| ('@'..='~').contains(key))
}

#[test]
fn a_screen_shows_what_was_written_last() {
    assert_eq!(screen("ab\r\nlong line\rsh\n"), "ab\nshng line\n");
    assert_eq!(screen("\r\u{1b}[K  … a\r\u{1b}[K  \u{1b}[1;32m✓\u{1b}[0m done\r\n$ "), "  ✓ done\n$ ");
}
