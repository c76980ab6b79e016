package match

import (
	"math"
	"regexp"
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
		"gensub":    gensub,
		fieldNumber: awkField,
	}
}

// gensub gives a text, the line if it has no other, in which a match of an expression is replaced: the one of
// a number, or all of them. Which expressions there are in a replacement is as POSIX's sub has it, and \1 to
// \9.
func gensub(line, expression, replacement, which string, text ...string) (string, error) {
	if len(text) > 0 {
		line = text[0]
	}
	re, err := regexp.Compile("(?s:" + wordEdges(expression) + ")")
	if err != nil {
		return "", err
	}
	re.Longest()
	number, _ := strconv.Atoi(which)
	var b strings.Builder
	done := 0
	for i, match := range re.FindAllStringSubmatchIndex(line, -1) {
		if number <= 0 || i+1 == number {
			b.WriteString(line[done:match[0]])
			replaced(&b, replacement, line, match)
			done = match[1]
		}
	}
	return b.String() + line[done:], nil
}

// replaced writes what is in the place of a match.
func replaced(b *strings.Builder, replacement, line string, match []int) {
	for i := 0; i < len(replacement); i++ {
		c, group := replacement[i], -1
		if c == '&' {
			group = 0
		} else if c == '\\' && i+1 < len(replacement) {
			i++
			if c = replacement[i]; c >= '0' && c <= '9' {
				group = int(c - '0')
			} else if c != '&' && c != '\\' {
				b.WriteByte('\\')
			}
		}
		switch {
		case group < 0:
			b.WriteByte(c)
		case 2*group < len(match) && match[2*group] >= 0:
			b.WriteString(line[match[2*group]:match[2*group+1]])
		}
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

// timeText is awk's strftime: now, and in the zone of the machine, unless the second and third argument say
// otherwise.
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
