-- The twin of the migration of this name for SQLite, whose comments hold here too.

-- +goose Up

CREATE TABLE secret_keys (
    id   text COLLATE "C" NOT NULL PRIMARY KEY,
    used bigint           NOT NULL
);
INSERT INTO secret_keys (id, used) SELECT '', 0 WHERE EXISTS (SELECT 1 FROM targets);

ALTER TABLE targets ADD COLUMN signing text COLLATE "C" NOT NULL DEFAULT 'v1';

CREATE TABLE secrets_of_kinds (
    target_id  text COLLATE "C" NOT NULL,
    kind       text COLLATE "C" NOT NULL DEFAULT 'v1',
    created_at bigint           NOT NULL,
    value      bytea            NOT NULL,
    key_id     text COLLATE "C" NOT NULL DEFAULT '',
    expires_at bigint,
    PRIMARY KEY (target_id, kind, created_at)
);
INSERT INTO secrets_of_kinds (target_id, created_at, value, key_id, expires_at)
    SELECT target_id, created_at, value, key_id, expires_at FROM secrets;
DROP TABLE secrets;
ALTER TABLE secrets_of_kinds RENAME TO secrets;

-- +goose Down
SELECT 'there is no way back: this version holds keys that the one before does not know';
