//! Who acts, and the one function that decides who may do what.

use serde::{Deserialize, Serialize};

use super::ids::UserId;
use super::rejection::Rejection;

/// A person's or program's standing in one repository, as GitHub told at that moment.
///
/// `role_name` of `GET /repos/{owner}/{repo}/collaborators/{username}/permission`; the order is GitHub's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// No access of their own.
    None,
    /// May read.
    Read,
    /// May manage issues, and nothing more.
    Triage,
    /// May push.
    Write,
    /// May manage the repository.
    Maintain,
    /// May do everything.
    Admin,
}

/// GitHub's kinds of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A person (or a machine user, which GitHub does not tell apart).
    User,
    /// The bot user of an App.
    Bot,
    /// An organisation.
    Organization,
}

/// Somebody named in a history, a trailer or a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Person {
    /// GitHub's number, which survives renames.
    pub id: UserId,
    /// The login at that time.
    pub login: String,
}

/// Who did something, with everything that decides whether they may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub person: Person,
    /// What kind of account.
    pub kind: AccountKind,
    /// Their role in this repository, asked of GitHub for this very act.
    pub role: Role,
    /// Whether the operator named this exact login as a program that may act (`policy.trusted_bots`).
    pub trusted_bot: bool,
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask where things stand, or for help.
    Ask,
    /// Start, plan, approve, revise, reject, cancel, pause, resume, retry, steer.
    Steer,
}

/// The one decision who may do what.
///
/// # Errors
/// Programs are refused unless named; steering needs the role `write` or more on this repository.
pub fn authorise(actor: &Actor, action: Action) -> Result<(), Rejection> {
    match actor.kind {
        AccountKind::User => {}
        AccountKind::Bot if actor.trusted_bot => {}
        AccountKind::Bot | AccountKind::Organization => return Err(Rejection::ProgramsMayNot),
    }
    match action {
        Action::Ask => Ok(()),
        Action::Steer if actor.role >= Role::Write => Ok(()),
        Action::Steer => Err(Rejection::NeedsWrite { role: actor.role }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(kind: AccountKind, role: Role, trusted_bot: bool) -> Actor {
        Actor { person: Person { id: UserId(1), login: "x".into() }, kind, role, trusted_bot }
    }

    #[test]
    fn only_writers_steer_and_only_named_programs_do_anything() {
        let roles = [Role::None, Role::Read, Role::Triage, Role::Write, Role::Maintain, Role::Admin];
        for role in roles {
            for (kind, trusted) in [
                (AccountKind::User, false),
                (AccountKind::Bot, false),
                (AccountKind::Bot, true),
                (AccountKind::Organization, true),
            ] {
                let may_ask = kind == AccountKind::User || (kind == AccountKind::Bot && trusted);
                let who = actor(kind, role, trusted);
                assert_eq!(authorise(&who, Action::Ask).is_ok(), may_ask, "{who:?}");
                assert_eq!(authorise(&who, Action::Steer).is_ok(), may_ask && role >= Role::Write, "{who:?}");
            }
        }
    }
}
