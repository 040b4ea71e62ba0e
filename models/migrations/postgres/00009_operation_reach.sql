-- The twin of the migration of this name for SQLite, whose comments hold here too.

-- +goose Up
ALTER TABLE operations ADD COLUMN reach text COLLATE "C"; -- a JSON array of the targets' names; NULL: all

-- +goose Down
ALTER TABLE operations DROP COLUMN reach;
