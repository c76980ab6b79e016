package match

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

// awkFunctions are those that busybox's awk has and POSIX's has not.
func awkFunctions() map[string]any {
	return map[string]any{
		"and":      func(a, b float64) float64 { return float64(bits(a) & bits(b)) },
		"or":       func(a, b float64) float64 { return float64(bits(a) | bits(b)) },
		"xor":      func(a, b float64) float64 { return float64(bits(a) ^ bits(b)) },
		"compl":    func(a float64) float64 { return float64(^bits(a)) },
		"lshift":   func(a, n float64) float64 { return float64(bits(a) << (bits(n) & 63)) },
		"rshift":   func(a, n float64) float64 { return float64(bits(a) >> (bits(n) & 63)) },
		"systime":  func() float64 { return float64(time.Now().Unix()) },
		"mktime":   mktime,
		"strftime": strftime,
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

// strftime writes a time: now, and in the zone of the machine, unless the second and third argument say otherwise.
func strftime(args ...string) string {
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
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		b.WriteString(conversion(format[i], t))
	}
	return b.String()
}

// conversion is one of strftime(3), in the C locale.
func conversion(letter byte, t time.Time) string {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006", 'd': "02",
		'D': "01/02/06", 'e': "_2", 'F': "2006-01-02", 'H': "15", 'I': "03", 'j': "002", 'm': "01", 'M': "04", 'p': "PM",
		'R': "15:04", 'S': "05", 'T': "15:04:05", 'x': "01/02/06", 'X': "15:04:05", 'y': "06", 'Y': "2006", 'z': "-0700",
		'Z': "MST",
	}
	if layout, ok := layouts[letter]; ok {
		return t.Format(layout)
	}
	switch letter {
	case '%':
		return "%"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 's':
		return fmt.Sprint(t.Unix())
	case 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1)
	case 'w':
		return fmt.Sprint(int(t.Weekday()))
	}
	return "%" + string(letter)
}
