package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Kind says how the machine ends.
type Kind string

// The kinds of end.
const (
	PowerOff Kind = "poweroff"
	Reboot   Kind = "reboot"
	Halt     Kind = "halt" // stopped, still powered
)

const (
	endGrace   = 2 * time.Second        // from SIGTERM to SIGKILL for what is left
	busyWait   = 100 * time.Millisecond // between tries to unmount
	busyTrials = 20
)

// wish is how a kind is asked for: the signals of busybox's init, so that its
// habits and others' scripts hold here too. ctrl-alt-del is the kernel's SIGINT;
// for Xen's "poweroff" and "reboot" the kernel runs /sbin/usermode-helper,
// which asks as well.
type wish struct {
	signal syscall.Signal
	kind   Kind
}

func wishes() []wish {
	return []wish{
		{syscall.SIGUSR1, Halt},
		{syscall.SIGUSR2, PowerOff},
		{syscall.SIGTERM, Reboot},
		{syscall.SIGINT, Reboot},
		{syscall.SIGPWR, PowerOff},
	}
}

// RequestSignals are the signals that main passes on in Config.Requests.
func RequestSignals() []os.Signal {
	var all []os.Signal
	for _, w := range wishes() {
		all = append(all, w.signal)
	}
	return all
}

// Request asks PID 1 to end the machine. It returns when the wish is sent, and
// fails for any user but root.
func Request(k Kind) error {
	i := slices.IndexFunc(wishes(), func(w wish) bool { return w.kind == k })
	if i < 0 {
		return fmt.Errorf("%q: want poweroff, reboot or halt", k)
	}
	return os.NewSyscallError("ask init to "+string(k), syscall.Kill(1, wishes()[i].signal))
}

// wait returns what is asked for first.
func (b *boot) wait(ctx context.Context) Kind {
	for {
		select {
		case got := <-b.Requests:
			if i := slices.IndexFunc(wishes(), func(w wish) bool { return w.signal == got }); i >= 0 {
				b.say("%s asked for (%s), stopping", wishes()[i].kind, unix.SignalName(wishes()[i].signal))
				return wishes()[i].kind
			}
		case <-ctx.Done():
			return PowerOff
		}
	}
}

// end leaves the disks in order; no other process runs any more.
func (b *boot) end(k Kind) {
	if b.report.Storage.Kind == StorageDisk || b.report.Storage.Kind == StorageRoot {
		select {
		case <-b.seeded:
			b.step("seed", b.saveSeed)
		default: // there are no random numbers yet, and none to wait for
		}
		b.step("unmount /perm", func() (string, error) { return b.release(permDir) })
	}
	if b.report.Storage.Kind == StorageRoot {
		b.step("close the root disk", func() (string, error) {
			return "", b.patiently(func() error {
				return b.OS.Mount(Mount{Target: "/", Options: "remount,ro"})
			})
		})
	}
	b.OS.Sync()
	b.say("%s", map[Kind]string{PowerOff: "power off", Reboot: "restart", Halt: "halted"}[k])
}

// release unmounts, or makes read-only what will not let go.
func (b *boot) release(target string) (string, error) {
	err := b.patiently(func() error { return b.OS.Unmount(target) })
	if err == nil {
		return "", nil
	}
	err = errors.Join(err, b.OS.Mount(Mount{Target: target, Options: "remount,ro"}))
	return "made read-only instead", err
}

// patiently tries again while something is busy: a process that was killed lets
// go of its files a little later.
func (b *boot) patiently(try func() error) error {
	var err error
	for range busyTrials {
		if err = try(); !errors.Is(err, syscall.EBUSY) {
			return err
		}
		time.Sleep(busyWait)
	}
	return err
}
