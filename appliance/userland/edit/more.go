package edit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/screen"
	"github.com/gatehouse-os/gatehouse/appliance/userland/terminal"
)

// errQuit ends more.
var errQuit = errors.New("quit")

// longestRow is how much of a line without an end is kept until it is printed, in bytes.
const longestRow = 32 << 10

// A stepper is more at work: it prints, and stops when the screen is full.
type stepper struct {
	call     *command.Call
	terminal *terminal.Terminal
	rows     int
	columns  int
	left     int // rows that may be printed before it stops
}

// runMore is the command more.
func runMore(c *command.Call) {
	in, isFile := c.Stdin.(*os.File)
	if len(c.Args) == 0 && isFile && terminal.Is(in) {
		c.Misused("expected a file")
		return
	}
	keys, err := keyboard(c.Stdin, !isFile || !terminal.Is(in))
	if !terminal.Is(os.Stdout) || err != nil {
		copyAll(c)
		return
	}
	s := &stepper{call: c, terminal: terminal.Open(keys)}
	defer s.terminal.Close()
	s.rows, s.columns = s.terminal.Size()
	s.left = s.rows - 1
	quit := false
	c.Each(func(_ string, r io.Reader) error {
		if quit {
			return nil
		}
		err := s.show(r)
		if errors.Is(err, errQuit) {
			quit, err = true, nil
		}
		return err
	})
}

// show prints a file. What it holds of control characters is seen, and has no effect.
func (s *stepper) show(r io.Reader) error {
	lines := bufio.NewReaderSize(r, longestRow)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			if err := s.print(strings.TrimSuffix(string(line), "\n")); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

func (s *stepper) print(line string) error {
	cells := screen.Text(line, "")
	for first := true; first || len(cells) > 0; first = false {
		n := min(len(cells), s.columns)
		if n < len(cells) && cells[n].Text == "" && n > 1 {
			n--
		}
		if s.left == 0 {
			if err := s.pause(); err != nil {
				return err
			}
		}
		if _, err := s.call.Stdout.WriteString(plain(cells[:n]) + "\n"); err != nil {
			return err
		}
		cells = cells[n:]
		s.left--
	}
	return nil
}

// pause asks what to do next.
func (s *stepper) pause() error {
	fmt.Fprint(s.call.Stdout, "\x1b[7m--More--\x1b[m")
	defer fmt.Fprint(s.call.Stdout, "\r\x1b[K")
	for {
		if err := s.call.Stdout.Flush(); err != nil {
			return err
		}
		switch event := s.terminal.Next(s.call.Context, 0); event.Kind {
		case terminal.Ended:
			return errQuit
		case terminal.Resized:
			s.rows, s.columns = s.terminal.Size()
		case terminal.Pressed:
			switch event.Key {
			case 'q', 'Q', key.Ctrl('C'):
				return errQuit
			case ' ', key.PageDown:
				s.left = max(s.rows-1, 1)
				return nil
			case key.Enter, key.Ctrl('J'), key.Down:
				s.left = 1
				return nil
			}
		}
	}
}

// plain is cells without their looks.
func plain(cells []screen.Cell) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(c.Text)
	}
	return b.String()
}

func keyOf(r rune) key.Key { return key.Key(r) }
