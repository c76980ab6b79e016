package kernel

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Host is the clock of the machine that this one is a guest of, where it lets the guest read it: ptp_kvm, a
// device of PTP under KVM. Under Xen there is none: the kernel reads the host's clock when it boots and when
// the domain is restored, and sets its own after it.
type Host struct {
	Name   string // of the clock, as the kernel calls it
	device *os.File
}

// OpenHost opens the host's clock; nil: there is none. It needs root, as the device does.
func OpenHost() (*Host, error) {
	for i := range maxDevices {
		name, err := os.ReadFile(fmt.Sprintf("/sys/class/ptp/ptp%d/clock_name", i))
		if err != nil || !isHost(string(name)) {
			continue
		}
		f, err := os.OpenFile(fmt.Sprintf("/dev/ptp%d", i), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("the host's clock: %w", err)
		}
		return &Host{strings.TrimSpace(string(name)), f}, nil
	}
	return nil, nil
}

// maxDevices is how many devices of PTP are looked at.
const maxDevices = 8

// isHost tells whether a clock of PTP is the host's, and not that of some card. The names are those of
// drivers/ptp/ptp_kvm_common.c and ptp_vmw.c.
func isHost(name string) bool {
	return strings.HasPrefix(name, "KVM virtual PTP") || strings.HasPrefix(name, "ptp_vmw")
}

// Offset is how far the host's clock is ahead of the kernel's: both are read at the same moment, if the
// driver can, which ptp_kvm does.
func (h *Host) Offset() (time.Duration, error) {
	var offset time.Duration
	raw, err := h.device.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		both, err := unix.IoctlPtpSysOffsetPrecise(int(fd))
		if err != nil {
			failed = os.NewSyscallError("PTP_SYS_OFFSET_PRECISE", err)
			return
		}
		ns := func(t unix.PtpClockTime) int64 { return t.Sec*1e9 + int64(t.Nsec) }
		offset = time.Duration(ns(both.Device) - ns(both.Realtime))
	})
	if err == nil {
		err = failed
	}
	return offset, err
}

// Close closes it.
func (h *Host) Close() error { return h.device.Close() }

// Tied tells whether the clock is the host's, so that to set it is of no effect: a domain of the kernels that
// were Xen's own, whose independent_wallclock is 0. Kernels of today have their own.
func Tied() bool { return tied(os.DirFS("/")) }

func tied(root fs.FS) bool {
	text, err := fs.ReadFile(root, "proc/sys/xen/independent_wallclock")
	return err == nil && strings.TrimSpace(string(text)) == "0"
}
