//! GitHub's dialect: which extensions are on, which tags it shows instead of obeying, which elements HTML knows.

use std::collections::HashSet;
use std::sync::LazyLock;

use pulldown_cmark::Options;
use regex::Regex;

/// The extensions that GitHub's comments have.
pub(crate) const OPTIONS: Options = Options::ENABLE_TABLES
    .union(Options::ENABLE_FOOTNOTES)
    .union(Options::ENABLE_STRIKETHROUGH)
    .union(Options::ENABLE_TASKLISTS)
    .union(Options::ENABLE_GFM)
    .union(Options::ENABLE_MATH);

/// The most parts of a text that are looked at. No honest text has so many: a table's missing cells can multiply, as in a
/// head of ten thousand columns above ten thousand rows.
pub(crate) const MAX_EVENTS: usize = 400_000;

/// The nine tags that GitHub shows as text ("Disallowed Raw HTML" in the GFM specification, 6.11).
#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by every test")]
static FILTERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)<(/?(?:title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext)(?:[\s/>]|$))").unwrap()
});

/// Raw HTML with GitHub's tag filter applied.
pub(crate) fn tag_filtered(html: &str) -> String {
    FILTERED.replace_all(html, "&lt;$1").into_owned()
}

/// Elements that never have content (HTML standard, 13.1.2).
pub(crate) fn is_void_element(name: &str) -> bool {
    const VOID: &[&str] = &[
        "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input", "keygen",
        "link", "meta", "param", "source", "track", "wbr",
    ];
    VOID.contains(&name)
}

/// Elements that browsers or GitHub's sanitiser know; every other tag (`Vec<String>` in prose) is dropped and its
/// content kept, so it hides nothing.
pub(crate) fn is_html_element(name: &str) -> bool {
    KNOWN.contains(name)
}

/// The HTML standard's elements, obsolete ones included.
static KNOWN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let names = "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote \
        body br button canvas caption center cite code col colgroup command content data datalist dd del details dfn \
        dialog dir div dl dt element em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 \
        h5 h6 h7 h8 head header hgroup hr html i image img input ins isindex kbd keygen label legend li link listing \
        main map mark marquee math menu menuitem meta meter nav nobr noscript object ol optgroup option output p \
        param picture pre progress q rb rp rt rtc ruby s samp search section select slot small source spacer span \
        strike strong sub summary sup svg table tbody td template tfoot th thead time tr track tt u ul var video wbr";
    names.split_whitespace().collect()
});
