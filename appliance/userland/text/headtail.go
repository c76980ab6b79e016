package text

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
)

// extent is how much of a file head or tail prints.
type extent struct {
	n     int64
	bytes bool // n counts bytes, not lines
	// other is the other end: for head all but the last n, for tail all from
	// number n on, where the first is 1.
	other bool
}

// partOptions are the options of one run of head or tail.
type partOptions struct {
	extent
	quiet, verbose bool // names of files: never, always
	follow         bool // tail only
	files          []string
}

// parsePart reads the arguments after the command's name. otherEnd is the sign
// before a number that means the other end: "-" of head and "+" of tail.
func parsePart(args []string, letters, otherEnd string) (partOptions, error) {
	o := partOptions{extent: extent{n: 10}}
	options, files, err := getopt.Parse(args, letters)
	if err != nil {
		return o, err
	}
	digits := "" // -50 arrives here as -5 and -0
	for _, opt := range options {
		if opt.Letter < '0' || opt.Letter > '9' {
			digits = ""
		}
		switch opt.Letter {
		case 'n', 'c':
			if o.extent, err = readExtent(opt, otherEnd); err != nil {
				return o, err
			}
		case 'q':
			o.quiet, o.verbose = true, false
		case 'v':
			o.quiet, o.verbose = false, true
		case 'f', 'F':
			o.follow = true
		default:
			digits += string(opt.Letter)
			if o.extent, err = readExtent(getopt.Option{Letter: 'n', Value: digits}, otherEnd); err != nil {
				return o, err
			}
		}
	}
	if o.files = files; len(files) == 0 {
		o.files = []string{"-"}
	}
	return o, nil
}

// readExtent reads the value of -n or -c.
func readExtent(opt getopt.Option, otherEnd string) (extent, error) {
	e := extent{bytes: opt.Letter == 'c'}
	digits := opt.Value
	digits, e.other = strings.CutPrefix(digits, otherEnd)
	if !e.other { // the sign of the usual end changes nothing
		digits = strings.TrimLeft(digits[:min(1, len(digits))], "+-") + digits[min(1, len(digits)):]
	}
	n, err := strconv.ParseUint(digits, 10, 62)
	if err != nil {
		return e, fmt.Errorf("-%c %s: expected a number, or one with %s before it", opt.Letter, opt.Value, otherEnd)
	}
	e.n = int64(n)
	return e, nil
}

// eachFile calls part for the files of o, of which "-" is stdin, with the name of
// each above it where there are several, and returns the exit status.
func (o partOptions) eachFile(command string, stdin io.Reader, stdout, stderr io.Writer, part func(io.Reader) error) int {
	status := exitOK
	first := true
	for _, name := range o.files {
		err := withFile(name, stdin, func(r io.Reader) error {
			if o.verbose || len(o.files) > 1 && !o.quiet {
				fmt.Fprint(stdout, fileHead(name, first))
			}
			first = false
			return part(r)
		})
		if err != nil {
			status = fail(stderr, exitFailed, command, err)
		}
	}
	return status
}

// fileHead is the line above the part of a file.
func fileHead(name string, first bool) string {
	if name == "-" {
		name = "standard input"
	}
	if first {
		return "==> " + name + " <==\n"
	}
	return "\n==> " + name + " <==\n"
}

// withFile calls use with the file of that name, or stdin for "-".
func withFile(name string, stdin io.Reader, use func(io.Reader) error) error {
	if name == "-" {
		return use(stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return withoutOp(err)
	}
	defer f.Close()
	return withoutOp(use(f))
}

// withoutOp takes the system call out of an error, which tells a person nothing.
func withoutOp(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
