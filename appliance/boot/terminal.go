package boot

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Consoles reads the kernel's list. tty0 stands for the current screen and can
// be nobody's controlling terminal; tty1 is the one to sit at.
func (linux) Consoles() []string {
	text, _ := os.ReadFile("/sys/class/tty/console/active") // none: no consoles
	var all []string
	for _, name := range strings.Fields(string(text)) {
		if name == "tty0" {
			name = "tty1"
		}
		all = append(all, "/dev/"+name)
	}
	return all
}

func openTTY(tty string) (*os.File, error) {
	return os.OpenFile(tty, os.O_RDWR|unix.O_NOCTTY, 0)
}

// Ask opens the terminal anew: the end of a shell's session hangs up all that
// was open.
func (linux) Ask(ctx context.Context, tty, text string) error {
	f, err := openTTY(tty)
	if err != nil {
		return err
	}
	defer f.Close()
	defer context.AfterFunc(ctx, func() { f.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(f, text); err != nil {
		return err
	}
	_, _, err = bufio.NewReader(f).ReadLine()
	return err
}

// Shell leaves the terminal as it found it, also when the program that was
// killed in it had changed its modes.
func (l linux) Shell(tty string, argv []string) error {
	f, err := openTTY(tty)
	if err != nil {
		return err
	}
	defer f.Close()
	modes, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("tcgetattr of "+tty, err)
	}
	name := filepath.Base(argv[0])
	child, err := l.children.Start(argv[0], append([]string{name}, argv[1:]...), &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/bin:/sbin", "HOME=/", "USER=root", "TERM=" + termOf(tty)},
		Files: []*os.File{f, f, f},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	})
	if err != nil {
		return err
	}
	<-child.Done()
	again, err := openTTY(tty)
	if err != nil {
		return err
	}
	defer again.Close()
	return os.NewSyscallError("tcsetattr of "+tty, unix.IoctlSetTermios(int(again.Fd()), unix.TCSETS, modes))
}

// termOf is what the other end of the line most likely is.
func termOf(tty string) string {
	if name := filepath.Base(tty); strings.HasPrefix(name, "tty") && len(name) > 3 && name[3] >= '0' &&
		name[3] <= '9' {
		return "linux"
	}
	return "vt220"
}
