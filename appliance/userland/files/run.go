package files

import (
	"errors"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

func scripting() map[string]command.Command {
	const condition = `	-e -s FILE	is there; is not empty
	-f -d -L -h FILE	a regular file; a directory; a symbolic link, with -L and -h
	-b -c -p -S FILE	a block device; a character device; a pipe; a socket
	-r -w -x FILE	may be read; written; run
	-O -G FILE	belongs to the user; to the group
	-u -g -k FILE	has the bit setuid; setgid; sticky
	-t N	file descriptor N is a terminal
	-z -n STRING	is empty; is not. So STRING alone
	S = T	also ==, !=, <, > of strings
	M -eq N	also -ne, -lt, -le, -gt, -ge of numbers
	F -nt G	F is newer; -ot: older; -ef: the same file
	! ( ) -a -o	not, and, or
`
	return map[string]command.Command{
		"test": {Usage: "EXPRESSION", Raw: true, NoHelp: true, Trouble: 2, Run: test},
		"[":    {Usage: "EXPRESSION ]", Help: condition, Raw: true, Trouble: 2, Run: test},
		"expr": {Usage: "EXPRESSION", Help: exprHelp, Raw: true, Trouble: 2, Run: expr},
		"true": {Raw: true, NoHelp: true, Run: func(*command.Call) {}},
		"false": {Raw: true, NoHelp: true, Run: func(c *command.Call) {
			c.Exit(1)
		}},
		"sleep":  {Usage: "N[smhd]...", Raw: true, Run: sleep},
		"usleep": {Usage: "MICROSECONDS", Run: usleep},
		"env": {
			Usage: "[-i0] [-u NAME]... [-] [NAME=VALUE]... [PROGRAM ARGS]", Letters: "+i0u:", Run: env,
			Long: map[string]byte{"ignore-environment": 'i', "null": '0', "unset": 'u'},
			Help: "\t-i -\tan empty environment\n\t-u NAME\twithout it\n\t-0\tprint it with a NUL behind each\n",
		},
		"timeout": {
			Usage: "[-s SIGNAL] [-k SECONDS] SECONDS PROGRAM ARGS", Letters: "+s:k:\x01:", Run: timeout,
			Long: map[string]byte{"watch": timeoutWatch},
			Help: "\t-s SIGNAL\tnot TERM\n\t-k SECONDS\tKILL so much later\n",
		},
		"date": {
			Usage: "[-uR] [-I[SPEC]] [-d TIME | -r FILE] [-D FORMAT] [+FORMAT] [[-s] TIME]", Help: dateHelp,
			Letters: "Rs:ud:r:I::D:", Run: date,
			Long: map[string]byte{"rfc-822": 'R', "rfc-2822": 'R', "set": 's', "utc": 'u', "date": 'd',
				"reference": 'r'},
		},
		"cal": {
			Usage: "[-jmy] [[MONTH] YEAR]", Letters: "jmy", Run: cal,
			Help: "\t-j\tdays of the year\n\t-m\tweeks begin with Monday\n\t-y\tthe whole year\n",
		},
		"touch": {
			Usage: "[-cham] [-d TIME | -t TIME | -r FILE] FILE...", Help: touchHelp, Letters: "chr:d:t:amf",
			Run: touch, Long: map[string]byte{"no-create": 'c', "no-dereference": 'h', "reference": 'r',
				"date": 'd'},
		},
	}
}

// duration reads a number of seconds, which may have a fraction, or of minutes, hours, days.
func duration(text string) (time.Duration, error) {
	unit := time.Second
	digits := strings.TrimRight(text, "smhd")
	if n := len(text) - len(digits); n == 1 {
		unit = map[byte]time.Duration{'s': 1, 'm': 60, 'h': 3600, 'd': 86400}[text[len(text)-1]] * time.Second
	} else if n > 1 {
		digits = text
	}
	if digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return 0, command.Invalid("number", text)
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, command.Invalid("number", text)
	}
	if n *= float64(unit); n >= math.MaxInt64 {
		return math.MaxInt64, nil
	}
	return time.Duration(n), nil
}

func sleep(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	total := time.Duration(0)
	for _, arg := range c.Args {
		d, err := duration(arg)
		if len(arg) >= 3 && strings.EqualFold(arg[:3], "inf") {
			d, err = math.MaxInt64, nil
		}
		if err != nil {
			c.Fail(err)
			return
		}
		if total += d; total < 0 {
			total = math.MaxInt64
		}
	}
	pause(c, total)
}

// pause waits, and ends with the command.
func pause(c *command.Call, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-c.Done():
	case <-timer.C:
	}
}

func usleep(c *command.Call) {
	if !operands(c, 1, 0) {
		return
	}
	n, err := strconv.ParseUint(c.Args[0], 10, 32)
	if err != nil {
		c.Fail(command.Invalid("number", c.Args[0]))
		return
	}
	pause(c, time.Duration(n)*time.Microsecond)
}

// environment is that of a program to be started, in its order.
type environment []string

func (e *environment) unset(name string) {
	kept := (*e)[:0:0]
	for _, entry := range *e {
		if !strings.HasPrefix(entry, name+"=") {
			kept = append(kept, entry)
		}
	}
	*e = kept
}

func (e *environment) set(entry string) {
	name, _, _ := strings.Cut(entry, "=")
	for i, old := range *e {
		if strings.HasPrefix(old, name+"=") {
			(*e)[i] = entry
			return
		}
	}
	*e = append(*e, entry)
}

func (e environment) get(name string) (string, bool) {
	for _, entry := range e {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func env(c *command.Call) {
	e := environment(os.Environ())
	empty := c.Has('i')
	if len(c.Args) > 0 && c.Args[0] == "-" {
		empty, c.Args = true, c.Args[1:]
	}
	if empty {
		e = nil
	}
	for _, o := range c.Options {
		if o.Letter != 'u' {
			continue
		}
		if strings.Contains(o.Value, "=") {
			e.set(o.Value) // as putenv(3), and coreutils
		} else {
			e.unset(o.Value)
		}
	}
	for len(c.Args) > 0 && strings.Contains(c.Args[0], "=") {
		e.set(c.Args[0])
		c.Args = c.Args[1:]
	}
	if len(c.Args) > 0 {
		become(c, e)
		return
	}
	end := "\n"
	if c.Has('0') {
		end = "\x00"
	}
	for _, entry := range e {
		c.Stdout.WriteString(entry + end)
	}
}

const (
	cannotRun = 126 // what was found cannot be run
	notFound  = 127
)

// become runs a program instead of this one.
func become(c *command.Call, e environment) {
	file, err := program(c.Args[0], e)
	if err == nil {
		if err = unix.Exec(file, c.Args, e); err == unix.ENOEXEC {
			err = unix.Exec("/bin/sh", append([]string{"sh", file}, c.Args[1:]...), e)
		}
	}
	failStart(c, err)
}

func failStart(c *command.Call, err error) {
	status := cannotRun
	if errors.Is(err, unix.ENOENT) {
		status = notFound
	}
	c.Fail(command.Cannot("execute", c.Args[0], err))
	c.Exit(status)
}

// program finds a program, as execvp(3).
func program(name string, e environment) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path, given := e.get("PATH")
	if !given {
		path = "/bin:/usr/bin"
	}
	err := error(unix.ENOENT)
	for dir := range strings.SplitSeq(path, ":") {
		file := join(dir, name)
		if dir == "" {
			file = name
		}
		switch {
		case name != "" && isExecutable(file):
			return file, nil
		case unix.Access(file, unix.F_OK) == nil && name != "":
			err = unix.EACCES
		}
	}
	return "", err
}
