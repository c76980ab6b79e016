package watchdog

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// DefaultTimeout is how long the watchdog waits for being fed.
const DefaultTimeout = time.Minute

// What ParseTimeout takes: with less a busy disk is taken for a dead one, with
// more some drivers refuse.
const (
	minTimeout = 10 * time.Second
	maxTimeout = 30 * time.Minute
)

// linux is the machine's watchdog by the API of the kernel
// (Documentation/watchdog/watchdog-api.rst).
type linux struct {
	name string
	fd   int
}

// Open opens /dev/watchdog, which arms it. Without one the error is fs.ErrNotExist.
func Open() (Device, error) {
	const path = "/dev/watchdog"
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	w := linux{"a watchdog without a name", fd}
	if info, err := unix.IoctlGetWatchdogInfo(fd); err == nil {
		w.name = unix.ByteSliceToString(info.Identity[:])
	}
	return w, nil
}

func (w linux) Name() string { return w.name }

func (w linux) SetTimeout(d time.Duration) error {
	const setTimeout = 0xc0045706 // WDIOC_SETTIMEOUT of linux/watchdog.h, _IOWR('W', 6, int)
	return os.NewSyscallError("WDIOC_SETTIMEOUT",
		unix.IoctlSetPointerInt(w.fd, setTimeout, int(d/time.Second)))
}

// Feed writes what means nothing else: that feeds with every driver.
func (w linux) Feed() error {
	_, err := unix.Write(w.fd, []byte{0})
	return os.NewSyscallError("write", err)
}

// Disarm writes the character without which the drivers stay armed when the
// device is closed.
func (w linux) Disarm() error {
	if _, err := unix.Write(w.fd, []byte("V")); err != nil {
		return os.NewSyscallError("write", err)
	}
	return os.NewSyscallError("close", unix.Close(w.fd))
}

// ParseTimeout reads what the kernel's command line says after
// gatehouse.watchdog=: "off", seconds, or "" for the default.
func ParseTimeout(text string) (d time.Duration, on bool, err error) {
	switch text {
	case "":
		return DefaultTimeout, true, nil
	case "off":
		return 0, false, nil
	}
	n, err := strconv.Atoi(text)
	d = time.Duration(n) * time.Second
	if err != nil || n > int(maxTimeout/time.Second) || d < minTimeout {
		return DefaultTimeout, true, fmt.Errorf("gatehouse.watchdog=%.40s on the kernel's command line: want off, or seconds from %d to %d; %v is taken",
			text, minTimeout/time.Second, maxTimeout/time.Second, DefaultTimeout)
	}
	return d, true, nil
}
