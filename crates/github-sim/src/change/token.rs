//! Tokens: of an installation, narrowed when minted, and of a person.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use rand::Rng;

use super::{Done, Refusal};
use crate::world::World;
use crate::world::app::{Token, TokenKind};
use crate::world::permission::Permissions;

/// How long an installation token lives.
pub(crate) const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// What a new installation token is narrowed to.
#[derive(Debug, Default)]
pub(crate) struct Narrowing {
    pub repositories: Option<BTreeSet<u64>>,
    pub permissions: Option<Permissions>,
}

impl World {
    /// Mints an installation token, checked against what the installation has.
    pub(crate) fn mint(&mut self, installation: u64, wish: Narrowing) -> Done<u64> {
        let it = self.installation(installation).ok_or_else(Refusal::not_found)?;
        if it.suspended.is_some() {
            return Err(Refusal::new(403, "This installation has been suspended"));
        }
        let granted = it.permissions.clone();
        let permissions = match wish.permissions {
            None => granted,
            Some(wanted) => {
                let too_much = wanted.iter().any(|(name, level)| granted.get(name).is_none_or(|has| has < level));
                if too_much {
                    let text = "The permissions requested are not granted to this installation.";
                    return Err(Refusal::new(422, text));
                }
                with_metadata(wanted)
            }
        };
        if let Some(wanted) = &wish.repositories {
            let reached = self.repositories_of(installation);
            if wanted.iter().any(|repo| !reached.contains(repo)) {
                let text = "There is at least one repository that does not exist or is not accessible to the parent \
                            installation.";
                return Err(Refusal::new(422, text));
            }
        }
        let app = self.installation(installation).map_or(0, |it| it.app);
        let now = self.now();
        let kind = TokenKind::Installation { installation, repositories: wish.repositories, permissions };
        let token = Token {
            id: self.fresh_id(),
            text: format!("ghs_{app}_{}", long_text()),
            kind,
            expires_at: Some(now.checked_add(TOKEN_LIFE).unwrap_or(now)),
            revoked: false,
        };
        let id = token.id;
        self.tokens.push(token);
        Ok(id)
    }

    /// Ends every installation token there is, though each was said to live on.
    pub(crate) fn expire_tokens(&mut self) {
        let of_apps = |token: &&mut Token| matches!(token.kind, TokenKind::Installation { .. });
        self.tokens.iter_mut().filter(of_apps).for_each(|token| token.revoked = true);
    }

    /// A token for a person; the same one every time.
    pub(crate) fn personal_token(&mut self, user: u64) -> String {
        let mine = |token: &&Token| matches!(token.kind, TokenKind::Personal { user: of } if of == user);
        if let Some(token) = self.tokens.iter().find(mine) {
            return token.text.clone();
        }
        let id = self.fresh_id();
        let mut bytes = [0u8; 18];
        rand::rng().fill_bytes(&mut bytes);
        let text = format!("ghp_{}", hex::encode(bytes));
        let kind = TokenKind::Personal { user };
        self.tokens.push(Token { id, text: text.clone(), kind, expires_at: None, revoked: false });
        text
    }
}

fn with_metadata(mut permissions: Permissions) -> Permissions {
    permissions.entry("metadata".into()).or_insert(crate::Level::Read);
    permissions
}

/// Three random parts in the shape and about the length of the long tokens GitHub hands out since April 2026.
fn long_text() -> String {
    let part = |length: usize| {
        let mut bytes = vec![0u8; length];
        rand::rng().fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    format!("{}.{}.{}", part(30), part(200), part(140))
}
