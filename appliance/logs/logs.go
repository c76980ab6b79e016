// Package logs is the log of the appliance: the last lines of every service, and what init says about them.
//
// It is kept in memory, bounded per service, so that one that floods pushes out its own lines only, and safe
// to show on a terminal whatever a service was sent by strangers. Writing never waits for a reader. Readers
// look back, follow along, or have it copied to a console; [Log.Handler] answers the gatehouse command.
//
// Limits: it ends with the process, and nothing is written to a disk.
package logs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/feed"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// What is kept per service.
const (
	keepLines = 500
	keepBytes = 64 << 10 // of text
)

// MaxLine is how many bytes of a line are kept; the rest is cut off and "…" put there.
const MaxLine = 1024

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

// Log keeps the last lines of every service in memory. It may be used by several goroutines.
type Log struct {
	uptime func() time.Duration
	lines  *feed.Feed[Line] // by service
}

// New makes an empty log. uptime tells the time since the kernel started.
func New(uptime func() time.Duration) *Log {
	return &Log{uptime, feed.New[Line](feed.Limits{PerKey: keepLines, Bytes: keepBytes})}
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
	return &splitter{emit: func(line []byte) { l.add(service, string(line), false) }}
}

func (l *Log) write(service, text string, event bool) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" { // as Output does
			l.add(service, line, event)
		}
	}
}

// add adds a line that was cut nowhere before MaxLine.
func (l *Log) add(service, line string, event bool) {
	text := printable.Cut(strings.TrimSuffix(line, "\r"), MaxLine)
	l.lines.Add(service, len(text), func(seq uint64) Line {
		return Line{Seq: seq, Up: l.uptime(), Service: service, Event: event, Text: text}
	})
}

// Last returns the last n lines of a service, or of all services together when
// service is "", oldest first.
func (l *Log) Last(service string, n int) []Line { return l.lines.Last(service, n) }

// After returns the lines newer than seq, as Last does.
func (l *Log) After(service string, seq uint64) []Line { return l.lines.After(service, seq) }

// Seq is the number of the newest line: After and Follow with it give what
// comes from now on.
func (l *Log) Seq() uint64 { return l.lines.Seq() }

// Follow calls each for every line newer than seq, old and new ones, until ctx
// ends (its error) or each returns an error (that one). When each is so slow
// that lines are overwritten before their turn, an event line tells so.
func (l *Log) Follow(ctx context.Context, service string, seq uint64, each func(Line) error) error {
	return l.lines.Follow(ctx, service, seq, func(line Line, lost bool) error {
		if lost && seq > 0 { // before the first line that anyone saw nothing is missing
			gap := Line{
				Seq: seq, Up: l.uptime(), Service: cmp.Or(service, "log"), Event: true,
				Text: "lines are missing here: too many came at once",
			}
			if err := each(gap); err != nil {
				return err
			}
		}
		seq = line.Seq
		return each(line)
	})
}
