//! Scripts for people: each can be run, and says with `--help` what it does, without doing it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::finding::Finding;

/// Longer than any text takes to print.
const PATIENCE: Duration = Duration::from_secs(20);

/// Judges one script. `path` is from `root`.
pub fn check(root: &Path, path: &str) -> Vec<Finding> {
    let whole = root.join(path);
    let find = |what: &str, belongs: &str| vec![Finding::new(path, 0, what, belongs)];
    let (Ok(metadata), Ok(text)) = (fs::metadata(&whole), fs::read_to_string(&whole)) else {
        return find("it cannot be read", "A script is a text file.");
    };
    if metadata.permissions().mode() & 0o111 == 0 {
        return find("it cannot be run", "chmod +x, and commit the mode.");
    }
    if !text.starts_with("#!") {
        return find("it does not say which program runs it", "Begin with `#!/usr/bin/env bash` or the like.");
    }
    // Nothing is run that may not know the question: it would set out to do its work.
    if !text.contains("--help") {
        return find("it does not know `--help`", "Say what it does, what it changes and how it is called.");
    }
    match help(&whole) {
        Ok(text) if text.trim().lines().count() >= 2 => Vec::new(),
        Ok(_) => find("`--help` says next to nothing", "Say what it does, what it changes and how it is called."),
        Err(why) => find(&format!("`--help` {why}"), "It prints, ends with 0, and does nothing else."),
    }
}

#[expect(clippy::disallowed_methods, reason = "scripts are asked for their help, in a test")]
fn help(script: &Path) -> Result<String, String> {
    let mut command = Command::new(script);
    command.arg("--help").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("does not start: {error}"))?;
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if Instant::now() > deadline {
            child.kill().and_then(|()| child.wait()).map_err(|error| error.to_string())?;
            return Err(format!("does not end within {PATIENCE:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("ends with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::check;

    #[test]
    fn scripts_without_help_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let told = |text: &str, mode: u32| {
            let path = folder.path().join("script");
            // A new file each time: one that is open for writing somewhere cannot be run.
            let _absent_the_first_time = fs::remove_file(&path);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            check(folder.path(), "script").first().map(|finding| finding.what.clone())
        };
        assert_eq!(told("#!/bin/sh\n# --help\nprintf 'Usage: x\\nDoes it.\\n'", 0o755), None);
        for (text, mode, expected) in [
            ("#!/bin/sh\n# --help\nprintf 'Usage: x\\nDoes it.\\n'", 0o644, "it cannot be run"),
            ("echo --help", 0o755, "it does not say which program runs it"),
            ("#!/bin/sh\necho hello", 0o755, "it does not know `--help`"),
            ("#!/bin/sh\n# --help\n", 0o755, "`--help` says next to nothing"),
            ("#!/bin/sh\n# --help\nexit 3", 0o755, "`--help` ends with exit status: 3"),
        ] {
            assert_eq!(told(text, mode).as_deref(), Some(expected), "{text}");
        }
        assert!(check(folder.path(), "nothing").len() == 1);
    }

    /// Before anything is built: a disk that runs full in the middle shows as a linker's death.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the script is run, in a test")]
    fn the_tests_say_that_there_is_no_room_to_build_them() {
        let folder = tempfile::tempdir().unwrap();
        let df = folder.path().join("df");
        fs::write(&df, "#!/bin/sh\nprintf 'Avail\n    1\n'").unwrap();
        fs::set_permissions(&df, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/script/test");
        let output = std::process::Command::new(script)
            .env("PATH", path)
            .env("CARGO_TARGET_DIR", folder.path().join("new"))
            .output()
            .unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("has 1 GB free"), "{told}");
    }
}
