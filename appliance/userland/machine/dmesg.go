package machine

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
	"github.com/gatehouse-os/gatehouse/internal/syslog"
)

const dmesgHelp = `	-w -W	and what comes, until ^C; only what comes
	-T	with dates
	-l LIST	only of levels emerg,alert,crit,err,warn,notice,info,debug
	-r	with levels, as numbers
	-c -C	forget all afterwards; forget all and print nothing
	-n N	levels below N, 1 to 8, go to the console
	-s N	the last N bytes
`

func dmesgLong() map[string]byte {
	return map[string]byte{
		"read-clear": 'c', "clear": 'C', "raw": 'r', "ctime": 'T', "follow": 'w', "follow-new": 'W',
		"level": 'l', "console-level": 'n', "buffer-size": 's',
	}
}

// Actions of syslog(2).
const (
	readAll      = 3
	readClear    = 4
	clearAll     = 5
	consoleLevel = 8
	bufferSize   = 10
)

// The kernel's buffer is between these.
const (
	leastBuffer = 16 << 10
	mostBuffer  = 16 << 20
)

// A view is how messages are shown, and which.
type view struct {
	raw    bool
	levels map[int]bool // nil: all
	booted time.Time    // zero: times are shown as the kernel counts them
	out    *command.Writer
}

func dmesg(c *command.Call) {
	v := view{raw: c.Has('r'), out: c.Stdout}
	var err error
	if list, given := c.Value('l'); given {
		if v.levels, err = levelSet(list); err != nil {
			c.Misused("%v", err)
			return
		}
	}
	size, err := dmesgSize(c)
	switch {
	case err != nil:
		c.Misused("%v", err)
		return
	case len(c.Args) > 0:
		c.Misused("unknown operand %q", c.Args[0])
		return
	}
	if c.Has('T') {
		v.booted = bootTime()
	}
	switch level, given := c.Value('n'); {
	case given:
		err = setConsoleLevel(level)
	case c.Has('C'):
		_, err = unix.Klogctl(clearAll, nil)
	case c.Has('w') || c.Has('W'):
		err = follow(v, c.Has('W'))
	default:
		err = v.buffer(size, c.Has('c'))
	}
	if err != nil {
		c.Fail(err)
	}
}

// dmesgSize is how many bytes of the kernel's buffer are asked for.
func dmesgSize(c *command.Call) (int, error) {
	text, given := c.Value('s')
	if !given {
		size, err := unix.Klogctl(bufferSize, nil)
		if err != nil {
			size = leastBuffer // whoever reads is told why he cannot
		}
		return min(max(size, leastBuffer), mostBuffer), nil
	}
	size, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q: expected a number of bytes", text)
	}
	return min(max(int(size), leastBuffer), mostBuffer), nil
}

func setConsoleLevel(text string) error {
	level, err := strconv.ParseUint(text, 10, 8)
	if err != nil || level < 1 || level > 8 {
		return fmt.Errorf("%q: expected a level from 1 to 8", text)
	}
	_, err = unix.Klogctl(consoleLevel, make([]byte, level)) // the level is where other actions have a length
	return err
}

// buffer shows what the kernel remembers.
func (v view) buffer(size int, forget bool) error {
	action := readAll
	if forget {
		action = readClear
	}
	text := make([]byte, size)
	n, err := unix.Klogctl(action, text)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("the kernel's messages: %w", err)
	}
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text[:n]) {
		prefix, rest, found := bytes.Cut(line, []byte(">"))
		priority, err := strconv.Atoi(strings.TrimPrefix(string(prefix), "<"))
		if !found || err != nil || prefix[0] != '<' {
			priority, rest = -1, line // the first may be cut
		}
		v.line(priority, string(bytes.TrimSuffix(rest, []byte("\n"))))
	}
	return nil
}

// line shows a line: "[    1.234567] text".
func (v view) line(priority int, text string) {
	if v.levels != nil && (priority < 0 || !v.levels[priority&7]) {
		return
	}
	if v.raw && priority >= 0 {
		fmt.Fprintf(v.out, "<%d>", priority)
	}
	if stamp, rest, found := strings.Cut(text, "]"); found && !v.booted.IsZero() && strings.HasPrefix(stamp, "[") {
		if up, err := time.ParseDuration(strings.TrimSpace(stamp[1:]) + "s"); err == nil {
			text = v.booted.Add(up).Format("[Mon Jan _2 15:04:05 2006]") + rest
		}
	}
	fmt.Fprintln(v.out, harmless(text))
}

// bootTime is when the kernel began to count, by the clock as it is set now.
func bootTime() time.Time {
	var real, up unix.Timespec
	if unix.ClockGettime(unix.CLOCK_REALTIME, &real) != nil ||
		unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) != nil {
		return time.Time{}
	}
	return time.Unix(real.Unix()).Add(-time.Duration(up.Nano())).In(zone.Local())
}

// harmless has control characters as the kernel itself escapes them in /dev/kmsg: \x1b.
func harmless(text string) string {
	control := func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 }
	if strings.IndexFunc(text, control) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if control(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// levelSet are levels, separated by commas.
func levelSet(list string) (map[int]bool, error) {
	set := map[int]bool{}
	for name := range strings.SplitSeq(list, ",") {
		n, err := syslog.Level(name)
		if err != nil {
			return nil, err
		}
		set[n] = true
	}
	return set, nil
}
