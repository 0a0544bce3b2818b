//! What the bot posts of other people's text, judged on its rendered form by another parser than the one that made it
//! (SECURITY.md C-07 to C-12).
//!
//! Long because every way of making text inert is judged by the same page and with the same hostile texts.

#![expect(clippy::unwrap_used, reason = "whatever fails here is a failing test")]

use std::sync::LazyLock;

use baton_core::command::{Found, parse};
use baton_core::prose::neutral::{
    BLOCK_CHARS, COMMIT_LINE_CHARS, Links, block, block_within, code_block, code_span, code_span_within,
    commit_message_line, commit_message_paragraph, inline, literal, title,
};
use html5gum::{Token, Tokenizer};
use insta::assert_snapshot;
use proptest::prelude::*;
use regex::Regex;

fn links() -> Links {
    Links::of_repository("https://github.com", &"acme/app".parse().unwrap()).and_host("docs.rs")
}

/// GitHub's dialect, with nothing filtered that could hide a fault.
fn rendered(markdown: &str) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    options.extension.tasklist = true;
    options.extension.alerts = true;
    options.extension.math_dollars = true;
    options.render.r#unsafe = true;
    comrak::markdown_to_html(markdown, &options)
}

/// What a reader sees of a page, and what is wrong with it.
#[derive(Default)]
struct Page {
    text: String,
    faults: Vec<String>,
}

const TAGS: &[&str] = &[
    "p",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "code",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "em",
    "strong",
    "del",
    "hr",
    "br",
    "a",
];

fn page(markdown: &str) -> Page {
    let html = rendered(markdown);
    let mut page = Page::default();
    let mut inert: Vec<String> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for token in Tokenizer::new(&html).flatten() {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                if !TAGS.contains(&name.as_str()) {
                    page.faults.push(format!("tag <{name}>"));
                }
                for (attribute, value) in &tag.attributes {
                    let (attribute, value) = (String::from_utf8_lossy(attribute), String::from_utf8_lossy(value));
                    let fine = match (name.as_str(), attribute.as_ref()) {
                        ("a", "href") => links().allows(&value),
                        ("code", "class") => value.starts_with("language-") && value.len() <= 29,
                        ("ol", "start") => value.parse::<u64>().is_ok(),
                        _ => false,
                    };
                    if !fine {
                        page.faults.push(format!("<{name} {attribute}={value:?}>"));
                    }
                }
                if !matches!(name.as_str(), "br" | "hr" | "img" | "input") {
                    open.push(name.clone());
                }
                if matches!(name.as_str(), "a" | "code" | "pre") {
                    inert.push(name);
                } else if !matches!(name.as_str(), "em" | "strong" | "del") {
                    page.text.push('\n');
                }
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                if open.pop().as_ref() != Some(&name) {
                    page.faults.push(format!("stray </{name}>"));
                }
                if inert.last() == Some(&name) {
                    inert.pop();
                }
            }
            Token::String(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                // A mention is looked for in each piece of text, as GitHub does, outside of code and links.
                if inert.is_empty() && MENTION.is_match(&text) {
                    page.faults.push(format!("mention in {text:?}"));
                }
                page.text.push_str(&text);
            }
            Token::Comment(text) => page.faults.push(format!("comment {text:?}")),
            Token::Doctype(_) => page.faults.push("doctype".into()),
            Token::Error(_) => {}
        }
    }
    page.faults.extend(open.iter().map(|name| format!("unclosed <{name}>")));
    page
}

static MENTION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)(?:^|[^a-z0-9_/`])[@＠﹫][a-z0-9]").unwrap());

/// GitHub's rule: a keyword, an optional colon, space, and a reference.
static CLOSES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:#\d|gh-\d|[\w.-]+/[\w.-]+#\d|https?://\S+/(?:issues|pull)/\d)",
    )
    .unwrap()
});

/// Prow, bors, Dependabot, `/ok to test` and our own, as they read the source of a comment.
static ORDERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?im)^\s*/(?:approve|lgtm|hold|retest|ok to test|ok-to-test|test|merge|plan|baton|close|assign|cc)(?:\s|$)|",
        r"(?i)\bbors (?:r\+|try|merge)|(?i)@(?:dependabot|bors|copilot|claude|rustbot|mergify) |(?i)<!-- ?baton",
    ))
    .unwrap()
});

/// Everything that is wrong with Markdown that the bot would post.
fn faults(markdown: &str) -> Vec<String> {
    let Page { text, mut faults } = page(markdown);
    for text in [text.as_str(), markdown] {
        if let Some(found) = CLOSES.find(text) {
            faults.push(format!("closes: {:?}", found.as_str()));
        }
        if let Some(found) = ORDERS.find(text) {
            faults.push(format!("orders: {:?}", found.as_str()));
        }
    }
    if parse(markdown).iter().any(|found| matches!(found, Found::Command { .. })) {
        faults.push("a command of ours".into());
    }
    let odd = |c: &char| {
        c.is_control() && *c != '\n' && *c != '\t'
            || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
    };
    if let Some(c) = markdown.chars().find(odd) {
        faults.push(format!("character {c:?}"));
    }
    faults
}

/// Attacks of the catalogue, each of which must do something when it is posted as it is, and nothing afterwards.
const LIVE: &[(&str, &str)] = &[
    ("C-07 mention", "thanks @alice"),
    ("C-07 team", "ping @acme/core please"),
    ("C-07 decimal entity", "thanks &#64;alice"),
    ("C-07 hexadecimal entity", "thanks &#x40;alice"),
    ("C-07 named entity", "thanks &commat;alice"),
    ("C-07 full width", "thanks \u{ff20}alice"),
    ("C-07 in bold", "**@alice**"),
    ("C-07 in a heading", "# @alice"),
    ("C-07 in a cell", "| a |\n|---|\n| @alice |"),
    ("C-07 in a list", "- [ ] @alice"),
    ("C-07 in a quote", "> @alice"),
    ("C-07 backslash", "\\@alice"),
    ("C-07 in HTML", "<p>@alice</p>"),
    ("C-07 after punctuation", "(@alice)"),
    ("C-07 mail", "alice@example.com"),
    ("C-08 plain", "fixes #1"),
    ("C-08 other repository", "closes other/repo#2"),
    ("C-08 GH", "Resolved GH-3"),
    ("C-08 colon", "Fix: #4"),
    ("C-08 address", "closes https://github.com/acme/app/issues/5"),
    ("C-08 entity", "fixes &#35;6"),
    ("C-08 bold reference", "fixes **#7**"),
    ("C-08 split keyword", "fi**xes** #8"),
    ("C-08 two lines", "fixes\n#9"),
    ("C-08 HTML between", "fixes <b>#10</b>"),
    ("C-08 comment between", "fixes <!-- x --> #11"),
    ("C-08 code", "// fixes #12"),
    ("C-09 approve", "/approve"),
    ("C-09 second line", "Good.\n/lgtm"),
    ("C-09 ours", "/plan approve"),
    ("C-09 ours in code", "```\n/plan approve\n```"),
    ("C-09 bors", "bors r+"),
    ("C-09 bors mention", "@bors r+"),
    ("C-09 Dependabot", "@dependabot merge"),
    ("C-09 Dependabot in code", "`@dependabot merge`"),
    ("C-09 ok to test", "/ok to test"),
    ("C-09 entity slash", "&#47;approve"),
    ("C-09 after a break", "x<br>/approve"),
    ("C-10 image", "![x](https://evil.example/a.png)"),
    ("C-10 img", "<img src=https://evil.example/a.png>"),
    ("C-10 reference image", "![x][y]\n\n[y]: https://evil.example/a.png"),
    ("C-10 link", "[docs](https://evil.example/login)"),
    ("C-10 reference link", "[docs]\n\n[docs]: https://evil.example/login"),
    ("C-10 autolink", "<https://evil.example/>"),
    ("C-10 bare", "see https://evil.example/x?y=z"),
    ("C-10 www", "see www.evil.example"),
    ("C-10 javascript", "[x](javascript:alert(1))"),
    ("C-10 data", "[x](data:text/html;base64,PHNjcmlwdD4=)"),
    ("C-10 user in the host", "[x](https://github.com/acme/app@evil.example/)"),
    ("C-10 host prefix", "[x](https://github.com.evil.example/acme/app)"),
    ("C-10 dot segments", "[x](https://github.com/acme/app/../../evil/repo)"),
    ("C-10 escaped dots", "[x](https://github.com/acme/app/%2e%2e/%2E%2E/evil)"),
    ("C-10 other repository", "[x](https://github.com/acme/application)"),
    ("C-10 anchor tag", "<a href='//evil.example'>x</a>"),
    ("C-10 relative", "[x](//evil.example/)"),
    ("C-10 mail", "<bob@example.com>"),
    ("C-10 picture in a link", "[![x](https://evil.example/a.png)](https://evil.example)"),
    ("C-11 details", "</details>\n\nout"),
    ("C-11 marker", "<!-- baton:plan:1 -->"),
    ("C-11 marker by entities", "&lt;!-- baton:plan:1 --&gt;"),
    ("C-11 marker in code", "```\n<!-- baton:plan:1 -->\n```"),
    ("C-11 unclosed comment", "<!-- everything after is gone"),
    ("C-11 unclosed details", "<details><summary>x</summary>"),
    ("C-11 table", "<table><tr><td>"),
    ("C-12 bidi", "abc\u{202e}def"),
    ("C-12 NUL and ANSI", "a\0b\u{1b}[31mred\u{1b}[0m\u{1b}]8;;https://evil.example\u{7}x\u{1b}]8;;\u{7}"),
    ("C-12 tags", "a\u{e0041}\u{e0042}"),
    ("footnote", "a[^1]\n\n[^1]: hidden"),
    ("math", "$$\\href{javascript:alert(1)}{x}$$"),
    ("heading", "# Title"),
];

#[test]
fn each_attack_acts_when_posted_as_it_is_and_not_afterwards() {
    let mut wrong = Vec::new();
    for (name, attack) in LIVE {
        if faults(attack).is_empty() {
            wrong.push(format!("{name}: {attack:?} does nothing by itself: the test shows nothing"));
        }
        for (kind, made) in [
            ("block", block(attack, &links())),
            ("inline", inline(attack)),
            ("literal", literal(attack)),
            ("code block", code_block(attack, "")),
        ] {
            let faults = faults(&made);
            if !faults.is_empty() {
                wrong.push(format!("{name}: {kind} gives {made:?}: {faults:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_summary_keeps_its_look() {
    let summary = "\
# Summary

Thanks to @alice, `parse()` no longer *panics* on **empty** input; see [the issue](https://github.com/acme/app/issues/7),
https://docs.rs/regex and [this](https://evil.example/x). Fixes #7 &amp; closes other/repo#2.

1. `Vec<u8>` is kept
   - nested_item with snake_case and 2 * 3 * 4
2. cost: $5

| file | why |
|---|---|
| `src/lib.rs` | a \\| b |

```rust
// @alice reads a[0] < b
fn main() {}
```

<details><summary>More</summary>

/plan approve

</details>

![chart](https://evil.example/a.png)
";
    assert_snapshot!(block(summary, &links()).replace('\u{200b}', "·"), @r#"
    #### Summary

    Thanks to @·alice, `parse()` no longer *panics* on **empty** input; see [the issue](<https://github.com/acme/app/issues/7>),
    <https://docs.rs/regex> and this (link removed: evil.example). F·ixes #7 \& c·loses other/repo#2.

    1. `Vec<u8>` is kept
       - nested_item with snake_case and 2 \* 3 \* 4
    2. cost: \$5

    | file | why |
    |---|---|
    | `src/lib.rs` | a \| b |

    ```rust
    // @alice reads a[0] < b
    fn main() {}
    ```

    **More**

    /·plan approve

    (image removed: chart)
    "#);
}

#[test]
fn short_forms_keep_their_look() {
    let shown = |text: String| text.replace('\u{200b}', "·");
    assert_snapshot!(shown(inline("**Fix** `a|b` in `src/lib.rs`\n\nfor @alice | [x](https://evil.example)")), @r#"**Fix** a\|b in `src/lib.rs` for @·alice \| x (link removed: evil.example)"#);
    assert_snapshot!(shown(literal("tests/a_b.rs::it <works> & *more* | [x](y) @alice # 1. `code`")), @r#"tests/a_b.rs::it \<works\> \& \*more\* \| \[x\](y) @·alice # 1. \`code\`"#);
    assert_snapshot!(shown(code_span("tests::`odd` @claude name")), @r#"``tests::`odd` @·claude name``"#);
    assert_snapshot!(shown(code_span("a|b")), @r#"a\|b"#);
    assert_snapshot!(shown(title("Fix &#64;alice's crash\r\n(closes #1) \u{202e}<!-- x -->")), @r#"Fix @·alice's crash (c·loses #1)"#);
    assert_snapshot!(shown(commit_message_line("feat: fixes #1, thanks @alice [skip ci] Co-authored-by: x <x@y.z> see https://evil.example/a")), @r#"feat: f·ixes #1, thanks @·alice [s·kip ci] C·o-authored-by: x <x@·y.z> see (link removed: evil.exam)"#);
    assert_snapshot!(shown(code_block("a\u{1b}[31mb\u{1b}[0m\n```\n/approve\r\nc", "rust")), @r#"
    ````rust
    ab
    ```
    /·approve
    c
    ````
    "#);
    assert_snapshot!(shown(code_block("graph TD", "mermaid")), @r#"
    ```
    graph TD
    ```
    "#);
}

#[test]
fn code_that_only_looks_alike_is_left_to_the_letter() {
    for code in [
        "npm i @vercel/ncc @types/node",
        "@Override\nvoid f() {}",
        "/usr/bin/env python3",
        "/* prefix */ a / b",
        "fix(1)",
        "<!-- html -->",
    ] {
        assert_eq!(code_block(code, "x"), format!("```x\n{code}\n```"));
        assert_eq!(block(&format!("```x\n{code}\n```"), &links()), format!("```x\n{code}\n```"));
    }
}

#[test]
fn only_plainly_harmless_addresses_are_allowed() {
    let allowed = |address: &str| links().allows(address);
    for address in [
        "https://github.com/acme/app",
        "https://github.com/Acme/App/issues/7#issuecomment-1",
        "https://github.com/acme/app/blob/0123abc/src/lib.rs?plain=1#L1-L2",
        "https://docs.rs/regex/latest/regex/",
    ] {
        assert!(allowed(address), "{address}");
    }
    for address in [
        "",
        "acme/app",
        "//github.com/acme/app",
        "http://github.com/acme/app",
        "https://github.com/acme/application",
        "https://github.com/acme/app@evil.example",
        "https://github.com@evil.example/acme/app",
        "https://github.com/acme/app/../../evil",
        "https://github.com/acme/app/%2e%2e/x",
        "https://github.com/acme/app/%252e",
        "https://github.com/acme/app//evil.example",
        "https://github.com/acme/app\\..\\x",
        "https://github.com/acme/app/\u{430}",
        "https://docs.rs:8443/x",
        "https://docs.rs.evil.example/",
        "http://docs.rs/",
        "javascript:alert(1)//https://docs.rs/",
        "https://docs.rs/a b",
        "https://docs.rs/<x>",
    ] {
        assert!(!allowed(address), "{address}");
    }
}

#[test]
fn c_12_lengths_are_bounded_with_a_notice() {
    for huge in [
        "word ".repeat(60_000),
        "*".repeat(200_000),
        "x\n".repeat(65_000),
        "é".repeat(100_000),
        "```\ncode\n".repeat(20_000),
        "> ".repeat(5_000),
        "@a ".repeat(50_000),
        "| a ".repeat(20_000),
    ] {
        let made = block(&huge, &links());
        let name: String = huge.chars().take(8).collect();
        assert!(made.chars().count() <= BLOCK_CHARS, "{name:?}: {} characters", made.chars().count());
        assert_eq!(faults(&made), Vec::<String>::new(), "{name:?}");
        assert!(title(&huge).chars().count() <= 256, "{name:?}");
        assert!(commit_message_line(&huge).chars().count() <= COMMIT_LINE_CHARS, "{name:?}");
        assert!(code_block(&huge, "").chars().count() <= BLOCK_CHARS, "{name:?}");
    }
    assert_snapshot!(block_within(&"a `code` span and **more** words. ".repeat(10), &links(), 120), @r#"
    a `code` span and **more** words. a `code` span and **more** words. a `code`

    *(The rest was cut off: it is too long.)*
    "#);
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "@alice", "@acme/core", "&#64;bob", "&commat;", "@", "＠", "fixes ", "closes", "Resolves: ", "#1", "GH-2", "o/r#3",
            "https://github.com/acme/app/issues/4", "https://evil.example/a", "www.evil.example", "http://", "//", "mailto:", "a@b.co",
            "/plan approve", "/approve", "/ok to test", "bors r+", "@dependabot merge", "@claude ", "alice",
            "![", "[", "](", ")", "](https://evil.example)", "](https://github.com/acme/app)", "[x]: https://evil.example\n",
            "<img src=x>", "<a href='https://evil.example'>", "</a>", "<!--", "-->", "<!-- baton:1 -->", "<details>", "</details>",
            "<b>", "</b>", "<code>", "</code>", "<pre>", "</pre>", "<table><td>", "<li>", "<p hidden>", "<br>", "<hr>",
            "<div style='display:none'>", "</div>", "&lt;", "&gt;", "&amp;", "&#35;1", "&#47;plan", "&#96;", "&#92;", "&nbsp;",
        ]).prop_map(str::to_owned),
        6 => prop::sample::select(vec![
            "\n", "\n\n", " ", "  \n", "\t", "    ", "> ", "- ", "1. ", "# ", "`", "``", "```\n", "~~~\n", "*", "**", "_", "~~", "|",
            "\n|---|\n", "| a | b |\n|---|---|\n", "---\n", "===\n", "\\", "$", "$$", "[^1]", "[^1]: ", "[ ] ", "!", ":", ".", "^", "+", "=",
            "\u{200b}", "\u{200d}", "\u{202e}", "\u{feff}", "\u{a0}", "\0", "\r", "\r\n", "\u{1b}[31m", "\u{2028}", "\u{e0041}",
        ]).prop_map(str::to_owned),
        2 => "[a-z0-9]{1,6}",
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_acts_whatever_the_text(text in hostile()) {
        let made = block(&text, &links());
        prop_assert_eq!(faults(&made), Vec::<String>::new(), "block {:?}", made);
        let made = inline(&text);
        prop_assert_eq!(faults(&made), Vec::<String>::new(), "inline {:?}", made);
        prop_assert!(!made.contains('\n'));
        let cell = format!("| {made} | end |\n|---|---|\n| {made} | end |");
        prop_assert_eq!(faults(&cell), Vec::<String>::new(), "cell {:?}", cell);
        prop_assert_eq!(rendered(&cell).matches("end</t").count(), 2, "cell {:?}", cell);
        let made = code_block(&text, &text);
        prop_assert_eq!(faults(&made), Vec::<String>::new(), "code block {:?}", made);
        prop_assert_eq!(rendered(&format!("{made}\n\nend")).matches("<p>end</p>").count(), 1, "code block {:?}", made);
        let made = code_span(&text);
        prop_assert_eq!(faults(&format!("x {made}")), Vec::<String>::new(), "code span {:?}", made);
        let line = format!("alice, {} was not carried out", code_span_within(&text));
        prop_assert_eq!(faults(&line), Vec::<String>::new(), "code span within {:?}", line);
        prop_assert!(!line.contains('\n'));
    }

    /// Wrapping cuts nothing off and makes nothing act, neither in a line nor across two.
    #[test]
    fn a_wrapped_commit_message_is_inert_and_whole(text in hostile(), width in 1..100_usize) {
        let lines = commit_message_paragraph(&text, width);
        for line in &lines {
            prop_assert!(!line.contains(['\n', '\r', '\0']), "{:?}", line);
            prop_assert!(!ORDERS.is_match(line), "{:?}", line);
            let length = line.replace('\u{200b}', "").chars().count();
            prop_assert!(length <= width || !line.contains(' '), "{:?} is longer than {}", line, width);
        }
        let joined = lines.join(" ");
        prop_assert!(!MENTION.is_match(&joined), "{:?}", joined);
        prop_assert!(!CLOSES.is_match(&joined), "{:?}", joined);
        let one_line = commit_message_paragraph(&text, usize::MAX).join(" ");
        prop_assert_eq!(joined.replace('\u{200b}', ""), one_line.replace('\u{200b}', ""));
    }

    #[test]
    fn what_follows_a_block_is_outside_of_it(text in hostile()) {
        let made = block(&text, &links());
        prop_assert!(rendered(&format!("{made}\n\n# end")).contains("<h1>end</h1>"), "{:?}", made);
    }

    #[test]
    fn titles_and_commit_lines_are_one_inert_line(text in hostile()) {
        for made in [title(&text), commit_message_line(&text)] {
            prop_assert!(!made.contains(['\n', '\r', '\0']), "{:?}", made);
            prop_assert!(!MENTION.is_match(&made), "{:?}", made);
            prop_assert!(!CLOSES.is_match(&made), "{:?}", made);
            prop_assert!(!ORDERS.is_match(&made), "{:?}", made);
        }
    }

    #[test]
    fn literal_text_reads_as_it_was(text in "[ -~é😀]{0,60}") {
        prop_assume!(!text.contains("://") && !text.to_lowercase().contains("www."));
        let expected = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let made = literal(&text);
        let seen = page(&made).text.replace('\u{200b}', "");
        prop_assert_eq!(seen.trim(), expected, "{:?}", made);
    }
}
