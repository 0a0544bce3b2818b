//! Takes credentials and control characters out of what GitHub says before it becomes part of an error.

/// The most characters of a foreign message that are kept.
const LIMIT: usize = 600;

/// A message of GitHub's, safe to show: bounded, printable, without anything that looks like a token.
pub(crate) fn message(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().take(LIMIT) {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
            word.push(c);
            continue;
        }
        flush(&mut out, &mut word);
        out.push(if c.is_control() && c != '\n' { ' ' } else { c });
    }
    flush(&mut out, &mut word);
    out.trim().to_owned()
}

fn flush(out: &mut String, word: &mut String) {
    out.push_str(if is_credential(word) { "[redacted]" } else { word });
    word.clear();
}

/// GitHub's tokens by their prefixes, and JSON Web Tokens. Installation tokens of 2026 hold dots, dashes and underscores.
fn is_credential(word: &str) -> bool {
    const PREFIXES: [&str; 6] = ["ghs_", "ghp_", "gho_", "ghu_", "ghr_", "github_pat_"];
    PREFIXES.iter().any(|prefix| word.contains(prefix)) || (word.contains("eyJ") && word.len() > 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_and_words_stay() {
        let jwt = format!("eyJ{}.eyJ{}.sig-nature_", "a".repeat(20), "b".repeat(20));
        let text = format!(
            "Bad credentials for x-access-token:ghs_12_{jwt}@github.com, (ghp_{}) {jwt}\u{1b}[31m\r\0 e.g. baton-bot/app_1",
            "A1".repeat(18)
        );
        insta::assert_snapshot!(message(&text), @"Bad credentials for x-access-token:[redacted]@github.com, ([redacted]) [redacted] [31m   e.g. baton-bot/app_1");
    }

    #[test]
    fn long_messages_are_cut() {
        assert_eq!(message(&"ü".repeat(5000)).chars().count(), LIMIT);
    }
}
