package proc

import (
	"fmt"
	"strconv"
)

// KiB writes octets in KiB as busybox does, in a number of places: 12345, 1632m, 12.3g; in four 1234, 123m,
// 1.2g.
func KiB(octets, places int) string {
	limit := 1
	for range places {
		limit *= 10
	}
	n := octets >> 10
	if n < limit {
		return fmt.Sprintf("%*d", places, n)
	}
	tenths, unit := n*10, 0
	for tenths >= limit {
		tenths, unit = tenths/1024, unit+1
	}
	text := strconv.Itoa(tenths / 10)
	if tenths < limit/100 {
		text += "." + strconv.Itoa(tenths%10)
	}
	return fmt.Sprintf("%*s%c", places-1, text, " mgtpezy"[unit])
}
