-- The twin of the migration of this name for SQLite, whose comments hold here too.

-- +goose Up

-- What stays of a target's calls, and for how long; nanoseconds, 0: as long as the server's settings say.
ALTER TABLE targets ADD COLUMN capture text COLLATE "C" NOT NULL DEFAULT '{}';
ALTER TABLE targets ADD COLUMN keep_succeeded bigint NOT NULL DEFAULT 0;
ALTER TABLE targets ADD COLUMN keep_failed bigint NOT NULL DEFAULT 0;
CREATE INDEX targets_keep ON targets (id) WHERE keep_succeeded <> 0 OR keep_failed <> 0;

-- Whose settings say how long a job is kept once it has ended: those of the target of this id; '': the server's. So each
-- has its own stretch of the index, and pruning finds what is due at the head of one.
ALTER TABLE jobs ADD COLUMN kept_by text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX jobs_finished;
CREATE INDEX jobs_finished ON jobs (kept_by, state, finished_at) WHERE finished_at IS NOT NULL;

-- Targets whose jobs are on their way into another stretch, up to after.
CREATE TABLE keep_moves (
    target_id text COLLATE "C" NOT NULL PRIMARY KEY,
    after     text COLLATE "C" NOT NULL DEFAULT ''
);

-- What was sent, if the target wants it kept.
ALTER TABLE attempts ADD COLUMN req_body bytea;
ALTER TABLE attempts ADD COLUMN req_truncated bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE attempts DROP COLUMN req_truncated;
ALTER TABLE attempts DROP COLUMN req_body;
DROP TABLE keep_moves;
DROP INDEX jobs_finished;
CREATE INDEX jobs_finished ON jobs (state, finished_at) WHERE finished_at IS NOT NULL;
ALTER TABLE jobs DROP COLUMN kept_by;
DROP INDEX targets_keep;
ALTER TABLE targets DROP COLUMN keep_failed;
ALTER TABLE targets DROP COLUMN keep_succeeded;
ALTER TABLE targets DROP COLUMN capture;
