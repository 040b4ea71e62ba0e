-- The twin of the migration of this name for SQLite, whose comments hold here too.

-- +goose Up

CREATE TABLE keys (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    name         text COLLATE "C" NOT NULL,
    hash         bytea            NOT NULL,
    scope        text COLLATE "C" NOT NULL,
    targets      text COLLATE "C" NOT NULL,
    rate_limit   text COLLATE "C" NOT NULL DEFAULT '',
    created_at   bigint           NOT NULL,
    created_by   text COLLATE "C" NOT NULL DEFAULT '',
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint
);
CREATE UNIQUE INDEX keys_hash ON keys (hash);
CREATE UNIQUE INDEX keys_living ON keys (name) WHERE revoked_at IS NULL;

CREATE TABLE sessions (
    hash       bytea            NOT NULL PRIMARY KEY,
    key_hash   bytea            NOT NULL,
    created_at bigint           NOT NULL,
    expires_at bigint           NOT NULL
);
CREATE INDEX sessions_key ON sessions (key_hash);
CREATE INDEX sessions_expires ON sessions (expires_at);

CREATE TABLE audit (
    id     text COLLATE "C" NOT NULL PRIMARY KEY,
    at     bigint           NOT NULL,
    who    text COLLATE "C" NOT NULL,
    remote text COLLATE "C" NOT NULL DEFAULT '',
    action text COLLATE "C" NOT NULL,
    kind   text COLLATE "C" NOT NULL,
    name   text COLLATE "C" NOT NULL DEFAULT '',
    before text COLLATE "C" NOT NULL DEFAULT '',
    after  text COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX audit_who ON audit (who, id);
CREATE INDEX audit_thing ON audit (kind, name, id);

-- +goose Down
DROP TABLE audit;
DROP TABLE sessions;
DROP TABLE keys;
