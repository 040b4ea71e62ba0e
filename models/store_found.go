package models

import (
	"context"
	"slices"

	"gorm.io/gorm"
)

// Found is how many jobs a filter chooses, by where they stand.
type Found struct {
	JobCounts
	Exact bool // else there are more: they are those among the newest that were looked at
}

// CountByState counts the jobs that f chooses, whatever states f itself names. It looks at the newest 5,000 of those that
// an index leads to and no more, so that it costs the same however many jobs there are.
func (s *Store) CountByState(ctx context.Context, f JobFilter) (Found, error) {
	f.States = nil
	if err := f.Validate(); err != nil {
		return Found{}, err
	}
	f.Reach = reachOf(ctx)
	db, done := s.read(ctx)
	defer done()
	walks, err := f.walks(db, "")
	if err != nil {
		return Found{}, err
	}
	return found(db, walks, lookMost)
}

// found counts what the first look rows of all ways come to. A way gets its share of them.
func found(db *gorm.DB, walks []walk, look int) (Found, error) {
	all := Found{Exact: true}
	for _, w := range walks {
		exact, err := w.countByState(db, max(look/len(walks), 1), &all.JobCounts)
		if err != nil {
			return Found{}, err
		}
		all.Exact = all.Exact && exact
	}
	return all, nil
}

// countByState adds up where the matching jobs among the first look rows stand; exact tells whether there are no more rows.
func (w walk) countByState(db *gorm.DB, look int, to *JobCounts) (exact bool, err error) {
	fits := "1 = 1"
	if len(w.checks) > 0 {
		fits = where(w.checks)[len(" WHERE "):]
	}
	rows, err := db.Raw("SELECT state, held, again, count(*), count(*) FILTER (WHERE fits) FROM (SELECT j.state AS state, j.held AS held, "+
		"j.attempts > 0 AS again, ("+fits+") AS fits FROM "+w.from+where(w.sql)+" ORDER BY "+w.order+" DESC LIMIT ?) w GROUP BY 1, 2, 3",
		slices.Concat(w.values, w.args, []any{look + 1})...).Rows()
	if err != nil {
		return false, err
	}
	defer rows.Close()
	seen := 0
	for rows.Next() {
		var state State
		var held, again bool
		var passed, n int
		if err := rows.Scan(&state, &held, &again, &passed, &n); err != nil {
			return false, err
		}
		attempts := 0
		if again {
			attempts = 1
		}
		to.add(standingOf(state, held, attempts), n)
		seen += passed
	}
	return seen <= look, rows.Err()
}
