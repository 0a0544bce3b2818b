//! Who somebody is, and what they may do: asked of GitHub at that moment, never remembered.

use baton_core::domain::actor::{AccountKind, Person, Role};
use baton_core::domain::ids::UserId;

use crate::call::Call;
use crate::error::GitHubError;
use crate::operations::{CHECK_ASSIGNABLE, GET_ROLE};
use crate::repository::Repository;
use crate::wire;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who: number and login.
    pub person: Person,
    /// What kind. Kinds that are none of ours count as bots: nobody to take orders from.
    pub kind: AccountKind,
}

impl From<wire::User> for Account {
    fn from(user: wire::User) -> Self {
        Self {
            person: Person { id: UserId(user.id), login: user.login },
            kind: match user.kind.as_deref() {
                Some("User") => AccountKind::User,
                Some("Organization") => AccountKind::Organization,
                _ => AccountKind::Bot,
            },
        }
    }
}

impl Repository {
    /// What an account may do in this repository now.
    ///
    /// `expected` is the number the caller knows the login by: a login that meanwhile belongs to somebody else has no
    /// role at all.
    ///
    /// # Errors
    /// Whatever GitHub refuses. A caller must then take it that the account may do nothing.
    pub async fn permission_of(&self, login: &str, expected: Option<UserId>) -> Result<Role, GitHubError> {
        let reply = self.send(&Call::new(&GET_ROLE, &[self.owner(), self.name(), login])).await?;
        let role: wire::Role = reply.json()?;
        let somebody_else = match (expected, &role.user) {
            (Some(expected), Some(user)) => expected != UserId(user.id),
            _ => false,
        };
        Ok(if somebody_else { Role::None } else { role_of(&role.permission, role.role_name.as_deref()) })
    }

    /// Whether issues of this repository can be assigned to an account. An App's bot never can.
    ///
    /// # Errors
    /// Whatever GitHub refuses, except the 404 that means no.
    pub async fn is_assignable(&self, login: &str) -> Result<bool, GitHubError> {
        match self.send(&Call::new(&CHECK_ASSIGNABLE, &[self.owner(), self.name(), login])).await {
            Ok(_) => Ok(true),
            Err(GitHubError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The role behind GitHub's two fields. `permission` is the older one: it shows maintain as write and triage as read.
/// `role_name` refines it, may be a custom role's name, and may be missing; it never lifts above what `permission` allows.
fn role_of(permission: &str, role_name: Option<&str>) -> Role {
    let (least, most) = match permission {
        "admin" => (Role::Admin, Role::Admin),
        "write" => (Role::Write, Role::Maintain),
        "read" => (Role::Read, Role::Triage),
        _ => (Role::None, Role::None),
    };
    let named = match role_name {
        Some("admin") => Role::Admin,
        Some("maintain") => Role::Maintain,
        Some("write") => Role::Write,
        Some("triage") => Role::Triage,
        Some("read") => Role::Read,
        Some("none") => Role::None,
        _ => least,
    };
    named.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fields_count_and_the_lower_one_wins() {
        let mut lines = String::new();
        for permission in ["admin", "write", "read", "none", "owner"] {
            for role in [
                None,
                Some("admin"),
                Some("maintain"),
                Some("write"),
                Some("triage"),
                Some("read"),
                Some("release-manager"),
            ] {
                lines.push_str(&format!("{permission}/{}: {:?}\n", role.unwrap_or("-"), role_of(permission, role)));
            }
        }
        insta::assert_snapshot!(lines, @r"
        admin/-: Admin
        admin/admin: Admin
        admin/maintain: Maintain
        admin/write: Write
        admin/triage: Triage
        admin/read: Read
        admin/release-manager: Admin
        write/-: Write
        write/admin: Maintain
        write/maintain: Maintain
        write/write: Write
        write/triage: Triage
        write/read: Read
        write/release-manager: Write
        read/-: Read
        read/admin: Triage
        read/maintain: Triage
        read/write: Triage
        read/triage: Triage
        read/read: Read
        read/release-manager: Read
        none/-: None
        none/admin: None
        none/maintain: None
        none/write: None
        none/triage: None
        none/read: None
        none/release-manager: None
        owner/-: None
        owner/admin: None
        owner/maintain: None
        owner/write: None
        owner/triage: None
        owner/read: None
        owner/release-manager: None
        ");
    }
}
