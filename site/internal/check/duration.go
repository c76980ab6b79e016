package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

// durationKey is a key whose value is a duration of one number and one unit.
type durationKey struct {
	name        string
	units       []string
	example     string
	span        string // the range as text
	least, most time.Duration
}

const (
	minLease = 2 * time.Minute
	maxLease = 30 * 24 * time.Hour
)

func leaseTimeKey() durationKey {
	return durationKey{"lease-time", []string{"s", "m", "h", "d"}, "12h", "2m to 30d", minLease, maxLease}
}

func probeKey() durationKey {
	return durationKey{"probe", []string{"ms", "s"}, "300ms", `100ms to 2s, or "off"`, 100 * time.Millisecond,
		2 * time.Second}
}

func stepLimitKey() durationKey {
	return durationKey{"step-limit", []string{"ms", "s", "m", "h"}, "10s", `100ms to 24h, or "off"`,
		100 * time.Millisecond, 24 * time.Hour}
}

func ipv6OnlyKey() durationKey {
	// RFC 8925 3.4, MIN_V6ONLY_WAIT.
	return durationKey{"ipv6-only-wait", []string{"s", "m", "h", "d"}, "1d", "5m to 30d", 300 * time.Second,
		maxLease}
}

// duration reads the value of a key. It returns absent for one that is not there or
// not valid.
func (l *loader) duration(key durationKey, v toml.Str, absent time.Duration) time.Duration {
	if !v.OK() {
		return absent
	}
	length := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute,
		"h": time.Hour, "d": 24 * time.Hour}
	digits := strings.TrimRight(v.Text, "smhd")
	unit := v.Text[len(digits):]
	n, err := strconv.ParseUint(digits, 10, 31)
	switch {
	case err != nil || !slices.Contains(key.units, unit):
		l.At(v.At, "%s %q is no duration; expected a number with %s, such as %q", key.name, v.Text,
			toml.OneOf(key.units), key.example)
	case n > uint64(key.most/length[unit]) || time.Duration(n)*length[unit] < key.least:
		l.At(v.At, "%s %q is out of range; expected %s", key.name, v.Text, key.span)
	default:
		return time.Duration(n) * length[unit]
	}
	return absent
}
