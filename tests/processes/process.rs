//! A program that was started: its output, its end, and that it does end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Asks again and again, until there is an answer.
pub fn until<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < patience, "not within {} s: {what}", patience.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running program in a process group of its own; killed with its group when dropped.
pub struct Process {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Starts a program with nothing in its environment but what its tools need and `variables`. What it prints goes to
    /// `folder/NAME.out` and `folder/NAME.err`.
    pub fn start(name: &str, folder: &Path, program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let stdout = folder.join(format!("{name}.out"));
        let stderr = folder.join(format!("{name}.err"));
        // The kernel ends the program also when the test is killed, which no destructor would see.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(arguments);
        enclose(&mut command, folder, variables);
        command.stdin(Stdio::piped());
        command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("setpriv (util-linux) cannot be started: {error}"));
        Self { child, stdout, stderr }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Types into its standard input.
    pub fn type_in(&mut self, text: &str) {
        use std::io::Write as _;
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// The first line on standard output.
    pub fn first_line(&mut self) -> String {
        let (stdout, stderr) = (self.stdout.clone(), self.stderr.clone());
        until("a first line of output", Duration::from_secs(30), || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("ended with {status}:\n{}", read(&stderr));
            }
            read(&stdout).split_once('\n').map(|(line, _)| line.to_owned())
        })
    }

    /// `kill -9`, to this process alone: whatever it started has to go by itself.
    pub fn kill(&mut self) {
        kill_process(id(&self.child), Signal::KILL).unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP, or SIGCONT.
    pub fn stop_time(&self, stopped: bool) {
        kill_process(id(&self.child), if stopped { Signal::STOP } else { Signal::CONT }).unwrap();
    }

    pub fn terminate(&self) {
        kill_process(id(&self.child), Signal::TERM).unwrap();
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        until("the program's end", patience, || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and its group with it.
        let _ = kill_process_group(id(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Runs a program to its end, which must come within a minute.
pub fn run(folder: &Path, program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "60"]).arg(program).args(arguments);
    enclose(&mut command, folder, variables);
    let output = command.output().unwrap_or_else(|error| panic!("timeout (coreutils) cannot be started: {error}"));
    assert_ne!(output.status.code(), Some(124), "{} {arguments:?} does not end", program.display());
    output
}

fn enclose(command: &mut Command, folder: &Path, variables: &[(&str, &str)]) {
    use std::os::unix::process::CommandExt as _;
    command.env_clear().current_dir(folder).stdin(Stdio::null()).process_group(0);
    // The last one names the file of `script/contract --report`.
    let known = ["PATH", "HOME", "GITHUB_SIM_CONTRACT_REPORT"];
    command.envs(known.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs(variables.iter().copied());
}

fn id(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}
