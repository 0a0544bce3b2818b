//! Markdown to HTML that cannot do anything: of raw HTML a few tags come through (`raw`), links go to http(s) and to pages
//! here only, images are not loaded.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, TextMergeStream, html};

use super::raw::Open;
use super::references::References;

/// Text made safe for HTML and for quoted attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A post's Markdown as HTML; comments in it stay invisible, as on GitHub.
pub(super) fn render(markdown: &str, references: &References<'_>) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut reader = Reader { references, open: Open::default(), block: None, quoted: 0 };
    let mut events: Vec<Event<'_>> = Vec::new();
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        reader.take(event, &mut events);
    }
    events.push(Event::Html(reader.open.leave().into()));
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    out
}

/// On the way through a post.
struct Reader<'r> {
    references: &'r References<'r>,
    open: Open,
    /// A block of raw HTML, which is read whole: a comment may go over many lines.
    block: Option<String>,
    /// Inside how many links and blocks of code: nothing in them is a reference.
    quoted: usize,
}

impl Reader<'_> {
    fn take<'e>(&mut self, event: Event<'e>, out: &mut Vec<Event<'e>>) {
        match event {
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                let block = self.block.take().unwrap_or_default();
                out.push(Event::Html(self.open.admit(&block).into()));
            }
            Event::Html(raw) | Event::InlineHtml(raw) => match &mut self.block {
                Some(block) => block.push_str(&raw),
                None => out.push(Event::InlineHtml(self.open.admit(&raw).into())),
            },
            Event::Text(text) if self.quoted == 0 && self.block.is_none() => {
                out.push(Event::InlineHtml(self.references.linked(&text).into()));
            }
            // A line's end is one in a comment, as on GitHub.
            Event::SoftBreak => out.push(Event::HardBreak),
            Event::Start(Tag::Image { .. }) => out.push(Event::Text("[image: ".into())),
            Event::End(TagEnd::Image) => out.push(Event::Text("]".into())),
            Event::Start(tag) => {
                self.quoted += usize::from(matches!(tag, Tag::Link { .. } | Tag::CodeBlock(_)));
                self.open.enter();
                out.push(Event::Start(harmless(tag)));
            }
            Event::End(end) => {
                self.quoted -= usize::from(matches!(end, TagEnd::Link | TagEnd::CodeBlock));
                match self.open.leave() {
                    nothing if nothing.is_empty() => {}
                    ends => out.push(Event::InlineHtml(ends.into())),
                }
                out.push(Event::End(end));
            }
            other => out.push(other),
        }
    }
}

/// A link leads to http(s) or to a page here, or nowhere.
fn harmless(tag: Tag<'_>) -> Tag<'_> {
    let Tag::Link { link_type, dest_url, title, id } = tag else { return tag };
    let plain = ["http://", "https://", "/", "#"].iter().any(|start| dest_url.starts_with(start));
    let dest_url = if plain { dest_url } else { CowStr::Borrowed("#") };
    Tag::Link { link_type, dest_url, title, id }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(markdown: &str) -> String {
        let kind = |number: u64| [None, Some("issues"), Some("pull")].get(usize::try_from(number).ok()?).copied()?;
        render(markdown, &References { repository: "acme/app", kind: &kind })
    }

    #[test]
    fn nothing_in_a_post_comes_alive() {
        let post = "Hi <script>alert(1)</script> [x](javascript:alert(2)) ![y](http://spy/z.png)\n\n<!-- key\nhidden\n\n\
                    still --> after\n\n<b onclick=\"x()\">bold</b> <a href=\"javascript:x\">y</a>\n\n<!-- never ends\n\nhidden";
        insta::assert_snapshot!(shown(post), @r##"
        <p>Hi &lt;script&gt;alert(1)&lt;/script&gt; <a href="#">x</a> [image: y]</p>
         after
        <p><b>bold</b> &lt;a href=&quot;javascript:x&quot;&gt;y&lt;/a&gt;</p>
        "##);
    }

    /// What Baton writes: folded lists, small print, line breaks in a table; and links as GitHub makes them.
    #[test]
    fn what_github_shows_is_shown() {
        let post = "Closes #1, see #2, #9 and https://example.com/a?b=1.\nNext line, not a`#1`#2x.\n\n\
                    <details><summary>Commands</summary>\n\n- `test`\n\n</details>\n\n\
                    | a | b |\n|---|---|\n| one<br>two | <kbd>x</kbd> |\n\n<sub>Small print.</sub>";
        insta::assert_snapshot!(shown(post), @r#"
        <p>Closes <a href="/acme/app/issues/1">#1</a>, see <a href="/acme/app/pull/2">#2</a>, #9 and <a href="https://example.com/a?b=1">https://example.com/a?b=1</a>.<br />
        Next line, not a<code>#1</code>#2x.</p>
        <details><summary>Commands</summary>
        <ul>
        <li><code>test</code></li>
        </ul>
        </details>
        <table><thead><tr><th>a</th><th>b</th></tr></thead><tbody>
        <tr><td>one<br>two</td><td><kbd>x</kbd></td></tr>
        </tbody></table>
        <p><sub>Small print.</sub></p>
        "#);
    }

    /// A post that closes what it did not open, or leaves open what it opened, stays in its box.
    #[test]
    fn a_post_stays_in_its_box() {
        insta::assert_snapshot!(shown("</details></article></div>\n\n<details><b>x\n\n- <i>y\n\n</details> z"), @r"
        &lt;/article&gt;&lt;/div&gt;
        <details><b>x
        <ul>
        <li><i>y</i></li>
        </ul>
        </b></details> z
        ");
    }

    /// Whether it closes, its name, its attributes.
    type Seen = (bool, String, Vec<(String, String)>);

    /// The tags of a page, each with its attributes; an error where a `<` or `>` begins or ends none.
    fn tags(html: &str) -> Result<Vec<Seen>, String> {
        let mut tags = Vec::new();
        let mut rest = html;
        while let Some(at) = rest.find(['<', '>']) {
            rest = rest[at..].strip_prefix('<').ok_or_else(|| format!("a loose >: {rest}"))?;
            let closes = rest.starts_with('/');
            rest = rest.trim_start_matches('/');
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let name = rest[..end].to_owned();
            rest = &rest[end..];
            let mut attributes = Vec::new();
            loop {
                rest = rest.trim_start();
                if let Some(after) = rest.strip_prefix("/>").or_else(|| rest.strip_prefix('>')) {
                    rest = after;
                    break;
                }
                let (key, after) = rest.split_once("=\"").ok_or_else(|| format!("no attribute: {rest}"))?;
                let (value, after) = after.split_once('"').ok_or("a value without an end")?;
                attributes.push((key.to_owned(), value.to_owned()));
                rest = after;
            }
            tags.push((closes, name, attributes));
        }
        Ok(tags)
    }

    /// Pieces of which strangers make posts.
    fn hostile() -> impl Strategy<Value = String> {
        let pieces = [
            "<script>",
            "</script>",
            "<b onclick=x>",
            "<details open ontoggle=x>",
            "</details>",
            "<sub>",
            "</sub>",
            "<br/>",
            "<img src=x onerror=y>",
            "<svg/onload=x>",
            "<!--",
            "-->",
            "<a href='javascript:x'>",
            "[x](javascript:y)",
            "[x](data:text/html,y)",
            "![i](http://s/x)",
            "](",
            "[",
            "`",
            "```\n",
            "\n",
            "\n\n",
            "- ",
            "> ",
            "| a | b |\n|--|--|\n",
            "\"",
            "'",
            "<",
            ">",
            "=",
            "&lt;",
            "&#60;script&#62;",
            " onmouseover=",
            "<td",
            "<table>",
            "</table>",
            "<p>",
            "#1",
            "#2",
            "https://e/x\"onclick=\"y",
            "<https://e/\">",
            "**",
            "a",
            "\\",
            "<style>",
            "<B>",
            "</B >",
            "<pre>",
            "</pre>",
            "\u{0}",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        /// No tag, attribute or address but those that are known to do nothing, and all of them closed in order.
        #[test]
        fn no_post_makes_a_page_do_anything(post in hostile()) {
            let html = shown(&post);
            let tags = tags(&html).map_err(TestCaseError::fail)?;
            let harmless = [
                "a", "b", "blockquote", "br", "code", "dd", "del", "details", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
                "hr", "i", "input", "ins", "kbd", "li", "ol", "p", "pre", "strong", "sub", "summary", "sup", "table", "tbody",
                "td", "th", "thead", "tr", "ul",
            ];
            let mut open: Vec<&str> = Vec::new();
            for (closes, name, attributes) in &tags {
                prop_assert!(harmless.contains(&name.as_str()), "{name}: {html}");
                for (key, value) in attributes {
                    let fine = match key.as_str() {
                        "href" => ["http://", "https://", "/", "#"].iter().any(|start| value.starts_with(start)),
                        "title" | "class" | "start" | "type" | "disabled" | "checked" | "style" => true,
                        _ => false,
                    };
                    prop_assert!(fine, "{key}={value}: {html}");
                }
                if ["br", "hr", "input"].contains(&name.as_str()) {
                    continue;
                }
                if *closes {
                    prop_assert_eq!(open.pop(), Some(name.as_str()), "{}", &html);
                } else {
                    open.push(name);
                }
            }
            prop_assert!(open.is_empty(), "{open:?}: {html}");
        }

        #[test]
        fn no_text_makes_a_script(text in "(<|script|>|\\]|\\(|!|\\[|javascript:|on|=|\"|&|`|\n| |a){0,40}") {
            let html = shown(&text).to_lowercase();
            prop_assert!(!html.contains("<script"));
            prop_assert!(!html.contains("href=\"javascript:"));
        }
    }
}
