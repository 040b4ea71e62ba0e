package models

import (
	"context"
	"fmt"
)

// Condition is how the book itself is doing.
type Condition struct {
	Bytes        int64 // of the database, what is free within it included
	Free         int64 // bytes within it that the next rows will take
	Schema       int64 // version
	Waiting      int   // pieces of work that wait for the writer
	WaitingBytes int64 // that they hold
	MaxWaiting   int64 // bytes that may wait before new work is refused
}

// Condition looks at the book. It reads no table of jobs.
func (s *Store) Condition(ctx context.Context) (Condition, error) {
	var c Condition
	var err error
	if c.Bytes, c.Free, err = s.dialect.space(ctx, s.readDB); err != nil {
		return c, fmt.Errorf("measure the database: %w", err)
	}
	c.Waiting, c.WaitingBytes = s.writer.inLine()
	c.Schema, c.MaxWaiting = s.schema, s.writer.max
	return c, nil
}
