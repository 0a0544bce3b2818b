//! Attempts to reach somebody.

use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixStream};
use std::time::Duration;

use crate::Outcome;
use crate::raw::call;

const PATIENCE: Duration = Duration::from_secs(2);

fn parse(address: &str) -> io::Result<SocketAddr> {
    address.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("{address:?} is no address")))
}

pub fn tcp(address: &str) -> Outcome {
    TcpStream::connect_timeout(&parse(address)?, PATIENCE)?;
    Ok("connected".into())
}

/// Whether a packet would leave at all: nobody may answer there.
pub fn route(address: &str) -> Outcome {
    match TcpStream::connect_timeout(&parse(address)?, Duration::from_millis(300)) {
        Ok(_) => Ok("connected".into()),
        Err(e) if e.kind() == io::ErrorKind::TimedOut || e.raw_os_error() == Some(libc::ECONNREFUSED) => {
            Ok("packets leave".into())
        }
        Err(e) => Err(e),
    }
}

pub fn udp(address: &str) -> Outcome {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.send_to(b"CANARY", parse(address)?)?;
    Ok("sent".into())
}

/// Asks a name server for a name that carries data.
pub fn dns(address: &str) -> Outcome {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["canary", "evil", "test"] {
        query.push(u8::try_from(label.len()).map_err(io::Error::other)?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.connect(parse(address)?)?;
    socket.send(&query)?;
    let mut answer = [0; 512];
    let count = socket.recv(&mut answer)?;
    Ok(format!("an answer of {count} bytes"))
}

pub fn abstract_socket(name: &str) -> Outcome {
    UnixStream::connect_addr(&UnixAddr::from_abstract_name(name)?)?;
    Ok("connected".into())
}

/// A socket by numbers: family, type, protocol.
pub fn socket(family: &str, kind: &str, protocol: &str) -> Outcome {
    let number = |text: &str| text.parse::<usize>().map_err(io::Error::other);
    call(libc::SYS_socket, [number(family)?, number(kind)?, number(protocol)?, 0, 0, 0])?;
    Ok("a socket".into())
}

/// Every port of an address.
pub fn scan(address: &str) -> Outcome {
    let ip: std::net::IpAddr = address.parse().map_err(io::Error::other)?;
    // A connection to its own source port meets itself: nobody else is there.
    let answers = |port: &u16| {
        TcpStream::connect_timeout(&(ip, *port).into(), PATIENCE)
            .is_ok_and(|c| c.local_addr().ok() != c.peer_addr().ok())
    };
    let open: Vec<u16> = (1..=u16::MAX).filter(answers).collect();
    if open.is_empty() { Err(io::Error::other("no port answers")) } else { Ok(format!("ports {open:?}")) }
}
