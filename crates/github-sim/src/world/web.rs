//! What the pages for people remember between two requests: manifests shown but not yet used, and codes not yet traded in.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// A manifest somebody was shown, until they press the button.
#[derive(Debug, Clone)]
pub(crate) struct PendingManifest {
    /// The text of the form field, exactly as it came.
    pub text: String,
    /// Handed back with the code.
    pub state: Option<String>,
    /// The organisation of the page's address; `None`: the person's own account.
    pub org: Option<String>,
}

/// What a code of the manifest flow is good for, once and for an hour.
#[derive(Debug, Clone)]
pub(crate) struct ManifestCode {
    pub app: u64,
    pub private_key_pem: String,
    pub made_at: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Web {
    pub manifests: BTreeMap<String, PendingManifest>,
    pub codes: BTreeMap<String, ManifestCode>,
}
