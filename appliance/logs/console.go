package logs

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ratelimit"
)

// A console is slow (a serial line does 960 characters a second) and someone
// may be typing there.
const (
	consoleBurst = 60                     // lines at once, as when booting
	consoleEvery = 200 * time.Millisecond // one line after that
)

// CopyTo writes the lines that show accepts to w, a console, as they come, until
// ctx ends; then it writes what is still there and returns. When there are more
// than a console can take, it leaves lines out and says how many. An error of w
// only loses the line: there is nobody else to tell.
func (l *Log) CopyTo(ctx context.Context, w io.Writer, show func(Line) bool) {
	limit := ratelimit.NewBucket(consoleBurst, consoleEvery)
	var seq uint64
	write := func(line Line) error {
		seq = line.Seq
		if !show(line) {
			return nil
		}
		ok, left := limit.Take(time.Now())
		if !ok {
			return nil
		}
		if left > 0 {
			fmt.Fprintf(w, "(%d lines left out, see gatehouse log)\r\n", left)
		}
		fmt.Fprintf(w, "%v\r\n", line)
		return nil
	}
	l.Follow(ctx, "", 0, write) // ends with ctx
	for _, line := range l.After("", seq) {
		write(line)
	}
	if left := limit.Suppressed(); left > 0 {
		fmt.Fprintf(w, "(%d lines left out)\r\n", left)
	}
}
