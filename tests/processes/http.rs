//! Just enough HTTP to say anything to a server, also what no client library would let one say.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Status line and headers, in small letters.
    pub head: String,
    pub body: String,
}

/// One request with a body.
pub fn request(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    let length = body.len().to_string();
    stream.write_all(head(address, method, path, headers, &[("content-length", &length)]).as_bytes())?;
    stream.write_all(body)?;
    answer(&mut stream)
}

/// A request whose body is announced as so long and never sent: what a server says before it reads any of it.
pub fn announce(address: &str, path: &str, headers: &[(&str, &str)], length: usize) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    let length = length.to_string();
    stream.write_all(head(address, "POST", path, headers, &[("content-length", &length)]).as_bytes())?;
    answer(&mut stream)
}

/// A body in chunks that does not end before the server says something or hangs up: how many bytes it took, and what it said.
pub fn endless(address: &str, path: &str, headers: &[(&str, &str)], most: usize) -> (usize, Option<Answer>) {
    let mut stream = connect(address).unwrap();
    let mut listening = stream.try_clone().unwrap();
    let listener = std::thread::spawn(move || answer(&mut listening));
    stream.write_all(head(address, "POST", path, headers, &[("transfer-encoding", "chunked")]).as_bytes()).unwrap();
    let mut chunk = format!("{:x}\r\n", 64 * 1024).into_bytes();
    chunk.extend(std::iter::repeat_n(b'a', 64 * 1024));
    chunk.extend(b"\r\n");
    let mut sent = 0;
    while sent < most && !listener.is_finished() && stream.write_all(&chunk).is_ok() {
        sent += 64 * 1024;
    }
    (sent, listener.join().unwrap().ok())
}

/// Whatever bytes one likes, and then nothing more; what comes back.
pub fn raw(address: &str, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(address)?;
    stream.write_all(bytes)?;
    answer(&mut stream)
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn head(address: &str, method: &str, path: &str, headers: &[(&str, &str)], more: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers.iter().chain(more) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// Reads as far as the length says, or to the end of the connection.
fn answer(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(answer) = whole(&bytes, false)? {
            return Ok(answer);
        }
        match stream.read(&mut buffer)? {
            0 => return whole(&bytes, true)?.ok_or_else(|| io::Error::other("the connection was cut")),
            read => bytes.extend(&buffer[..read]),
        }
    }
}

/// The answer, once all of it is there.
fn whole(bytes: &[u8], ended: bool) -> io::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no status in {head}")))?;
    assert!(!head.contains("transfer-encoding"), "nobody here answers in chunks");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let body = &bytes[end + 4..];
    let there = length.map_or(ended, |length| body.len() >= length);
    Ok(there.then(|| Answer { status, body: String::from_utf8_lossy(body).into_owned(), head }))
}
