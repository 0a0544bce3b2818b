-- What is kept of work that goes on, or that stopped before its end: the newest of a task. `purpose` names the plan and the
-- commit it belongs to; `job_id` and `fence` are those of the lease under which it was kept; `changes` and `conversation`
-- are compressed.
CREATE TABLE kept (
    task_id BIGINT PRIMARY KEY NOT NULL REFERENCES tasks (id),
    run_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    job_id BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    format BIGINT NOT NULL,
    about TEXT NOT NULL,
    changes BLOB NOT NULL,
    conversation BLOB NOT NULL
);

-- Up to which entry of its log a run's use of tokens and money is booked on its task.
ALTER TABLE runs ADD COLUMN booked_through BIGINT NOT NULL DEFAULT 0;
UPDATE runs SET booked_through = COALESCE((SELECT MAX(seq) FROM run_log WHERE run_log.run_id = runs.id), 0);
