//! `baton doctor` against the simulator: all good, and each fault seeded, with the very line it prints and what it says to do.

use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::baton::Baton;
use super::github::{GitHub, MACHINE_USER};
use super::model::Model;
use super::process::{run, until};
use super::story::{PYTHON, Pace, RUST};

/// Whoever is examined: a GitHub with a repository, and a Baton that does not run yet.
struct Patient {
    baton: Baton,
    github: GitHub,
    folder: TempDir,
}

impl Patient {
    /// In good health, with `more` in the configuration. Until it is awake, GitHub has no address for its webhooks, which is
    /// a fault of its own.
    fn healthy(more: &str) -> Self {
        Self::of(|_, _| {}, more)
    }

    /// The same, with an App changed before anything is configured.
    fn of(change: impl FnOnce(&mut GitHub, &Path), more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let script = folder.path().join("script.json");
        fs::write(&script, PYTHON.conversation(&Pace::default()).to_string()).unwrap();
        let mut github = GitHub::start(folder.path());
        change(&mut github, folder.path());
        github.repository(PYTHON.repository, &PYTHON.tree());
        let agent = format!("[agents.scripted]\nkind = \"replay\"\nscript = \"{}\"\n{more}", script.display());
        let baton = Baton::configure(folder.path(), &github, &agent);
        baton.says(&["migrate"]);
        Self { baton, github, folder }
    }

    /// The server runs, and GitHub delivers to it.
    fn awake(mut self) -> Self {
        self.baton.serve();
        self.github.tell(&self.baton.address);
        until("the ping arrived", super::world::PATIENCE, || {
            let all = self.baton.json(&["delivery", "list", "--json"]);
            all.iter().any(|it| it["event"] == "ping").then_some(())
        });
        self
    }

    /// The configuration with something replaced.
    fn with(self, old: &str, new: &str) -> Self {
        assert!(self.baton.text().contains(old), "{old}");
        self.baton.write(&self.baton.text().replace(old, new));
        self
    }

    /// Exit code, and the whole of what is told, without what differs from machine to machine.
    fn examined(&self) -> (Option<i32>, String) {
        let output = self.baton.command(&["doctor"]);
        let told = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), self.clean(&told))
    }

    fn clean(&self, told: &str) -> String {
        let mut told = told.replace(self.folder.path().to_str().unwrap(), "FOLDER");
        for (pattern, instead) in [
            (r"127\.0\.0\.1:[0-9]+", "ADDRESS"),
            (r"git version [0-9.]+", "git version N"),
            (r"[0-9]+ GiB free", "N GiB free"),
            (r"installation [0-9]+", "installation N"),
            (r"installations/[0-9]+", "installations/N"),
            (r"App [0-9]+", "App N"),
        ] {
            told = Regex::new(pattern).unwrap().replace_all(&told, instead).into_owned();
        }
        told
    }

    /// What one check told, of an examination that ended with this code.
    fn told_of(&self, code: i32, check: &str) -> String {
        let (ended, told) = self.examined();
        assert_eq!(ended, Some(code), "{told}");
        let mut lines = told.lines().peekable();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            if line.chars().skip(4).collect::<String>().starts_with(&format!("{check} ")) {
                found.push(line);
                while let Some(remedy) = lines.next_if(|line| line.trim_start().starts_with('→')) {
                    found.push(remedy);
                }
            }
        }
        assert!(!found.is_empty(), "nothing of `{check}` in\n{told}");
        found.join("\n")
    }
}

/// An App like Baton's, changed.
fn another_app(github: &GitHub, name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("app-manifest.yml");
    let manifest: Value = yaml_serde::from_str(&fs::read_to_string(manifest).unwrap()).unwrap();
    let mut app = json!({
        "name": name, "permissions": manifest["default_permissions"], "events": manifest["default_events"],
    });
    change(&mut app);
    github.post("apps", &app)["apps"][0].clone()
}

#[test]
fn all_is_well() {
    let patient = Patient::healthy("").awake();
    let (code, told) = patient.examined();
    assert_eq!(code, Some(0), "{told}");
    insta::assert_snapshot!(told, @"
    Configuration
      ✓ file           FOLDER/baton.toml: 13 keys set there, 0 by variables and flags
      ✓ complete       what `baton serve` needs is set
    Machine
      ✓ git            git version N
      ✓ disk           N GiB free for mirrors and checkouts in FOLDER/data
      ✓ disk           N GiB free for the database in FOLDER
      ✓ database       sqlite://FOLDER/baton.db: sound, of this version, in WAL mode, writable
      ✓ server         a server runs at ADDRESS
    Sandbox
      ✓ sandbox        one was started, and every limit is enforced
      ✓ escapes        9 attempts, none got out: read a file of this machine; write a file on this machine; write to /usr and /etc; reach the network of this machine; see other processes; be root; mount a file system; find a credential in the environment; read Baton's configuration
    GitHub
      ✓ private key    GitHub takes it: the App is Baton (baton)
      ✓ clock          the same as GitHub's
      ✓ permissions    checks: write, contents: write, issues: write, metadata: read, pull_requests: write
      ✓ events         check_run, issue_comment, issues, pull_request, push
      ✓ installations  acme (installation N): 1 of 1 repository served
      ✓ assignees      baton-bot can be assigned in 1 repository
      - repositories   skipped because nobody has looked at acme/dotfile yet: `baton serve` does when GitHub tells it of an installation, and at once when somebody comments `/baton doctor` on an issue there
    Webhook
      ! address        http://ADDRESS/webhooks/github; `server.public_url` is not set, so it cannot be compared
                       → Set `server.public_url` to how the world reaches this server
      ✓ deliveries     1 of the last 1 were taken; the newest (ping): 202 Accepted
      ✓ arrival        a ping was delivered again, and taken by the server (200 OK)
    Agents
      ✓ scripted       a recorded conversation: replay: the right edit
    18 good, 1 to look at, 0 wrong, 1 skipped
    ");
    let lines = patient.baton.json(&["doctor", "--json"]);
    assert!(
        lines.iter().all(|it| ["good", "warning", "skipped"].contains(&it["verdict"].as_str().unwrap())),
        "{lines:#?}"
    );
    let key = lines.iter().find(|it| it["check"] == "private key").unwrap();
    assert_eq!(
        key,
        &json!({ "group": "GitHub", "check": "private key", "verdict": "good", "says": "GitHub takes it: the App is Baton (baton)" })
    );
}

#[test]
fn no_server_runs_and_a_delivery_arrives_all_the_same() {
    let mut patient = Patient::healthy("").awake();
    patient.baton.stop();
    insta::assert_snapshot!(patient.told_of(0, "server"), @"  ✓ server         no server runs here; ADDRESS is free");
    insta::assert_snapshot!(patient.told_of(0, "arrival"), @"  ✓ arrival        a ping was delivered again, and arrived at a listener in the server's place, rightly signed");
}

/// A repository that was looked at, in which work would fail: GitHub would refuse the branch, and no sandbox finds cargo.
#[test]
fn what_will_stop_work_in_a_repository() {
    let mut patient = Patient::healthy("").awake();
    let github = &patient.github;
    let roles = json!({ MACHINE_USER: "triage" });
    github.post("repositories", &json!({ "name": "acme/timespan", "folder": RUST.tree(), "roles": roles }));
    github.send("PATCH", "repositories/acme/timespan", &json!({ "ruleset": { "branch": "~ALL", "rule": "creation" } }));
    github.post("installations", &json!({ "app_id": github.app["app_id"], "repo": "acme/timespan" }));
    until("Baton has looked at it", super::world::PATIENCE, || {
        patient.baton.logs().contains("looked at a repository for the first time").then_some(())
    });
    patient.baton.stop();
    let told = patient.told_of(0, "repositories");
    let refused = "  ! repositories   acme/timespan: a ruleset may refuse Baton's branches (baton/…): only some may make such \
                   branches\n                   → Have such branches left out of the ruleset, or the App put on its bypass list";
    assert!(told.contains(refused), "{told}");
    // Where cargo is the system's own, sandboxes find it.
    let is_system =
        ["/usr/local/bin/cargo", "/usr/bin/cargo"].into_iter().filter_map(|path| fs::canonicalize(path).ok());
    if is_system.filter(|path| path.starts_with("/usr")).count() == 0 {
        let missing =
            "  ! repositories   acme/timespan: no sandbox finds `cargo`, so its commands will fail with status 127\n";
        let line =
            Regex::new(r#"→ Offer rustup's folders, in `\[sandbox\]`: read_only_paths = \["/.+", "/.+"\]"#).unwrap();
        assert!(told.contains(missing) && line.is_match(&told), "{told}");
    }
}

#[test]
fn a_wrong_key() {
    let patient = Patient::of(
        |github, _| {
            let other = another_app(github, "Other", |_| {});
            github.app["private_key_pem"] = other["private_key_pem"].clone();
        },
        "",
    );
    insta::assert_snapshot!(patient.told_of(1, "private key"), @"
    ✗ private key    GitHub does not take it for App N
                     → Download a new key on the App's page (Private keys) and let `github.private_key_file` name it; check `github.app_id`, and this machine's clock
    ");
    insta::assert_snapshot!(patient.told_of(1, "permissions"), @"  - permissions    skipped because GitHub does not know the App");
}

#[test]
fn a_missing_permission_and_a_missing_event() {
    let patient = Patient::of(
        |github, _| {
            github.app = another_app(github, "Weak", |app| {
                app["permissions"]["checks"] = json!("read");
                app["events"].as_array_mut().unwrap().retain(|event| event != "issue_comment");
            });
        },
        "",
    );
    insta::assert_snapshot!(patient.told_of(1, "permissions"), @"
    ✗ permissions    the App lacks `checks: write`
                     → Grant it: http://ADDRESS/settings/apps/weak/permissions
    ");
    insta::assert_snapshot!(patient.told_of(1, "events"), @r#"
    ✗ events         the App is not told of `issue_comment`
                     → Tick it under "Subscribe to events": http://ADDRESS/settings/apps/weak/permissions
    "#);
    insta::assert_snapshot!(patient.told_of(1, "installations"), @"
    ✗ installations  acme (installation N) has not accepted checks: write
                     → Its owner accepts the App's new permissions: http://ADDRESS/settings/installations/N
    ");
}

#[test]
fn a_suspended_installation() {
    let patient = Patient::healthy("");
    let installed = patient
        .github
        .post("installations", &json!({ "app_id": patient.github.app["app_id"], "repo": PYTHON.repository }));
    patient.github.send("PATCH", &format!("installations/{}", installed["id"]), &json!({ "suspended": true }));
    insta::assert_snapshot!(patient.told_of(1, "installations"), @"
    ✗ installations  acme (installation N) is suspended: nothing works there
                     → Its owner ends that: http://ADDRESS/settings/installations/N
    ");
}

#[test]
fn an_installation_that_is_not_served() {
    let patient = Patient::healthy("[policy]\nowners = [\"somebody\"]\n");
    insta::assert_snapshot!(patient.told_of(1, "installations"), @"
    ! installations  acme (installation N): none of its 1 repositories is served
                     → Name it in `policy.owners` or `policy.repositories`, or have the App uninstalled there
    ");
    insta::assert_snapshot!(patient.told_of(1, "assignees"), @"  - assignees      skipped because no repository is served");
}

#[test]
fn a_webhook_that_reaches_nobody() {
    let patient = Patient::healthy("");
    patient.github.tell("127.0.0.1:1");
    insta::assert_snapshot!(patient.told_of(1, "arrival"), @"
    ✗ arrival        a ping did not arrive: failed to connect to host
                     → Check that the world reaches the webhook address: DNS, firewall, reverse proxy, certificate
    ");
}

#[test]
fn a_wrong_webhook_secret() {
    let patient = Patient::healthy("").awake();
    // The server reads it again; GitHub goes on signing with the old one.
    fs::write(patient.folder.path().join("webhook.secret"), "another secret").unwrap();
    until("the doctor finds it", super::world::PATIENCE, || {
        let (code, told) = patient.examined();
        (code == Some(1) && told.contains("signed with another secret")).then_some(())
    });
    insta::assert_snapshot!(patient.told_of(1, "arrival"), @"
    ✗ arrival        a ping arrived, signed with another secret than `github.webhook_secret`
                     → Set the webhook secret on the App's page to what `github.webhook_secret_file` holds
    ");
}

#[test]
fn an_address_that_is_not_the_servers() {
    let patient = Patient::healthy("").awake();
    let output = patient.baton.command(&["--set", "server.public_url=https://baton.example", "doctor"]);
    let told = patient.clean(&String::from_utf8(output.stdout).unwrap());
    let lines: Vec<&str> = told.lines().skip_while(|line| !line.contains("✗ address")).take(2).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    ✗ address        GitHub delivers to http://ADDRESS/webhooks/github, and `server.public_url` says https://baton.example/webhooks/github
                     → Set the webhook address on the App's page, or `server.public_url`
    ");
}

#[test]
fn a_login_that_cannot_be_assigned() {
    let patient = Patient::healthy("").with(MACHINE_USER, "nobody-here");
    insta::assert_snapshot!(patient.told_of(1, "assignees"), @"
    ✗ assignees      issues of acme/dotfile cannot be assigned to nobody-here
                     → Give nobody-here triage rights there (an App's own bot cannot be assigned), or take it out of `github.assignees`. GitHub suggests alice, rita, baton-bot, acme
    ");
}

#[test]
fn clocks_that_differ() {
    let patient = Patient::healthy("");
    patient.github.post("clock", &json!({ "advance_seconds": 45 }));
    let told = Regex::new("4[3-9] s").unwrap().replace(&patient.told_of(1, "clock"), "N s").into_owned();
    insta::assert_snapshot!(told, @"  ✓ clock          the same as GitHub's");
    patient.github.post("clock", &json!({ "advance_seconds": 60 }));
    let told = Regex::new("1[0-9]{2} s").unwrap().replace(&patient.told_of(1, "clock"), "N s").into_owned();
    insta::assert_snapshot!(told, @"  ✓ clock          the same as GitHub's");
}

#[test]
fn no_sandbox() {
    let patient = Patient::healthy("[sandbox]\nbwrap = \"/bin/false\"\n");
    let told = patient.told_of(1, "sandbox");
    assert!(told.starts_with("  ✗ sandbox"), "{told}");
    insta::assert_snapshot!(patient.told_of(1, "escapes"), @"  - escapes        skipped because no sandbox can be started");
}

#[test]
fn providers_by_a_handshake() {
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script.json");
    let mut recording: Value = serde_json::from_str(&PYTHON.conversation(&Pace::default()).to_string()).unwrap();
    recording["label"] = json!("model-large-5");
    fs::write(&script, recording.to_string()).unwrap();
    let model = Model::start(folder.path(), &script, "the-key", &[]);
    let sections = |key: &str, name: &str, prices: &str| {
        format!(
            "[agents.careful]\nkind = \"native\"\nprovider = \"house\"\nmodel = \"{name}\"\n\
             [providers.house]\napi = \"anthropic\"\nbase_url = \"http://{}\"\napi_key = \"{key}\"\n{prices}\
             [policy]\nagent = \"careful\"\n",
            model.address
        )
    };
    let prices = "prices = { input = 3.0, output = 15.0 }\n";
    let patient = Patient::healthy(&sections("the-key", "model-large-5", prices));
    insta::assert_snapshot!(patient.told_of(1, "careful"), @"  ✓ careful        house takes the key and has model-large-5; asked for free");
    insta::assert_snapshot!(patient.told_of(1, "scripted"), @"  ✓ scripted       a recorded conversation: replay: the right edit");
    let wrong = "api_key = \"canary-key\"\n";
    let patient = patient.with(&format!("api_key = \"the-key\"\n{prices}"), wrong);
    let told = patient.told_of(1, "careful");
    assert!(!told.contains("canary"), "{told}");
    insta::assert_snapshot!(told, @"
      ✗ careful        house refuses the key (status 401)
                       → Put a key that is valid into `providers.house.api_key_file`
      ! careful        house has no prices, so every run counts as free: budgets of money do not hold
                       → Set `[providers.house.prices]` to what model-large-5 costs
    ");
    let patient = Patient::healthy(&sections("the-key", "model-lagre-5", prices));
    insta::assert_snapshot!(patient.told_of(1, "careful"), @"
      ✗ careful        house does not know the model model-lagre-5. Did you mean `model-large-5`?
                       → Set `agents.careful.model` to one of its own
    ");
    assert_eq!(model.requests(), json!([]), "nothing was spent");
}

/// A disk with next to no room: a small file system in a namespace of our own.
#[test]
fn a_disk_that_is_nearly_full() {
    let patient = Patient::healthy("");
    let small = patient.folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let (program, file) = (patient.baton.program(), patient.baton.file());
    let script = format!(
        "mount -t tmpfs -o size=16m none '{small}' && exec '{}' --config '{}' --set store.data='{small}/data' doctor",
        program.display(),
        file.display(),
        small = small.display()
    );
    let output =
        run(patient.folder.path(), Path::new("unshare"), &["--map-root-user", "--mount", "sh", "-c", &script], &[]);
    let told = patient.clean(&String::from_utf8_lossy(&output.stdout));
    let lines: Vec<&str> = told.lines().skip_while(|line| !line.contains("✗ disk")).take(2).collect();
    let fault = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "unshare (util-linux) and user namespaces are needed: {told}{fault}");
    insta::assert_snapshot!(lines.join("\n"), @"
    ✗ disk           only 16 MiB are free for mirrors and checkouts in FOLDER/small/data
                     → Make room there, or let `store.data` and `store.url` name places with more
    ");
}

/// Takes the ten seconds that a statement waits for the database.
#[test]
fn a_database_that_somebody_holds() {
    let patient = Patient::healthy("");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = format!("sqlite://{}/baton.db", patient.folder.path().display());
    let told = runtime.block_on(async {
        let store = baton_store::Store::open(&url, baton_store::OpenOptions { migrate: false }).await.unwrap();
        let held = store.begin().await.unwrap();
        let told = tokio::task::block_in_place(|| patient.told_of(1, "database"));
        drop(held);
        told
    });
    insta::assert_snapshot!(told, @"
    ✗ database       the database is busy: another process held it for more than 10 s; try again, or stop that process
                     → Another program holds it: end that, or wait until it is done
    ");
}

#[test]
fn a_database_that_is_not_there_yet() {
    let patient = Patient::healthy("");
    for name in ["baton.db", "baton.db-wal", "baton.db-shm"] {
        let _some_are_not_there = fs::remove_file(patient.folder.path().join(name));
    }
    insta::assert_snapshot!(patient.told_of(1, "database"), @"
    ! database       sqlite://FOLDER/baton.db is not there yet
                     → `baton serve` or `baton migrate` makes it
    ");
}

#[test]
fn an_address_that_another_program_has() {
    let mut patient = Patient::healthy("");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    patient.baton.address = taken.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in taken.incoming().flatten() {
            // What is not read is answered with a reset, which may overtake the answer.
            let _gone = std::io::Read::read(&mut stream, &mut [0; 4096])
                .and_then(|_| std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.2\r\n"));
        }
    });
    patient.baton.write(patient.baton.text());
    insta::assert_snapshot!(patient.told_of(1, "server"), @"
    ✗ server         another program has ADDRESS: what answers there does not speak HTTP; is `server.listen` another program's?
                     → End that program, or let `server.listen` name a free address
    ");
}

#[test]
fn a_configuration_full_of_mistakes() {
    let patient = Patient::healthy("").with("lease_seconds = 2", "lease_second = 2\nconcurrency = 0");
    let (code, told) = patient.examined();
    assert_eq!(code, Some(2), "{told}");
    insta::assert_snapshot!(told.lines().take(5).collect::<Vec<_>>().join("\n"), @"
    Configuration
      ✗ file           FOLDER/baton.toml:13:1: `worker.lease_second`: there is no such key; allowed: `concurrency`, `per_repository`, `lease_seconds`, `reconcile_seconds`. Did you mean `lease_seconds`?
                       → Mend it; `baton config check` tells the same
      ✗ file           FOLDER/baton.toml:14:15: `worker.concurrency`: the number 0; allowed: a whole number from 1 on
                       → Mend it; `baton config check` tells the same
    ");
    assert!(told.contains("skipped because the configuration cannot be read"), "{told}");
}
