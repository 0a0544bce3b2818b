//! A webhook channel as smee runs one: takes deliveries at an address and tells them on, as server-sent events, to
//! whoever listens there. Keeps nothing for those who do not.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

pub struct Channel {
    /// The channel's address.
    pub url: String,
    listeners: Arc<Mutex<Vec<TcpStream>>>,
}

impl Channel {
    pub fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/abc", listener.local_addr().unwrap());
        let listeners = Arc::<Mutex<Vec<TcpStream>>>::default();
        let keep = Arc::clone(&listeners);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keep = Arc::clone(&keep);
                std::thread::spawn(move || serve(stream, &keep));
            }
        });
        Self { url, listeners }
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.listeners.lock().unwrap().len()
    }

    /// Hangs up on everybody.
    pub fn hang_up(&self) {
        for stream in self.listeners.lock().unwrap().drain(..) {
            let _gone_already = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Tells listeners something that no GitHub sent.
    pub fn tell(&self, data: &str) {
        tell(&self.listeners, data);
    }
}

fn serve(mut stream: TcpStream, listeners: &Mutex<Vec<TcpStream>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap_or(0);
    let is_delivery = line.starts_with("POST ");
    let mut told = Map::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        told.insert(name.to_ascii_lowercase(), value.into());
    }
    if !is_delivery {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\nevent: ready\ndata: {}\n\n";
        if stream.write_all(head.as_bytes()).is_ok() {
            listeners.lock().unwrap().push(stream);
        }
        return;
    }
    let length: usize = told.get("content-length").and_then(Value::as_str).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    // As smee does it: parsed, and written anew.
    told.insert("body".to_owned(), serde_json::from_slice(&body).unwrap());
    told.insert("timestamp".to_owned(), 0.into());
    tell(listeners, &Value::Object(told).to_string());
    let _gone_already = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
}

fn tell(listeners: &Mutex<Vec<TcpStream>>, data: &str) {
    let event = format!("id: 1\ndata: {data}\n\n");
    listeners.lock().unwrap().retain_mut(|stream| stream.write_all(event.as_bytes()).is_ok());
}
