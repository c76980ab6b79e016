package supervise

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// What is kept per service. A service that floods the log pushes out its own
// lines only.
const (
	keepLines = 500
	keepBytes = 64 << 10 // of text
)

// Line is one line of the log.
type Line struct {
	Seq     uint64        `json:"seq"`   // counts all lines of the log, from 1
	Up      time.Duration `json:"up_ns"` // since the kernel started; not disturbed when the clock is set
	Service string        `json:"service"`
	Event   bool          `json:"event,omitempty"` // said by init about the service, not by the service
	Text    string        `json:"text"`            // printable, at most MaxLine bytes and an ellipsis
}

// String is the line as the console shows it.
func (l Line) String() string {
	mark := ""
	if l.Event {
		mark = "[init] "
	}
	return fmt.Sprintf("[%12.6f] %s: %s%s", l.Up.Seconds(), l.Service, mark, l.Text)
}

// Log keeps the last lines of every service in memory. Writing to it never
// waits for a reader.
type Log struct {
	uptime func() time.Duration

	mu      sync.Mutex
	seq     uint64
	rings   map[string]*ring
	changed chan struct{} // closed at the next line; nil: nobody waits
}

type ring struct {
	lines []Line
	bytes int
	lost  uint64 // Seq of the newest line that had to go
}

// NewLog makes an empty log. uptime tells the time since the kernel started.
func NewLog(uptime func() time.Duration) *Log {
	return &Log{uptime: uptime, rings: map[string]*ring{}}
}

// Uptime is the time since the kernel started, as the lines tell it.
func (l *Log) Uptime() time.Duration { return l.uptime() }

// Write adds text, one line or several, as said by the service. The number of
// different services must be bounded by the caller.
func (l *Log) Write(service, text string) { l.write(service, text, false) }

// Printf is Write with a format.
func (l *Log) Printf(service, format string, args ...any) {
	l.write(service, fmt.Sprintf(format, args...), false)
}

// Event adds a line that init says about the service.
func (l *Log) Event(service, format string, args ...any) {
	l.write(service, fmt.Sprintf(format, args...), true)
}

// Output is where a service's output goes: a writer that cuts it into lines.
// It is for one goroutine; an unfinished last line is written by Close.
func (l *Log) Output(service string) io.WriteCloser {
	return output{&splitter{emit: func(line []byte) { l.add(service, clean(line), false) }}}
}

type output struct{ *splitter }

// Close writes what had no line break yet.
func (o output) Close() error {
	o.flush()
	return nil
}

func (l *Log) write(service, text string, event bool) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" { // as Output does
			l.add(service, clean([]byte(line)), event)
		}
	}
}

func (l *Log) add(service, text string, event bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	r := l.rings[service]
	if r == nil {
		r = &ring{}
		l.rings[service] = r
	}
	r.add(Line{Seq: l.seq, Up: l.uptime(), Service: service, Event: event, Text: text})
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

func (r *ring) add(line Line) {
	r.lines = append(r.lines, line)
	r.bytes += len(line.Text)
	for len(r.lines) > keepLines || r.bytes > keepBytes {
		r.bytes -= len(r.lines[0].Text)
		r.lost = r.lines[0].Seq
		r.lines[0] = Line{}
		r.lines = r.lines[1:]
	}
}

// Last returns the last n lines of a service, or of all services together when
// service is "", oldest first.
func (l *Log) Last(service string, n int) []Line {
	l.mu.Lock()
	lines, _ := l.after(service, 0)
	l.mu.Unlock()
	return lines[max(0, len(lines)-max(0, n)):]
}

// After returns the lines newer than seq, as Last does.
func (l *Log) After(service string, seq uint64) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, _ := l.after(service, seq)
	return lines
}

// after also tells whether lines newer than seq are gone already.
func (l *Log) after(service string, seq uint64) (lines []Line, lost bool) {
	for name, r := range l.rings {
		if service != "" && service != name {
			continue
		}
		i, _ := slices.BinarySearchFunc(r.lines, seq+1, func(l Line, seq uint64) int { return cmp.Compare(l.Seq, seq) })
		lines = append(lines, r.lines[i:]...)
		lost = lost || r.lost > seq
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Seq, b.Seq) })
	return lines, lost
}

// Seq is the number of the newest line: After and Follow with it give what
// comes from now on.
func (l *Log) Seq() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq
}

// Follow calls each for every line newer than seq, old and new ones, until ctx
// ends (its error) or each returns an error (that one). When each is so slow
// that lines are overwritten before their turn, an event line tells so.
func (l *Log) Follow(ctx context.Context, service string, seq uint64, each func(Line) error) error {
	for {
		l.mu.Lock()
		lines, lost := l.after(service, seq)
		if len(lines) == 0 && l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()

		if lost && seq > 0 {
			gap := Line{Seq: seq, Up: l.uptime(), Service: cmp.Or(service, "log"), Event: true, Text: "lines are missing here: too many came at once"}
			if err := each(gap); err != nil {
				return err
			}
		}
		for _, line := range lines {
			if err := each(line); err != nil {
				return err
			}
			seq = line.Seq
		}
		if len(lines) > 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
