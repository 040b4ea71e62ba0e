package models

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// oracleMinutes are expressions for whole minutes, oracleSeconds those that need a look at each second.
var (
	oracleMinutes = []string{
		"30 2 * * *", "0 2 * * *", "0 0 * * *", "30 0 * * *", "59 23 * * *", "0 3 * * *", "30 1 * * *", "15,45 1,2 * * *",
		"0 0,1,2,3,23 * * *", "5 0,1,2,3,4,22,23 * * SUN", "* * * * *", "*/5 * * * *", "*/15 * * * *", "0 * * * *",
		"30 * * * *", "0 */2 * * *", "0 1-23/2 * * *", "30 2-3 * * *", "10/20 * * * *", "0 22-4 * * *", "0-10 2 * * *",
		"*/30 0 * * *", "*/7 1,2 * * *", "30 2 L * *", "0 0 LW * *", "30 0 1W * *", "0 2 * * SUN#1", "0 2 * * SUN#2",
		"15 3 * * SUN#L", "30 2 8-14 3 SUN", "0 0 1,15 * FRI", "0 12 1 1 *", "30 0 25-31 3,10 0", "0 0 L-2 * ?",
		"30 2 ? 3-11/8 SUN-MON", "0 1 */2 * *", "0,30 2 31 * MON", "@daily", "@hourly", "@weekly", "@monthly",
		"45 23 28-3 NOV-APR *",
	}
	oracleSeconds = []string{
		"30 30 2 * * *", "*/20 59 * * * *", "0 0 2 * * *", "0,59 59,0 0,1,2,3 * * *", "1-3 0 * * * *", "29 44 0 * * 5",
	}
)

// oracleOptions is every combination of the rules.
func oracleOptions() (all []Timing) {
	for _, gap := range []string{"run_after", "skip"} {
		for _, repeat := range []string{"first", "last", "both"} {
			for _, match := range []string{"any", "all"} {
				all = append(all, Timing{DSTGap: gap, DSTRepeat: repeat, DayMatch: match})
			}
		}
	}
	return all
}

// sample says which part of the work an ordinary run does: one in so many zones, changes and expressions.
type sample struct{ zones, changes, expressions uint64 }

// TestOracle compares Next with a rule that looks at every minute, around the changes of clocks of the zones of the
// database from 1970 to 2037. An ordinary run takes a sample; PUNCTUAL_ORACLE=7 takes another one, by that number,
// and PUNCTUAL_ORACLE=all takes everything, which needs minutes.
func TestOracle(t *testing.T) {
	part, choice := sample{zones: 4, changes: 24, expressions: 8}, os.Getenv("PUNCTUAL_ORACLE")
	if choice == "all" {
		part = sample{1, 1, 1}
	}
	seed := hashOf(choice)
	work := make(chan string)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for name := range work {
				checkZone(t, name, part, rand.New(rand.NewPCG(seed, hashOf(name))))
			}
		})
	}
	for _, name := range zoneNames(t) {
		work <- name
	}
	close(work)
	group.Wait()
}

func hashOf(text string) uint64 {
	h := fnv.New64a()
	io.WriteString(h, text)
	return h.Sum64()
}

// zoneNames lists the zones of the database that this test was written with.
func zoneNames(t testing.TB) []string {
	raw, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(raw))
}

// strange are the zones that are looked at in every run: shifts of 30 minutes and of 2 hours, at midnight, backwards
// in summer, four times a year, by odd seconds; days left out; new offsets without daylight saving.
var strange = strings.Fields(`Europe/Dublin Africa/Casablanca Africa/Cairo America/Havana America/Sao_Paulo Pacific/Apia
	Asia/Pyongyang Australia/Lord_Howe Antarctica/Troll Antarctica/Casey Antarctica/Vostok Africa/Monrovia Asia/Gaza
	Pacific/Kwajalein Asia/Amman America/New_York Asia/Kathmandu America/Caracas Africa/Windhoek America/St_Johns`)

func checkZone(t *testing.T, name string, part sample, random *rand.Rand) {
	location, err := time.LoadLocation(name)
	if err != nil {
		t.Logf("SKIPPED %s: not in the zone database of this machine", name)
		return
	}
	known := slices.Contains(strange, name)
	if !known && random.Uint64N(part.zones) != 0 {
		return
	}
	for _, change := range changesByHand(location) {
		one := part.changes
		switch jump := change.after - change.before; {
		case known && jump != 3600 && jump != -3600:
			one = 1
		case known:
			one = (one + 3) / 4
		}
		if random.Uint64N(one) != 0 {
			continue
		}
		step := int64(60)
		if change.before%60 != 0 || change.after%60 != 0 || change.at%60 != 0 {
			step = 1
		}
		checkChange(t, name, location, change, step, pick(oracleMinutes, part.expressions, random))
		if long := max(change.after-change.before, change.before-change.after) > longestJump; !long || part.changes == 1 {
			checkChange(t, name, location, change, 1, pick(oracleSeconds, part.expressions*2, random))
		}
	}
}

// pick takes one in so many.
func pick(from []string, one uint64, random *rand.Rand) (picked []string) {
	for _, text := range from {
		if random.Uint64N(one) == 0 {
			picked = append(picked, text)
		}
	}
	return picked
}

type handChange struct{ at, before, after int64 }

// changesByHand finds the changes of a zone's offset by looking at it every six hours.
func changesByHand(location *time.Location) (all []handChange) {
	offset := func(at int64) int64 {
		_, o := time.Unix(at, 0).In(location).Zone()
		return int64(o)
	}
	end := time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	for at := int64(0); at < end; at += 6 * 3600 {
		low, high := at, at+6*3600
		if offset(low) == offset(high) {
			continue
		}
		for high-low > 1 {
			if middle := (low + high) / 2; offset(middle) == offset(at) {
				low = middle
			} else {
				high = middle
			}
		}
		all = append(all, handChange{at: high, before: offset(low), after: offset(high)})
	}
	return all
}

// checkChange compares every run around one change.
func checkChange(t *testing.T, name string, location *time.Location, change handChange, step int64,
	expressions []string) {
	if len(expressions) == 0 {
		return
	}
	jump := max(change.after-change.before, change.before-change.after)
	core := jump + 80*60
	if step == 1 {
		core = min(core, jump+10*60)
	}
	all := ticks(location, change.at-core-jump-600, change.at+core+jump+600, step)
	from, to := change.at-core, change.at+core
	for _, text := range expressions {
		for _, timing := range oracleOptions() {
			timing.Cron, timing.Timezone = text, name
			hand, ok := readByHand(timing)
			recurrence, err := timing.Compile()
			if !ok || err != nil {
				t.Errorf("%s: read by hand %v, %v", text, ok, err)
				return
			}
			want, got := hand.runs(all, step, from, to), runsBetween(recurrence, from, to)
			if !slices.Equal(want, got) {
				t.Errorf("%s in %s around %s, gap %s, repeat %s, day match %s:\n%s", text, name,
					time.Unix(change.at, 0).UTC(), timing.DSTGap, timing.DSTRepeat, timing.DayMatch, unlike(location, want, got))
			}
		}
	}
}

// runsBetween lists the occurrences from one instant to another.
func runsBetween(r *Recurrence, from, to int64) (runs []int64) {
	for at, ok := r.Next(time.Unix(from, -1)); ok && at.Unix() <= to; at, ok = r.Next(at) {
		if len(runs) > 0 && at.Unix() <= runs[len(runs)-1] {
			return append(runs, at.Unix()) // not later than its argument: equal to no list of the oracle
		}
		runs = append(runs, at.Unix())
	}
	return runs
}

// unlike shows where two lists of instants part.
func unlike(location *time.Location, want, got []int64) string {
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	show := func(runs []int64) string {
		if i >= len(runs) {
			return "nothing"
		}
		return time.Unix(runs[i], 0).In(location).String()
	}
	return fmt.Sprintf("run %d: want %s, got %s", i, show(want), show(got))
}
