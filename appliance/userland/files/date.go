package files

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/strftime"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

const dateHelp = `	-u	UTC
	-d TIME	this time, not now
	-D FORMAT	how TIME is written, as for strptime(3)
	-r FILE	when it was modified
	-s TIME	set the clock
	-R	as of RFC 2822
	-I[SPEC]	as of ISO 8601; SPEC: date, hours, minutes, seconds, ns
TIME is hh:mm[:ss], [YYYY.]MM.DD-hh:mm[:ss], YYYY-MM-DD [hh[:mm[:ss]]],
[[[[[YY]YY]MM]DD]hh]mm[.ss], @seconds; as an operand MMDDhhmm[[YY]YY][.ss].
`

func date(c *command.Call) {
	o, ok := choose(c, "d!s s!d R!I I!R")
	if !ok {
		return
	}
	in := zone.Local()
	if o['u'] {
		in = time.UTC
	}
	format, zoned, ok := dateFormat(c, o)
	if !ok {
		return
	}
	text, given := c.Value('d')
	set := false
	if !o['d'] {
		text, given = c.Value('s')
		set = o['s']
	}
	if !given && len(c.Args) > 0 {
		if text, ok = operandDate(c.Args[0]); !ok {
			c.Fail(invalidDate(c.Args[0]))
			return
		}
		given, set, c.Args = true, true, c.Args[1:]
	}
	if len(c.Args) > 0 {
		c.Misused("too many operands: %q", c.Args[0])
		return
	}
	t := time.Now().In(in)
	if name, ok := c.Value('r'); ok {
		st, err := stat(name)
		if err != nil {
			c.Fail(err)
			return
		}
		t = time.Unix(st.Mtim.Unix()).In(in)
	}
	if given {
		var err error
		if t, err = readDate(c, text, t, in); err != nil {
			c.Fail(err)
			return
		}
	}
	if set {
		if err := unix.Settimeofday(&unix.Timeval{Sec: t.Unix()}); err != nil {
			c.Fail(fmt.Errorf("the clock cannot be set: %w", err))
		}
	}
	line := strftime.Format(format, t)
	if zoned {
		line += t.Format("-07:00")
	}
	c.Stdout.WriteString(line + "\n")
}

// dateFormat is how the time is to be written, and whether with the zone behind it.
func dateFormat(c *command.Call, o chosen) (format string, zoned, ok bool) {
	format = "%a %b %e %H:%M:%S %Z %Y"
	given := false
	if len(c.Args) > 0 && strings.HasPrefix(c.Args[0], "+") {
		given, format, c.Args = true, c.Args[0][1:], c.Args[1:]
	}
	spec, _ := c.Value('I')
	if given {
		return format, false, true
	}
	switch {
	case o['R']:
		format = "%a, %d %b %Y %H:%M:%S %z"
	case o['I']:
		format = ""
		for _, each := range []struct{ name, format string }{
			{"date", "%F"}, {"hours", "%FT%H"}, {"minutes", "%FT%H:%M"}, {"seconds", "%FT%T"},
			{"ns", "%FT%T,000000000"},
		} {
			if strings.HasPrefix(each.name, spec) && format == "" {
				format = each.format
			}
		}
		if format == "" {
			c.Misused("-I%s: expected date, hours, minutes, seconds or ns", spec)
			return "", false, false
		}
		zoned = format != "%F"
	}
	return format, zoned, true
}

// operandDate turns MMDDhhmm[[YY]YY][.ss] into what -d takes, and leaves what is written otherwise.
func operandDate(text string) (string, bool) {
	digits, seconds, dot := strings.Cut(text, ".")
	if strings.Trim(digits+seconds, "0123456789") != "" || dot && len(seconds) != 2 {
		return text, true
	}
	switch n := len(digits); n {
	case 8, 10, 12:
		return digits[8:] + digits[:8] + text[n:], true
	}
	return text, false
}

// readDate reads the time of -d, -s or the operand; hours that it does not say are 0.
func readDate(c *command.Call, text string, now time.Time, in *time.Location) (time.Time, error) {
	base := momentOf(now)
	base.hour, base.minute, base.second = 0, 0, 0
	format, given := c.Value('D')
	if !given {
		return parseDate(text, base, in)
	}
	if _, ok := base.strptime(text, format); !ok {
		return now, invalidDate(text)
	}
	return base.time(in), nil
}

const touchHelp = `	-c	make no files
	-h	links themselves
	-a -m	the time of access only; of modification only
	-d TIME -t TIME	this time, as date takes it
	-r FILE	the times of that file
`

func touch(c *command.Call) {
	if _, ok := choose(c, "r!t t!r"); !ok || !operands(c, 1, 0) {
		return
	}
	times, now, ok := touchTimes(c)
	if !ok {
		return
	}
	flags := 0
	if c.Has('h') {
		flags = unix.AT_SYMLINK_NOFOLLOW
	}
	for _, name := range c.Args {
		err := unix.UtimesNanoAt(unix.AT_FDCWD, name, times, flags)
		if err == unix.ENOENT {
			if c.Has('c') {
				continue
			}
			var f *os.File
			if f, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666); err == nil {
				if err = f.Close(); err == nil && !now {
					err = unix.UtimesNanoAt(unix.AT_FDCWD, name, times, 0)
				}
			}
		}
		if err != nil {
			c.Fail(command.Named(name, err))
		}
	}
}

// touchTimes are those of access and modification; now: it was not said which.
func touchTimes(c *command.Call) (times []unix.Timespec, now, ok bool) {
	const utimeNow, utimeOmit = 1<<30 - 1, 1<<30 - 2
	times, now = []unix.Timespec{{Nsec: utimeNow}, {Nsec: utimeNow}}, true
	if name, given := c.Value('r'); given {
		st, err := stat(name)
		if err != nil {
			c.Fail(err)
			return nil, false, false
		}
		times, now = []unix.Timespec{st.Atim, st.Mtim}, false
	}
	for _, letter := range []byte("dt") {
		if text, given := c.Value(letter); given {
			t, err := parseDate(text, momentOf(time.Now().In(zone.Local())), zone.Local())
			if err != nil {
				c.Fail(err)
				return nil, false, false
			}
			times, now = []unix.Timespec{{Sec: t.Unix()}, {Sec: t.Unix()}}, false
		}
	}
	switch {
	case c.Has('a') && !c.Has('m'):
		times[1].Nsec = utimeOmit
	case c.Has('m') && !c.Has('a'):
		times[0].Nsec = utimeOmit
	}
	return times, now, true
}
