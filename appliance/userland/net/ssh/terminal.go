package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/escape"
)

// A terminal is one of the session. The zero file: there is none here, only there.
type terminal struct {
	here *os.File
}

// terminal asks the other machine for one, if that is wanted; nil: it is not.
func (r *run) terminal(s *ssh.Session) (*terminal, error) {
	here, _ := r.Stdin.(*os.File)
	if here != nil && !term.IsTerminal(int(here.Fd())) {
		here = nil
	}
	switch r.Terminal {
	case "no":
		return nil, nil
	case "auto":
		if here == nil || r.words != "" {
			return nil, nil
		}
	case "yes":
		if here == nil {
			r.say(client.Normal, "Pseudo-terminal will not be allocated because stdin is not a terminal.")
			return nil, nil
		}
	}
	rows, columns := 0, 0 // not known
	modes := ssh.TerminalModes{}
	if here != nil {
		rows, columns = size(here)
		modes = modesOf(here)
	}
	kind := os.Getenv("TERM")
	if kind == "" {
		kind = "dumb"
	}
	if err := s.RequestPty(kind, rows, columns, modes); err != nil {
		return nil, fmt.Errorf("the other machine gives no terminal: %w", err)
	}
	return &terminal{here: here}, nil
}

func size(f *os.File) (rows, columns int) {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil || rows <= 0 || columns <= 0 {
		return 0, 0
	}
	return rows, columns
}

// raw leaves all keys to the other machine, and tells it when the window changes, until restore.
func (t *terminal) raw(ctx context.Context, s *ssh.Session) (restore func()) {
	if t == nil || t.here == nil {
		return func() {}
	}
	before, err := term.MakeRaw(int(t.here.Fd()))
	if err != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go t.watch(ctx, s)
	return sync.OnceFunc(func() {
		cancel()
		_ = term.Restore(int(t.here.Fd()), before) // a terminal that is gone needs it not
	})
}

// lookEvery is how often the size of the window is looked at: signals are the program's.
const lookEvery = 200 * time.Millisecond

// watch tells the other machine of changes of the window.
func (t *terminal) watch(ctx context.Context, s *ssh.Session) {
	rows, columns := size(t.here)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if r, c := size(t.here); r != rows || c != columns {
			rows, columns = r, c
			_ = s.WindowChange(rows, columns) // a session that has ended has no window
		}
	}
}

const escapeHelp = "~?\r\nSupported escape sequences, at the beginning of a line:\r\n" +
	" ~.\tends the connection\r\n ~?\tthis text\r\n ~~\tsends the ~\r\n"

// feed sends what is typed, or whatever else standard input is, to the command.
func (r *run) feed(to io.WriteCloser, t *terminal) {
	defer to.Close()
	if r.NoInput {
		return
	}
	char := r.Escape
	if t == nil || t.here == nil {
		char = 0
	}
	filter := escape.New(char)
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Stdin.Read(buf)
		for typed := buf[:n]; len(typed) > 0; {
			send, what, rest := filter.Next(typed)
			if _, err := to.Write(send); err != nil {
				return
			}
			switch what {
			case escape.Disconnect:
				r.lost = errors.New("~. was typed: disconnected")
				r.client.Close()
				return
			case escape.Help:
				fmt.Fprint(r.Stderr, strings.ReplaceAll(escapeHelp, "~", string(rune(r.Escape))))
			}
			typed = rest
		}
		if err != nil {
			return
		}
	}
}
