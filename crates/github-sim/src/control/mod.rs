//! The control API under `/_sim`: the library's verbs as JSON, so that a shell script can drive a separate process.

mod people;
mod repositories;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fault::FaultRule;
use crate::refusal::Refusal;
use crate::rest::serve::{Incoming, Reply, read_query};
use crate::seed::{Seed, SeedApp, SeedRepository};
use crate::sim::Sim;
use crate::world::World;
use crate::world::permission::Role;

/// What there is, for people who ask.
const INDEX: &str = "\
POST   /_sim/seed                       users, orgs, repositories, apps at once -> the Apps' credentials
POST   /_sim/users                      {\"login\"}
POST   /_sim/orgs                       {\"login\", \"owners\": []}
POST   /_sim/repositories               {\"name\": \"owner/name\", \"private\", \"folder\", \"files\": {}, \"roles\": {}, \"protected\": []}
POST   /_sim/roles                      {\"repo\", \"login\", \"role\"}
PATCH  /_sim/repositories/OWNER/NAME    {\"archived\", \"issues\", \"protect\", \"unprotect\", \"rename\", \"transfer\": LOGIN,
                                         \"default_branch\", \"rename_branch\": {\"from\", \"to\"}, \"push_protection\",
                                         \"protection\": {\"branch\", \"rule\"}, \"ruleset\": {\"branch\", \"rule\"}}
POST   /_sim/apps                       {\"name\", \"owner\", \"webhook_url\", \"webhook_secret\", \"permissions\": {}, \"events\": [], \"install_on\": []}
PATCH  /_sim/apps/ID                    {\"webhook_url\"}
POST   /_sim/apps/ID/webhooks           {\"event\", \"payload\": {}}: any event, signed as usual
POST   /_sim/apps/ID/keys               -> {\"private_key_pem\"}; the old key is good for nothing
POST   /_sim/tokens/expiry              all installation tokens end now
POST   /_sim/installations              {\"app_id\", \"repo\"} or {\"app_id\", \"account\"} (all repositories) -> {\"id\"}
PATCH  /_sim/installations/ID           {\"suspended\", \"accept_permissions\"}
DELETE /_sim/installations/ID
POST   /_sim/people/LOGIN               {\"verb\", \"repo\", ..., \"quietly\"}; the verbs are those of the library
POST   /_sim/people/LOGIN/token         -> {\"token\"} for REST, GraphQL and git
GET    /_sim/thread/OWNER/NAME/NUMBER   the conversation as text
GET    /_sim/pulls/OWNER/NAME           GET /_sim/check-runs/OWNER/NAME      GET /_sim/branches/OWNER/NAME
GET    /_sim/file/OWNER/NAME?branch=main&path=README.md
GET    /_sim/diff/OWNER/NAME/NUMBER
GET    /_sim/ledger                     GET /_sim/requests                   GET /_sim/mentions
GET    /_sim/deliveries                 POST /_sim/deliveries/GUID/attempts
POST   /_sim/deliveries/GUID/forgery    {\"secret\": null or the secret to sign with}
POST   /_sim/webhooks                   {\"hold\": true} or {\"release\": \"as_made\" | \"reversed\"}
GET    /_sim/settled                    {\"pending\": number of webhooks on their way}
POST   /_sim/faults                     {\"operation\", \"fault\": {\"kind\", ...}, \"times\", \"skip\"}
DELETE /_sim/faults
GET    /_sim/above-limits               requests above a counted limit (switch \"limits\")
GET    /_sim/switches                   PATCH /_sim/switches {\"NAME\": value}: how everything behaves, until changed
POST   /_sim/clock                      {\"advance_seconds\"} -> {\"now\"}
GET    /_sim/contract                   what was held against GitHub's descriptions, and the violations (feature `contract`)
GET    /_sim/operations                 every operation served, with what it needs
";

type Done = Result<Reply, Refusal>;

pub(crate) fn serve(world: &Arc<Mutex<World>>, request: &Incoming) -> Reply {
    let sim = Sim::view(world);
    let path = request.path.trim_matches('/').to_owned();
    let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    let parts: Vec<String> = path.split('/').map(decode).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let done = match request.method.as_str() {
        "GET" => read(&sim, &parts, &request.query),
        _ => write(&sim, request, &parts),
    };
    done.unwrap_or_else(|refusal| Reply::refuse(&refusal))
}

fn ok(value: &Value) -> Done {
    Ok(Reply::json(200, value))
}

fn text(text: impl Into<Vec<u8>>) -> Done {
    Ok(Reply::text(200, "text/plain", text))
}

fn body<T: DeserializeOwned>(request: &Incoming) -> Result<T, Refusal> {
    let bytes: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
    serde_json::from_slice(bytes).map_err(|error| Refusal::new(422, format!("the body does not fit: {error}")))
}

fn read(sim: &Sim, parts: &[&str], query: &str) -> Done {
    match parts {
        [""] => text(INDEX),
        ["thread", owner, name, number] => text(sim.thread(&format!("{owner}/{name}"), id(number)?)?),
        ["diff", owner, name, number] => text(sim.diff(&format!("{owner}/{name}"), id(number)?)?),
        ["pulls", owner, name] => ok(&json!(sim.pulls(&format!("{owner}/{name}"))?)),
        ["check-runs", owner, name] => ok(&json!(sim.check_runs(&format!("{owner}/{name}"))?)),
        ["branches", owner, name] => ok(&json!(sim.branches(&format!("{owner}/{name}"))?)),
        ["file", owner, name] => {
            let query = read_query(query);
            let find = |wanted: &str| query.iter().find(|(it, _)| it == wanted).map(|(_, value)| value.as_str());
            let (branch, path) = (find("branch").unwrap_or("main"), find("path").unwrap_or_default());
            text(sim.branch_file(&format!("{owner}/{name}"), branch, path).ok_or_else(Refusal::not_found)?)
        }
        ["ledger"] => ok(&json!(sim.ledger())),
        ["requests"] => ok(&json!(sim.requests())),
        ["mentions"] => ok(&json!(sim.mentions())),
        ["deliveries"] => ok(&json!(sim.deliveries())),
        ["above-limits"] => ok(&json!(sim.above_limits())),
        ["switches"] => ok(&json!(sim.switches())),
        #[cfg(feature = "contract")]
        ["contract"] => ok(&json!({"checked": sim.contract(), "violations": sim.violations()})),
        ["settled"] => ok(&json!({"pending": sim.pending_webhooks()})),
        ["operations"] => {
            let all: Vec<_> = crate::operations().chain(crate::graphql_operations()).collect();
            ok(&json!(all))
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Refusal {
    Refusal::new(404, "nothing is here; GET /_sim/ lists what is")
}

fn id(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::new(422, format!("{text:?} is no number")))
}

fn write(sim: &Sim, request: &Incoming, parts: &[&str]) -> Done {
    let done = json!({"ok": true});
    match (request.method.as_str(), parts) {
        ("POST", ["seed"]) => plant(sim, &body::<Seed>(request)?),
        ("POST", ["users"]) => ok(&json!({"id": sim.user(&field(request, "login")?)?})),
        ("POST", ["orgs"]) => {
            let login = field(request, "login")?;
            let owners = serde_json::from_value(body::<Value>(request)?.get("owners").cloned().unwrap_or(json!([])));
            let owners = owners.map_err(|error| Refusal::new(422, format!("owners: {error}")))?;
            plant(sim, &Seed { orgs: [(login, owners)].into(), ..Seed::default() })
        }
        ("POST", ["repositories"]) => {
            plant(sim, &Seed { repositories: vec![body::<SeedRepository>(request)?], ..Seed::default() })
        }
        ("PATCH", ["repositories", owner, name]) => {
            repositories::change(sim, &format!("{owner}/{name}"), body(request)?)
        }
        ("POST", ["roles"]) => {
            let role = serde_json::from_value::<Role>(json!(field(request, "role")?))
                .map_err(|error| Refusal::new(422, format!("role: {error}")))?;
            sim.role(&field(request, "repo")?, &field(request, "login")?, role)?;
            ok(&done)
        }
        ("POST", ["apps"]) => plant(sim, &Seed { apps: vec![body::<SeedApp>(request)?], ..Seed::default() }),
        ("PATCH", ["apps", app]) => {
            sim.webhook_url(id(app)?, &field(request, "webhook_url")?)?;
            ok(&done)
        }
        ("POST", ["installations"]) => {
            let wish: Value = body(request)?;
            let app = wish.get("app_id").and_then(Value::as_u64).unwrap_or_default();
            let id = match wish.get("account").and_then(Value::as_str) {
                Some(account) => sim.install_all(app, account)?,
                None => sim.install(app, &field(request, "repo")?)?,
            };
            ok(&json!({"id": id}))
        }
        ("POST", ["apps", app, "webhooks"]) => {
            let payload = body::<Value>(request)?.get("payload").cloned().unwrap_or(json!({}));
            sim.send_webhook(id(app)?, &field(request, "event")?, payload)?;
            ok(&done)
        }
        ("POST", ["apps", app, "keys"]) => ok(&json!({"private_key_pem": sim.rotate_key(id(app)?)?})),
        ("POST", ["tokens", "expiry"]) => {
            sim.expire_tokens();
            ok(&done)
        }
        ("PATCH", ["installations", installation]) => {
            let wish: Value = body(request)?;
            if let Some(suspended) = wish.get("suspended").and_then(Value::as_bool) {
                sim.suspend(id(installation)?, suspended);
            }
            if wish.get("accept_permissions").and_then(Value::as_bool) == Some(true) {
                sim.accept_permissions(id(installation)?);
            }
            ok(&done)
        }
        ("DELETE", ["installations", installation]) => {
            sim.uninstall(id(installation)?);
            ok(&done)
        }
        ("POST", ["people", login]) => ok(&people::act(sim, login, &body(request)?)?),
        ("POST", ["people", login, "token"]) => ok(&json!({"token": sim.personal_token(login)?})),
        ("POST", ["deliveries", guid, "attempts"]) => {
            sim.redeliver(guid)?;
            ok(&done)
        }
        ("POST", ["deliveries", guid, "forgery"]) => {
            let wish: Value = body(request)?;
            sim.forge(guid, wish.get("secret").and_then(Value::as_str))?;
            ok(&done)
        }
        ("POST", ["webhooks"]) => {
            let wish: Value = body(request)?;
            match wish.get("release").and_then(Value::as_str) {
                Some(order) => sim.release_webhooks(order == "reversed"),
                None => sim.hold_webhooks(),
            }
            ok(&done)
        }
        ("POST", ["faults"]) => {
            sim.fault(body::<FaultRule>(request)?);
            ok(&done)
        }
        ("DELETE", ["faults"]) => {
            sim.clear_faults();
            ok(&done)
        }
        ("PATCH", ["switches"]) => {
            let mut wish = json!(sim.switches());
            crate::json::merge(&mut wish, body(request)?);
            let wish = serde_json::from_value(wish).map_err(|error| Refusal::new(422, format!("{error}")))?;
            sim.switch(|switches| *switches = wish);
            ok(&json!(sim.switches()))
        }
        ("POST", ["clock"]) => {
            let seconds = body::<Value>(request)?.get("advance_seconds").and_then(Value::as_u64).unwrap_or_default();
            sim.advance(Duration::from_secs(seconds));
            ok(&json!({"now": crate::clock::stamp(sim.now())}))
        }
        _ => Err(unknown()),
    }
}

fn field(request: &Incoming, name: &str) -> Result<String, Refusal> {
    let body: Value = body(request)?;
    let text = body.get(name).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| Refusal::new(422, format!("the field {name:?} is missing or no string")))
}

fn plant(sim: &Sim, seed: &Seed) -> Done {
    let apps = sim.plant(seed).map_err(|error| Refusal::new(422, error.to_string()))?;
    ok(&json!({"apps": apps}))
}
