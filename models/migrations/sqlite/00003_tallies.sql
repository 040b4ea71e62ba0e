-- +goose Up

-- How many jobs stand where, by target: what every commit changed of it is added in the same transaction, so that
-- nobody has to count jobs. shard spreads writers that work side by side; what it holds is summed on reading, and of
-- one row alone a number may be negative.
CREATE TABLE tallies (
    target_id TEXT    NOT NULL,
    shard     INTEGER NOT NULL,
    scheduled INTEGER NOT NULL DEFAULT 0, -- no attempt on record, not held
    retrying  INTEGER NOT NULL DEFAULT 0, -- scheduled with attempts on record, not held
    held      INTEGER NOT NULL DEFAULT 0, -- scheduled, in its schedule's line
    running   INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed    INTEGER NOT NULL DEFAULT 0,
    canceled  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (target_id, shard)
) STRICT, WITHOUT ROWID;
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

-- What happened in a minute: attempts by outcome, jobs that ended, and histograms of how long calls took and how late
-- they were. The bounds of their columns are in rollup.go. target_id '' is all targets.
CREATE TABLE rollups (
    target_id TEXT NOT NULL,
    minute INTEGER NOT NULL, -- since 1970
    shard INTEGER NOT NULL,  -- as of tallies
    succeeded INTEGER NOT NULL DEFAULT 0,
    retryable INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    canceled INTEGER NOT NULL DEFAULT 0,
    interrupted INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    jobs_succeeded INTEGER NOT NULL DEFAULT 0,
    jobs_failed INTEGER NOT NULL DEFAULT 0,
    jobs_canceled INTEGER NOT NULL DEFAULT 0,
    took_0 INTEGER NOT NULL DEFAULT 0, took_1 INTEGER NOT NULL DEFAULT 0,
    took_2 INTEGER NOT NULL DEFAULT 0, took_3 INTEGER NOT NULL DEFAULT 0,
    took_4 INTEGER NOT NULL DEFAULT 0, took_5 INTEGER NOT NULL DEFAULT 0,
    took_6 INTEGER NOT NULL DEFAULT 0, took_7 INTEGER NOT NULL DEFAULT 0,
    took_8 INTEGER NOT NULL DEFAULT 0, took_9 INTEGER NOT NULL DEFAULT 0,
    took_10 INTEGER NOT NULL DEFAULT 0, took_11 INTEGER NOT NULL DEFAULT 0,
    took_12 INTEGER NOT NULL DEFAULT 0, took_13 INTEGER NOT NULL DEFAULT 0,
    took_14 INTEGER NOT NULL DEFAULT 0, took_15 INTEGER NOT NULL DEFAULT 0,
    took_16 INTEGER NOT NULL DEFAULT 0, took_17 INTEGER NOT NULL DEFAULT 0,
    took_18 INTEGER NOT NULL DEFAULT 0, took_19 INTEGER NOT NULL DEFAULT 0,
    took_20 INTEGER NOT NULL DEFAULT 0, took_21 INTEGER NOT NULL DEFAULT 0,
    late_0 INTEGER NOT NULL DEFAULT 0, late_1 INTEGER NOT NULL DEFAULT 0,
    late_2 INTEGER NOT NULL DEFAULT 0, late_3 INTEGER NOT NULL DEFAULT 0,
    late_4 INTEGER NOT NULL DEFAULT 0, late_5 INTEGER NOT NULL DEFAULT 0,
    late_6 INTEGER NOT NULL DEFAULT 0, late_7 INTEGER NOT NULL DEFAULT 0,
    late_8 INTEGER NOT NULL DEFAULT 0, late_9 INTEGER NOT NULL DEFAULT 0,
    late_10 INTEGER NOT NULL DEFAULT 0, late_11 INTEGER NOT NULL DEFAULT 0,
    late_12 INTEGER NOT NULL DEFAULT 0, late_13 INTEGER NOT NULL DEFAULT 0,
    late_14 INTEGER NOT NULL DEFAULT 0, late_15 INTEGER NOT NULL DEFAULT 0,
    late_16 INTEGER NOT NULL DEFAULT 0, late_17 INTEGER NOT NULL DEFAULT 0,
    late_18 INTEGER NOT NULL DEFAULT 0, late_19 INTEGER NOT NULL DEFAULT 0,
    late_20 INTEGER NOT NULL DEFAULT 0, late_21 INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (target_id, minute, shard)
) STRICT, WITHOUT ROWID;
CREATE INDEX rollups_minute ON rollups (minute);

-- +goose Down
DROP TABLE rollups;
DROP TABLE tallies;
