// Package zone is the local time of commands, as the C library has it. Which time is local, the environment
// says (TZ); no file of zones is brought along.
package zone

import (
	"encoding/binary"
	"os"
	"strings"
	"time"
)

// Local is the local time as tzset(3) has it. Go reads a TZ that names a zone; one that is a rule, as
// "CET-1CEST,M3.5.0,M10.5.0/3", it reads at the end of a zone's file, so here it gets such a file.
func Local() *time.Location {
	rule := strings.TrimPrefix(os.Getenv("TZ"), ":")
	if !strings.ContainsAny(rule, "0123456789") || strings.HasPrefix(rule, "/") || strings.Contains(rule, "\n") {
		return time.Local
	}
	if _, err := time.LoadLocation(rule); err == nil {
		return time.Local
	}
	if zone, err := Of(rule); err == nil {
		return zone
	}
	return time.Local
}

// Of is the zone of a rule (POSIX, environment variable TZ).
func Of(rule string) (*time.Location, error) { return time.LoadLocationFromTZData("Local", file(rule)) }

// file is a file of RFC 8536 with nothing before its rule, but a moment long ago that the rule begins with.
func file(rule string) []byte {
	if !strings.Contains(rule, ",") && afterOffset(rule) != "" {
		rule += ",M3.2.0,M11.1.0" // summer time without a rule: that of the C library
	}
	part := func(size int) []byte { // a header, then one moment, its kind, and the kind: UTC
		b := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, 1, 1, 4} { // isut, isstd, leap, times, types, letters
			b = binary.BigEndian.AppendUint32(b, n)
		}
		if size == 4 {
			b = binary.BigEndian.AppendUint32(b, 1<<31)
		} else {
			b = binary.BigEndian.AppendUint64(b, 1<<63)
		}
		b = append(b, 0)
		return append(b, 0, 0, 0, 0, 0, 0, 'U', 'T', 'C', 0)
	}
	return append(append(part(4), part(8)...), ("\n" + rule + "\n")...)
}

// afterOffset is what follows the name and the offset of the standard time.
func afterOffset(rule string) string {
	i := strings.IndexAny(rule, "+-0123456789")
	if strings.HasPrefix(rule, "<") {
		if end := strings.IndexByte(rule, '>'); end >= 0 {
			i = end + 1
		}
	}
	if i < 0 {
		return ""
	}
	return strings.TrimLeft(rule[i:], "+-0123456789:")
}
