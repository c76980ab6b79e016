package match

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/strftime"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

// awkFunctions are those that busybox's awk has and POSIX's has not.
func awkFunctions() map[string]any {
	return map[string]any{
		"and":       func(a, b float64) float64 { return float64(bits(a) & bits(b)) },
		"or":        func(a, b float64) float64 { return float64(bits(a) | bits(b)) },
		"xor":       func(a, b float64) float64 { return float64(bits(a) ^ bits(b)) },
		"compl":     func(a float64) float64 { return float64(^bits(a)) },
		"lshift":    func(a, n float64) float64 { return float64(bits(a) << (bits(n) & 63)) },
		"rshift":    func(a, n float64) float64 { return float64(bits(a) >> (bits(n) & 63)) },
		"systime":   func() float64 { return float64(time.Now().Unix()) },
		"mktime":    mktime,
		"strftime":  timeText,
		fieldNumber: awkField,
	}
}

// bits are a number as busybox takes it for and, or and the like: 64 of them.
func bits(f float64) uint64 {
	if f < 0 {
		return uint64(int64(f))
	}
	return uint64(math.Min(f, math.MaxInt64))
}

// mktime is the time of "2026 05 01 12 00 00" in the zone of the machine; -1: it is none.
func mktime(text string) float64 {
	f := strings.Fields(text)
	if len(f) < 6 {
		return -1
	}
	t, err := time.ParseInLocation("2006 1 2 15 4 5", strings.Join(f[:6], " "), zone.Local())
	if err != nil {
		return -1
	}
	return float64(t.Unix())
}

// timeText is awk's strftime: now, and in the zone of the machine, unless the second and third argument say otherwise.
func timeText(args ...string) string {
	format, t := "%c", time.Now()
	if len(args) > 0 {
		format = args[0]
	}
	if len(args) > 1 {
		seconds, err := strconv.ParseFloat(args[1], 64)
		if err != nil {
			seconds = 0
		}
		t = time.Unix(int64(seconds), 0)
	}
	if len(args) > 2 && args[2] != "0" {
		t = t.UTC()
	} else {
		t = t.In(zone.Local())
	}
	return strftime.Format(format, t)
}
