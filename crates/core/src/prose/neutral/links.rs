//! Which addresses may stay links in what the bot posts. Whatever is not plainly one of them is none.

use crate::domain::ids::RepositoryName;

/// The addresses that are allowed: pages of one repository, and of hosts that the operator trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// `https://github.com/OWNER/NAME`.
    repository: Option<String>,
    hosts: Vec<String>,
}

impl Links {
    /// No address at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Pages of this repository; `web_url` is the GitHub's (`https://github.com`), without a path.
    #[must_use]
    pub fn of_repository(web_url: &str, repository: &RepositoryName) -> Self {
        let page = format!("{}/{repository}", web_url.trim_end_matches('/'));
        Self { repository: Some(page), hosts: Vec::new() }
    }

    /// And everything on this host (`docs.example.com`, exactly, without a port) by HTTPS.
    #[must_use]
    pub fn and_host(mut self, host: &str) -> Self {
        self.hosts.push(host.to_ascii_lowercase());
        self
    }

    /// The repository's own page, for links of Baton's own: `https://github.com/OWNER/NAME`.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// Whether an address may stay. It must be written in the plainest form: no user, escapes of dots and slashes, dot
    /// segments or characters that Markdown or a mention could be made of.
    #[must_use]
    pub fn allows(&self, address: &str) -> bool {
        let lower = address.to_ascii_lowercase();
        let Some((scheme, rest)) = lower.split_once("://") else {
            return false;
        };
        let plain = address.len() <= 500
            && address.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?#%=&+,;".contains(&b))
            && !["%2e", "%2f", "%5c", "%40", "%25"].iter().any(|hidden| lower.contains(hidden));
        let path = rest.split(['?', '#']).next().unwrap_or_default();
        let straight = path.split('/').all(|part| part != "." && part != "..") && !path.contains("//");
        if !plain || !straight || !matches!(scheme, "https" | "http") {
            return false;
        }
        let same_repository = self.repository.as_ref().is_some_and(|page| {
            lower
                .strip_prefix(page.to_ascii_lowercase().as_str())
                .is_some_and(|after| after.is_empty() || after.starts_with(['/', '?', '#']))
        });
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        same_repository || scheme == "https" && self.hosts.iter().any(|allowed| allowed == host)
    }
}

/// What stands in place of a link that is not allowed: the host as text, where it can be told.
pub(super) fn removed(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let ok = host.contains('.')
        && host.len() <= 100
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'));
    if ok { format!("(link removed: {host})") } else { "(link removed)".to_owned() }
}
