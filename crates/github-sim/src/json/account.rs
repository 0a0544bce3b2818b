//! Users, bots and organisations as GitHub writes them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::clock::stamp;
use crate::world::World;
use crate::world::account::AccountKind;

impl World {
    /// The "simple user" that stands in most answers; `ghost` for an id nobody has.
    pub(crate) fn user_json(&self, id: u64) -> Value {
        let (login, kind, id) = self
            .account(id)
            .map_or(("ghost", AccountKind::User, 10_137), |account| (account.login.as_str(), account.kind, account.id));
        let encoded = utf8_percent_encode(login, NON_ALPHANUMERIC).to_string().replace("%2D", "-");
        let api = format!("{}/users/{encoded}", self.urls.api);
        let app = login.strip_suffix("[bot]").filter(|_| kind == AccountKind::Bot);
        let html = app.map_or_else(|| format!("{}/{login}", self.urls.web), |s| format!("{}/apps/{s}", self.urls.web));
        let node = match kind {
            AccountKind::User => "U",
            AccountKind::Bot => "BOT",
            AccountKind::Organization => "O",
        };
        json!({
            "login": login,
            "id": id,
            "node_id": format!("{node}_kgDO{id}"),
            "avatar_url": format!("{}/avatars/u/{id}?v=4", self.urls.web),
            "gravatar_id": "",
            "url": api,
            "html_url": html,
            "followers_url": format!("{api}/followers"),
            "following_url": format!("{api}/following{{/other_user}}"),
            "gists_url": format!("{api}/gists{{/gist_id}}"),
            "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{api}/subscriptions"),
            "organizations_url": format!("{api}/orgs"),
            "repos_url": format!("{api}/repos"),
            "events_url": format!("{api}/events{{/privacy}}"),
            "received_events_url": format!("{api}/received_events"),
            "type": kind.name(),
            "user_view_type": "public",
            "site_admin": false,
        })
    }

    /// The answer of `GET /users/{login}`.
    pub(crate) fn public_user_json(&self, id: u64) -> Value {
        let mut user = self.user_json(id);
        let created = self.account(id).map(|account| stamp(account.created_at)).unwrap_or_default();
        let repos = self.repositories.values().filter(|repo| repo.owner == id && !repo.private).count();
        let more = json!({
            "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null, "bio": null,
            "twitter_username": null, "public_repos": repos, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": created, "updated_at": created,
        });
        crate::json::merge(&mut user, more);
        user
    }

    /// The `organization` of a webhook, where a repository belongs to one.
    pub(crate) fn organization_json_of(&self, repo: u64) -> Option<Value> {
        let owner = self.account(self.repo(repo)?.owner)?;
        (owner.kind == AccountKind::Organization).then(|| {
            let api = format!("{}/orgs/{}", self.urls.api, owner.login);
            json!({
                "login": owner.login, "id": owner.id, "node_id": format!("O_kgDO{}", owner.id), "url": api,
                "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events"),
                "hooks_url": format!("{api}/hooks"), "issues_url": format!("{api}/issues"),
                "members_url": format!("{api}/members{{/member}}"),
                "public_members_url": format!("{api}/public_members{{/member}}"),
                "avatar_url": format!("{}/avatars/u/{}?v=4", self.urls.web, owner.id), "description": null,
            })
        })
    }
}
