package models

import (
	"slices"
	"strings"

	"gorm.io/gorm"
)

// walk is one way down an index that gives ids of matching rows, newest first. A list is merged from one walk for
// each state and target, so that each is a plain descent of an index, however rare its rows are among the others.
type walk struct {
	from, order string
	conditions
}

// conditions are the parts of a WHERE: those by which an index is entered, and checks of the rows it leads to.
type conditions struct {
	sql    []string
	args   []any
	checks []string
	values []any // of checks
}

func (c *conditions) add(sql string, args ...any) {
	c.sql, c.args = append(c.sql, sql), append(c.args, args...)
}

func (c *conditions) check(sql string, values ...any) {
	c.checks, c.values = append(c.checks, sql), append(c.values, values...)
}

// with is a copy that is entered by sql too.
func (c conditions) with(sql string, args ...any) conditions {
	c.sql, c.args = append(slices.Clip(c.sql), sql), append(slices.Clip(c.args), args...)
	return c
}

// checking is a copy that checks sql too.
func (c conditions) checking(sql string, values ...any) conditions {
	c.checks, c.values = append(slices.Clip(c.checks), sql), append(slices.Clip(c.values), values...)
	return c
}

func (c conditions) walk(from, order string) walk { return walk{from, order, c} }

// where is " WHERE …" of conditions, "" of none.
func where(conditions ...[]string) string {
	all := slices.Concat(conditions...)
	if len(all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(all, " AND ")
}

// query gives the ids of at most limit matching rows among the first look that the index leads to. The rows are read
// in the order of the subquery, which neither engine has a reason to change; ordering them again would make it read
// all of them first.
func (w walk) query(limit, look int) (sql string, args []any) {
	if len(w.checks) == 0 {
		return "SELECT j.id FROM " + w.from + where(w.sql) + " ORDER BY " + w.order + " DESC LIMIT ?",
			append(slices.Clip(w.args), limit)
	}
	sql = "SELECT id FROM (SELECT j.id AS id, (" + strings.Join(w.checks, " AND ") + ") AS fits FROM " + w.from +
		where(w.sql) + " ORDER BY " + w.order + " DESC LIMIT ?) w WHERE fits LIMIT ?"
	return sql, slices.Concat(w.values, w.args, []any{look, limit})
}

// lookMost bounds how many rows one page of a list looks at: what is rare in a combination that no index serves is
// found page by page, each at the same cost, and a page may then be short or empty and still have a next one.
const lookMost = 5_000

// descend gives the newest matching ids, at most limit, and how far down it has seen all: "" is to the end.
func (w walk) descend(db *gorm.DB, limit, look int) (ids []string, seen string, err error) {
	sql, args := w.query(limit, look)
	if err := db.Raw(sql, args...).Scan(&ids).Error; err != nil {
		return nil, "", err
	}
	switch {
	case len(ids) == limit:
		return ids, ids[limit-1], nil
	case len(w.checks) == 0:
		return ids, "", nil
	}
	var last []string
	err = db.Raw("SELECT j.id FROM "+w.from+where(w.sql)+" ORDER BY "+w.order+" DESC LIMIT 1 OFFSET ?",
		append(slices.Clip(w.args), look-1)...).Scan(&last).Error
	if len(last) > 0 {
		seen = last[0]
	}
	return ids, seen, err
}

// walkAll goes all ways at once: the newest ids, at most one page, and behind which id the next page begins; "": there
// is none. It looks at about so many rows.
func walkAll(db *gorm.DB, walks []walk, p Page, look int) (ids []string, next string, err error) {
	limit, floor := p.limit(), ""
	for _, w := range walks {
		some, seen, err := w.descend(db, limit+1, max(look/len(walks), limit+1))
		if err != nil {
			return nil, "", err
		}
		ids, floor = append(ids, some...), max(floor, seen)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	// Below the floor one of the ways has not been gone yet.
	if i := slices.IndexFunc(ids, func(id string) bool { return id < floor }); i >= 0 {
		ids = ids[:i]
	}
	if len(ids) > limit {
		ids = ids[:limit]
		floor = ids[limit-1]
	}
	return ids, floor, nil
}

// count counts the matching rows of all ways. It looks at every row.
func count(db *gorm.DB, walks []walk) (total int, err error) {
	for _, w := range walks {
		var n int
		if err := db.Raw("SELECT count(*) FROM "+w.from+where(w.sql, w.checks), slices.Concat(w.args, w.values)...).Scan(&n).Error; err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
