-- Who may do what, and who did.

-- +goose Up

CREATE TABLE keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL,
    hash         BLOB    NOT NULL, -- SHA-256 of the key's text
    scope        TEXT    NOT NULL,
    targets      TEXT    NOT NULL, -- a JSON array of the names that it is bound to; empty: all
    rate_limit   TEXT    NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    created_by   TEXT    NOT NULL DEFAULT '',
    expires_at   INTEGER,          -- NULL: never
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX keys_hash ON keys (hash);
CREATE UNIQUE INDEX keys_living ON keys (name) WHERE revoked_at IS NULL;

-- People who have signed in. A session is worth what its key is worth, and nothing without it.
CREATE TABLE sessions (
    hash       BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of the cookie
    key_hash   BLOB    NOT NULL,             -- as in keys, or of a key that stands in no table
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_key ON sessions (key_hash);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- One row for each change that somebody made and each secret that somebody was shown.
CREATE TABLE audit (
    id     TEXT    NOT NULL PRIMARY KEY,
    at     INTEGER NOT NULL,
    who    TEXT    NOT NULL,
    remote TEXT    NOT NULL DEFAULT '', -- the address the request came from
    action TEXT    NOT NULL,
    kind   TEXT    NOT NULL,
    name   TEXT    NOT NULL DEFAULT '',
    before TEXT    NOT NULL DEFAULT '', -- JSON objects of what changed, without secrets
    after  TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_who ON audit (who, id);
CREATE INDEX audit_thing ON audit (kind, name, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE sessions;
DROP TABLE keys;
