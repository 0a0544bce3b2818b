//! Finds what looks like a secret in a text: by the published formats of providers, and by assignments of random-looking
//! values to telling names. A net under the sandbox, never the boundary: whoever wants to smuggle can encode.

mod rules;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

use rules::{Placeholders, RULES, Rule};

/// Bytes of one piece of a long line; pieces overlap, so that nothing is missed between them.
const PIECE: usize = 8 * 1024;
const OVERLAP: usize = 1024;

/// One place that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMatch {
    /// The rule's name, for example `github-token`.
    pub rule: &'static str,
    /// Byte range of the secret in the text.
    pub range: std::ops::Range<usize>,
    /// The beginning of it, the rest left out: fit to be shown.
    pub preview: String,
}

/// Everything in a text that looks like a secret, in order. Linear in the text's length; lines are looked at one by one.
#[must_use]
pub fn find(text: &str) -> Vec<SecretMatch> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        find_in_line(line, start, &mut found);
        start += line.len();
    }
    found.sort_by_key(|one: &SecretMatch| (one.range.start, std::cmp::Reverse(one.range.end)));
    // Several rules may see the same characters: the first, longest one stands for them.
    found.dedup_by(|later, earlier| later.range.start < earlier.range.end);
    found
}

/// The text with every secret replaced by `[secret]`.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut at = 0;
    for one in find(text) {
        clean.push_str(&text[at..one.range.start]);
        clean.push_str("[secret]");
        at = one.range.end;
    }
    clean.push_str(&text[at..]);
    clean
}

fn find_in_line(line: &str, start: usize, found: &mut Vec<SecretMatch>) {
    let mut from = 0;
    loop {
        let to = floor_char_boundary(line, from + PIECE);
        find_in_piece(&line[from..to], start + from, found);
        if to == line.len() {
            return;
        }
        from = floor_char_boundary(line, to - OVERLAP);
    }
}

fn find_in_piece(piece: &str, start: usize, found: &mut Vec<SecretMatch>) {
    let scanner = &*SCANNER;
    let mut candidates = vec![false; RULES.len()];
    for hit in scanner.keywords.find_overlapping_iter(piece) {
        candidates[scanner.rule_of_keyword[hit.pattern().as_usize()]] = true;
    }
    let compiled = RULES.iter().zip(&scanner.patterns).zip(&candidates).filter(|(_, candidate)| **candidate);
    for ((rule, pattern), _) in compiled {
        for captures in pattern.captures_iter(piece) {
            let Some(secret) = captures.get(1).or_else(|| captures.get(0)) else { continue };
            if rule.accepts(secret.as_str()) {
                found.push(SecretMatch {
                    rule: rule.name,
                    range: start + secret.start()..start + secret.end(),
                    preview: preview(secret.as_str()),
                });
            }
        }
    }
}

/// At most four characters, and never more than a quarter of the whole.
fn preview(secret: &str) -> String {
    let length = secret.chars().count();
    let shown: String = secret.chars().take((length / 4).min(4)).filter(|c| !c.is_control()).collect();
    format!("{shown}… ({length} characters)")
}

fn floor_char_boundary(text: &str, mut at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Rule {
    /// Whether a match is random enough, and no placeholder.
    fn accepts(&self, secret: &str) -> bool {
        let placeholder = match self.placeholders {
            Placeholders::Uniform => false,
            Placeholders::Words => has_placeholder_word(secret),
            Placeholders::WordsAndCharacters => has_placeholder_word(secret) || has_odd_characters(secret),
        };
        entropy(secret) >= self.entropy && !placeholder
    }
}

/// Shannon's entropy in bits per byte.
fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = text.len() as f64;
    counts
        .iter()
        .filter(|&&n| n > 0)
        .map(|&n| {
            let share = f64::from(n) / length;
            -share * share.log2()
        })
        .sum()
}

/// Words in values that people write where a secret would stand.
fn has_placeholder_word(value: &str) -> bool {
    const WORDS: [&str; 18] = [
        "example",
        "placeholder",
        "changeme",
        "change-me",
        "change_me",
        "your",
        "dummy",
        "sample",
        "redacted",
        "xxxx",
        "1234567890",
        "abcdefgh",
        "process.env",
        "os.environ",
        "secrets.",
        "getenv",
        "insert",
        "lorem",
    ];
    let lower = value.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// Whether it is rather an expression, a word or a number than something random.
fn has_odd_characters(value: &str) -> bool {
    value.contains(['$', '<', '{', '%', '(', '*'])
        || !value.bytes().any(|b| b.is_ascii_digit())
        || !value.bytes().any(|b| b.is_ascii_alphabetic())
}

struct Scanner {
    keywords: AhoCorasick,
    rule_of_keyword: Vec<usize>,
    patterns: Vec<Regex>,
}

#[expect(clippy::expect_used, reason = "the patterns are constants, and a test compiles each of them")]
static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    let mut keywords = Vec::new();
    let mut rule_of_keyword = Vec::new();
    for (index, rule) in RULES.iter().enumerate() {
        for keyword in rule.keywords {
            keywords.push(*keyword);
            rule_of_keyword.push(index);
        }
    }
    Scanner {
        keywords: AhoCorasick::builder().ascii_case_insensitive(true).build(keywords).expect("few, short keywords"),
        rule_of_keyword,
        patterns: RULES.iter().map(|rule| Regex::new(rule.pattern).expect("a valid pattern")).collect(),
    }
});

#[cfg(test)]
mod tests;
