//! The reverse proxies of `deploy/proxy`, for real, in front of `baton serve`: what they let through reaches Baton as it was
//! signed, up to GitHub's own limit; what is too large, and what is not the webhook, does not.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::baton::Baton;
use super::http;
use super::killed::sign;
use super::process::{Process, until};
use super::story::{PYTHON, Pace};
use super::webhook::{guid, rows, settled, signed};
use super::world::World;

const PATH: &str = "/webhooks/github";
const LIMIT: usize = 25 * 1024 * 1024;
/// Where `deploy/proxy` expects Baton.
const BATON: &str = "127.0.0.1:3000";

/// A proxy that listens.
struct Proxy {
    address: String,
    // Ends with it.
    _process: Process,
}

/// The program, of the system or as `script/setup` unpacked it.
fn program(name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("lint-tools");
    let places = [Path::new("/usr/sbin"), Path::new("/usr/bin"), &tools.join("usr/sbin"), &tools.join("usr/bin")];
    let found = places.into_iter().map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: script/setup --test gets it"))
}

/// Starts a proxy on a port that was free a moment ago; somebody may be faster, so more than once.
fn start(name: &str, folder: &Path, arguments: &[&str], configuration: impl Fn(&str) -> String) -> Proxy {
    let program = program(name);
    for attempt in 1..=5 {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        std::fs::write(folder.join("configuration"), configuration(&address)).unwrap();
        let place = folder.display().to_string();
        let variables = [("XDG_CONFIG_HOME", place.as_str()), ("XDG_DATA_HOME", place.as_str())];
        let mut process = Process::start(&format!("{name}-{attempt}"), folder, &program, arguments, &variables);
        let listens = until(&format!("{name} listens or ends"), Duration::from_secs(30), || {
            let answers = http::request(&address, "GET", "/", &[], b"").is_ok();
            if answers { Some(true) } else { process.ended().map(|_| false) }
        });
        if listens && process.ended().is_none() {
            return Proxy { address, _process: process };
        }
        assert!(process.stderr().contains("ddress already in use"), "{name}: {}", process.stderr());
    }
    panic!("{name} found no free port");
}

/// The example as it is, but without TLS (`deploy/checks/run` judges that part) and with addresses of this test.
fn nginx(folder: &Path, baton: &Baton) -> Proxy {
    let example = include_str!("../../deploy/proxy/nginx.conf");
    let (secure, _redirect) = example.rsplit_once("\nserver {").unwrap();
    let place = folder.display();
    let arguments = ["-p", ".", "-e", "stderr", "-c", "configuration"];
    start("nginx", folder, &arguments, |address| {
        let site: Vec<String> = secure
            .lines()
            .filter(|line| !line.contains("ssl_") && !line.contains("[::]"))
            .map(|line| line.replace("443 ssl", address).replace(BATON, &baton.address))
            .collect();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {place}/{name};\n"))
            .concat();
        // One process, which is the one that the test ends.
        format!(
            "daemon off;\nmaster_process off;\npid {place}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{}\n}}\n",
            site.join("\n")
        )
    })
}

fn caddy(folder: &Path, baton: &Baton) -> Proxy {
    let example = include_str!("../../deploy/proxy/Caddyfile");
    let arguments = ["run", "--adapter", "caddyfile", "--config", "configuration"];
    start("caddy", folder, &arguments, |address| {
        let here =
            example.replace("baton.example.com {", &format!("http://{address} {{")).replace(BATON, &baton.address);
        format!("{{\n\tadmin off\n}}\n{here}")
    })
}

/// One byte less is not enough for a sensible test of a limit, and one byte more says it all.
#[test]
fn what_github_sends_passes_and_nothing_else() {
    let mut world = World::with(PYTHON, &Pace::default());
    settled(&world);
    let baton = &world.baton;
    let body = format!("{{\"action\":\"opened\",\"fill\":\"{}\"}}", "é".repeat(12 * 1024 * 1024 - 32));
    assert!(body.len() > 24 * 1024 * 1024 - 100 && body.len() < 24 * 1024 * 1024, "{}", body.len());
    let signature = sign(&baton.webhook_secret, body.as_bytes());

    for make in [nginx, caddy] {
        let folder = tempfile::TempDir::new().unwrap();
        let proxy = make(folder.path(), baton);
        let before = rows(baton).len();
        let guid = guid();
        let headers = signed(&signature, &guid);
        let post = |body: &[u8]| http::request(&proxy.address, "POST", PATH, &headers, body).unwrap().status;
        assert_eq!(post(body.as_bytes()), 202, "24 MiB, signed");
        assert_eq!(rows(baton).len(), before + 1);
        assert_eq!(post(b"{\"action\":\"opened\"}"), 401, "another body under the same signature");

        let too_large = http::announce(&proxy.address, PATH, &headers, LIMIT + 1).unwrap();
        assert_eq!(too_large.status, 413);
        for path in ["/", "/healthz", "/readyz", "/webhooks", "/webhooks/github/", "/webhooks/github/x"] {
            assert_eq!(http::request(&proxy.address, "GET", path, &[], b"").unwrap().status, 404, "{path}");
        }
        assert_eq!(http::request(&proxy.address, "GET", PATH, &[], b"").unwrap().status, 405);
        assert_eq!(rows(baton).len(), before + 1, "nothing else was recorded");
    }
    world.baton.stop();
}
