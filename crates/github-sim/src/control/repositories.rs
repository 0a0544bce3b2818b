//! `PATCH /_sim/repositories/OWNER/NAME`: what changes about a repository.

use serde::Deserialize;
use serde_json::json;

use super::{Done, ok};
use crate::sim::Sim;
use crate::world::repository::Rule;

/// What is to change; the rest stays.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    archived: Option<bool>,
    issues: Option<bool>,
    protect: Option<String>,
    unprotect: Option<String>,
    protection: Option<Ruled>,
    ruleset: Option<Ruled>,
    push_protection: Option<bool>,
    default_branch: Option<String>,
    rename_branch: Option<Renamed>,
    transfer: Option<String>,
    rename: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Ruled {
    branch: String,
    rule: Rule,
}

#[derive(Debug, Deserialize)]
struct Renamed {
    from: String,
    to: String,
}

/// Changes it; what changes its name comes last.
pub(super) fn change(sim: &Sim, name: &str, wish: Wish) -> Done {
    if let Some(archived) = wish.archived {
        sim.archive(name, archived)?;
    }
    if let Some(enabled) = wish.issues {
        sim.issues_enabled(name, enabled)?;
    }
    if let Some(branch) = wish.protect {
        sim.protect(name, &branch, true)?;
    }
    if let Some(branch) = wish.unprotect {
        sim.protect(name, &branch, false)?;
    }
    if let Some(ruled) = wish.protection {
        sim.protect_with(name, &ruled.branch, ruled.rule)?;
    }
    if let Some(ruled) = wish.ruleset {
        sim.ruleset(name, &ruled.branch, ruled.rule)?;
    }
    if let Some(on) = wish.push_protection {
        sim.push_protection(name, on)?;
    }
    if let Some(branch) = wish.default_branch {
        sim.default_branch(name, &branch)?;
    }
    if let Some(renamed) = wish.rename_branch {
        sim.rename_branch(name, &renamed.from, &renamed.to)?;
    }
    if let Some(to) = wish.rename {
        sim.rename(name, &to)?;
    } else if let Some(to) = wish.transfer {
        sim.transfer(name, &to)?;
    }
    ok(&json!({"ok": true}))
}
