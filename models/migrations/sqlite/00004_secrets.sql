-- +goose Up

-- The keys that secrets may be sealed with. '' stands for none: some may be stored plainly. A book is only opened with all
-- of them; punctual secrets rotate-key leaves one.
CREATE TABLE secret_keys (
    id   TEXT    NOT NULL PRIMARY KEY,
    used INTEGER NOT NULL -- highest for the key that the last server to start seals with
) STRICT, WITHOUT ROWID;
INSERT INTO secret_keys (id, used) SELECT '', 0 WHERE EXISTS (SELECT 1 FROM targets);

-- How the calls of a target are signed: 'v1', 'v1a' or 'both'.
ALTER TABLE targets ADD COLUMN signing TEXT NOT NULL DEFAULT 'v1';

-- A target has secrets of each kind: 'v1' are shared with it, 'v1a' are private keys.
CREATE TABLE secrets_of_kinds (
    target_id  TEXT    NOT NULL REFERENCES targets (id),
    kind       TEXT    NOT NULL DEFAULT 'v1',
    created_at INTEGER NOT NULL,
    value      BLOB    NOT NULL,
    key_id     TEXT    NOT NULL DEFAULT '', -- the key that encrypts value; '': none
    expires_at INTEGER,                     -- NULL: the present one
    PRIMARY KEY (target_id, kind, created_at)
) STRICT, WITHOUT ROWID;
INSERT INTO secrets_of_kinds (target_id, created_at, value, key_id, expires_at)
    SELECT target_id, created_at, value, key_id, expires_at FROM secrets;
DROP TABLE secrets;
ALTER TABLE secrets_of_kinds RENAME TO secrets;

-- +goose Down
SELECT 'there is no way back: this version holds keys that the one before does not know';
