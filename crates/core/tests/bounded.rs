//! Texts cut to GitHub's limits (SECURITY.md C-12).

use baton_core::prose::bounded::{BODY_CHARS, CHECK_BYTES, body, check_text, ellipsis, truncate_bytes, truncate_chars};
use insta::assert_snapshot;
use proptest::prelude::*;

#[test]
fn an_open_fence_comment_or_section_is_closed_before_the_notice() {
    let text =
        "start\n\n<details><summary>log</summary>\n\n> ````rust\n> let a = 1;\n> ```\n> let b = 2;\n> ````\n</details>";
    assert_snapshot!(truncate_chars(text, 95, "(cut)"), @r#"
    start

    <details><summary>log</summary>

    > ````rust
    > let a = 1;
    > ```

    </details>

    (cut)
    "#);
    assert_snapshot!(truncate_chars("a <!-- a long comment of ours that goes on", 30, "(cut)"), @r#"
    a <!-- a long commen-->

    (cut)
    "#);
    assert_snapshot!(truncate_chars("~~~\n<!-- no comment in code\n~~~\nand words and words", 45, "(cut)"), @r#"
    ~~~
    <!-- no comment in code
    ~~~
    and wo

    (cut)
    "#);
    assert_snapshot!(truncate_bytes("ééééééééééééééé", 20, "(cut)"), @r#"
    éééééé

    (cut)
    "#);
    assert_snapshot!(truncate_chars("too small for any notice", 3, "(cut)"), @r#"(cu"#);
}

#[test]
fn github_s_limits_hold_for_wide_characters() {
    let wide = "𝔘".repeat(70_000);
    assert_eq!(body(&wide).chars().count(), BODY_CHARS);
    let cut = check_text(&wide);
    assert!(cut.len() <= CHECK_BYTES && cut.len() > CHECK_BYTES - 4, "{}", cut.len());
    assert_eq!(body("short"), "short");
}

#[test]
fn an_ellipsis_stands_for_what_is_missing() {
    assert_eq!(ellipsis("abcdef", 6), "abcdef");
    assert_eq!(ellipsis("abcdefg", 6), "abcde…");
    assert_eq!(ellipsis("ab cdefg", 4), "ab…");
    assert_eq!(ellipsis("é", 0), "");
}

fn rendered(markdown: &str) -> String {
    let mut options = comrak::Options::default();
    options.render.r#unsafe = true;
    comrak::markdown_to_html(markdown, &options)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_limit_holds_and_the_notice_is_seen(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "```\n", "~~~~\n", "````rust\n", "word ", "\n", "\n\n", "é", "😀", "<!-- x -->", "<details>\n\n", "\n\n</details>\n\n", "> ",
        ]), 0..80),
        max in 120usize..300,
    ) {
        let text = pieces.concat();
        for (cut, length) in [
            (truncate_chars(&text, max, "NOTICE"), truncate_chars(&text, max, "NOTICE").chars().count()),
            (truncate_bytes(&text, max, "NOTICE"), truncate_bytes(&text, max, "NOTICE").len()),
        ] {
            prop_assert!(length <= max, "{length} > {max}: {cut:?}");
            if cut != text {
                let html = rendered(&cut);
                prop_assert!(html.contains("NOTICE</p>"), "{cut:?} → {html}");
            }
        }
    }
}
