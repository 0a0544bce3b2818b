//! Markdown to HTML that cannot do anything: raw HTML is shown as text, links go to http(s) only, images are not loaded.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Text made safe for HTML and for quoted attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A post's Markdown as HTML; comments in it stay invisible, as on GitHub.
pub(super) fn render(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let events = Parser::new_ext(markdown, options).filter_map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => {
            let comment = raw.trim_start().starts_with("<!--") || raw.trim_end().ends_with("-->");
            (!comment).then_some(Event::Text(raw))
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let plain = ["http://", "https://", "/", "#"].iter().any(|start| dest_url.starts_with(start));
            let dest_url = if plain { dest_url } else { CowStr::Borrowed("#") };
            Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        Event::Start(Tag::Image { .. }) => Some(Event::Text("[image: ".into())),
        Event::End(TagEnd::Image) => Some(Event::Text("]".into())),
        other => Some(other),
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_in_a_post_comes_alive() {
        let post =
            "Hi <script>alert(1)</script> [x](javascript:alert(2)) ![y](http://spy/z.png)\n\n<!-- key -->\n\n**bold**";
        let html = render(post);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("javascript:"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(!html.contains("key"), "{html}");
        assert!(html.contains("<strong>bold</strong>"), "{html}");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_script(text in "(<|script|>|\\]|\\(|!|\\[|javascript:|on|=|\"|&|`|\n| |a){0,40}") {
            let html = render(&text).to_lowercase();
            prop_assert!(!html.contains("<script"));
            prop_assert!(!html.contains("href=\"javascript:"));
        }
    }
}
