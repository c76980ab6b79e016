package kernel

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"time"
)

// How often a person hears of a build: a terminal's line is rewritten, a file's lines add up.
const (
	terminalEvery = 250 * time.Millisecond
	fileEvery     = 15 * time.Second
)

// meter tells a person how far a build is. Make's output is written to it, about a line for each file it
// makes.
type meter struct {
	to       io.Writer
	terminal bool
	now      func() time.Time
	begin    time.Time
	told     time.Time
	files    int // made since the last say
}

func newMeter(to io.Writer) *meter {
	m := &meter{to: to, terminal: isTerminal(to), now: time.Now}
	m.begin = m.now()
	m.told = m.begin
	return m
}

// isTerminal tells whether lines written to w can be rewritten. A character device is near enough.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// say tells about the next part of the work.
func (m *meter) say(format string, args ...any) {
	m.end()
	fmt.Fprintf(m.to, "kernel: "+format+"\n", args...)
}

// end leaves the line that is being rewritten.
func (m *meter) end() {
	if m.terminal && m.files > 0 {
		fmt.Fprintln(m.to)
	}
	m.files = 0
}

func (m *meter) Write(output []byte) (int, error) {
	m.files += bytes.Count(output, []byte("\n"))
	now, every := m.now(), fileEvery
	if m.terminal {
		every = terminalEvery
	}
	if now.Sub(m.told) < every {
		return len(output), nil
	}
	m.told = now
	line := fmt.Sprintf("kernel: %d files, %s", m.files, now.Sub(m.begin).Round(time.Second))
	if m.terminal {
		fmt.Fprintf(m.to, "\r%s ", line)
	} else {
		fmt.Fprintln(m.to, line)
	}
	return len(output), nil
}
