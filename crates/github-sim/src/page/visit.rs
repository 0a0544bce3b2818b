//! One visit of a browser: where it goes, who is signed in, what the form says.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::document;
use super::markdown::escape;
use crate::rest::serve::{Incoming, Reply, read_query};
use crate::world::account::{Account, AccountKind};
use crate::world::{Actor, World};

/// The cookie that says who is signed in: the login itself. The simulator keeps nothing from anybody.
const COOKIE: &str = "github_sim_user";

pub(super) struct Visit<'a> {
    pub world: &'a mut World,
    request: &'a Incoming,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(world: &'a mut World, request: &'a Incoming) -> Self {
        let query = read_query(&request.query);
        let form = read_query(&String::from_utf8_lossy(&request.body));
        Self { world, request, query, form }
    }

    pub(super) fn method(&self) -> &'a str {
        &self.request.method
    }

    pub(super) fn path(&self) -> &'a str {
        &self.request.path
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    pub(super) fn form(&self, name: &str) -> Option<&str> {
        find(&self.form, name)
    }

    /// Every value of a field that may stand more than once.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        self.form.iter().filter(|(it, _)| it == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The account that is signed in.
    pub(super) fn me(&self) -> Option<&Account> {
        let cookies = self.request.cookie.as_deref().unwrap_or_default().split(';');
        let mut pairs = cookies.filter_map(|pair| pair.trim().split_once('='));
        let login = pairs.find(|(name, _)| *name == COOKIE)?.1;
        self.world.account_by_login(login).filter(|account| account.kind == AccountKind::User)
    }

    /// Who is signed in, as somebody who acts; else the page to sign in on, which leads back to `then`.
    pub(super) fn signed_in(&self, then: &str) -> Result<Actor, Reply> {
        let me = self.me().map(|account| self.world.person_actor(account.id));
        me.ok_or_else(|| Reply::see_other(&format!("/login?return_to={}", encode(then))))
    }

    /// The account a page under `/organizations/ORG/…` or under none is about, when this person owns it.
    pub(super) fn account_of(&self, org: Option<&str>, me: &Actor) -> Result<u64, Reply> {
        let Some(org) = org else { return Ok(me.user) };
        let owned = self.world.account_by_login(org).filter(|account| account.owners.contains(&me.user));
        owned.map(|account| account.id).ok_or_else(not_found)
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
}

/// A value for a query.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// `url` with one more thing in its query.
pub(super) fn with_query(url: &str, name: &str, value: &str) -> String {
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
    let mark = if url.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|it| format!("#{it}")).unwrap_or_default();
    format!("{url}{mark}{name}={}{fragment}", encode(value))
}

pub(super) fn not_found() -> Reply {
    let body = "<h1>Nothing here</h1><p>Either it does not exist, or whoever is signed in may not see it.</p>\
                <p><a href=\"/login\">Sign in as somebody else</a> · <a href=\"/\">Home</a></p>";
    Reply::text(404, "text/html", document("Not found", body))
}

/// The pages to sign in and out: choose a login, no password.
pub(super) fn sign_in(visit: &Visit<'_>) -> Reply {
    // Only a place on this server: a link to the page must not lead astray.
    let safe = |to: &&str| to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
    if visit.method() == "POST" {
        let to = visit.form("return_to").filter(safe).unwrap_or("/");
        let login = visit.form("login").unwrap_or_default();
        let known = visit.world.account_by_login(login).filter(|account| account.kind == AccountKind::User);
        let mut reply = Reply::see_other(to);
        let cookie = match known {
            Some(account) => format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", account.login),
            None => format!("{COOKIE}=; Path=/; Max-Age=0"),
        };
        reply.headers.push(("set-cookie".into(), cookie));
        return reply;
    }
    let to = escape(visit.query("return_to").unwrap_or("/"));
    let people = visit.world.accounts.iter().filter(|account| account.kind == AccountKind::User);
    let buttons: String = people
        .map(|account| {
            let login = escape(&account.login);
            format!("<p><button name=\"login\" value=\"{login}\">Sign in as {login}</button></p>")
        })
        .collect();
    let body = format!(
        "<h1>Sign in</h1><p>Who are you? There are no passwords here.</p><form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"return_to\" value=\"{to}\">{buttons}\
         <p><button name=\"login\" value=\"\">Sign out</button></p></form>"
    );
    Reply::text(200, "text/html", document("Sign in", &body))
}
