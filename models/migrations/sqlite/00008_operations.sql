-- +goose Up

-- Actions on all jobs that a filter chooses, done step by step.
CREATE TABLE operations (
    id          TEXT    NOT NULL PRIMARY KEY,
    action      TEXT    NOT NULL,
    search      TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    matched     INTEGER NOT NULL,
    done        INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    failures    TEXT    NOT NULL,            -- a JSON object: how many failed for which reason
    position    TEXT    NOT NULL,            -- the id of the job before which it goes on
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX operations_running ON operations (id) WHERE state = 'running';
CREATE INDEX operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL;

-- +goose Down
DROP TABLE operations;
