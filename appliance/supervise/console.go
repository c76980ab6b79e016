package supervise

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A console is slow (a serial line does 960 characters a second) and someone
// may be typing there.
const (
	consoleBurst = 60 // lines at once, as when booting
	consoleRate  = 5  // lines per second after that
)

// CopyTo writes the lines that show accepts to w, a console, as they come, until
// ctx ends; then it writes what is still there and returns. When there are more
// than a console can take, it leaves lines out and says how many. An error of w
// only loses the line: there is nobody else to tell.
func (l *Log) CopyTo(ctx context.Context, w io.Writer, show func(Line) bool) {
	limit := bucket{tokens: consoleBurst}
	var seq uint64
	left := 0 // out
	write := func(line Line) error {
		seq = line.Seq
		if !show(line) {
			return nil
		}
		if !limit.take(time.Now()) {
			left++
			return nil
		}
		if left > 0 {
			fmt.Fprintf(w, "(%d lines left out, see gatehouse log)\r\n", left)
			left = 0
		}
		fmt.Fprintf(w, "%v\r\n", line)
		return nil
	}
	l.Follow(ctx, "", 0, write) // ends with ctx
	for _, line := range l.After("", seq) {
		write(line)
	}
	if left > 0 {
		fmt.Fprintf(w, "(%d lines left out)\r\n", left)
	}
}

// bucket allows consoleBurst things at once and consoleRate per second.
type bucket struct {
	tokens float64
	last   time.Time
}

func (b *bucket) take(now time.Time) bool {
	if !b.last.IsZero() {
		b.tokens = min(consoleBurst, b.tokens+now.Sub(b.last).Seconds()*consoleRate)
	}
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
