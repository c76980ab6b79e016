package vmtest

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Tap opens a tap of a network namespace as a place for a card; do runs a function in the namespace. Guests
// may leave checksums to "hardware" on it, as on Xen's network, where clients with packet sockets must not
// get to see that.
func Tap(do func(func() error) error, name string) (Port, error) {
	var file *os.File
	err := do(func() (err error) {
		file, err = openTap(name)
		return err
	})
	if err != nil {
		return Port{}, fmt.Errorf("tap %s: %w", name, err)
	}
	return Port{File: file, kind: "tap"}, nil
}

// openTap attaches to the tap in the thread's namespace. See the kernel's
// Documentation/networking/tuntap.rst.
func openTap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
		err = os.NewSyscallError("TUNSETIFF", unix.IoctlIfreq(fd, unix.TUNSETIFF, req))
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}
