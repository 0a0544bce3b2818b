//! Keeps the beginning and the end of an output and counts what lies between; cuts text only between characters.

use std::collections::VecDeque;

/// Output as it comes in.
#[derive(Debug)]
pub(super) struct Capture {
    head_left: usize,
    tail_limit: usize,
    tail: VecDeque<u8>,
    dropped: u64,
    /// Bytes of a character whose rest has not come yet.
    partial: Vec<u8>,
}

impl Capture {
    /// Keeps at most `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let tail_limit = limit / 2;
        Self { head_left: limit - tail_limit, tail_limit, tail: VecDeque::new(), dropped: 0, partial: Vec::new() }
    }

    /// Takes bytes in; gives back the text that can be passed on at once.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        let (head, rest) = bytes.split_at(bytes.len().min(self.head_left));
        self.head_left -= head.len();
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.tail_limit);
        self.tail.drain(..excess);
        self.dropped += excess as u64;
        self.partial.extend_from_slice(head);
        let complete = complete_length(&self.partial);
        let text = String::from_utf8_lossy(&self.partial[..complete]).into_owned();
        self.partial.drain(..complete);
        text
    }

    /// The rest of the text, and how many bytes were left out.
    pub(super) fn finish(mut self) -> (String, u64) {
        if self.dropped == 0 {
            self.partial.extend(self.tail);
            return (String::from_utf8_lossy(&self.partial).into_owned(), 0);
        }
        let head = String::from_utf8_lossy(&self.partial).into_owned();
        let tail: Vec<u8> = self.tail.into();
        // The first bytes may be the rest of a character that was dropped.
        let start = tail.iter().take(3).take_while(|b| **b & 0xC0 == 0x80).count();
        let dropped = self.dropped + start as u64;
        let tail = String::from_utf8_lossy(&tail[start..]);
        (format!("{head}\n[… {dropped} bytes left out …]\n{tail}"), dropped)
    }
}

/// How many bytes can be decoded without cutting a character whose rest may still come.
fn complete_length(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    match bytes[last..].iter().rposition(|b| *b >= 0xC0) {
        Some(at) => {
            let width = match bytes[last + at] {
                0xF0.. => 4,
                0xE0.. => 3,
                _ => 2,
            };
            if bytes.len() - (last + at) < width { last + at } else { bytes.len() }
        }
        None => bytes.len(),
    }
}

/// A text of at most `limit` bytes: the middle of a longer one is left out and says so.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut capture = Capture::new(limit.saturating_sub(64) as u64);
    let mut short = capture.push(text.as_bytes());
    short.push_str(&capture.finish().0);
    short
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(limit: u64, chunks: &[&[u8]]) -> (String, u64) {
        let mut capture = Capture::new(limit);
        let mut text: String = chunks.iter().map(|c| capture.push(c)).collect();
        let (rest, dropped) = capture.finish();
        text.push_str(&rest);
        (text, dropped)
    }

    #[test]
    fn the_middle_is_left_out_and_says_so() {
        insta::assert_snapshot!(whole(8, &[b"abcdefgh", b"ijklmnop"]).0, @r"
        abcd
        [… 8 bytes left out …]
        mnop
        ");
        assert_eq!(whole(16, &[b"abcdefgh", b"ijklmnop"]), ("abcdefghijklmnop".into(), 0));
    }

    #[test]
    fn characters_may_come_in_pieces() {
        assert_eq!(whole(100, &["ä€".as_bytes()[..3].as_ref(), &"ä€".as_bytes()[3..]]).0, "ä€");
        assert_eq!(whole(100, &[b"a\xff", b"\xe2\x82"]).0, "a\u{fffd}\u{fffd}");
    }

    proptest! {
        #[test]
        fn text_in_any_pieces_is_the_same_text(text in "\\PC{0,40}", cuts in proptest::collection::vec(0_usize..160, 0..6)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(whole(4096, &chunks), (text, 0));
        }

        #[test]
        fn never_longer_than_the_limit_and_a_note(bytes in proptest::collection::vec(any::<u8>(), 0..300), limit in 0_u64..100) {
            let (text, dropped) = whole(limit, &[&bytes]);
            prop_assert_eq!(dropped > 0, bytes.len() as u64 > limit);
            prop_assert!(text.len() as u64 <= 3 * limit + 64, "{} bytes", text.len());
        }
    }
}
