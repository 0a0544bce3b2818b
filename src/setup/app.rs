//! What the App is to be: `app-manifest.yml` with the operator's name and addresses, as the JSON that GitHub takes.

use baton_github::is_plain_address;
use serde_json::{Value, json};
use url::Url;

use crate::config::{manifest, manifest_events};

/// The longest name GitHub takes for an App.
const NAME_LIMIT: usize = 34;

/// Where a GitHub is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The REST API.
    pub api: Url,
    /// Where people look.
    pub web: Url,
}

impl Addresses {
    /// The page that takes the manifest as a form.
    #[must_use]
    pub fn new_app_page(&self, organization: Option<&str>, state: &str) -> Url {
        let mut url = match organization {
            Some(organization) => self.page(&["organizations", organization, "settings", "apps", "new"]),
            None => self.page(&["settings", "apps", "new"]),
        };
        url.query_pairs_mut().append_pair("state", state);
        url
    }

    /// Where the App is installed: below the address GitHub gave, if that is on this GitHub.
    #[must_use]
    pub fn install_page(&self, given: Option<&Url>, slug: &str) -> Url {
        match given {
            Some(given) if given.origin() == self.web.origin() => {
                let mut url = given.clone();
                extend(&mut url, &["installations", "new"]);
                url
            }
            _ => self.page(&["apps", slug, "installations", "new"]),
        }
    }

    fn page(&self, parts: &[&str]) -> Url {
        let mut url = self.web.clone();
        extend(&mut url, parts);
        url
    }
}

fn extend(url: &mut Url, parts: &[&str]) {
    // Only addresses that can be no base have no path to extend; those of http(s) all can.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
}

/// How GitHub reaches Baton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hook {
    /// At an address of its own: the part before `/webhooks/github`.
    Public(Url),
    /// Through a channel that `baton serve --tunnel` listens to.
    Tunnel(Url),
}

impl Hook {
    /// The address that GitHub is told.
    #[must_use]
    pub fn address(&self) -> String {
        match self {
            Self::Public(base) => format!("{}/webhooks/github", base.as_str().trim_end_matches('/')),
            Self::Tunnel(channel) => channel.to_string(),
        }
    }
}

/// What the operator wants. All of it can still be said on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The App's name; GitHub wants it to be nobody else's.
    pub name: String,
    /// The organisation that owns it; else the person who presses the button.
    pub organization: Option<String>,
    /// How GitHub reaches Baton, if that was said.
    pub hook: Option<Hook>,
}

/// Something the operator has to say differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WantedError {
    /// GitHub takes no such name.
    #[error("an App's name has 1 to {NAME_LIMIT} characters, on one line")]
    Name,
    /// No login.
    #[error("`{0}` is no organisation's name: letters, digits and single hyphens, as in its address on GitHub")]
    Organization(String),
    /// Neither address, or one that is none.
    #[error("`{0}` is no http(s) address without user, query or fragment, such as https://baton.example.com")]
    Address(String),
    /// Neither of the two ways.
    #[error(
        "GitHub has to reach Baton: give the public address of this server, or the address of a webhook channel if \
         it has none"
    )]
    NoHook,
}

impl Wanted {
    /// Reads what was typed. Empty means not said.
    ///
    /// # Errors
    /// [`WantedError`]
    pub fn read(name: &str, organization: &str, public: &str, tunnel: &str) -> Result<Self, WantedError> {
        let (name, organization) = (name.trim(), organization.trim());
        if name.is_empty() || name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
            return Err(WantedError::Name);
        }
        if !organization.is_empty() && !is_login(organization) {
            return Err(WantedError::Organization(organization.to_owned()));
        }
        let hook = match (public.trim(), tunnel.trim()) {
            ("", "") => None,
            (public, "") => Some(Hook::Public(address(public)?)),
            (_, tunnel) => Some(Hook::Tunnel(address(tunnel)?)),
        };
        Ok(Self {
            name: name.to_owned(),
            organization: (!organization.is_empty()).then(|| organization.to_owned()),
            hook,
        })
    }

    /// The manifest as GitHub takes it: the browser is sent back to `back`.
    ///
    /// # Errors
    /// [`WantedError::NoHook`]
    pub fn manifest(&self, back: &str) -> Result<Value, WantedError> {
        let hook = self.hook.as_ref().ok_or(WantedError::NoHook)?;
        let mut manifest = manifest();
        manifest.insert("name".into(), json!(self.name));
        manifest.insert("hook_attributes".into(), json!({ "url": hook.address(), "active": true }));
        manifest.insert("redirect_url".into(), json!(back));
        Ok(Value::Object(manifest))
    }
}

/// GitHub's rule for logins.
fn is_login(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    plain && text.len() <= 39 && !text.starts_with('-') && !text.ends_with('-') && !text.contains("--")
}

fn address(text: &str) -> Result<Url, WantedError> {
    let wrong = || WantedError::Address(text.to_owned());
    let url: Url = text.parse().map_err(|_| wrong())?;
    if is_plain_address(&url) { Ok(url) } else { Err(wrong()) }
}

/// What the App may do and what it is told of, for people who decide whether to make it.
pub(super) fn rights() -> (Vec<(String, String)>, Vec<String>) {
    let manifest = manifest();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let permissions = manifest.get("default_permissions").and_then(Value::as_object).into_iter().flatten();
    (permissions.map(|(name, level)| (name.clone(), text(level))).collect(), manifest_events())
}

#[cfg(test)]
mod tests {
    use insta::assert_json_snapshot;

    use super::*;

    fn addresses(web: &str) -> Addresses {
        Addresses { api: "https://api.github.com".parse().unwrap(), web: web.parse().unwrap() }
    }

    #[test]
    fn the_manifest_is_the_file_with_the_operators_own_parts() {
        let wanted = Wanted::read(" Our Baton ", "", "https://baton.example.com/", "").unwrap();
        assert_json_snapshot!(wanted.manifest("http://127.0.0.1:4000/setup/created").unwrap(), @r#"
        {
          "name": "Our Baton",
          "url": "https://github.com/baton-bot/baton",
          "description": "Turns issues into pull requests. Plans on the issue, waits for a maintainer's approval, proves what it changed.",
          "public": false,
          "hook_attributes": {
            "url": "https://baton.example.com/webhooks/github",
            "active": true
          },
          "redirect_url": "http://127.0.0.1:4000/setup/created",
          "default_permissions": {
            "checks": "write",
            "contents": "write",
            "issues": "write",
            "metadata": "read",
            "pull_requests": "write"
          },
          "default_events": [
            "check_run",
            "issue_comment",
            "issues",
            "pull_request",
            "push"
          ]
        }
        "#);
    }

    #[test]
    fn a_channel_is_the_address_itself() {
        let wanted = Wanted::read("B", "acme", "", "https://smee.example/abc").unwrap();
        assert_eq!(wanted.hook.unwrap().address(), "https://smee.example/abc");
    }

    #[test]
    fn what_cannot_be_is_said() {
        let said = |name: &str, organization: &str, public: &str| {
            Wanted::read(name, organization, public, "").unwrap_err().to_string()
        };
        let lines = [
            said("", "", ""),
            said(&"x".repeat(35), "", ""),
            said("a\nb", "", ""),
            said("B", "acme corp", ""),
            said("B", "../evil", ""),
            said("B", "", "baton.example.com"),
            said("B", "", "ftp://x"),
            said("B", "", "https://u:p@x"),
            Wanted::read("B", "", "", "").unwrap().manifest("x").unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        an App's name has 1 to 34 characters, on one line
        an App's name has 1 to 34 characters, on one line
        an App's name has 1 to 34 characters, on one line
        `acme corp` is no organisation's name: letters, digits and single hyphens, as in its address on GitHub
        `../evil` is no organisation's name: letters, digits and single hyphens, as in its address on GitHub
        `baton.example.com` is no http(s) address without user, query or fragment, such as https://baton.example.com
        `ftp://x` is no http(s) address without user, query or fragment, such as https://baton.example.com
        `https://u:p@x` is no http(s) address without user, query or fragment, such as https://baton.example.com
        GitHub has to reach Baton: give the public address of this server, or the address of a webhook channel if it has none
        ");
    }

    #[test]
    fn pages_of_each_kind_of_github() {
        let lines = ["https://github.com", "https://github.example.org/", "http://127.0.0.1:8090/github"].map(|web| {
            let addresses = addresses(web);
            let given = format!("{}/apps/our-baton", web.trim_end_matches('/')).parse().unwrap();
            let elsewhere = "https://evil.example/apps/x".parse().unwrap();
            [
                addresses.new_app_page(None, "s"),
                addresses.new_app_page(Some("acme"), "s"),
                addresses.install_page(Some(&given), "our-baton"),
                addresses.install_page(Some(&elsewhere), "our-baton"),
            ]
            .map(String::from)
            .join("\n")
        });
        insta::assert_snapshot!(lines.join("\n"), @r"
        https://github.com/settings/apps/new?state=s
        https://github.com/organizations/acme/settings/apps/new?state=s
        https://github.com/apps/our-baton/installations/new
        https://github.com/apps/our-baton/installations/new
        https://github.example.org/settings/apps/new?state=s
        https://github.example.org/organizations/acme/settings/apps/new?state=s
        https://github.example.org/apps/our-baton/installations/new
        https://github.example.org/apps/our-baton/installations/new
        http://127.0.0.1:8090/github/settings/apps/new?state=s
        http://127.0.0.1:8090/github/organizations/acme/settings/apps/new?state=s
        http://127.0.0.1:8090/github/apps/our-baton/installations/new
        http://127.0.0.1:8090/github/apps/our-baton/installations/new
        ");
    }
}
