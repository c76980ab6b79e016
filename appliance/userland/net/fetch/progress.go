package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// A progress says on a terminal how far a file is, once a second.
type progress struct {
	w       io.Writer // nil: nobody reads along
	name    string
	have    int64 // with what was there before
	all     int64 // below 0: not known
	got     int64
	began   time.Time
	shown   time.Time
	visible bool
}

// newProgress shows only where a person sees it.
func newProgress(w io.Writer, name string, before, all int64) *progress {
	p := &progress{name: printed(name), have: before, all: all, began: time.Now()}
	if isTerminal(w) {
		p.w, p.shown = w, time.Now()
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Mode()&os.ModeDevice != 0
}

// A textWriter is a terminal, which gets no bytes that are no text: a NUL is the sign of them.
type textWriter struct{ io.Writer }

// Write implements io.Writer.
func (w textWriter) Write(b []byte) (int, error) {
	if bytes.IndexByte(b, 0) >= 0 {
		return 0, errors.New("this is no text: -o - shows it all the same, -o FILE keeps it")
	}
	return w.Writer.Write(b)
}

// Write counts.
func (p *progress) Write(b []byte) (int, error) {
	p.have, p.got = p.have+int64(len(b)), p.got+int64(len(b))
	if p.w != nil && time.Since(p.shown) >= time.Second {
		p.show()
	}
	return len(b), nil
}

func (p *progress) show() {
	p.shown, p.visible = time.Now(), true
	text := fmt.Sprintf("%.40s  %s", p.name, amount(p.have))
	if p.all > 0 {
		text += fmt.Sprintf(" of %s, %d%%", amount(p.all), p.have*100/p.all)
	}
	speed := float64(p.got) / time.Since(p.began).Seconds()
	text += fmt.Sprintf(", %s/s", amount(int64(speed)))
	if p.all > p.have && speed > 1 {
		text += ", " + time.Duration(float64(p.all-p.have)/speed*float64(time.Second)).Truncate(time.Second).String() + " left"
	}
	fmt.Fprintf(p.w, "\r%-78.78s", text)
}

// end leaves the line.
func (p *progress) end() {
	if p.visible {
		p.show()
		fmt.Fprintln(p.w)
	}
}

// amount is a number of bytes: 4.2 MB.
func amount(n int64) string {
	f, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	for len(units) > 1 && f >= 1000 {
		f, units = f/1000, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[0])
}
