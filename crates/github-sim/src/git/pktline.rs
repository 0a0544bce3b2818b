//! The framing of git's protocol, as far as a push's list of commands and the answer to it need it.

/// One `old new ref` of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefCommand {
    pub old: String,
    pub new: String,
    pub name: String,
}

/// The commands at the start of a push, and where its pack begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commands {
    pub commands: Vec<RefCommand>,
    pub capabilities: String,
    pub pack_at: usize,
}

/// Reads the commands of a push; `None` when the bytes are no such thing.
pub(crate) fn read_commands(body: &[u8]) -> Option<Commands> {
    let mut at = 0;
    let mut commands = Vec::new();
    let mut capabilities = String::new();
    while let Some(line) = next(body, &mut at)? {
        let text = std::str::from_utf8(line).ok()?;
        let (command, caps) = text.split_once('\0').unwrap_or((text, ""));
        if !caps.is_empty() {
            capabilities = caps.trim().to_owned();
        }
        let command = command.trim_end_matches('\n');
        if command.starts_with("shallow ") {
            continue;
        }
        let mut words = command.splitn(3, ' ');
        let (old, new, name) = (words.next()?, words.next()?, words.next()?);
        let is_id = |id: &str| id.len() >= 40 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_id(old) || !is_id(new) || name.is_empty() {
            return None;
        }
        commands.push(RefCommand { old: old.into(), new: new.into(), name: name.into() });
    }
    if capabilities.split(' ').any(|capability| capability == "push-options") {
        while next(body, &mut at)?.is_some() {}
    }
    Some(Commands { commands, capabilities, pack_at: at })
}

/// The next line: `Some(None)` at a flush, `None` when the bytes are broken or at their end.
#[expect(clippy::option_option, reason = "broken, end of section and line are three different answers")]
fn next<'a>(body: &'a [u8], at: &mut usize) -> Option<Option<&'a [u8]>> {
    let length = std::str::from_utf8(body.get(*at..at.checked_add(4)?)?).ok()?;
    let length = usize::from_str_radix(length, 16).ok()?;
    if length == 0 {
        *at += 4;
        return Some(None);
    }
    let line = body.get(at.checked_add(4)?..at.checked_add(length)?)?;
    *at += length;
    Some(Some(line))
}

/// Frames one line.
pub(crate) fn line(text: &str) -> Vec<u8> {
    let mut out = format!("{:04x}", text.len() + 4).into_bytes();
    out.extend_from_slice(text.as_bytes());
    out
}

/// Ends a section.
pub(crate) const FLUSH: &[u8] = b"0000";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_git_sends() {
        let zero = "0".repeat(40);
        let sha = "a".repeat(40);
        let mut body = line(&format!("{zero} {sha} refs/heads/x\0 report-status push-options agent=git/2"));
        body.extend(line(&format!("{sha} {zero} refs/heads/y")));
        body.extend_from_slice(FLUSH);
        body.extend(line("ci.skip"));
        body.extend_from_slice(FLUSH);
        let pack_at = body.len();
        body.extend_from_slice(b"PACK....");
        let read = read_commands(&body).expect("commands");
        assert_eq!(read.pack_at, pack_at);
        assert_eq!(
            read.commands.iter().map(|it| (it.name.as_str(), it.new == zero)).collect::<Vec<_>>(),
            [("refs/heads/x", false), ("refs/heads/y", true)]
        );
    }

    proptest! {
        #[test]
        fn never_panics_and_never_reads_past_the_end(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Some(read) = read_commands(&body) {
                prop_assert!(read.pack_at <= body.len());
            }
        }

        #[test]
        fn survives_any_length_prefix(length in "[0-9a-fA-F+ -]{4}", rest in ".{0,40}") {
            let _ = read_commands(format!("{length}{rest}").as_bytes());
        }
    }
}
