package kernel

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// WatchSet calls changed each time the clock was set, by whomever: this program, another one, the kernel
// after a restore (timerfd_create(2): TFD_TIMER_CANCEL_ON_SET). It returns when ctx ends.
func WatchSet(ctx context.Context, changed func()) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("timerfd", err)
	}
	f := os.NewFile(uintptr(fd), "the clock")
	defer f.Close()
	defer context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) })()
	var b [8]byte
	for ctx.Err() == nil {
		if err := arm(fd); err != nil {
			return err
		}
		_, err := f.Read(b[:])
		switch {
		case errors.Is(err, unix.ECANCELED):
			changed()
		case err != nil && ctx.Err() == nil:
			return err
		}
	}
	return nil
}

// arm has the timer run for as long as there is: it ends when the clock is set.
func arm(fd int) error {
	const flags = unix.TFD_TIMER_ABSTIME | unix.TFD_TIMER_CANCEL_ON_SET
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: 1 << 33}}
	err := unix.TimerfdSettime(fd, flags, &never, nil)
	if errors.Is(err, unix.ECANCELED) { // it was set just now: the timer runs, and the next read says so
		err = nil
	}
	return os.NewSyscallError("timerfd_settime", err)
}
