package models

import (
	"context"
	"slices"

	"gorm.io/gorm"
)

// reachOf is the names of the targets that whoever asks under ctx may know of; nil: all. What belongs to another target
// is left out of lists and not found by name or id.
func reachOf(ctx context.Context) []string {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a.Reach
}

// inReach tells whether the target of that name is in reach.
func inReach(reach []string, target string) bool {
	return reach == nil || slices.Contains(reach, target)
}

// reached gives ErrNotFound in the place of what belongs to a target out of reach.
func reached(ctx context.Context, target string, err error) error {
	if err == nil && !inReach(reachOf(ctx), target) {
		return ErrNotFound
	}
	return err
}

// reachIDs are the ids of the targets of that name, or of all in reach if it is "", the dead ones included. all is true
// when nothing narrows the choice.
func reachIDs(db *gorm.DB, name string, reach []string) (ids []string, all bool, err error) {
	switch {
	case name == "" && reach == nil:
		return nil, true, nil
	case name == "":
		err = db.Raw(`SELECT id FROM targets WHERE name IN ? ORDER BY id DESC`, reach).Scan(&ids).Error
		return ids, false, err
	case !inReach(reach, name):
		return nil, false, nil
	}
	ids, err = targetIDs(db, name)
	return ids, false, err
}
