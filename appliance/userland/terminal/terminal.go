// Package terminal is the thin edge between a program that fills the screen and its terminal: raw mode and
// back, the size and that it changes, keys as they are typed. It reads no byte more than was asked for, so
// that what is typed ahead is still there for the next program. Where keys come from may be a file or a pipe:
// scripts do that.
package terminal

import (
	"context"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
)

// Size of a terminal that does not know its own, as a serial line.
const (
	defaultRows    = 24
	defaultColumns = 80
)

// Limits of a size that is believed: a frame is made of each.
const maxSide = 1000

// sizePause is the time between two looks at the size. SIGWINCH would tell, but signals are for the whole
// process, and this is a part of one.
const sizePause = 200 * time.Millisecond

// escapeTime is how long an Escape waits for the rest of a sequence. A serial line of 9600 baud takes 1 ms
// for a byte.
const escapeTime = 50 * time.Millisecond

// A Terminal is one in raw mode.
type Terminal struct {
	in      *os.File
	before  *unix.Termios // nil: it is none
	decoder key.Decoder
	keys    []key.Key
	ask     chan struct{} // for one byte
	bytes   chan readByte
	asked   bool
	Data    <-chan []byte // what else Next waits for; nil: nothing
	rows    int           // as they were told last
	columns int
}

type readByte struct {
	b   byte
	err error
}

// Is reports whether a file is a terminal.
func Is(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Open makes the terminal that keys come from raw. Close gives it back.
func Open(in *os.File) *Terminal {
	t := &Terminal{in: in, ask: make(chan struct{}), bytes: make(chan readByte)}
	if modes, err := unix.IoctlGetTermios(t.fd(), unix.TCGETS); err == nil {
		t.before = modes
	}
	t.raw()
	go t.read()
	return t
}

func (t *Terminal) fd() int { return int(t.in.Fd()) }

// Close restores the modes from before.
func (t *Terminal) Close() {
	close(t.ask)
	t.cooked()
}

// raw leaves output as it is: a program draws with positions, and its last line wants an end. An error means
// that the terminal has hung up, as the next read finds.
func (t *Terminal) raw() {
	if t.before == nil {
		return
	}
	modes := *t.before
	modes.Iflag &^= unix.IXON | unix.INLCR | unix.ICRNL | unix.IGNCR | unix.ISTRIP
	modes.Lflag &^= unix.ICANON | unix.ECHO | unix.ECHONL | unix.ISIG | unix.IEXTEN
	modes.Cc[unix.VMIN], modes.Cc[unix.VTIME] = 1, 0
	_ = unix.IoctlSetTermios(t.fd(), unix.TCSETS, &modes)
}

func (t *Terminal) cooked() {
	if t.before != nil {
		_ = unix.IoctlSetTermios(t.fd(), unix.TCSETS, t.before)
	}
}

// Suspend stops the program as ^Z does, where it has a shell that can go on with it; others ignore the
// signal.
func (t *Terminal) Suspend() {
	t.cooked()
	_ = unix.Kill(0, unix.SIGTSTP)
	t.raw()
}

// Size is the size of the window.
func (t *Terminal) Size() (rows, columns int) {
	t.rows, t.columns = t.size()
	return t.rows, t.columns
}

// resized reports whether the size is another than it was told.
func (t *Terminal) resized() bool {
	rows, columns := t.size()
	return t.rows > 0 && (rows != t.rows || columns != t.columns)
}

func (t *Terminal) size() (rows, columns int) {
	for _, fd := range []int{1, t.fd()} {
		if w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && w.Row > 0 && w.Col > 0 {
			return min(int(w.Row), maxSide), min(int(w.Col), maxSide)
		}
	}
	return defaultRows, defaultColumns
}

// Waiting reports whether keys are there to be read: then there is no need to draw yet.
func (t *Terminal) Waiting() bool {
	if len(t.keys) > 0 {
		return true
	}
	n, err := unix.IoctlGetInt(t.fd(), unix.TIOCINQ)
	return err == nil && n > 0
}

// read reads a byte each time it is asked.
func (t *Terminal) read() {
	for range t.ask {
		var b [1]byte
		_, err := io.ReadFull(t.in, b[:])
		t.bytes <- readByte{b[0], err}
	}
}

// A Kind is what has come.
type Kind int

// Kinds.
const (
	Pressed Kind = iota // a key
	Resized
	Came   // data; nil: there will be no more
	Ticked // the time is over
	Ended  // there are no more keys, or the program shall end
)

// An Event is what Next waited for.
type Event struct {
	Kind Kind
	Key  key.Key
	Data []byte
}

// Next waits for a key or something else. It ends its wait after tick; 0: it does not.
func (t *Terminal) Next(ctx context.Context, tick time.Duration) Event {
	var over <-chan time.Time
	if tick > 0 {
		timer := time.NewTimer(tick)
		defer timer.Stop()
		over = timer.C
	}
	look := time.NewTicker(sizePause)
	defer look.Stop()
	for len(t.keys) == 0 {
		if !t.asked {
			t.ask <- struct{}{}
			t.asked = true
		}
		var pause <-chan time.Time
		if t.decoder.Waiting() {
			pause = time.After(escapeTime)
		}
		select {
		case <-ctx.Done():
			return Event{Kind: Ended}
		case <-look.C:
			if t.resized() {
				return Event{Kind: Resized}
			}
		case data, ok := <-t.Data:
			if !ok {
				t.Data = nil
			}
			return Event{Kind: Came, Data: data}
		case <-over:
			return Event{Kind: Ticked}
		case <-pause:
			t.keys = t.decoder.Pause()
		case r := <-t.bytes:
			t.asked = false
			if r.err == nil {
				t.keys = t.decoder.Feed([]byte{r.b})
			} else if t.keys = t.decoder.Pause(); len(t.keys) == 0 {
				return Event{Kind: Ended}
			}
		}
	}
	k := t.keys[0]
	t.keys = t.keys[1:]
	return Event{Kind: Pressed, Key: k}
}
