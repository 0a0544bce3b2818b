//! Server-sent events out of a byte stream, as the HTML standard (§9.2.6) reads them. Knows no provider.

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SseEvent {
    /// Its type; empty where none was named.
    pub event: String,
    /// Its data, lines joined by line feeds.
    pub data: String,
}

/// An event grew beyond all reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {LIMIT} bytes")]
pub struct SseOverflow;

/// The most one event may have, in bytes.
const LIMIT: usize = 16 << 20;

/// Reads a stream piece by piece. What is not ended by an empty line is no event: a stream that breaks off inside one
/// yields nothing of it, and [`SseReader::is_between_events`] says so.
#[derive(Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    event: String,
    data: String,
    has_data: bool,
    after_return: bool,
    past_first_line: bool,
}

impl SseReader {
    /// Takes the next piece and returns the events that it completes.
    ///
    /// # Errors
    /// [`SseOverflow`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, SseOverflow> {
        let mut events = Vec::new();
        for &byte in bytes {
            let ends_line = match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    continue;
                }
                b'\n' | b'\r' => true,
                _ => false,
            };
            self.after_return = byte == b'\r';
            if ends_line {
                events.extend(self.line());
            } else {
                self.line.push(byte);
                if self.line.len() + self.data.len() > LIMIT {
                    return Err(SseOverflow);
                }
            }
        }
        Ok(events)
    }

    /// Whether nothing is left unfinished.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        self.line.is_empty() && !self.has_data && self.event.is_empty()
    }

    fn line(&mut self) -> Option<SseEvent> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let first = !std::mem::replace(&mut self.past_first_line, true);
        let line = if first { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let data = std::mem::take(&mut self.data);
            return std::mem::take(&mut self.has_data).then_some(SseEvent { event, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // Comments (an empty name), `id`, `retry` and unknown fields say nothing to us.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> (Vec<SseEvent>, bool) {
        let mut reader = SseReader::default();
        let events = chunks.iter().flat_map(|chunk| reader.push(chunk).unwrap()).collect();
        (events, reader.is_between_events())
    }

    fn event(event: &str, data: &str) -> SseEvent {
        SseEvent { event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn the_standards_rules_hold() {
        let stream =
            "\u{feff}event: a\r\ndata: 1\r\ndata:2\r\n\r\n: comment\n\nevent: lost\n\ndata\n\nid: 7\rdata:  x\r\r";
        let (events, whole) = read(&[stream.as_bytes()]);
        assert_eq!(events, [event("a", "1\n2"), event("", ""), event("", " x")]);
        assert!(whole);
        assert_eq!(read(&[b"data: cut\n"]), (vec![], false));
        assert_eq!(read(&[b"data: cut"]), (vec![], false));
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut reader = SseReader::default();
        let chunk = vec![b'x'; 1 << 20];
        let overflows = (0..20).any(|_| reader.push(&chunk).is_err());
        assert!(overflows);
    }

    proptest! {
        /// However the bytes are cut, the events are the same; and any bytes at all are read without a panic.
        #[test]
        fn chunking_changes_nothing(
            pieces in prop::collection::vec(prop_oneof![
                Just("data: {\"a\":\"é\"}".to_owned()), Just("event: x".to_owned()), Just("\n".to_owned()),
                Just("\r".to_owned()), Just("\r\n".to_owned()), Just(":".to_owned()), ".{0,6}",
            ], 0..24),
            cuts in prop::collection::vec(1..7_usize, 1..80),
        ) {
            let stream = pieces.concat().into_bytes();
            let mut chunks: Vec<&[u8]> = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            chunks.push(rest);
            prop_assert_eq!(read(&chunks), read(&[&stream]));
        }

        /// A stream cut anywhere gives the first of its events and never an event of its own.
        #[test]
        fn a_cut_stream_yields_a_prefix(data in prop::collection::vec("[a-z]{1,6}", 1..6), keep in 0.0..1.0_f64) {
            let stream: String = data.iter().map(|data| format!("event: e\ndata: {data}\n\n")).collect();
            let cut = (stream.len() as f64 * keep) as usize;
            let (all, _) = read(&[stream.as_bytes()]);
            let (some, whole) = read(&[&stream.as_bytes()[..cut]]);
            prop_assert_eq!(&all[..some.len()], &some[..]);
            let on_an_edge = cut == 0 || stream[..cut].ends_with("\n\n");
            prop_assert_eq!(whole, on_an_edge);
        }
    }
}
