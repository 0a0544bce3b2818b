//! Apps, installations and installation tokens.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::access::Identity;
use super::call::{Answer, Call, Outcome};
use super::operation::{Needs, Route, route};
use crate::change::token::Narrowing;
use crate::refusal::Refusal;
use crate::world::app::TokenKind;
use crate::world::permission::Permissions;

pub(super) const ROUTES: &[Route] = &[
    route("apps/get-authenticated", "GET", "/app", Needs::AppJwt, |call| {
        let app = call.world.app(call.app()?).ok_or_else(Refusal::not_found)?;
        Answer::ok(call.world.app_json(app))
    }),
    route("apps/list-installations", "GET", "/app/installations", Needs::AppJwt, |call| {
        let app = call.app()?;
        let mine = call.world.installations.iter().filter(|it| it.app == app);
        call.page(mine.map(|it| call.world.installation_json(it)).collect())
    }),
    route("apps/get-installation", "GET", "/app/installations/{installation_id}", Needs::AppJwt, |call| {
        call.answer_installation(call.own_installation()?)
    }),
    route("apps/get-repo-installation", "GET", "/repos/{owner}/{repo}/installation", Needs::AppJwt, |call| {
        let app = call.app()?;
        let all = call.world.installations_on(call.repo);
        let mine = all.into_iter().find(|id| call.world.installation(*id).is_some_and(|it| it.app == app));
        call.answer_installation(mine.ok_or_else(Refusal::not_found)?)
    }),
    route("apps/get-org-installation", "GET", "/orgs/{account}/installation", Needs::AppJwt, installation_of_account),
    route("apps/get-user-installation", "GET", "/users/{account}/installation", Needs::AppJwt, installation_of_account),
    route("apps/delete-installation", "DELETE", "/app/installations/{installation_id}", Needs::AppJwt, |call| {
        let (by, id) = (call.actor.clone(), call.own_installation()?);
        call.world.uninstall(&by, id);
        Answer::no_content()
    }),
    route(
        "apps/suspend-installation",
        "PUT",
        "/app/installations/{installation_id}/suspended",
        Needs::AppJwt,
        |call| {
            let (by, id) = (call.actor.clone(), call.own_installation()?);
            call.world.suspend(&by, id, true);
            Answer::no_content()
        },
    ),
    route(
        "apps/unsuspend-installation",
        "DELETE",
        "/app/installations/{installation_id}/suspended",
        Needs::AppJwt,
        |call| {
            let (by, id) = (call.actor.clone(), call.own_installation()?);
            call.world.suspend(&by, id, false);
            Answer::no_content()
        },
    ),
    route(
        "apps/create-installation-access-token",
        "POST",
        "/app/installations/{installation_id}/access_tokens",
        Needs::AppJwt,
        mint,
    ),
    route("apps/revoke-installation-access-token", "DELETE", "/installation/token", Needs::InstallationToken, |call| {
        let Identity::Installation { token, .. } = call.who else { return Err(Refusal::bad_credentials()) };
        if let Some(token) = call.world.tokens.iter_mut().find(|it| it.id == token) {
            token.revoked = true;
        }
        let by = call.actor.clone();
        call.world.record(&by, "token.revoke", None, Value::Null);
        Answer::no_content()
    }),
    route(
        "apps/list-repos-accessible-to-installation",
        "GET",
        "/installation/repositories",
        Needs::InstallationToken,
        |call| {
            let Identity::Installation { token, .. } = call.who else { return Err(Refusal::bad_credentials()) };
            let token = call.world.token(token).ok_or_else(Refusal::bad_credentials)?;
            let reached = call.world.repositories_of_token(token);
            call.counted_page("repositories", reached.iter().map(|id| call.world.repository_json(*id)).collect())
        },
    ),
    route("apps/get-by-slug", "GET", "/apps/{app_slug}", Needs::Nothing, |call| {
        let found = call.world.apps.iter().find(|app| app.slug == call.param("app_slug"));
        Answer::ok(call.world.app_json(found.ok_or_else(Refusal::not_found)?))
    }),
    route("apps/create-from-manifest", "POST", "/app-manifests/{code}/conversions", Needs::Nothing, convert_manifest),
];

impl Call<'_> {
    pub(super) fn app(&self) -> Result<u64, Refusal> {
        match self.who {
            Identity::App { app } => Ok(app),
            Identity::Anonymous | Identity::Installation { .. } | Identity::Person { .. } => {
                Err(Refusal::bad_credentials())
            }
        }
    }

    /// The installation of the path, when it is this App's.
    fn own_installation(&self) -> Result<u64, Refusal> {
        let (app, id) = (self.app()?, self.number("installation_id")?);
        let mine = self.world.installation(id).is_some_and(|it| it.app == app);
        if mine { Ok(id) } else { Err(Refusal::not_found()) }
    }

    fn answer_installation(&self, id: u64) -> Outcome {
        let it = self.world.installation(id).ok_or_else(Refusal::not_found)?;
        Answer::ok(self.world.installation_json(it))
    }
}

fn installation_of_account(call: &mut Call<'_>) -> Outcome {
    let app = call.app()?;
    let account = call.world.account_by_login(call.param("account")).map(|account| account.id);
    let mine = call.world.installations.iter().find(|it| it.app == app && Some(it.account) == account);
    call.answer_installation(mine.map(|it| it.id).ok_or_else(Refusal::not_found)?)
}

fn mint(call: &mut Call<'_>) -> Outcome {
    let installation = call.own_installation()?;
    let permissions = match call.body.get("permissions") {
        None | Some(Value::Null) => None,
        Some(wanted) => {
            let read = serde_json::from_value::<Permissions>(wanted.clone());
            Some(read.map_err(|_| Refusal::new(422, "Invalid request.\n\n'permissions' is not well formed."))?)
        }
    };
    let repositories = wanted_repositories(call, installation)?;
    let token = call.world.mint(installation, Narrowing { repositories, permissions })?;
    let by = call.actor.clone();
    let minted = call.world.token(token).ok_or_else(Refusal::not_found)?;
    let answer = call.world.installation_token_json(minted);
    let detail = json!({
        "installation": installation,
        "permissions": answer.get("permissions"),
        "repositories": call.world.repositories_of_token(minted).iter().map(|id| call.world.full_name(*id)).collect::<Vec<_>>(),
        "narrowed": matches!(&minted.kind, TokenKind::Installation { repositories: Some(_), .. }),
    });
    call.world.record(&by, "token.mint", None, detail);
    Answer::created(answer)
}

fn wanted_repositories(call: &Call<'_>, installation: u64) -> Result<Option<BTreeSet<u64>>, Refusal> {
    let unreachable = || {
        let text =
            "There is at least one repository that does not exist or is not accessible to the parent installation.";
        Refusal::new(422, text)
    };
    let mut wanted = BTreeSet::new();
    let account = call.world.installation(installation).map_or(0, |it| it.account);
    let (names, ids) = (call.body.get("repositories"), call.body.get("repository_ids"));
    if names.is_none() && ids.is_none() {
        return Ok(None);
    }
    for name in names.and_then(Value::as_array).into_iter().flatten() {
        let found = name.as_str().and_then(|name| call.world.repo_by_name(call.world.login(account), name));
        wanted.insert(found.ok_or_else(unreachable)?.id);
    }
    for id in ids.and_then(Value::as_array).into_iter().flatten() {
        wanted.insert(id.as_u64().ok_or_else(unreachable)?);
    }
    Ok(Some(wanted))
}

fn convert_manifest(call: &mut Call<'_>) -> Outcome {
    let code = call.param("code").to_owned();
    let traded = call.world.trade_code(&code).ok_or_else(Refusal::not_found)?;
    let app = call.world.app(traded.app).ok_or_else(Refusal::not_found)?;
    let mut answer = call.world.app_json(app);
    let more = json!({
        "client_id": app.client_id, "client_secret": app.client_secret, "webhook_secret": app.webhook_secret,
        "pem": traded.private_key_pem,
    });
    crate::json::merge(&mut answer, more);
    Answer::created(answer)
}
