-- The twin of the migration of this name for SQLite.

-- +goose Up

-- What a node tells of itself with each heartbeat. Its lease is NULL where one node works alone.
ALTER TABLE nodes ADD COLUMN lease_until bigint;
ALTER TABLE nodes ADD COLUMN in_flight bigint NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN slots bigint NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN watchers bigint NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN draining bigint NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN skew bigint NOT NULL DEFAULT 0; -- nanoseconds by which its clock is ahead

-- +goose Down
ALTER TABLE nodes DROP COLUMN skew;
ALTER TABLE nodes DROP COLUMN draining;
ALTER TABLE nodes DROP COLUMN watchers;
ALTER TABLE nodes DROP COLUMN slots;
ALTER TABLE nodes DROP COLUMN in_flight;
ALTER TABLE nodes DROP COLUMN lease_until;
