package files

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// timed is what a program took that has ended.
type timed struct {
	args    []string
	how     string // it ended, if not well
	status  int
	elapsed time.Duration
	usage   *syscall.Rusage
}

// text is the format of time(1), with what its letters stand for. What Linux does not count is 0.
func (t *timed) text(format string) string {
	var b strings.Builder
	b.WriteString(t.how)
	for i := 0; i < len(format); i++ {
		if i+1 == len(format) || format[i] != '%' && format[i] != '\\' {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch {
		case format[i-1] == '%':
			b.WriteString(t.field(format[i]))
		case format[i] == 'n':
			b.WriteByte('\n')
		case format[i] == 't':
			b.WriteByte('\t')
		default:
			b.WriteByte(format[i])
		}
	}
	return b.String() + "\n"
}

func (t *timed) field(letter byte) string {
	user, system := time.Duration(t.usage.Utime.Nano()), time.Duration(t.usage.Stime.Nano())
	switch letter {
	case '%':
		return "%"
	case 'C':
		return strings.Join(t.args, " ")
	case 'E':
		return minutes(t.elapsed)
	case 'u':
		return minutes(user)
	case 'T':
		return minutes(system)
	case 'e':
		return hundredths(t.elapsed)
	case 'U':
		return hundredths(user)
	case 'S':
		return hundredths(system)
	case 'P':
		if t.elapsed < time.Millisecond {
			return "?%"
		}
		return strconv.FormatInt(int64((user+system)/time.Millisecond*100/(t.elapsed/time.Millisecond)), 10) + "%"
	}
	counted := [...]int64{
		t.usage.Maxrss, t.usage.Majflt, t.usage.Minflt, t.usage.Nvcsw, t.usage.Nivcsw, t.usage.Inblock,
		t.usage.Oublock, int64(os.Getpagesize()), int64(t.status),
	}
	switch i := strings.IndexByte("MFRwcIOZxDKWXkprst", letter); {
	case i < 0:
		return ""
	case i < len(counted):
		return strconv.FormatInt(counted[i], 10)
	}
	return "0"
}

func hundredths(d time.Duration) string {
	return fmt.Sprintf("%d.%02d", d/time.Second, d%time.Second/(10*time.Millisecond))
}

// minutes are minutes and seconds, or hours, minutes and seconds if there are so many.
func minutes(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("%dh %dm %02ds", d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dm %d.%02ds", d/time.Minute, d%time.Minute/time.Second,
		d%time.Second/(10*time.Millisecond))
}
