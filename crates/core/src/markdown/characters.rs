//! Which characters a reader cannot see, judged by Unicode class and not by a list of known tricks.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Whether a character must not pass: controls (except line feed and tab), formats (zero width, bidirectional, tags),
/// private use, unassigned, and what is drawn as nothing (variation selectors, fillers, joiners).
pub(crate) fn is_hidden(c: char) -> bool {
    if c == '\n' || c == '\t' || c.is_ascii_graphic() || c == ' ' {
        return false;
    }
    let by_class = matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::Surrogate
    );
    by_class || is_blank(c)
}

/// Characters of visible classes that are drawn as nothing: the rest of Unicode's Default_Ignorable_Code_Point
/// (DerivedCoreProperties), and the two that stand for missing things.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\u{034F}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FFA0}'
            | '\u{FFFC}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Whether a character is drawn as empty space: every separator, and the empty Braille cell.
pub(crate) fn is_space(c: char) -> bool {
    c.general_category() == GeneralCategory::SpaceSeparator || c == '\u{2800}'
}

/// Whether a character ends a line somewhere though it is not a line feed.
pub(crate) fn is_line_end(c: char) -> bool {
    matches!(c, '\u{0B}' | '\u{0C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
