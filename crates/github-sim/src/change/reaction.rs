//! Reactions to issues and comments. GitHub sends no webhook for them.

use serde_json::{Value, json};

use super::{Done, Refusal};
use crate::world::issue::{REACTIONS, Reaction};
use crate::world::{Actor, World};

/// What a reaction is to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Issue(u64),
    Comment(u64),
}

impl World {
    pub(crate) fn reactions_mut(&mut self, repo: u64, to: Target) -> Done<&mut Vec<Reaction>> {
        match to {
            Target::Issue(number) => self.issue_mut(repo, number).map(|issue| &mut issue.reactions),
            Target::Comment(id) => self.comment_mut(repo, id).map(|comment| &mut comment.reactions),
        }
        .ok_or_else(Refusal::not_found)
    }

    /// The reaction, and whether it is new.
    pub(crate) fn react(&mut self, by: &Actor, repo: u64, to: Target, content: &str) -> Done<(Reaction, bool)> {
        if !REACTIONS.contains(&content) {
            return Err(Refusal::invalid("Reaction", "content", "invalid"));
        }
        let (id, now) = (self.fresh_id(), self.now());
        let reactions = self.reactions_mut(repo, to)?;
        if let Some(there) = reactions.iter().find(|it| it.user == by.user && it.content == content) {
            return Ok((there.clone(), false));
        }
        let reaction = Reaction { id, user: by.user, content: content.to_owned(), created_at: now };
        reactions.push(reaction.clone());
        self.record(by, "reaction.create", Some(repo), json!({"to": describe(to), "content": content}));
        Ok((reaction, true))
    }

    /// Takes one's own reaction back.
    pub(crate) fn unreact(&mut self, by: &Actor, repo: u64, to: Target, id: u64) -> Done<()> {
        let reactions = self.reactions_mut(repo, to)?;
        let at = reactions.iter().position(|it| it.id == id && it.user == by.user).ok_or_else(Refusal::not_found)?;
        reactions.remove(at);
        self.record(by, "reaction.delete", Some(repo), json!({"to": describe(to), "id": id}));
        Ok(())
    }
}

fn describe(to: Target) -> Value {
    match to {
        Target::Issue(number) => json!({"issue": number}),
        Target::Comment(id) => json!({"comment": id}),
    }
}
