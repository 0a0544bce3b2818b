//! Texts built to take for ever: read and rewritten in bounded time and space.

use std::time::{Duration, Instant};

use baton_core::command::parse;
use baton_core::prose::bounded::body;
use baton_core::prose::neutral::{BLOCK_CHARS, Links, block, code_block, commit_message_line, inline, literal, title};
use baton_core::prose::untrusted::{MAX_CHARS, visible};

/// Half of what GitHub lets a body be: enough to tell what grows faster than its text.
const LENGTH: usize = 32_768;

/// For all readings of one text; unoptimised and on a busy machine they take a second, what is quadratic takes minutes.
const LIMIT: Duration = Duration::from_secs(20);

fn repeated(piece: &str) -> String {
    piece.repeat(LENGTH / piece.len())
}

fn texts() -> Vec<(String, String)> {
    let pieces = [
        "> ",
        "- ",
        "1. ",
        "[",
        "![",
        "](",
        "*a ",
        "**",
        "_a",
        "~~",
        "`",
        "``` ",
        "<",
        "<b>",
        "<b>x",
        "<!--",
        "<!-- x -->",
        "</b>",
        "&",
        "&amp;",
        "@a ",
        "fixes #1 ",
        "/plan approve\n",
        "/plan aprove\n",
        "|",
        "a|",
        "[a]: b\n",
        "[^a]: b\n",
        "[^a]",
        "$",
        "\\",
        "<details>",
        "<div hidden>",
        "<table><tr><td>",
        "\u{200b}",
        "\u{e0041}",
        "\u{1b}[31m",
        "\u{1b}]8;;",
        "https://a.b/",
        "www.",
        "\n",
        "\t",
        "<a href='",
        "x<!--\n",
        "```\n~~~\n",
    ];
    let mut texts: Vec<_> = pieces.iter().map(|piece| ((*piece).to_owned(), repeated(piece))).collect();
    texts.push(("opened, then others closed".into(), format!("{}{}", "<b>".repeat(8_000), "</i>".repeat(8_000))));
    texts.push((
        "a table of missing cells".into(),
        format!("{}|\n{}|\n{}", "|a".repeat(5_000), "|-".repeat(5_000), "|\n".repeat(20_000)),
    ));
    texts.push(("deep and closed".into(), format!("{}x{}", "<i>".repeat(9_000), "</i>".repeat(9_000))));
    texts
}

#[test]
fn no_text_takes_long() {
    let mut slow = Vec::new();
    for (name, text) in texts() {
        let start = Instant::now();
        let _ = parse(&text);
        assert!(visible(&text).text.chars().count() <= MAX_CHARS, "{name:?}");
        assert!(block(&text, &Links::none()).chars().count() <= BLOCK_CHARS, "{name:?}");
        let _ = (
            inline(&text),
            literal(&text),
            title(&text),
            commit_message_line(&text),
            code_block(&text, ""),
            body(&text),
        );
        if start.elapsed() > LIMIT {
            slow.push(format!("{name:?}: {:?}", start.elapsed()));
        }
    }
    assert_eq!(slow, Vec::<String>::new());
}
