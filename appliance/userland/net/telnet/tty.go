package telnet

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// A tty is standard input, if that is a terminal; else nothing is done to it.
type tty struct {
	fd  int
	was *unix.Termios // nil: it is none
}

func openTTY(r io.Reader) *tty {
	f, ok := r.(*os.File)
	if !ok {
		return &tty{}
	}
	t := &tty{fd: int(f.Fd())}
	t.was, _ = unix.IoctlGetTermios(t.fd, unix.TCGETS) // nil with an error
	return t
}

func isTTY(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

func (t *tty) is() bool { return t.was != nil }

// set sets what change makes of how it was.
func (t *tty) set(change func(*unix.Termios)) {
	if t.was == nil {
		return
	}
	now := *t.was
	change(&now)
	_ = unix.IoctlSetTermios(t.fd, unix.TCSETSW, &now) // a terminal that hangs up is heard of by reading
}

// keys gives each key at once, as cfmakeraw(3) has it.
func (t *tty) keys() {
	t.set(func(m *unix.Termios) {
		m.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR |
			unix.ICRNL | unix.IXON
		m.Oflag &^= unix.OPOST
		m.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		m.Cflag = m.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		m.Cc[unix.VMIN], m.Cc[unix.VTIME] = 1, 0
	})
}

// lines gives whole lines, and what is before ^] as soon as that is typed.
func (t *tty) lines() { t.set(func(m *unix.Termios) { m.Cc[unix.VEOL] = escape }) }

func (t *tty) restore() { t.set(func(*unix.Termios) {}) }

// suspend stops this process, and what belongs to it, as ^Z does.
func (t *tty) suspend() {
	t.restore()
	_ = unix.Kill(0, unix.SIGTSTP)
}

// size is that of the window; of none 80 columns and 24 rows.
func (t *tty) size() (columns, rows int) {
	if t.was != nil {
		if w, err := unix.IoctlGetWinsize(t.fd, unix.TIOCGWINSZ); err == nil && w.Col > 0 && w.Row > 0 {
			return int(w.Col), int(w.Row)
		}
	}
	return 80, 24
}
