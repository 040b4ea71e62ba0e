package models

import (
	"io/fs"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMigrationsAreTwins holds the migrations of both engines to each other: the same files, and in each the same tables,
// columns and indexes, but for those of one engine's own.
func TestMigrationsAreTwins(t *testing.T) {
	names := func(files fs.FS, pattern string) []string {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range found {
			found[i] = regexp.MustCompile(`.*/`).ReplaceAllString(f, "")
		}
		return found
	}
	one, other := names(sqliteMigrations, "migrations/sqlite/*.sql"), names(postgresMigrations, "migrations/postgres/*.sql")
	if d := cmp.Diff(one, other); d != "" {
		t.Fatalf("files (-SQLite +PostgreSQL):\n%s", d)
	}
	for _, name := range one {
		a, err := fs.ReadFile(sqliteMigrations, "migrations/sqlite/"+name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := fs.ReadFile(postgresMigrations, "migrations/postgres/"+name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(made(string(a)), made(string(b))); d != "" {
			t.Errorf("%s (-SQLite +PostgreSQL):\n%s", name, d)
		}
	}
}

var (
	makes = regexp.MustCompile(`(?m)^(?:CREATE (?:UNIQUE )?(?:TABLE|INDEX) |ALTER TABLE \w+ ADD COLUMN |DROP (?:TABLE|INDEX) |    )(\w+)\s` +
		`|^ALTER TABLE \w+ DROP COLUMN (\w+)|^CREATE .*ON (\w+)`)
	// ofOne are indexes that only one engine needs.
	ofOne = []string{"jobs_shard", "autovacuum_vacuum_insert_scale_factor", "autovacuum_vacuum_scale_factor"}
)

// made lists what a migration makes and drops, in order.
func made(sql string) (all []string) {
	for _, m := range makes.FindAllStringSubmatch(sql, -1) {
		if name := m[1] + m[2] + m[3]; !slices.Contains(ofOne, name) {
			all = append(all, name)
		}
	}
	return all
}
