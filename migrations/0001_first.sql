-- Everything Baton keeps. Times are milliseconds since the epoch, UTC; JSON is TEXT; flags and counts are BIGINT.
-- Written so that PostgreSQL takes it after the two replacements that README.md names.

-- Webhooks exactly as they arrived.
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hook_type TEXT NOT NULL,
    hook_id TEXT NOT NULL,
    guid TEXT NOT NULL,
    event TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('received', 'handled', 'ignored', 'failed')),
    reason TEXT,
    settled_at BIGINT
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (hook_type, hook_id, guid);
CREATE INDEX deliveries_by_outcome ON deliveries (outcome, id);

-- One issue on its way to one pull request. `document` is the whole task, the other columns are what is looked for.
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository_id BIGINT NOT NULL,
    repository TEXT NOT NULL,
    issue BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    state TEXT NOT NULL,
    live BIGINT NOT NULL CHECK (live IN (0, 1)),
    pull_request BIGINT,
    format BIGINT NOT NULL,
    document TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tasks_one_live ON tasks (repository_id, issue) WHERE live = 1;
CREATE UNIQUE INDEX tasks_attempts ON tasks (repository_id, issue, attempt);
CREATE INDEX tasks_by_pull_request ON tasks (repository_id, pull_request) WHERE pull_request IS NOT NULL;
CREATE INDEX tasks_by_state ON tasks (state, id);
CREATE INDEX tasks_live ON tasks (id) WHERE live = 1;

-- What happened to a task. Only ever added to.
CREATE TABLE history (
    task_id BIGINT NOT NULL REFERENCES tasks (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    state_before TEXT NOT NULL,
    state_after TEXT NOT NULL,
    format BIGINT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (task_id, seq)
);

-- The queue: what is to be done, is being done, and was done.
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    format BIGINT NOT NULL,
    payload TEXT NOT NULL,
    -- Names an effect: while one job of this key is queued, running or done, no other is taken.
    effect_key TEXT,
    -- Names work that need not wait twice: while one job of this key is queued or running, no other is taken.
    dedupe_key TEXT,
    task_id BIGINT REFERENCES tasks (id),
    -- Whose turn it is and whose limit counts; empty for work of no repository.
    repository TEXT NOT NULL,
    -- Jobs of one lane run one at a time, in the order of (lane_turn, id).
    lane TEXT,
    lane_turn BIGINT NOT NULL,
    slot TEXT NOT NULL CHECK (slot IN ('light', 'run')),
    priority BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'dead', 'cancelled')),
    -- What a queued job waits for: 0 nothing but a worker, 1 its time, 2 its lane.
    waits_for BIGINT NOT NULL CHECK (waits_for IN (0, 1, 2)),
    attempts BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until BIGINT,
    fence BIGINT NOT NULL,
    cancel_requested_at BIGINT,
    last_error TEXT,
    result TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT
);
CREATE UNIQUE INDEX jobs_effect_once ON jobs (effect_key) WHERE state IN ('queued', 'running', 'done');
CREATE UNIQUE INDEX jobs_dedupe ON jobs (dedupe_key) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX jobs_one_running_per_lane ON jobs (lane) WHERE state = 'running' AND lane IS NOT NULL;
CREATE INDEX jobs_ready ON jobs (slot, repository, priority DESC, id) WHERE state = 'queued' AND waits_for = 0;
CREATE INDEX jobs_ripening ON jobs (run_at) WHERE state = 'queued' AND waits_for = 1;
CREATE INDEX jobs_lane ON jobs (lane, lane_turn, id) WHERE state = 'queued' AND lane IS NOT NULL;
CREATE UNIQUE INDEX jobs_one_front_per_lane ON jobs (lane) WHERE state = 'queued' AND waits_for < 2 AND lane IS NOT NULL;
CREATE INDEX jobs_running ON jobs (slot, repository) WHERE state = 'running';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_by_task ON jobs (task_id, id);

-- When each repository was last served, as a counter: fairness between repositories.
CREATE TABLE turns (
    slot TEXT NOT NULL,
    repository TEXT NOT NULL,
    turn BIGINT NOT NULL,
    PRIMARY KEY (slot, repository)
);
CREATE INDEX turns_newest ON turns (turn);

-- Agent executions and what the agent said while it worked.
CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL,
    task_id BIGINT NOT NULL REFERENCES tasks (id),
    kind TEXT NOT NULL,
    agent TEXT NOT NULL,
    model TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    format BIGINT NOT NULL,
    ending TEXT,
    usage TEXT
);
CREATE INDEX runs_by_task ON runs (task_id, started_at);

CREATE TABLE run_log (
    run_id TEXT NOT NULL REFERENCES runs (id),
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (run_id, seq)
);

-- Small named values: the pause switch, the bot's identity.
CREATE TABLE settings (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What an effect made outside, so that finding comes before creating.
CREATE TABLE remembered (
    effect_key TEXT PRIMARY KEY NOT NULL,
    external_id TEXT NOT NULL,
    at BIGINT NOT NULL
);

-- What is said or done only once, ever.
CREATE TABLE notices (
    key TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL
);
