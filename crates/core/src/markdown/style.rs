//! Which elements are made not to be seen.

use std::sync::LazyLock;

use regex::Regex;

#[expect(clippy::unwrap_used, reason = "a constant pattern, compiled by every test")]
static HIDING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"display:none|visibility:(hidden|collapse)|opacity:(0?\.0\d*|0)(%|;|!|$)|font-size:0*(\.\d+|[01](\.\d+)?)(px|pt|em|rem|%|;|!|$)",
        r"|(^|;)color:(white|transparent|#fff|#fefefe|#fdfdfd|rgba?\(25[0-5],25[0-5],25[0-5]|rgba\([^)]*,0?\.?0*\)|hsl\([^)]*100%\))",
        r"|(^|;)(max-)?(height|width):0|text-indent:-|(left|top|right|bottom|margin-left|margin-top):-\d{3}|clip(-path)?:|transform:scale\(0|mix-blend-mode|filter:",
    ))
    .unwrap()
});

/// Whether an element of this name with these attributes hides its content from people: by itself, or by a trick of style.
///
/// GitHub drops `style` and shows the content; but who writes it there meant it not to be read, and other pages obey it.
pub(crate) fn hides(element: &str, attribute: &dyn Fn(&str) -> Option<String>) -> bool {
    let style = || {
        let style = attribute("style")?.to_ascii_lowercase();
        let mut plain = String::new();
        // A comment inside a style breaks up words for a naive reader and not for a browser.
        for (index, part) in style.split("/*").enumerate() {
            let part = if index == 0 { part } else { part.split_once("*/").map_or("", |(_, rest)| rest) };
            plain.extend(part.chars().filter(|c| !c.is_whitespace()));
        }
        Some(HIDING.is_match(&plain) || plain.contains('\\'))
    };
    let pale = || {
        let color = attribute("color")?.to_ascii_lowercase();
        Some(matches!(color.trim(), "white" | "#fff" | "#ffffff" | "transparent"))
    };
    attribute("hidden").is_some()
        || attribute("aria-hidden").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || matches!(element, "template" | "noscript" | "head" | "datalist" | "object" | "svg" | "math")
        || style().unwrap_or(false)
        || (element == "font" && pale().unwrap_or(false))
}
