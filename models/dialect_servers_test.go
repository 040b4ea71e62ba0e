package models

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatabaseServers(t *testing.T) {
	for database, want := range map[string][]string{
		"sqlite:book.db":                               nil,
		"postgres://me:pw@db.internal:5433/book":       {"db.internal:5433"},
		"postgres://db1,db2:6000/book?sslmode=disable": {"db1:5432", "db2:6000"},
		"postgres:///book?host=/run/postgresql":        nil,
		"postgres://[::1]:5432/book":                   {"[::1]:5432"},
		"nonsense":                                     nil,
	} {
		if diff := cmp.Diff(want, DatabaseServers(database)); diff != "" {
			t.Errorf("%s: %s", database, diff)
		}
	}
}
