package models

import (
	"math"
	"strconv"
	"strings"
)

// sizeUnits are the units of a size, the largest first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"MiB", 1 << 20}, {"KiB", 1 << 10}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

// ParseSize reads a size as the API writes it: a whole number of B, kB, KiB, MB or MiB, "16KiB". "0" needs no unit.
func ParseSize(s string) (bytes int64, ok bool) {
	if s == "0" {
		return 0, true
	}
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(s, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(n) > math.MaxInt64/unit.bytes {
			return 0, false
		}
		return int64(n) * unit.bytes, true
	}
	return 0, false
}

// FormatSize writes a size so that ParseSize reads it back, in the largest binary unit that it is a multiple of.
func FormatSize(bytes int64) string {
	unit, name := int64(1), "B"
	switch {
	case bytes == 0:
	case bytes%(1<<20) == 0:
		unit, name = 1<<20, "MiB"
	case bytes%(1<<10) == 0:
		unit, name = 1<<10, "KiB"
	}
	return strconv.FormatInt(bytes/unit, 10) + name
}
