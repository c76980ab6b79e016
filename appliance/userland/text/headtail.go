package text

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// extent is how much of a file head or tail prints.
type extent struct {
	n     int64
	bytes bool // n counts bytes, not lines
	// other is the other end: for head all but the last n, for tail all from
	// number n on, where the first is 1.
	other bool
}

// read reads the value of -n or -c. sign is before a number that means the other end; plain one that means
// nothing.
func (e *extent) read(s, sign, plain string) (err error) {
	digits := strings.TrimPrefix(s, sign)
	if len(digits) < len(s) {
		e.other = true
	} else if plain != "" {
		digits = strings.TrimPrefix(s, plain)
	}
	e.n, err = amount(digits, 10)
	return err
}

// oldCount takes from arguments a first like -5, which means -n 5.
func oldCount(args []string, signs string) (count string, rest []string) {
	if len(args) > 0 && len(args[0]) > 1 && strings.IndexByte(signs, args[0][0]) >= 0 && isDigit(args[0][1]) {
		return args[0], args[1:]
	}
	return "", args
}

// headings are the names above parts of files.
type headings struct {
	always, never bool
	some          bool   // was written
	last          string // file
}

// write writes the name of a file if it has to be there. several: there are others.
func (h *headings) write(w io.Writer, name string, several bool) {
	if !h.always && (h.never || !several) || h.some && h.last == name {
		return
	}
	between := ""
	if h.some {
		between = "\n"
	}
	h.some, h.last = true, name
	fmt.Fprintf(w, "%s==> %s <==\n", between, name)
}

// shownName is that of a file for people.
func shownName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}

// isRegular reports whether a file has a size and places.
func isRegular(r io.Reader) (f *os.File, size int64, ok bool) {
	f, ok = r.(*os.File)
	if !ok {
		return nil, 0, false
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, 0, false
	}
	return f, info.Size(), true
}

// openFile opens an operand for reading; standard input as it is.
func openFile(c *command.Call, name string) (io.Reader, error) {
	if name == "-" {
		return c.Stdin, nil
	}
	return c.Open(name)
}
