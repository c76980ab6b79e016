package text

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const (
	keptLines  = 10_000    // for who goes back
	longLine   = 64 * 1024 // bytes; a longer one is several
	morePrompt = "--more-- space, Enter, b: back, q: end"
	endPrompt  = "(end) b: back, q: end"
)

// pager shows lines page by page. Its lines are those that were read last; what is on the screen ends before next.
type pager struct {
	in    *bufio.Reader
	out   io.Writer
	size  func() (columns, rows int)
	lines []string
	next  int
	ended bool  // all of in was read
	err   error // of in
}

func newPager(in io.Reader, out io.Writer, size func() (columns, rows int)) *pager {
	return &pager{in: bufio.NewReaderSize(in, longLine), out: out, size: size}
}

// run shows all, a page after each key that asks for one. What fits one page needs no key.
func (p *pager) run(key func() (byte, error), wait bool) error {
	_, rows := p.size()
	if p.forward(rows - 1); !p.more() {
		return p.err
	}
	for {
		prompt := morePrompt
		if !p.more() {
			if !wait {
				return p.err
			}
			prompt = endPrompt
		}
		fmt.Fprint(p.out, "\x1b[7m"+prompt+"\x1b[m")
		k, err := key()
		fmt.Fprint(p.out, "\r\x1b[K")
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
		_, rows = p.size()
		switch k {
		case 'q', 'Q', 3, 4: // ^C, ^D
			return p.err
		case ' ', 'f':
			p.forward(rows - 1)
		case '\r', '\n', 'j':
			p.forward(1)
		case 'b':
			p.back(2 * (rows - 1))
		case 'g':
			p.back(len(p.lines) * rows)
		}
	}
}

// more says whether there is a line after those that are shown. It waits for one.
func (p *pager) more() bool { return p.next < len(p.lines) || p.read() }

// read adds a line to those that are kept.
func (p *pager) read() bool {
	if p.ended {
		return false
	}
	line, err := p.in.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		p.ended = true
		if !errors.Is(err, io.EOF) {
			p.err = err
		}
		if len(line) == 0 {
			return false
		}
	}
	if len(p.lines) == keptLines {
		p.lines, p.next = append(p.lines[:0], p.lines[keptLines/10:]...), p.next-keptLines/10
	}
	text := string(line)
	if text != "" && text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	p.lines = append(p.lines, printable.String(text))
	return true
}

// forward shows as many lines as there are rows for, one at least.
func (p *pager) forward(rows int) {
	for shown := 0; p.more(); p.next++ {
		if shown += p.rowsOf(p.next); shown > rows && shown > p.rowsOf(p.next) {
			return
		}
		fmt.Fprintln(p.out, p.lines[p.next])
	}
}

// back shows a page that begins so many rows before the end of this one.
func (p *pager) back(rows int) {
	_, screen := p.size()
	for p.next > 0 && rows > 0 {
		p.next--
		rows -= p.rowsOf(p.next)
	}
	fmt.Fprint(p.out, "\x1b[H\x1b[J")
	p.forward(screen - 1)
}

// rowsOf is how many rows of the screen a line takes.
func (p *pager) rowsOf(line int) int {
	columns, _ := p.size()
	return max(1, (utf8.RuneCountInString(p.lines[line])+columns-1)/columns)
}

// readKey reads a key; that of an arrow or a page is the letter for the same.
func readKey(keys io.Reader) (byte, error) {
	var b [8]byte
	n, err := keys.Read(b[:])
	if n == 0 {
		return 0, cmp.Or(err, io.EOF)
	}
	switch string(b[:n]) {
	case "\x1b[B":
		return 'j', nil
	case "\x1b[6~":
		return ' ', nil
	case "\x1b[A", "\x1b[5~":
		return 'b', nil
	}
	return b[0], nil
}

// isTerminal leaves the file as it is: after Fd it would have no deadlines.
func isTerminal(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	terminal := false
	err = conn.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		terminal = err == nil
	})
	return err == nil && terminal
}

// terminalSize is 80 columns of 24 rows where the terminal does not know, as a serial line.
func terminalSize(f *os.File) (columns, rows int) {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || w.Col == 0 || w.Row < 2 {
		return 80, 24
	}
	return int(w.Col), int(w.Row)
}

// past ends reads.
func past() time.Time { return time.Unix(1, 0) }
