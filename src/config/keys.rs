//! The one declaration of everything that can be set: name, kind, default, meaning. Reading, errors, `config check --explain`,
//! docs/configuration.md and the README's table are made from it; tests hold the structs and the example against it.

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Text that is not empty.
    Text,
    /// Text that is never shown.
    Secret,
    /// A path.
    Path,
    /// An `http` or `https` address.
    Url,
    /// `HOST:PORT`.
    Listen,
    /// The address of a database.
    Database,
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// An amount of money.
    Dollars,
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `OWNER/NAME`.
    Repository,
    /// A pattern of paths.
    Glob,
    /// A command line, or a list of them.
    Commands,
    /// A list.
    List(&'static Kind),
}

/// What holds where nothing is set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unset {
    /// This value, as TOML writes it.
    Value(&'static str),
    /// This, in words.
    Is(&'static str),
    /// Nothing; it is not needed.
    Nothing,
    /// Nothing, and without it this does not work.
    Needed(&'static str),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub unset: Unset,
    /// One line for people.
    pub meaning: &'static str,
}

/// One table of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// From the top; `*` stands for a name that the operator chooses.
    pub path: &'static [&'static str],
    /// Its heading in docs/configuration.md.
    pub title: &'static str,
    /// What is in it, for the README.
    pub summary: &'static str,
    pub keys: &'static [Key],
}

impl Section {
    /// As a file writes it: `agents.NAME`.
    pub fn shown(&self) -> String {
        self.path.join(".").replace('*', "NAME")
    }
}

const fn key(name: &'static str, kind: Kind, unset: Unset, meaning: &'static str) -> Key {
    Key { name, kind, unset, meaning }
}

use Kind::{
    Choice, Commands, Database, Dollars, Glob, List, Listen, Path, Repository, Secret, Switch, Text, Url, Whole,
};
use Unset::{Is, Needed, Nothing, Value};

/// No machine and no wish is larger.
const ANY: i64 = i64::MAX;
/// Of what becomes a 32-bit number.
const WORD: i64 = u32::MAX as i64;

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// `baton.toml`.
pub(super) const OPERATOR: &[Section] = &[
    Section {
        path: &["github"],
        title: "the GitHub App",
        summary: "the App: addresses, number, key, webhook secret, the logins that issues are assigned to",
        keys: &[
            key(
                "api_url",
                Url,
                Value("\"https://api.github.com\""),
                "the REST API; on Enterprise Server `https://HOST/api/v3`",
            ),
            key("web_url", Url, Value("\"https://github.com\""), "where people look; for links"),
            key("git_url", Url, Is("`web_url`"), "where git fetches and pushes"),
            key("app_id", Whole(1, ANY), Needed("serve"), "the App's number"),
            key("private_key", Secret, Needed("serve"), "the App's private key in PEM"),
            key("private_key_file", Path, Nothing, "the file that holds it instead"),
            key("webhook_secret", Secret, Needed("serve"), "what signs webhooks; without it the server does not start"),
            key("webhook_secret_file", Path, Nothing, "the file that holds it instead"),
            key("previous_webhook_secret", Secret, Nothing, "still accepted, while the secret is being changed"),
            key("previous_webhook_secret_file", Path, Nothing, "the file that holds it instead"),
            key("assignees", List(&Text), Value("[]"), "logins; assigning an issue to one of them hands it over"),
        ],
    },
    Section {
        path: &["server"],
        title: "the web server",
        summary: "where the server listens, and how the world reaches it",
        keys: &[
            key("listen", Listen, Value("\"127.0.0.1:3000\""), "address and port"),
            key(
                "public_url",
                Url,
                Nothing,
                "how the world reaches the server; `baton doctor` compares it with what GitHub has as webhook URL",
            ),
            key(
                "tunnel",
                Url,
                Nothing,
                "a webhook channel to listen to (smee or one like it), for a server that the world does not reach",
            ),
        ],
    },
    Section {
        path: &["store"],
        title: "what is kept",
        summary: "the database (SQLite), and the folder for mirrors and checkouts",
        keys: &[
            key("url", Database, Value("\"sqlite://baton.db\""), "the database"),
            key(
                "data",
                Path,
                Value("\"baton-data\""),
                "the folder of mirrors and checkouts; can be lost, it is fetched again",
            ),
        ],
    },
    Section {
        path: &["worker"],
        title: "how much is done at once, and how often GitHub is looked at",
        summary: "how many runs at once, in all and in one repository; how often GitHub is asked for what was missed",
        keys: &[
            key("concurrency", Whole(1, WORD), Value("2"), "runs at once"),
            key("per_repository", Whole(1, WORD), Value("1"), "runs at once in one repository"),
            key(
                "lease_seconds",
                Whole(1, ANY),
                Value("30"),
                "after so many seconds without a sign of life, a worker's work goes to another",
            ),
            key(
                "reconcile_seconds",
                Whole(60, DAY),
                Value("300"),
                "how often GitHub is asked for what no webhook told: a missed one costs at most so long",
            ),
        ],
    },
    Section {
        path: &["sandbox"],
        title: "what encloses runs",
        summary: "toolchains to offer read-only, gaps that are accepted, the user that runs are",
        keys: &[
            key("kind", Choice(&["bubblewrap"]), Value("\"bubblewrap\""), "the only one in this version"),
            key(
                "read_only_paths",
                List(&Path),
                Value("[]"),
                "toolchains outside `/usr`, offered read-only at the same path; files with credentials in them are covered",
            ),
            key(
                "accepted_gaps",
                List(&Choice(&["memory-cgroup", "cpu-cgroup", "process-cgroup"])),
                Value("[]"),
                "limits this machine cannot enforce and the operator does without: `memory-cgroup`, `cpu-cgroup`, \
                 `process-cgroup`",
            ),
            key(
                "keep_seconds",
                Whole(1, DAY),
                Value("10"),
                "while a run goes on, its unfinished work is kept at most so often, and before each command; a run that is \
                 broken off goes on from there",
            ),
            key("bwrap", Path, Is("`/usr/bin/bwrap`"), "the bubblewrap program"),
            key(
                "uid",
                Whole(1, WORD),
                Is("`64823`"),
                "the user that sandboxes run as when Baton runs as root; unused otherwise. It must own nothing",
            ),
            key("gid", Whole(1, WORD), Is("`uid`"), "that user's group"),
        ],
    },
    Section {
        path: &["sandbox", "network"],
        title: "a way out of the sandbox",
        summary: "hosts that runs may reach; has no effect yet",
        keys: &[key(
            "allow",
            List(&Text),
            Value("[]"),
            "hosts; has no effect yet, because sandboxes have no network at all",
        )],
    },
    Section {
        path: &["sandbox", "limits"],
        title: "of one sandbox",
        summary: "time, memory, processes and space of one sandbox",
        keys: &[
            key("wall_seconds", Whole(1, ANY), Value("2700"), "time until everything in it is killed"),
            key(
                "memory_bytes",
                Whole(1, ANY),
                Value("4294967296"),
                "(4 GiB) memory of all processes, `/tmp` and the workspace's changes included",
            ),
            key("cpu_percent", Whole(1, WORD), Value("200"), "processor time, in percent of one core"),
            key("processes", Whole(1, WORD), Value("512"), "processes and threads"),
            key("workspace_bytes", Whole(1, ANY), Value("2147483648"), "(2 GiB) what the workspace may grow by"),
            key("tmp_bytes", Whole(1, ANY), Value("1073741824"), "(1 GiB) `/tmp`"),
            key("home_bytes", Whole(1, ANY), Value("536870912"), "(512 MiB) the private home folder"),
            key("file_bytes", Whole(1, ANY), Value("1073741824"), "(1 GiB) one file"),
            key("output_bytes", Whole(1, ANY), Value("8388608"), "(8 MiB) kept of one command's output"),
        ],
    },
    Section {
        path: &["agents", "*"],
        title: "at least one",
        summary: "an agent: `native` with a provider and a model, or a `replay`",
        keys: &[
            key(
                "kind",
                Choice(&["native", "replay"]),
                Needed("the agent"),
                "`native`: Baton's own loop over a provider's API; `replay`: a recorded conversation, for demonstrations \
                 and tests",
            ),
            key("provider", Text, Needed("`native`"), "the NAME of a `[providers.NAME]`"),
            key("model", Text, Needed("`native`"), "the model, as the provider names it"),
            key(
                "script",
                Path,
                Needed("`replay`"),
                "the recording's file ([format](../crates/agent/README.md#recordings))",
            ),
            key(
                "context_window",
                Whole(1, ANY),
                Is("`200000`"),
                "tokens that the model's window holds; more than twice `max_output_tokens`",
            ),
            key("max_output_tokens", Whole(1, ANY), Is("`16000`"), "tokens of one answer"),
        ],
    },
    Section {
        path: &["providers", "*"],
        title: "where models are",
        summary: "a model provider: API, address, key",
        keys: &[
            key(
                "api",
                Choice(&["anthropic", "openai", "openai-chat"]),
                Needed("the provider"),
                "`anthropic` (Messages), `openai` (Responses), `openai-chat` (Chat Completions, which many others speak)",
            ),
            key("base_url", Url, Needed("the provider"), "the provider's address"),
            key("api_key", Secret, Is("empty"), "the key; a model on this machine may need none"),
            key("api_key_file", Path, Nothing, "the file that holds it instead"),
        ],
    },
    Section {
        path: &["providers", "*", "prices"],
        title: "dollars for a million tokens",
        summary: "what its models cost; budgets in dollars hold only with prices",
        keys: &[
            key("input", Dollars, Value("0.0"), "of what the model reads. Budgets in dollars hold only with prices"),
            key("output", Dollars, Value("0.0"), "of what it writes"),
            key("cache_read", Dollars, Value("0.0"), "of what it reads from the cache"),
            key("cache_write", Dollars, Value("0.0"), "of what goes into the cache"),
        ],
    },
    Section {
        path: &["policy"],
        title: "whom Baton serves",
        summary: "whom Baton serves, the label, what a task may cost",
        keys: &[
            key(
                "repositories",
                List(&Repository),
                Value("[]"),
                "`OWNER/NAME` of those that are served; with `owners` empty too, every one on which the App is installed",
            ),
            key("owners", List(&Text), Value("[]"), "accounts whose repositories are all served"),
            key("label", Text, Value("\"baton\""), "the label that hands an issue over"),
            key("trusted_bots", List(&Text), Value("[]"), "exact logins of bots that may command"),
            key(
                "agent",
                Text,
                Is("the only one"),
                "the agent that works where the repository's file names none; needed when there are several",
            ),
            key("approval_days", Whole(1, WORD), Value("14"), "how long an approval or an answer is waited for"),
            key(
                "max_rounds",
                Whole(0, WORD),
                Value("2"),
                "how often failing tests or a refused patch go back to the agent",
            ),
            key(
                "second_person_approves",
                Switch,
                Value("false"),
                "whether the requester's own approval does not count",
            ),
            key("task_dollars", Dollars, Value("25.0"), "what a task may cost"),
        ],
    },
    Section {
        path: &["policy", "run"],
        title: "what one run may use",
        summary: "time, model calls, tokens and money of one run",
        keys: &[
            key("minutes", Whole(1, ANY), Value("45"), "time"),
            key("turns", Whole(1, ANY), Value("200"), "model calls"),
            key("tokens", Whole(1, ANY), Value("5000000"), "tokens of all kinds"),
            key("dollars", Dollars, Value("10.0"), "money"),
        ],
    },
    Section {
        path: &["policy", "patch"],
        title: "what a patch may contain",
        summary: "protected paths, size, binaries, files that may hold secrets",
        keys: &[
            key(
                "protected_paths",
                List(&Glob),
                Is(
                    "workflows, actions, `CODEOWNERS`, `.github/baton.yml`, Dependabot's file, other CI services' files",
                ),
                "globs of files that must not be touched; a list given here replaces the default one",
            ),
            key("max_files", Whole(0, ANY), Value("100"), "files"),
            key("max_lines", Whole(0, ANY), Value("5000"), "lines added and removed together"),
            key("max_file_bytes", Whole(0, ANY), Value("1048576"), "bytes of one file"),
            key("allow_binary", List(&Glob), Value("[]"), "globs of binary files that may be changed or added"),
            key(
                "allow_secrets",
                List(&Glob),
                Value("[]"),
                "globs of files that are not scanned for secrets, such as fixtures",
            ),
        ],
    },
    Section {
        path: &["policy", "retention"],
        title: "what is kept for how long",
        summary: "for how long deliveries, jobs, logs, commits, mirrors and checkouts are kept",
        keys: &[
            key(
                "bodies_days",
                Whole(4, WORD),
                Value("14"),
                "bodies of deliveries that were dealt with; without its body none can be looked into again",
            ),
            key(
                "deliveries_days",
                Whole(8, WORD),
                Value("90"),
                "the rest of them, by which a second arrival is known; GitHub sends again for up to a week",
            ),
            key("jobs_days", Whole(4, WORD), Value("30"), "jobs that are done, of no task or of one that has ended"),
            key("dead_days", Whole(8, WORD), Value("90"), "the same, of jobs that were given up on"),
            key("logs_days", Whole(1, WORD), Value("90"), "what agents said and did for tasks that have ended"),
            key(
                "work_days",
                Whole(7, WORD),
                Value("90"),
                "commits of tasks that have ended. The tasks themselves and their histories stay",
            ),
            key("mirrors_days", Whole(1, WORD), Value("60"), "mirrors of repositories in which no task was at work"),
            key("checkouts_days", Whole(1, WORD), Value("7"), "checkouts that nobody uses"),
            key("checkouts_gib", Whole(1, WORD), Value("20"), "GiB of all checkouts together"),
            key(
                "free_gib",
                Whole(0, WORD),
                Value("2"),
                "with fewer GiB free, all of this is kept for a half, a quarter and at last the least of its time, the \
                 oldest first; 0 for never",
            ),
        ],
    },
];

/// `.github/baton.yml`.
pub(super) const REPOSITORY: &[Section] = &[
    Section {
        path: &[],
        title: "the top",
        summary: "",
        keys: &[
            key("agent", Text, Is("the operator's"), "the configured agent to use"),
            key("protected_paths", List(&Glob), Value("[]"), "further globs"),
            key("branch_prefix", Text, Is("`baton`"), "the first part of branch names"),
            key("reviewers", List(&Text), Value("[]"), "logins asked for review besides the requester"),
            key("labels", List(&Text), Value("[]"), "labels put on the pull request"),
        ],
    },
    Section {
        path: &["plan"],
        title: "how plans are approved",
        summary: "",
        keys: &[
            key("required", Switch, Value("true"), "always `true`; the key exists so that a file can say so"),
            key(
                "auto",
                Switch,
                Value("false"),
                "whether the label `baton:auto`, set by a writer, counts as that writer's approval in advance",
            ),
        ],
    },
    Section {
        path: &["commands"],
        title: "instead of what Baton finds",
        summary: "",
        keys: &[
            key("setup", Commands, Is("what is found"), "a command line, or a list of them"),
            key("test", Commands, Is("what is found"), "the same"),
            key("lint", Commands, Value("[]"), "is read, and not run yet"),
            key("format", Commands, Value("[]"), "is read, and not run yet"),
        ],
    },
    Section {
        path: &["network"],
        title: "a way out of the sandbox",
        summary: "",
        keys: &[key("allow", List(&Text), Value("[]"), "has no effect yet")],
    },
    Section {
        path: &["limits"],
        title: "only tighter ones count",
        summary: "",
        keys: &[
            key("minutes", Whole(1, ANY), Is("the operator's"), "of one run"),
            key("tokens", Whole(1, ANY), Is("the operator's"), "of one run"),
            key("dollars", Dollars, Is("the operator's"), "of one run"),
            key("changed_files", Whole(0, ANY), Is("the operator's"), "of a patch"),
            key("changed_lines", Whole(0, ANY), Is("the operator's"), "of a patch"),
        ],
    },
];
