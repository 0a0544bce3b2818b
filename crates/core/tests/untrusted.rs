//! What a model is shown of a text that anyone may have written (SECURITY.md C-01): a golden corpus, and properties that
//! hold for every text.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use baton_core::prose::untrusted::{Hidden, MAX_CHARS, visible, visible_line, visible_within};
use proptest::prelude::*;

/// The text, and below it what was left out.
fn shown(markdown: &str) -> String {
    let visible = visible(markdown);
    let mut shown = format!("{}\n=== left out ===\n", visible.text);
    for removed in visible.removed {
        let _ = writeln!(shown, "{:?}: {}", removed.kind, removed.excerpt.replace('\n', "⏎"));
    }
    shown
}

#[test]
fn c_01_every_text_of_the_corpus_shows_exactly_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/untrusted");
    let mut wrong = String::new();
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        count += 1;
        let found = shown(&fs::read_to_string(&path).unwrap());
        let expected = fs::read_to_string(path.with_extension("expected")).unwrap_or_default();
        if found != expected {
            let _ = writeln!(wrong, "── {}\nexpected\n{expected}\nfound\n{found}", path.file_name().unwrap().display());
        }
    }
    assert_eq!(wrong, "");
    assert!(count >= 25, "only {count} files in {}", folder.display());
}

#[test]
fn a_long_text_is_cut_with_a_notice_and_recorded() {
    let visible = visible_within(&"word ".repeat(1_000), 200);
    assert!(visible.text.chars().count() <= 200);
    assert!(visible.text.ends_with("[The rest of this text was cut off: it is too long.]"), "{}", visible.text);
    assert_eq!(visible.removed.last().map(|removed| removed.kind), Some(Hidden::Excess));
    let huge = baton_core::prose::untrusted::visible(&"<b>".repeat(200_000));
    assert!(huge.text.chars().count() <= MAX_CHARS);
}

#[test]
fn a_title_is_one_line_without_hidden_characters() {
    let title = visible_line("  Crash\u{202e} on\r\n\u{e0041}empty\u{a0}list <!-- shown -->");
    assert_eq!(title.text, "Crash on empty list <!-- shown -->");
    assert_eq!(title.removed[0].excerpt, "\\u{202e}A");
}

/// A hiding place for a secret word, in which no reader of the page sees it.
fn hiding_place() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "<!-- SECRET -->",
        "<!--\nSECRET\n-->",
        "<span hidden>SECRET</span>",
        "<div style=\"display:none\">SECRET <b>SECRET</b></div>",
        "<img alt=\"SECRET\" src=x>",
        "<img src=\"https://SECRET.example/SECRET.png\">",
        "<i title='SECRET'>x</i>",
        "<i data-x=SECRET aria-label=SECRET>x</i>",
        "![SECRET](SECRET \"SECRET\")",
        "[x](/SECRET)",
        "[x](https://e.com/SECRET \"SECRET\")",
        "<a href=\"javascript:SECRET\">x</a>",
        "<template>SECRET</template>",
    ])
    .prop_map(str::to_owned)
}

fn plain() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "word ",
        "\n",
        "\n\n",
        "**bold** ",
        "- item\n",
        "> quote\n",
        "\n\n| a | b |\n|---|---|\n| c | d |\n\n",
        "1. one\n",
        "# head\n\n",
        "&amp; ",
        "\u{200b}",
        "a<br>",
        "<b>x</b> ",
        "a_b ",
        "\\* ",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn c_01_what_is_hidden_is_never_shown(
        before in prop::collection::vec(plain(), 0..8),
        hidden in hiding_place(),
        after in prop::collection::vec(plain(), 0..8),
    ) {
        let text = format!("{}x {hidden}{}", before.concat(), after.concat());
        let visible = visible(&text);
        prop_assert!(!visible.text.contains("SECRET"), "{text:?} → {:?}", visible.text);
        prop_assert!(visible.removed.iter().any(|removed| removed.excerpt.contains("SECRET")), "{text:?} → {:?}", visible.removed);
    }

    #[test]
    fn c_01_no_hidden_character_passes_and_nothing_panics(text in any::<String>(), other in "[<>&#x0-9a-f;!\\-`*_~|\\[\\]()\"'= \n\u{200b}\u{e0041}]{0,80}") {
        for text in [text, other] {
            let visible = visible(&text);
            let odd = visible.text.chars().find(|c| {
                c.is_control() && *c != '\n' && *c != '\t'
                    || matches!(u32::from(*c), 0xAD | 0x34F | 0x61C | 0x180B..=0x180F | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF | 0xE0000..=0xE0FFF)
            });
            prop_assert_eq!(odd, None, "{:?}", visible.text);
        }
    }

    #[test]
    fn plain_words_are_shown_as_they_are(words in prop::collection::vec("[a-zA-Z0-9.,;:'é]{1,10}", 1..30)) {
        let text = format!("Word {}", words.join(" "));
        prop_assert_eq!(visible(&text).text, text);
    }

    #[test]
    fn code_is_shown_to_the_letter(code in "[ -~\n]{0,120}") {
        let visible = visible(&format!("``````````x\n{code}\n``````````"));
        prop_assume!(!code.contains("``````````") && !code.trim().is_empty());
        prop_assert!(visible.text.contains(&code), "{:?}", visible.text);
    }
}
