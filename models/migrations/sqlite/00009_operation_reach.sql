-- An operation that was asked for with a key that is bound to targets keeps to those.

-- +goose Up
ALTER TABLE operations ADD COLUMN reach TEXT; -- a JSON array of the targets' names; NULL: all

-- +goose Down
ALTER TABLE operations DROP COLUMN reach;
