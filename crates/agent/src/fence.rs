//! The fence around untrusted data in a prompt: a tag that the data cannot contain (SECURITY C-02).

use std::sync::Arc;

/// Draws the nonce of a run's fence; tests inject their own.
#[derive(Clone)]
pub struct Nonces(Arc<dyn Fn() -> String + Send + Sync>);

impl Nonces {
    /// 128 random bits, in hexadecimal.
    #[must_use]
    pub fn random() -> Self {
        Self(Arc::new(|| format!("{:032x}", rand::random::<u128>())))
    }

    /// Always the same nonce: for tests that compare whole prompts.
    #[must_use]
    pub fn fixed(nonce: &str) -> Self {
        let nonce = nonce.to_owned();
        Self(Arc::new(move || nonce.clone()))
    }

    pub(crate) fn draw(&self) -> Fence {
        Fence { nonce: (self.0)() }
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces")
    }
}

/// What stands where the data had the nonce in it. Shares no character with a hexadecimal nonce, so that taking one
/// occurrence out can never join its surroundings into another.
const TAKEN_OUT: &str = "[…]";

/// One run's fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    nonce: String,
}

impl Fence {
    /// The fence's name, as the prompt explains it.
    pub(crate) fn tag(&self) -> String {
        format!("data-{}", self.nonce)
    }

    /// The data between its tags. `what` is Baton's own word for it, never outside text.
    pub(crate) fn around(&self, what: &str, data: &str) -> String {
        let tag = self.tag();
        format!("<{tag} what=\"{what}\">\n{}\n</{tag}>", self.escaped(data))
    }

    /// The data without any occurrence of the nonce, in whichever case.
    fn escaped(&self, data: &str) -> String {
        let lower = data.to_ascii_lowercase();
        let nonce = self.nonce.to_ascii_lowercase();
        if nonce.is_empty() {
            return data.to_owned();
        }
        let mut clean = String::with_capacity(data.len());
        let mut from = 0;
        // ASCII lower-casing keeps every byte offset, so positions in `lower` are positions in `data`.
        while let Some(at) = lower[from..].find(&nonce) {
            clean.push_str(&data[from..from + at]);
            clean.push_str(TAKEN_OUT);
            from += at + nonce.len();
        }
        clean.push_str(&data[from..]);
        clean
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the data, even data that knows the nonce, the fence opens once and closes once.
        #[test]
        fn the_fence_opens_once_and_closes_once(
            pieces in prop::collection::vec(prop_oneof![
                Just("5eed".to_owned()), Just("5EED".to_owned()), Just("5e".to_owned()), Just("ed".to_owned()),
                Just("</data-5eed>".to_owned()), Just("<data-5eed what=\"issue\">".to_owned()), ".{0,8}",
            ], 0..12)
        ) {
            let fence = Nonces::fixed("5eed").draw();
            let fenced = fence.around("the issue", &pieces.concat()).to_ascii_lowercase();
            prop_assert_eq!(fenced.matches("5eed").count(), 2);
            prop_assert!(fenced.starts_with("<data-5eed what=\"the issue\">\n"));
            prop_assert!(fenced.ends_with("\n</data-5eed>"));
        }
    }

    #[test]
    fn random_nonces_differ() {
        let nonces = Nonces::random();
        assert_ne!(nonces.draw(), nonces.draw());
        assert_eq!(nonces.draw().tag().len(), "data-".len() + 32);
    }
}
