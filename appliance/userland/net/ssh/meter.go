package ssh

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// drawEvery is how often a person is told how far a file has come.
const drawEvery = 500 * time.Millisecond

// newMeter shows files that pass, where somebody looks on; nil: nobody does.
func newMeter(c *command.Call) func(string, int64) io.Writer {
	f, ok := c.Stdout.Underlying().(*os.File)
	if !ok || c.Has('q') || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func(name string, size int64) io.Writer {
		m := &meter{to: f, name: filepath.Base(name), size: size, began: time.Now()}
		m.last = m.began
		if size == 0 {
			m.draw(m.began)
		}
		return m
	}
}

// A meter is of one file.
type meter struct {
	to          io.Writer
	name        string
	size, done  int64
	began, last time.Time
}

// Write implements io.Writer.
func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	if now := time.Now(); m.done >= m.size || now.Sub(m.last) >= drawEvery {
		m.last = now
		m.draw(now)
	}
	return len(p), nil
}

func (m *meter) draw(now time.Time) {
	percent, end := int64(100), "\n"
	if m.done < m.size {
		percent, end = int64(float64(m.done)*100/float64(m.size)), ""
	}
	speed := ""
	if took := now.Sub(m.began); took > 0 {
		speed = amount(float64(m.done)/took.Seconds()) + "/s"
	}
	fmt.Fprintf(m.to, "\r%-45s %3d%% %9s %11s%s", printable.Cut(m.name, 40), percent, amount(float64(m.done)),
		speed, end)
}

// amount is a number of bytes in few characters.
func amount(n float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.4g%s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%.1fTB", n)
}
