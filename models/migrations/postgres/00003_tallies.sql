-- The twin of the migration of this name for SQLite, whose comments hold here too.

-- +goose Up

CREATE TABLE tallies (
    target_id text COLLATE "C" NOT NULL,
    shard     bigint NOT NULL,
    scheduled bigint NOT NULL DEFAULT 0, -- no attempt on record, not held
    retrying  bigint NOT NULL DEFAULT 0, -- scheduled with attempts on record, not held
    held      bigint NOT NULL DEFAULT 0, -- scheduled, in its schedule's line
    running   bigint NOT NULL DEFAULT 0,
    succeeded bigint NOT NULL DEFAULT 0,
    failed    bigint NOT NULL DEFAULT 0,
    canceled  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (target_id, shard)
);
INSERT INTO tallies (target_id, shard, scheduled, retrying, held, running, succeeded, failed, canceled)
    SELECT target_id, 0,
        sum(CASE WHEN state = 'scheduled' AND held = 0 AND attempts = 0 THEN 1 ELSE 0 END),
        sum(CASE WHEN state = 'scheduled' AND held = 0 AND attempts > 0 THEN 1 ELSE 0 END),
        sum(CASE WHEN state = 'scheduled' AND held = 1 THEN 1 ELSE 0 END),
        sum(CASE WHEN state = 'running' THEN 1 ELSE 0 END),
        sum(CASE WHEN state = 'succeeded' THEN 1 ELSE 0 END),
        sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END),
        sum(CASE WHEN state = 'canceled' THEN 1 ELSE 0 END)
    FROM jobs GROUP BY target_id;

CREATE TABLE rollups (
    target_id text COLLATE "C" NOT NULL,
    minute bigint NOT NULL, -- since 1970
    shard bigint NOT NULL,  -- as of tallies
    succeeded bigint NOT NULL DEFAULT 0,
    retryable bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    canceled bigint NOT NULL DEFAULT 0,
    interrupted bigint NOT NULL DEFAULT 0,
    lost bigint NOT NULL DEFAULT 0,
    jobs_succeeded bigint NOT NULL DEFAULT 0,
    jobs_failed bigint NOT NULL DEFAULT 0,
    jobs_canceled bigint NOT NULL DEFAULT 0,
    took_0 bigint NOT NULL DEFAULT 0, took_1 bigint NOT NULL DEFAULT 0,
    took_2 bigint NOT NULL DEFAULT 0, took_3 bigint NOT NULL DEFAULT 0,
    took_4 bigint NOT NULL DEFAULT 0, took_5 bigint NOT NULL DEFAULT 0,
    took_6 bigint NOT NULL DEFAULT 0, took_7 bigint NOT NULL DEFAULT 0,
    took_8 bigint NOT NULL DEFAULT 0, took_9 bigint NOT NULL DEFAULT 0,
    took_10 bigint NOT NULL DEFAULT 0, took_11 bigint NOT NULL DEFAULT 0,
    took_12 bigint NOT NULL DEFAULT 0, took_13 bigint NOT NULL DEFAULT 0,
    took_14 bigint NOT NULL DEFAULT 0, took_15 bigint NOT NULL DEFAULT 0,
    took_16 bigint NOT NULL DEFAULT 0, took_17 bigint NOT NULL DEFAULT 0,
    took_18 bigint NOT NULL DEFAULT 0, took_19 bigint NOT NULL DEFAULT 0,
    took_20 bigint NOT NULL DEFAULT 0, took_21 bigint NOT NULL DEFAULT 0,
    late_0 bigint NOT NULL DEFAULT 0, late_1 bigint NOT NULL DEFAULT 0,
    late_2 bigint NOT NULL DEFAULT 0, late_3 bigint NOT NULL DEFAULT 0,
    late_4 bigint NOT NULL DEFAULT 0, late_5 bigint NOT NULL DEFAULT 0,
    late_6 bigint NOT NULL DEFAULT 0, late_7 bigint NOT NULL DEFAULT 0,
    late_8 bigint NOT NULL DEFAULT 0, late_9 bigint NOT NULL DEFAULT 0,
    late_10 bigint NOT NULL DEFAULT 0, late_11 bigint NOT NULL DEFAULT 0,
    late_12 bigint NOT NULL DEFAULT 0, late_13 bigint NOT NULL DEFAULT 0,
    late_14 bigint NOT NULL DEFAULT 0, late_15 bigint NOT NULL DEFAULT 0,
    late_16 bigint NOT NULL DEFAULT 0, late_17 bigint NOT NULL DEFAULT 0,
    late_18 bigint NOT NULL DEFAULT 0, late_19 bigint NOT NULL DEFAULT 0,
    late_20 bigint NOT NULL DEFAULT 0, late_21 bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (target_id, minute, shard)
);
CREATE INDEX rollups_minute ON rollups (minute);

-- +goose Down
DROP TABLE rollups;
DROP TABLE tallies;
