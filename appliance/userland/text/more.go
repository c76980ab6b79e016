package text

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

const moreUsage = `usage: more [FILE…], less [FILE…]
keys: space a page, Enter a line, b a page back, g from the start, q ends`

// More shows files, or what comes through a pipe, page by page; as less it waits at the end for a key, unless all is on
// one page. To anything but a terminal it copies. It keeps the last lines for who goes back.
func More(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command := filepath.Base(args[0])
	_, names, err := getopt.Parse(args[1:], "FRX") // what people type out of habit is so anyway
	if err != nil {
		return fail(stderr, exitUsage, command, fmt.Errorf("%w\n%s", err, moreUsage))
	}
	if f, ok := stdin.(*os.File); ok && len(names) == 0 && isTerminal(f) {
		return fail(stderr, exitUsage, command, errors.New("nothing is piped into it, and there is no FILE\n"+moreUsage))
	}
	in, status := concatenated(command, names, stdin, stderr)
	screen, ok := stdout.(*os.File)
	var keys *os.File
	if ok && isTerminal(screen) {
		keys = openKeys()
	}
	if keys == nil {
		if _, err := io.Copy(stdout, in); err != nil {
			return fail(stderr, exitFailed, command, err)
		}
		return status()
	}
	defer keys.Close()
	if err := page(ctx, in, screen, keys, command == "less"); err != nil {
		return fail(stderr, exitFailed, command, err)
	}
	return status()
}

// page shows in on a terminal, of which keys is another file.
func page(ctx context.Context, in io.Reader, screen, keys *os.File, wait bool) error {
	before, err := unix.IoctlGetTermios(int(screen.Fd()), unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("tcgetattr", err)
	}
	single := *before
	single.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG
	single.Cc[unix.VMIN], single.Cc[unix.VTIME] = 1, 0
	mode := func(t *unix.Termios) { _ = unix.IoctlSetTermios(int(screen.Fd()), unix.TCSETS, t) } // who hung up needs none
	defer mode(before)
	defer context.AfterFunc(ctx, func() { _ = keys.SetReadDeadline(past()) })()
	p := newPager(in, screen, func() (columns, rows int) { return terminalSize(screen) })
	return p.run(func() (byte, error) {
		mode(&single)
		defer mode(before) // so that ^C ends it while it waits for more to show
		return readKey(keys)
	}, wait)
}

// openKeys opens the terminal for its keys, however standard input is redirected; nil: there is none.
func openKeys() *os.File {
	for _, name := range []string{"/dev/tty", "/proc/self/fd/2"} {
		f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			continue
		}
		if isTerminal(f) {
			return f
		}
		f.Close()
	}
	return nil
}

// concatenated are files one after the other, or stdin for none. What cannot be read is said and counts in the status.
func concatenated(command string, names []string, stdin io.Reader, stderr io.Writer) (in io.Reader, status func() int) {
	failed := exitOK
	if len(names) == 0 {
		return stdin, func() int { return failed }
	}
	var readers []io.Reader
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			failed = fail(stderr, exitFailed, command, err)
			continue
		}
		readers = append(readers, f) // the end of the process closes it
	}
	return io.MultiReader(readers...), func() int { return failed }
}
