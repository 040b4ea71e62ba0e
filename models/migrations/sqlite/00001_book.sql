-- Times are Unix microseconds, NULL where there is none; durations are nanoseconds. Ids are text that sorts by the time
-- they were made. A column that is '' or 0 by default has no value.

-- +goose Up

CREATE TABLE targets (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    method        TEXT    NOT NULL,
    headers       TEXT    NOT NULL,
    timeout       INTEGER NOT NULL,
    retry         TEXT    NOT NULL,
    max_in_flight INTEGER NOT NULL,
    rate_limit    TEXT    NOT NULL DEFAULT '',
    on_lost       TEXT    NOT NULL,
    on_gone       TEXT    NOT NULL,
    description   TEXT    NOT NULL DEFAULT '',
    paused_at     INTEGER,
    paused_reason TEXT    NOT NULL DEFAULT '',
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
) STRICT, WITHOUT ROWID;
-- A name belongs to one living target; history keeps it for the dead.
CREATE UNIQUE INDEX targets_living ON targets (name) WHERE deleted_at IS NULL;
CREATE INDEX targets_name ON targets (name);

-- The signing secrets of a target: one without an end, and for a while those it replaced.
CREATE TABLE secrets (
    target_id  TEXT    NOT NULL REFERENCES targets (id),
    created_at INTEGER NOT NULL,
    value      BLOB    NOT NULL,
    key_id     TEXT    NOT NULL DEFAULT '', -- the key that encrypts value; '': none
    expires_at INTEGER,                     -- NULL: the present one
    PRIMARY KEY (target_id, created_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
    id                   TEXT    NOT NULL PRIMARY KEY,
    name                 TEXT    NOT NULL,
    target_id            TEXT    NOT NULL REFERENCES targets (id),
    description          TEXT    NOT NULL DEFAULT '',
    cron                 TEXT    NOT NULL DEFAULT '',
    every                INTEGER NOT NULL DEFAULT 0,
    timezone             TEXT    NOT NULL,
    day_match            TEXT    NOT NULL,
    dst_gap              TEXT    NOT NULL,
    dst_repeat           TEXT    NOT NULL,
    jitter               INTEGER NOT NULL DEFAULT 0,
    start_at             INTEGER,
    end_at               INTEGER,
    anchor               INTEGER,
    body_form            TEXT    NOT NULL DEFAULT '',
    content_type         TEXT    NOT NULL DEFAULT '',
    body                 BLOB,
    path                 TEXT    NOT NULL DEFAULT '',
    headers              TEXT    NOT NULL,
    labels               TEXT    NOT NULL,
    priority             INTEGER NOT NULL,
    timeout              INTEGER NOT NULL DEFAULT 0,
    retry                TEXT,
    expires_in           INTEGER NOT NULL DEFAULT 0,
    overlap              TEXT    NOT NULL,
    retry_past_next      INTEGER NOT NULL DEFAULT 0,
    catch_up             TEXT    NOT NULL,
    catch_up_window      INTEGER NOT NULL,
    max_runs             INTEGER NOT NULL DEFAULT 0,
    runs                 INTEGER NOT NULL DEFAULT 0,
    pause_after_failures INTEGER NOT NULL DEFAULT 0,
    failures_in_row      INTEGER NOT NULL DEFAULT 0,
    paused_at            INTEGER,
    paused_reason        TEXT    NOT NULL DEFAULT '',
    paused_until         INTEGER,
    next_at              INTEGER, -- nominal time of the first unsettled occurrence; NULL: it has ended
    timing_since         INTEGER, -- no occurrence but next_at is at or before it
    due_at               INTEGER, -- when the next turn is due; NULL: never
    parked               TEXT    NOT NULL DEFAULT '', -- why every coming occurrence can only be skipped; '': it need not
    parked_until         INTEGER, -- when that came to an end; NULL while it lasts
    version              INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    deleted_at           INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX schedules_living ON schedules (name) WHERE deleted_at IS NULL;
CREATE INDEX schedules_name ON schedules (name);
CREATE INDEX schedules_target ON schedules (target_id, name) WHERE deleted_at IS NULL;
CREATE INDEX schedules_due ON schedules (due_at, id) WHERE deleted_at IS NULL AND due_at IS NOT NULL;

CREATE TABLE jobs (
    id                  TEXT    NOT NULL PRIMARY KEY,
    target_id           TEXT    NOT NULL REFERENCES targets (id),
    shard               INTEGER NOT NULL,
    state               TEXT    NOT NULL,
    reason              TEXT    NOT NULL DEFAULT '',
    origin              TEXT    NOT NULL,
    priority            INTEGER NOT NULL,
    body_form           TEXT    NOT NULL DEFAULT '',
    content_type        TEXT    NOT NULL DEFAULT '',
    body                BLOB,                       -- a small one; a large one is in bodies
    body_apart          INTEGER NOT NULL DEFAULT 0,
    path                TEXT    NOT NULL DEFAULT '',
    headers             TEXT,
    labels              TEXT,
    timeout             INTEGER NOT NULL DEFAULT 0,
    retry               TEXT,
    schedule_id         TEXT    NOT NULL DEFAULT '',
    rerun_of            TEXT    NOT NULL DEFAULT '',
    key                 TEXT    NOT NULL DEFAULT '',
    scheduled_for       INTEGER NOT NULL,
    run_at              INTEGER NOT NULL,
    expires_at          INTEGER,
    attempts            INTEGER NOT NULL DEFAULT 0,
    last_number         INTEGER NOT NULL DEFAULT 0,
    lost_in_row         INTEGER NOT NULL DEFAULT 0,
    held                INTEGER NOT NULL DEFAULT 0,
    claim_id            TEXT    NOT NULL DEFAULT '',
    claim_node          TEXT    NOT NULL DEFAULT '',
    claimed_at          INTEGER,
    cancel_requested_at INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    finished_at         INTEGER
) STRICT, WITHOUT ROWID;
-- What is owed, for the dispatcher: each index holds unfinished jobs only, so that millions of finished ones cost nothing.
CREATE INDEX jobs_due ON jobs (target_id, priority, run_at) WHERE state = 'scheduled' AND held = 0;
CREATE INDEX jobs_running ON jobs (claim_node, claim_id) WHERE state = 'running';
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE state = 'scheduled' AND expires_at IS NOT NULL;
CREATE INDEX jobs_unfinished ON jobs (schedule_id, held, (origin = 'backfill'), scheduled_for, id)
    WHERE schedule_id <> '' AND state IN ('scheduled', 'running');
-- Lists, newest first: one index for each filter that may be rare among many.
CREATE INDEX jobs_target ON jobs (target_id, id);
CREATE INDEX jobs_schedule ON jobs (schedule_id, id) WHERE schedule_id <> '';
CREATE INDEX jobs_scheduled ON jobs (id) WHERE state = 'scheduled';
CREATE INDEX jobs_scheduled_target ON jobs (target_id, id) WHERE state = 'scheduled';
CREATE INDEX jobs_ended ON jobs (state, id) WHERE state IN ('succeeded', 'failed', 'canceled');
CREATE INDEX jobs_ended_target ON jobs (target_id, state, id) WHERE state IN ('succeeded', 'failed', 'canceled');
-- Retention.
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE bodies (
    job_id TEXT NOT NULL PRIMARY KEY,
    body   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE labels (
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    job_id TEXT NOT NULL,
    PRIMARY KEY (key, value, job_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_job ON labels (job_id);

CREATE TABLE attempts (
    id            TEXT    NOT NULL PRIMARY KEY,
    job_id        TEXT    NOT NULL DEFAULT '', -- '': a test call
    target_id     TEXT    NOT NULL,
    number        INTEGER NOT NULL,
    outcome       TEXT    NOT NULL,
    status_code   INTEGER NOT NULL DEFAULT 0,
    error_kind    TEXT    NOT NULL DEFAULT '',
    error_message TEXT    NOT NULL DEFAULT '',
    retry_at      INTEGER,
    started_at    INTEGER NOT NULL,
    duration      INTEGER NOT NULL DEFAULT 0,
    node          TEXT    NOT NULL DEFAULT '',
    dns           INTEGER NOT NULL DEFAULT 0,
    connect       INTEGER NOT NULL DEFAULT 0,
    tls           INTEGER NOT NULL DEFAULT 0,
    first_byte    INTEGER NOT NULL DEFAULT 0,
    method        TEXT    NOT NULL DEFAULT '',
    url           TEXT    NOT NULL DEFAULT '',
    req_headers   BLOB,
    resp_headers  BLOB,
    resp_body     BLOB,
    truncated     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX attempts_job ON attempts (job_id, number) WHERE job_id <> '';
CREATE INDEX attempts_target ON attempts (target_id, id);
-- Successes are many and found by walking; everything else is rare.
CREATE INDEX attempts_trouble ON attempts (outcome, id) WHERE outcome <> 'succeeded';
CREATE INDEX attempts_trouble_target ON attempts (target_id, outcome, id) WHERE outcome <> 'succeeded';
CREATE INDEX attempts_test ON attempts (started_at) WHERE job_id = '';

CREATE TABLE occurrences (
    schedule_id TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    job_id      TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (schedule_id, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX occurrences_until ON occurrences (until);

-- Requests that were answered with 2xx, by path and key, and jobs by their target and key.
CREATE TABLE idempotency (
    path       TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    body       BLOB    NOT NULL, -- SHA-256 of what was asked
    job_ids    TEXT    NOT NULL, -- a JSON array
    expires_at INTEGER NOT NULL, -- not forgotten before, nor while one of its jobs is kept
    PRIMARY KEY (path, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires_at);

CREATE TABLE nodes (
    id           TEXT    NOT NULL PRIMARY KEY,
    version      TEXT    NOT NULL DEFAULT '',
    started_at   INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
SELECT 'the first schema is the oldest one: nothing goes before it';
