//! What lies outside a sandbox for attempts to reach: servers, processes, files. Each counts who came.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub const CANARY: &str = "CANARY-5a1d";

/// The host as a run must not see it.
pub struct Outside {
    pub folder: tempfile::TempDir,
    pub process: Child,
    pub loopback: SocketAddr,
    /// This machine's own address, when it has one besides loopback.
    pub own: Option<SocketAddr>,
    pub name_server: SocketAddr,
    pub abstract_name: String,
    visits: Arc<AtomicU32>,
}

impl Outside {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("secret"), CANARY).unwrap();
        let visits = Arc::new(AtomicU32::new(0));
        let process = Command::new("sleep").arg("1000").env_clear().env("SECRET", CANARY).spawn().unwrap();
        let abstract_name = format!("baton-test-{}", folder.path().display());
        let socket = UnixListener::bind_addr(&UnixAddr::from_abstract_name(&abstract_name).unwrap()).unwrap();
        count(&visits, move || socket.accept().map(drop));
        let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = everywhere.local_addr().unwrap().port();
        count(&visits, move || everywhere.accept().map(drop));
        let names = UdpSocket::bind("0.0.0.0:0").unwrap();
        let names_port = names.local_addr().unwrap().port();
        count(&visits, move || {
            let mut query = [0; 512];
            let (length, from) = names.recv_from(&mut query)?;
            names.send_to(&query[..length], from).map(drop)
        });
        let own = own_address();
        Self {
            folder,
            process,
            loopback: SocketAddr::from(([127, 0, 0, 1], port)),
            own: own.map(|ip| (ip, port).into()),
            name_server: (own.unwrap_or([127, 0, 0, 1].into()), names_port).into(),
            abstract_name,
            visits,
        }
    }

    pub fn secret(&self) -> String {
        self.folder.path().join("secret").display().to_string()
    }

    /// How many attempts reached a server since the last question.
    pub fn visits(&self) -> u32 {
        self.visits.swap(0, Ordering::SeqCst)
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn count(visits: &Arc<AtomicU32>, mut serve: impl FnMut() -> io::Result<()> + Send + 'static) {
    let visits = Arc::clone(visits);
    std::thread::spawn(move || {
        while serve().is_ok() {
            visits.fetch_add(1, Ordering::SeqCst);
        }
    });
}

/// The address from which packets would leave; nothing is sent to find it.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

/// The disk that `/` is on, as the probe's `device` argument.
pub fn root_disk() -> String {
    let device = fs::metadata("/").unwrap().dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let uevent = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/uevent")).unwrap_or_default();
    let name = uevent.lines().find_map(|l| l.strip_prefix("DEVNAME=")).unwrap_or("root").to_owned();
    format!("/dev/{name}:{major}:{minor}:b")
}

/// A folder of the control group file system in which root can make groups.
pub fn cgroup_folder() -> String {
    let v1 = "/sys/fs/cgroup/pids";
    if Path::new(v1).exists() { v1.into() } else { "/sys/fs/cgroup".into() }
}
