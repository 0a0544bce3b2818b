//! What a person pastes into the terminal when their browser could not come back: the whole address it shows. Nothing
//! less: a code alone could be of an App that somebody else made, and whoever made an App has its key.

use url::Url;

/// Why that is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasteError {
    /// Not one at all.
    #[error(
        "this is no address with a code. After \"Create GitHub App\", copy the whole address from the browser's bar: it \
         ends in `?code=…&state=…`"
    )]
    NoCode,
    /// One without its proof.
    #[error(
        "a code alone does not say whose App it belongs to: it could be one that somebody else made and has the key of. Paste \
         the whole address from the browser's bar: its `state=…` shows that it answers this set-up"
    )]
    CodeAlone,
    /// An answer to something else.
    #[error("this address belongs to another set-up. Begin again from the link above")]
    OtherState,
}

/// The code in an address that was pasted. `is_ours` tells whether a state is the one that was sent along.
///
/// # Errors
/// [`PasteError`]
pub fn code_in(pasted: &str, is_ours: impl Fn(&str) -> bool) -> Result<String, PasteError> {
    let pasted = pasted.trim();
    let Ok(url) = pasted.parse::<Url>() else {
        return Err(if is_code(pasted) { PasteError::CodeAlone } else { PasteError::NoCode });
    };
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    let code = value("code").filter(|code| is_code(code)).ok_or(PasteError::NoCode)?;
    match value("state") {
        Some(state) if is_ours(&state) => Ok(code),
        Some(_) => Err(PasteError::OtherState),
        None => Err(PasteError::CodeAlone),
    }
}

/// GitHub's codes are hexadecimal today; nothing is promised but that they stand in an address.
pub(super) fn is_code(text: &str) -> bool {
    (8..=255).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_with_its_state() {
        let read = |pasted: &str| code_in(pasted, |state| state == "ours");
        let code = Ok("0123456789abcdef".to_owned());
        assert_eq!(read(" 0123456789abcdef\n"), Err(PasteError::CodeAlone));
        assert_eq!(read("http://127.0.0.1:1/setup/created?code=0123456789abcdef&state=ours"), code);
        assert_eq!(read("http://x/y?state=ours&code=0123456789abcdef#z"), code);
        assert_eq!(read("http://x/y?code=0123456789abcdef&state=theirs"), Err(PasteError::OtherState));
        assert_eq!(read("http://x/y?code=0123456789abcdef"), Err(PasteError::CodeAlone));
        for none in
            ["", "abc", "../../etc/passwd", "0123456789 abcdef", "http://x/y?code=a/../b&state=ours", "http://x"]
        {
            assert_eq!(read(none), Err(PasteError::NoCode), "{none}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_pasted_only_a_code_comes_out(pasted in any::<String>()) {
            if let Ok(code) = code_in(&pasted, |_| true) {
                prop_assert!(is_code(&code));
            }
        }
    }
}
