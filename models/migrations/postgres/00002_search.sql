-- The twin of the migration of this name for SQLite.

-- +goose Up

-- What the last attempt on record was answered with; 0: no attempt, or no answer.
ALTER TABLE jobs ADD COLUMN last_status bigint NOT NULL DEFAULT 0;
UPDATE jobs SET last_status = coalesce((SELECT a.status_code FROM attempts a
    WHERE a.job_id = jobs.id AND a.number = jobs.last_number AND a.job_id <> ''), 0) WHERE last_number > 0;
-- Successes are many and found by walking; everything else is rare.
CREATE INDEX jobs_status ON jobs (last_status, id) WHERE last_status > 299;
CREATE INDEX jobs_status_target ON jobs (target_id, last_status, id) WHERE last_status > 299;
CREATE INDEX jobs_retrying ON jobs (id) WHERE state = 'scheduled' AND attempts > 0;
CREATE INDEX jobs_retrying_target ON jobs (target_id, id) WHERE state = 'scheduled' AND attempts > 0;

-- +goose Down
DROP INDEX jobs_retrying_target;
DROP INDEX jobs_retrying;
DROP INDEX jobs_status_target;
DROP INDEX jobs_status;
ALTER TABLE jobs DROP COLUMN last_status;
