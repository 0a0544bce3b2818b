//! The conversation with a running git: what goes in, what comes out, and its progress told on the way.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;

use super::guard::Heard;
use super::{Said, progress};

const MAX_STDOUT: usize = 4 * 1024 * 1024;
const MAX_STDERR: usize = 64 * 1024;
/// No line of git's own is longer; of a server's, only the beginning counts.
const MAX_LINE: usize = 4 * 1024;

pub(super) async fn converse(child: &mut Child, stdin: Vec<u8>, heard: &Heard) -> std::io::Result<Said> {
    let (mut input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let Some(mut pipe) = input.take() {
            // A git that fails early does not read to the end; what it says matters more than the broken pipe.
            let _ = pipe.write_all(&stdin).await;
        }
    };
    let mut stdout = Vec::new();
    let mut lines = Lines::default();
    let (_, out, err) = tokio::join!(
        write,
        read(output, heard, |chunk| keep(&mut stdout, chunk, MAX_STDOUT)),
        read(errors, heard, |chunk| lines.take(chunk, heard))
    );
    let status = child.wait().await?;
    out.and(err)?;
    Ok(Said {
        success: status.success(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&lines.end()).into_owned(),
    })
}

/// Reads to the end, so that the writer never blocks.
async fn read(pipe: Option<impl AsyncRead + Unpin>, heard: &Heard, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let n = pipe.read(&mut chunk).await?;
        if n == 0 {
            return Ok(());
        }
        heard.hear(n);
        take(&chunk[..n]);
    }
}

/// Keeps what there is room for.
fn keep(kept: &mut Vec<u8>, more: &[u8], limit: usize) {
    let room = limit.saturating_sub(kept.len()).min(more.len());
    kept.extend_from_slice(&more[..room]);
}

/// What git says to people, line by line: progress is told and not kept, for there may be more of it than of anything else.
#[derive(Default)]
struct Lines {
    kept: Vec<u8>,
    line: Vec<u8>,
    so_far: Option<baton_core::domain::transfer::Transfer>,
}

impl Lines {
    fn take(&mut self, chunk: &[u8], heard: &Heard) {
        for part in chunk.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            keep(&mut self.line, part, MAX_LINE);
            if matches!(part.last(), Some(b'\r' | b'\n')) {
                self.end_line(part.last() == Some(&b'\n'), heard);
            }
        }
    }

    fn end_line(&mut self, is_whole: bool, heard: &Heard) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        match progress::read(text.trim_end(), self.so_far) {
            Some(transfer) => {
                self.so_far = Some(transfer);
                if let Some(told) = &heard.told {
                    told.send_replace(Some(transfer));
                }
            }
            // A server's own progress is overwritten the same way.
            None if is_whole => {
                keep(&mut self.kept, text.trim_end().as_bytes(), MAX_STDERR);
                keep(&mut self.kept, b"\n", MAX_STDERR);
            }
            None => {}
        }
    }

    fn end(mut self) -> Vec<u8> {
        let line = std::mem::take(&mut self.line);
        keep(&mut self.kept, &line, MAX_STDERR);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_and_the_rest_is_kept() {
        let (told, heard_last) = tokio::sync::watch::channel(None);
        let heard = Heard::telling(Some(told));
        let mut lines = Lines::default();
        let said = b"remote: Enumerating objects: 3, done.\nReceiving objects:   1% (1/100)\rReceiving objects:  34% (34/100), \
                     1.00 MiB | 2.00 MiB/s\rremote: odd\rerror: it is \nbroken";
        // However it is cut.
        for chunk in said.chunks(7) {
            lines.take(chunk, &heard);
        }
        let kept = String::from_utf8(lines.end()).expect("text");
        insta::assert_snapshot!(kept, @r"
        remote: Enumerating objects: 3, done.
        error: it is
        broken
        ");
        let last = heard_last.borrow().expect("progress");
        assert_eq!((last.percent, last.bytes), (34, 1 << 20));
    }

    #[test]
    fn no_line_and_no_text_grows_without_end() {
        let heard = Heard::telling(None);
        let mut lines = Lines::default();
        for _ in 0..100 {
            lines.take(&vec![b'x'; 10_000], &heard);
        }
        assert_eq!(lines.line.len(), MAX_LINE);
        for _ in 0..100 {
            lines.take(b"\n", &heard);
            lines.take(&vec![b'x'; 10_000], &heard);
        }
        assert_eq!(lines.end().len(), MAX_STDERR);
    }
}
