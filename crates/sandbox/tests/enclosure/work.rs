//! Ordinary work in a sandbox: tools, commands, files, changes.

use std::fs;
use std::time::Duration;

use baton_core::domain::enclosure::{Ending, Invocation};
use baton_core::domain::tool::ToolRequest;
use insta::assert_snapshot;

use super::setup::*;

#[tokio::test]
async fn a_whole_run_and_the_checkout_stays_as_it_was() {
    let checkout =
        checkout(&[("src/lib.rs", "pub fn two() -> u32 {\n    3\n}\n"), (".gitignore", "target/\n"), ("old.txt", "x")]);
    let mut session = start(spec(checkout.path())).await;
    let s = &mut *session;
    let mut told = String::new();
    for request in [
        ToolRequest::List { path: String::new(), glob: None },
        ToolRequest::Search { pattern: "fn \\w+".into(), path: ".".into(), glob: Some("*.rs".into()) },
        ToolRequest::Read { path: "src/lib.rs".into(), from_line: None, lines: None },
        ToolRequest::Edit { path: "src/lib.rs".into(), old: "    3".into(), new: "    2".into(), all: false },
        ToolRequest::Edit { path: "src/lib.rs".into(), old: "    4".into(), new: "    2".into(), all: false },
        ToolRequest::Write { path: "docs/new.md".into(), content: "# New\n".into() },
        ToolRequest::Write { path: "/usr/bin/evil".into(), content: "x".into() },
        run("rm old.txt; mkdir target; echo x > target/out; ln -s ../src docs/link; echo out; echo err >&2; exit 3"),
        run("pwd; id; cat src/lib.rs"),
        ToolRequest::Run { command: "echo begun; sleep 600".into(), timeout_seconds: Some(1) },
        run("kill -9 $$"),
    ] {
        let reply = tool(s, request.clone()).await;
        told += &format!("{} {} {:?}\n{}\n", request.name(), reply.ok, reply.exit, reply.text.trim_end());
    }
    let (uid, gid) = (nix_id("-u"), nix_id("-g"));
    assert_snapshot!(told.replace(&format!("{uid}(agent)"), "N(agent)").replace(&format!("{gid}(agent)"), "N(agent)"), @r#"
    list true None
    .gitignore
    old.txt
    src/lib.rs
    search true None
    src/lib.rs:1:pub fn two() -> u32 {
    read true None
         1	pub fn two() -> u32 {
         2	    3
         3	}
    edit true None
    src/lib.rs: replaced in one place.
    edit false None
    src/lib.rs: the text to replace does not occur exactly. Nothing in the file is like it; read the file again.
    write true None
    docs/new.md: created (6 bytes).
    write false None
    /usr/bin/evil: Read-only file system (os error 30).
    run false Some(3)
    out
    err
    [exit status 3]
    run true Some(0)
    /workspace
    uid=N(agent) gid=N(agent) groups=N(agent)
    pub fn two() -> u32 {
        2
    }
    run false None
    begun
    [killed with everything it started: it ran longer than 1 s]
    run false None
    [killed by signal 9: out of memory?]
    "#);
    let changes = s.changes().await.unwrap();
    let mut told: String = changes
        .written
        .iter()
        .map(|f| format!("{} {:?} {:?}\n", f.path, f.mode, String::from_utf8_lossy(&f.content)))
        .collect();
    told += &format!("deleted {:?}", changes.deleted);
    assert_snapshot!(told, @r##"
    docs/link Symlink "../src"
    docs/new.md Regular "# New\n"
    src/lib.rs Regular "pub fn two() -> u32 {\n    2\n}\n"
    deleted ["old.txt"]
    "##);
    s.stop().await;
    assert_eq!(fs::read_to_string(checkout.path().join("src/lib.rs")).unwrap(), "pub fn two() -> u32 {\n    3\n}\n");
    assert!(checkout.path().join("old.txt").exists() && !checkout.path().join("docs").exists());
}

/// The id that commands have inside: the agent's, or the tester's own.
fn nix_id(which: &str) -> u32 {
    match (is_root(), which) {
        (true, "-u") => AGENT.uid,
        (true, _) => AGENT.gid,
        (false, "-u") => rustix::process::getuid().as_raw(),
        (false, _) => rustix::process::getgid().as_raw(),
    }
}

#[tokio::test]
async fn output_streams_while_the_program_runs() {
    let checkout = checkout(&[]);
    let mut session = start(spec(checkout.path())).await;
    let mut seen = Vec::new();
    let invocation = Invocation {
        argv: ["bash", "-c", "read line; echo got $line $GREETING; pwd; mkfifo /tmp/wait; sleep 0.2; echo more >&2"]
            .map(String::from)
            .into(),
        env: [("GREETING".to_owned(), "hello".to_owned())].into(),
        cwd: "/usr".into(),
        stdin: "input\n".into(),
        timeout_seconds: 30,
    };
    let done = session.exec(invocation, &mut |text| seen.push(text.to_owned())).await.unwrap();
    assert_eq!(done.ending, Ending::Exited(0));
    assert_eq!(done.output, "got input hello\n/usr\nmore\n");
    assert_eq!(seen.concat(), done.output);
    assert!(seen.len() >= 2, "it came in one piece: {seen:?}");
    assert!(done.millis >= 200, "{}", done.millis);
}

#[tokio::test]
async fn endings_are_told_apart() {
    let checkout = checkout(&[]);
    let mut session = start(spec(checkout.path())).await;
    let s = &mut *session;
    assert_eq!(sh(s, "exit 7").await.ending, Ending::Exited(7));
    assert_eq!(sh(s, "kill -TERM $$").await.ending, Ending::Signalled(15));
    let endless = s.exec(Invocation::shell("trap '' TERM; yes", Duration::from_secs(1)), &mut |_| {}).await.unwrap();
    assert_eq!(endless.ending, Ending::TimedOut);
    assert!(endless.dropped_bytes > 0 && endless.output.len() as u64 <= 8 * MIB + 256, "endless output is bounded");
    let absent = Invocation { argv: vec!["no-such-program".into()], ..Invocation::shell("", Duration::from_secs(5)) };
    let absent = s.exec(absent, &mut |_| {}).await.unwrap();
    assert_eq!(absent.ending, Ending::Exited(127));
    assert!(absent.output.contains("no-such-program"), "{}", absent.output);
}

#[tokio::test]
async fn files_are_read_out_bounded_and_without_links() {
    let checkout = checkout(&[("report.xml", "<a/>")]);
    let mut session = start(spec(checkout.path())).await;
    let s = &mut *session;
    sh(s, "ln -s report.xml link; mkfifo pipe; head -c 300000 /dev/zero > big").await;
    assert_eq!(s.read_file("report.xml", 100).await.unwrap(), Some(b"<a/>".to_vec()));
    assert_eq!(s.read_file("/workspace/big", 300_000).await.unwrap(), Some(vec![0; 300_000]));
    for (name, max) in [("big", 299_999), ("link", 100), ("pipe", 100), ("absent", 100), ("/dev/zero", 100)] {
        assert_eq!(s.read_file(name, max).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn planning_cannot_write_its_workspace() {
    let checkout = checkout(&[("a", "one")]);
    let mut session = start(read_only(checkout.path())).await;
    let s = &mut *session;
    let reply = tool(s, ToolRequest::Write { path: "a".into(), content: "two".into() }).await;
    assert_snapshot!(reply.text, @"a: Read-only file system (os error 30).");
    let reply = tool(s, run("echo x > b; rm -f a; touch /tmp/ok && cat a")).await;
    assert!(reply.ok && reply.text.ends_with("one") && reply.text.contains("Read-only file system"), "{}", reply.text);
    assert_eq!(s.changes().await.unwrap(), Default::default());
}

#[tokio::test]
async fn git_works_on_a_checkout_with_history() {
    let checkout = checkout(&[("a", "one")]);
    let git = |args: &[&str]| {
        let status = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(checkout.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .status();
        assert!(status.unwrap().success(), "git {args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "a"]);
    git(&["commit", "-q", "-m", "one"]);
    let mut session = start(spec(checkout.path())).await;
    let s = &mut *session;
    let reply = tool(s, run("echo two > a && git diff --stat && git -c user.name=x -c user.email=x@x commit -qam two && git log --oneline | wc -l")).await;
    assert!(reply.ok && reply.text.trim().ends_with('2'), "{}", reply.text);
    let changes = s.changes().await.unwrap();
    assert_eq!(changes.written.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["a"], "nothing of .git comes out");
}
