package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

const hwclockHelp = `	-r	print the hardware clock's time (default)
	-s	set the system's clock by it
	-w	set it by the system's clock
	-u -l	it has UTC; local time. Else /etc/adjtime says which (or local time)
	-f DEV	this clock, not /dev/rtc
`

func hwclockLong() map[string]byte {
	return map[string]byte{"localtime": 'l', "utc": 'u', "show": 'r', "hctosys": 's', "systohc": 'w',
		"rtc": 'f'}
}

func hwclock(c *command.Call) {
	switch {
	case len(c.Args) > 0:
		c.Misused("unknown operand %q", c.Args[0])
		return
	case c.Has('s') && c.Has('w') || c.Has('r') && (c.Has('s') || c.Has('w')):
		c.Misused("-r, -s and -w exclude each other")
		return
	case c.Has('u') && c.Has('l'):
		c.Misused("-u and -l exclude each other")
		return
	}
	in := zone.Local()
	if c.Has('u') || !c.Has('l') && adjtimeIsUTC() {
		in = time.UTC
	}
	device, _ := c.Value('f')
	clock, err := openClock(device, c.Has('w'))
	if err == nil {
		defer clock.Close()
		err = useClock(c, clock, in)
	}
	if err != nil {
		c.Fail(err)
	}
}

// useClock does what is asked for.
func useClock(c *command.Call, clock *os.File, in *time.Location) error {
	if c.Has('w') {
		at := toRTC(time.Now().In(in))
		return command.Named(clock.Name(), unix.IoctlSetRTCTime(int(clock.Fd()), &at))
	}
	at, err := unix.IoctlGetRTCTime(int(clock.Fd()))
	if err != nil {
		return command.Named(clock.Name(), err)
	}
	t := fromRTC(at, in)
	if c.Has('s') {
		tv := unix.NsecToTimeval(t.UnixNano())
		return os.NewSyscallError("settimeofday", unix.Settimeofday(&tv))
	}
	_, err = fmt.Fprintf(c.Stdout, "%s  0.000000 seconds\n", t.In(zone.Local()).Format(time.ANSIC))
	return err
}

// openClock opens the device that was named, or else the machine's.
func openClock(device string, write bool) (*os.File, error) {
	mode := os.O_RDONLY
	if write {
		mode = os.O_WRONLY
	}
	if device != "" {
		f, err := patientOpen(device, mode)
		return f, command.Named(device, err)
	}
	var first error
	for _, name := range []string{"/dev/rtc", "/dev/rtc0"} {
		f, err := patientOpen(name, mode)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			first = errors.Join(first, command.Named(name, err))
		}
	}
	if first == nil {
		first = errors.New("this machine has no hardware clock (/dev/rtc), as domains of Xen; its host sets the time at the start")
	}
	return nil, first
}

// patientOpen waits a second for who else has the clock open: one at a time may.
func patientOpen(name string, mode int) (f *os.File, err error) {
	const pause = 20 * time.Millisecond
	for range int(time.Second / pause) {
		if f, err = os.OpenFile(name, mode, 0); !errors.Is(err, unix.EBUSY) {
			break
		}
		time.Sleep(pause)
	}
	return f, err
}

// adjtimeIsUTC reports whether a line of hwclock(8)'s file says so.
func adjtimeIsUTC() bool {
	text, _ := os.ReadFile("/etc/adjtime") // that there is none is an answer too
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("UTC")) {
			return true
		}
	}
	return false
}

func toRTC(t time.Time) unix.RTCTime {
	return unix.RTCTime{
		Sec: int32(t.Second()), Min: int32(t.Minute()), Hour: int32(t.Hour()), Mday: int32(t.Day()),
		Mon: int32(t.Month()) - 1, Year: int32(t.Year()) - 1900, Wday: int32(t.Weekday()),
		Yday: int32(t.YearDay()) - 1,
	}
}

func fromRTC(t *unix.RTCTime, in *time.Location) time.Time {
	return time.Date(int(t.Year)+1900, time.Month(t.Mon)+1, int(t.Mday), int(t.Hour), int(t.Min), int(t.Sec),
		0, in)
}
