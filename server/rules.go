package server

import (
	"cmp"
	"strings"
	"time"

	"punctual/models"
)

// ruled is a body that can be held against every rule that does not depend on what is in the book. Its rules are for
// telling all that is wrong at once, when something else is wrong already; what is right is checked where it is used.
type ruled interface {
	// rules gives Invalids, or nil. strict is of what is made by POST: there is nothing stored that a mask could keep.
	rules(strict bool, now time.Time) error
}

// unnamed stands for a name that was not given: whether it must be is not for rules to say.
const unnamed = "unnamed"

// anyTarget stands for a target that is not known.
func anyTarget() *models.Target { return new(models.DefaultTarget()) }

// standIns are values that masks could keep.
func standIns(asked map[string]string) models.Headers {
	stored := models.Headers(asked).Canonical()
	for name := range stored {
		stored[name] = "x"
	}
	return stored
}

func (in *targetIn) rules(strict bool, now time.Time) error {
	var old models.Target
	if !strict {
		old.Headers = standIns(in.Headers)
	}
	named := *in
	named.Name = cmp.Or(in.Name, unnamed)
	_, err := named.checked(old, now)
	return err
}

func (in *scheduleIn) rules(strict bool, now time.Time) error {
	sc := models.Schedule{Name: cmp.Or(in.Name, unnamed), Anchor: now}
	if !strict {
		sc.Headers = standIns(in.Headers)
	}
	var bad faults
	bad.append(in.onto(&sc, now))
	bad.append(sc.Validate(anyTarget()))
	return bad.orNil()
}

func (in *jobIn) rules(_ bool, now time.Time) error {
	var bad faults
	spec, err := in.spec()
	bad.append(err)
	_, err = models.NewJob(spec, anyTarget(), models.FromAPI, now)
	bad.append(err)
	return bad.orNil()
}

func (in *batchIn) rules(strict bool, now time.Time) error {
	var bad faults
	for i := range in.Jobs {
		bad.append(in.Jobs[i].rules(strict, now), inBatch(i))
	}
	return bad.orNil()
}

func (in *operationIn) rules(_ bool, now time.Time) error {
	var bad faults
	filter, err := in.Filter.filter()
	bad.append(err, "filter.")
	_, err = models.NewOperation(models.Action(in.Action), filter, now)
	return joined(bad.all, err)
}

func (in *keyIn) rules(_ bool, now time.Time) error {
	var bad faults
	spec, err := in.spec("", now)
	bad.append(err)
	_, _, err = models.NewKey(spec, now)
	return joined(bad.all, in.named(err))
}

// joined adds to what is wrong what else is, but nothing about fields that are blamed already.
func joined(bad models.Invalids, others error) error {
	all := faults{bad}
	var more faults
	more.append(others)
	for _, one := range more.all {
		if !blamed(bad, one.Field) {
			all.add(one.Field, one.Why)
		}
	}
	return all.orNil()
}

// beside is err, when it is about a body, with all that breaks a rule beside it.
func beside(err error, in ruled, strict bool, now time.Time) error {
	var bad faults
	if !bad.append(err) {
		return err
	}
	return joined(bad.all, in.rules(strict, now))
}

// blamed tells whether something is wrong already at a path, within what is there, or around it.
func blamed(bad models.Invalids, path string) bool {
	for _, b := range bad {
		if within, is := strings.CutPrefix(b.Field, path); is && (within == "" || within[0] == '.' || within[0] == '[') {
			return true
		}
		if around, is := strings.CutPrefix(path, b.Field); is && around != "" && (around[0] == '.' || around[0] == '[') {
			return true
		}
	}
	return false
}
