//! The environment of every command inside: made up, never the host's. Quiet, offline and deterministic.

use std::collections::BTreeMap;

use baton_core::domain::enclosure::EnclosureSpec;

use crate::inside::HOME;

pub(crate) const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// Nothing pages, asks, colours, phones home or leaves compiled files beside its sources.
const QUIET: [(&str, &str); 24] = [
    ("HOME", HOME),
    ("USER", "agent"),
    ("LOGNAME", "agent"),
    ("SHELL", "/bin/bash"),
    ("LANG", "C.UTF-8"),
    ("TZ", "UTC"),
    ("TMPDIR", "/tmp"),
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("CI", "true"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("MANPAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // The checkout may belong to another user than the agent, as seen inside.
    ("GIT_CONFIG_COUNT", "1"),
    ("GIT_CONFIG_KEY_0", "safe.directory"),
    ("GIT_CONFIG_VALUE_0", "*"),
    ("CARGO_NET_OFFLINE", "true"),
    ("CARGO_TERM_COLOR", "never"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("npm_config_audit", "false"),
    ("npm_config_fund", "false"),
    ("npm_config_update_notifier", "false"),
];

/// The variables: the quiet ones, then what the spec says.
pub(super) fn of_commands(spec: &EnclosureSpec) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = QUIET.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    let prefix = spec.path_prefix.iter().map(|p| p.display().to_string());
    let path: Vec<String> = prefix.chain([SYSTEM_PATH.to_owned()]).collect();
    env.insert("PATH".into(), path.join(":"));
    env.extend(spec.env.clone());
    env
}
