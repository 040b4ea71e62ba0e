-- The twin of the migration of this name for SQLite, whose comments hold here too.

-- +goose Up

-- Actions on all jobs that a filter chooses, done step by step.
CREATE TABLE operations (
    id          text COLLATE "C" NOT NULL PRIMARY KEY,
    action      text COLLATE "C" NOT NULL,
    search      text COLLATE "C" NOT NULL,
    state       text COLLATE "C" NOT NULL,
    matched     bigint NOT NULL,
    done        bigint NOT NULL DEFAULT 0,
    failed      bigint NOT NULL DEFAULT 0,
    failures    text COLLATE "C" NOT NULL,            -- a JSON object: how many failed for which reason
    position    text COLLATE "C" NOT NULL,            -- the id of the job before which it goes on
    created_at  bigint NOT NULL,
    updated_at  bigint NOT NULL,
    finished_at bigint
);
CREATE INDEX operations_running ON operations (id) WHERE state = 'running';
CREATE INDEX operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL;

-- +goose Down
DROP TABLE operations;
