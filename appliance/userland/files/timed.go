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
	n, known := map[byte]int64{
		'M': t.usage.Maxrss, 'F': t.usage.Majflt, 'R': t.usage.Minflt, 'w': t.usage.Nvcsw, 'c': t.usage.Nivcsw,
		'I': t.usage.Inblock, 'O': t.usage.Oublock, 'Z': int64(os.Getpagesize()), 'x': int64(t.status),
		'D': 0, 'K': 0, 'W': 0, 'X': 0, 'k': 0, 'p': 0, 'r': 0, 's': 0, 't': 0,
	}[letter]
	if !known {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func hundredths(d time.Duration) string {
	return fmt.Sprintf("%d.%02d", d/time.Second, d%time.Second/(10*time.Millisecond))
}

// minutes are minutes and seconds, or hours, minutes and seconds if there are so many.
func minutes(d time.Duration) string {
	if d >= time.Hour {
		return fmt.Sprintf("%dh %dm %02ds", d/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dm %d.%02ds", d/time.Minute, d%time.Minute/time.Second, d%time.Second/(10*time.Millisecond))
}
