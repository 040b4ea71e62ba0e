-- The twin of the migration of this name for SQLite, whose comments hold here too.
--
-- Text is COLLATE "C": ids sort by their bytes, whatever the locale of the database. There are no foreign keys: a unit of
-- work that makes jobs locks their target's row anyway, once a transaction and not once a row. Flags are bigint 0 or 1, as
-- the statements, which both engines share, compare them with numbers.

-- +goose Up

CREATE TABLE targets (
    id            text COLLATE "C" NOT NULL PRIMARY KEY,
    name          text COLLATE "C" NOT NULL,
    url           text COLLATE "C" NOT NULL,
    method        text COLLATE "C" NOT NULL,
    headers       text COLLATE "C" NOT NULL,
    timeout       bigint           NOT NULL,
    retry         text COLLATE "C" NOT NULL,
    max_in_flight bigint           NOT NULL,
    rate_limit    text COLLATE "C" NOT NULL DEFAULT '',
    on_lost       text COLLATE "C" NOT NULL,
    on_gone       text COLLATE "C" NOT NULL,
    description   text COLLATE "C" NOT NULL DEFAULT '',
    paused_at     bigint,
    paused_reason text COLLATE "C" NOT NULL DEFAULT '',
    version       bigint           NOT NULL,
    created_at    bigint           NOT NULL,
    updated_at    bigint           NOT NULL,
    deleted_at    bigint
);
-- A name belongs to one living target; history keeps it for the dead.
CREATE UNIQUE INDEX targets_living ON targets (name) WHERE deleted_at IS NULL;
CREATE INDEX targets_name ON targets (name);

-- The signing secrets of a target: one without an end, and for a while those it replaced.
CREATE TABLE secrets (
    target_id  text COLLATE "C" NOT NULL,
    created_at bigint           NOT NULL,
    value      bytea            NOT NULL,
    key_id     text COLLATE "C" NOT NULL DEFAULT '', -- the key that encrypts value; '': none
    expires_at bigint,                     -- NULL: the present one
    PRIMARY KEY (target_id, created_at)
);

CREATE TABLE schedules (
    id                   text COLLATE "C" NOT NULL PRIMARY KEY,
    name                 text COLLATE "C" NOT NULL,
    target_id            text COLLATE "C" NOT NULL,
    description          text COLLATE "C" NOT NULL DEFAULT '',
    cron                 text COLLATE "C" NOT NULL DEFAULT '',
    every                bigint           NOT NULL DEFAULT 0,
    timezone             text COLLATE "C" NOT NULL,
    day_match            text COLLATE "C" NOT NULL,
    dst_gap              text COLLATE "C" NOT NULL,
    dst_repeat           text COLLATE "C" NOT NULL,
    jitter               bigint           NOT NULL DEFAULT 0,
    start_at             bigint,
    end_at               bigint,
    anchor               bigint,
    body_form            text COLLATE "C" NOT NULL DEFAULT '',
    content_type         text COLLATE "C" NOT NULL DEFAULT '',
    body                 bytea,
    path                 text COLLATE "C" NOT NULL DEFAULT '',
    headers              text COLLATE "C" NOT NULL,
    labels               text COLLATE "C" NOT NULL,
    priority             bigint           NOT NULL,
    timeout              bigint           NOT NULL DEFAULT 0,
    retry                text COLLATE "C",
    expires_in           bigint           NOT NULL DEFAULT 0,
    overlap              text COLLATE "C" NOT NULL,
    retry_past_next      bigint           NOT NULL DEFAULT 0,
    catch_up             text COLLATE "C" NOT NULL,
    catch_up_window      bigint           NOT NULL,
    max_runs             bigint           NOT NULL DEFAULT 0,
    runs                 bigint           NOT NULL DEFAULT 0,
    pause_after_failures bigint           NOT NULL DEFAULT 0,
    failures_in_row      bigint           NOT NULL DEFAULT 0,
    paused_at            bigint,
    paused_reason        text COLLATE "C" NOT NULL DEFAULT '',
    paused_until         bigint,
    next_at              bigint, -- nominal time of the first unsettled occurrence; NULL: it has ended
    timing_since         bigint, -- no occurrence but next_at is at or before it
    due_at               bigint, -- when the next turn is due; NULL: never
    parked               text COLLATE "C" NOT NULL DEFAULT '', -- why every coming occurrence can only be skipped; '': it need not
    parked_until         bigint, -- when that came to an end; NULL while it lasts
    version              bigint           NOT NULL,
    created_at           bigint           NOT NULL,
    updated_at           bigint           NOT NULL,
    deleted_at           bigint
);
CREATE UNIQUE INDEX schedules_living ON schedules (name) WHERE deleted_at IS NULL;
CREATE INDEX schedules_name ON schedules (name);
CREATE INDEX schedules_target ON schedules (target_id, name) WHERE deleted_at IS NULL;
CREATE INDEX schedules_due ON schedules (due_at, id) WHERE deleted_at IS NULL AND due_at IS NOT NULL;

CREATE TABLE jobs (
    id                  text COLLATE "C" NOT NULL PRIMARY KEY,
    target_id           text COLLATE "C" NOT NULL,
    shard               bigint           NOT NULL,
    state               text COLLATE "C" NOT NULL,
    reason              text COLLATE "C" NOT NULL DEFAULT '',
    origin              text COLLATE "C" NOT NULL,
    priority            bigint           NOT NULL,
    body_form           text COLLATE "C" NOT NULL DEFAULT '',
    content_type        text COLLATE "C" NOT NULL DEFAULT '',
    body                bytea,                       -- a small one; a large one is in bodies
    body_apart          bigint           NOT NULL DEFAULT 0,
    path                text COLLATE "C" NOT NULL DEFAULT '',
    headers             text COLLATE "C",
    labels              text COLLATE "C",
    timeout             bigint           NOT NULL DEFAULT 0,
    retry               text COLLATE "C",
    schedule_id         text COLLATE "C" NOT NULL DEFAULT '',
    rerun_of            text COLLATE "C" NOT NULL DEFAULT '',
    key                 text COLLATE "C" NOT NULL DEFAULT '',
    scheduled_for       bigint           NOT NULL,
    run_at              bigint           NOT NULL,
    expires_at          bigint,
    attempts            bigint           NOT NULL DEFAULT 0,
    last_number         bigint           NOT NULL DEFAULT 0,
    lost_in_row         bigint           NOT NULL DEFAULT 0,
    held                bigint           NOT NULL DEFAULT 0,
    claim_id            text COLLATE "C" NOT NULL DEFAULT '',
    claim_node          text COLLATE "C" NOT NULL DEFAULT '',
    claimed_at          bigint,
    cancel_requested_at bigint,
    created_at          bigint           NOT NULL,
    updated_at          bigint           NOT NULL,
    finished_at         bigint
);
-- What is owed, for the dispatcher: each index holds unfinished jobs only, so that millions of finished ones cost nothing.
CREATE INDEX jobs_due ON jobs (target_id, priority, run_at) WHERE state = 'scheduled' AND held = 0;
-- The same by shard: what an owner of shards sees of them.
CREATE INDEX jobs_shard ON jobs (shard, run_at) WHERE state = 'scheduled' AND held = 0;
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
    job_id text COLLATE "C" NOT NULL PRIMARY KEY,
    body   bytea            NOT NULL
);

CREATE TABLE labels (
    key    text COLLATE "C" NOT NULL,
    value  text COLLATE "C" NOT NULL,
    job_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (key, value, job_id)
);
CREATE INDEX labels_job ON labels (job_id);

CREATE TABLE attempts (
    id            text COLLATE "C" NOT NULL PRIMARY KEY,
    job_id        text COLLATE "C" NOT NULL DEFAULT '', -- '': a test call
    target_id     text COLLATE "C" NOT NULL,
    number        bigint           NOT NULL,
    outcome       text COLLATE "C" NOT NULL,
    status_code   bigint           NOT NULL DEFAULT 0,
    error_kind    text COLLATE "C" NOT NULL DEFAULT '',
    error_message text COLLATE "C" NOT NULL DEFAULT '',
    retry_at      bigint,
    started_at    bigint           NOT NULL,
    duration      bigint           NOT NULL DEFAULT 0,
    node          text COLLATE "C" NOT NULL DEFAULT '',
    dns           bigint           NOT NULL DEFAULT 0,
    connect       bigint           NOT NULL DEFAULT 0,
    tls           bigint           NOT NULL DEFAULT 0,
    first_byte    bigint           NOT NULL DEFAULT 0,
    method        text COLLATE "C" NOT NULL DEFAULT '',
    url           text COLLATE "C" NOT NULL DEFAULT '',
    req_headers   bytea,
    resp_headers  bytea,
    resp_body     bytea,
    truncated     bigint           NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX attempts_job ON attempts (job_id, number) WHERE job_id <> '';
CREATE INDEX attempts_target ON attempts (target_id, id);
-- Successes are many and found by walking; everything else is rare.
CREATE INDEX attempts_trouble ON attempts (outcome, id) WHERE outcome <> 'succeeded';
CREATE INDEX attempts_trouble_target ON attempts (target_id, outcome, id) WHERE outcome <> 'succeeded';
CREATE INDEX attempts_test ON attempts (started_at) WHERE job_id = '';

CREATE TABLE occurrences (
    schedule_id text COLLATE "C" NOT NULL,
    at          bigint           NOT NULL,
    until       bigint           NOT NULL,
    count       bigint           NOT NULL,
    outcome     text COLLATE "C" NOT NULL,
    reason      text COLLATE "C" NOT NULL DEFAULT '',
    job_id      text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (schedule_id, at)
);
CREATE INDEX occurrences_until ON occurrences (until);

-- Requests that were answered with 2xx, by path and key, and jobs by their target and key.
CREATE TABLE idempotency (
    path       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    body       bytea            NOT NULL, -- SHA-256 of what was asked
    job_ids    text COLLATE "C" NOT NULL, -- a JSON array
    expires_at bigint           NOT NULL, -- not forgotten before, nor while one of its jobs is kept
    PRIMARY KEY (path, key)
);
CREATE INDEX idempotency_expires ON idempotency (expires_at);

CREATE TABLE nodes (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    version      text COLLATE "C" NOT NULL DEFAULT '',
    started_at   bigint           NOT NULL,
    heartbeat_at bigint           NOT NULL
);

-- Each job is rewritten twice and then deleted: room on its page keeps the versions together, and vacuum comes by often
-- and in small steps instead of after a fifth of a large table.
ALTER TABLE jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
ALTER TABLE attempts SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);
ALTER TABLE schedules SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);
ALTER TABLE nodes SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);
ALTER TABLE targets SET (fillfactor = 50);

-- +goose Down
SELECT 'the first schema is the oldest one: nothing goes before it';
