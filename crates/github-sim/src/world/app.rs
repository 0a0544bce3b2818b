//! GitHub Apps, their installations, and the tokens that stand for them and for people.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::permission::Permissions;

#[derive(Debug)]
pub(crate) struct App {
    pub id: u64,
    pub slug: String,
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
    pub owner: u64,
    pub bot: u64,
    pub public_key_pem: String,
    pub about: About,
    pub webhook_url: Option<String>,
    pub webhook_secret: String,
    pub hook_id: u64,
    pub hook: HookSettings,
    pub permissions: Permissions,
    pub events: BTreeSet<String>,
    pub created_at: Timestamp,
}

/// What an App's registration says about it.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    pub description: Option<String>,
    pub homepage: Option<String>,
    /// Anybody may install it, not its owner alone.
    pub public: bool,
    /// Where the browser goes after an installation.
    pub setup_url: Option<String>,
    /// And after its repositories changed.
    pub setup_on_update: bool,
}

/// How the App's webhook is delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HookSettings {
    pub active: bool,
    /// `payload=` in a form instead of plain JSON.
    pub form: bool,
    pub insecure_ssl: bool,
}

impl HookSettings {
    pub(crate) fn content_type(self) -> &'static str {
        if self.form { "form" } else { "json" }
    }
}

#[derive(Debug)]
pub(crate) struct Installation {
    pub id: u64,
    pub app: u64,
    pub account: u64,
    /// `None`: all repositories of the account.
    pub selected: Option<BTreeSet<u64>>,
    pub permissions: Permissions,
    pub events: BTreeSet<String>,
    /// Since when, and by whom.
    pub suspended: Option<(Timestamp, u64)>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub(crate) enum TokenKind {
    Installation {
        installation: u64,
        /// `None`: whatever the installation covers.
        repositories: Option<BTreeSet<u64>>,
        permissions: Permissions,
    },
    Personal {
        user: u64,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub id: u64,
    pub text: String,
    pub kind: TokenKind,
    pub expires_at: Option<Timestamp>,
    pub revoked: bool,
}
