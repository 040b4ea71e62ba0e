-- +goose Up

-- What a node tells of itself with each heartbeat. Its lease is NULL where one node works alone.
ALTER TABLE nodes ADD COLUMN lease_until INTEGER;
ALTER TABLE nodes ADD COLUMN in_flight INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN slots INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN watchers INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;
ALTER TABLE nodes ADD COLUMN skew INTEGER NOT NULL DEFAULT 0; -- nanoseconds by which its clock is ahead

-- +goose Down
ALTER TABLE nodes DROP COLUMN skew;
ALTER TABLE nodes DROP COLUMN draining;
ALTER TABLE nodes DROP COLUMN watchers;
ALTER TABLE nodes DROP COLUMN slots;
ALTER TABLE nodes DROP COLUMN in_flight;
ALTER TABLE nodes DROP COLUMN lease_until;
