package compare

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

var cmpCommand = command.Command{
	Usage: "[-ls] [-n BYTES] FILE1 [FILE2 [SKIP1 [SKIP2]]]",
	Help: `	-l	each byte that differs, counted from 1, and its values in octal
	-s	only the exit status
	-n BYTES	compare so many
SKIP1 and SKIP2 are bytes of each file that are passed over.
Exit status: 0 equal, 1 not, 2 trouble.
`,
	Letters: "ln:s",
	Trouble: 2,
	Run:     cmp,
}

func cmp(c *command.Call) {
	if len(c.Args) < 1 || len(c.Args) > 4 || c.Has('l') && c.Has('s') {
		c.Misused("expected one or two files, how much of each to skip, and -l or -s")
		return
	}
	limit := int64(-1)
	if text, ok := c.Value('n'); ok {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			c.Misused("-n %s: expected a number of bytes", text)
			return
		}
		limit = int64(n)
	}
	names := [2]string{c.Args[0], "-"}
	if len(c.Args) > 1 {
		names[1] = c.Args[1]
	}
	if names[0] == names[1] && names[0] == "-" {
		return
	}
	var files [2]*bufio.Reader
	for i, name := range names {
		r, err := c.Open(name)
		if err == nil {
			defer r.Close()
			files[i], err = skipped(c, r, name, i)
		}
		if err != nil && c.Has('s') {
			c.Exit(2)
			return
		}
		if err != nil {
			c.Fail(err)
			return
		}
	}
	compareBytes(c, names, files, limit)
}

// skipped passes over the first bytes, as the operands have it.
func skipped(c *command.Call, r io.Reader, name string, i int) (*bufio.Reader, error) {
	b := bufio.NewReaderSize(r, 32<<10)
	if len(c.Args) <= 2+i {
		return b, nil
	}
	n, err := strconv.ParseUint(c.Args[2+i], 10, 63)
	if err != nil {
		return nil, fmt.Errorf("%s: expected a number of bytes", c.Args[2+i])
	}
	if _, err = io.CopyN(io.Discard, b, int64(n)); err == io.EOF {
		err = nil
	}
	return b, command.Named(name, err)
}

// compareBytes goes on to the end with -l, to the first difference without.
func compareBytes(c *command.Call, names [2]string, files [2]*bufio.Reader, limit int64) {
	line := 1
	for at := int64(1); limit < 0 || at <= limit; at++ {
		a, errA := files[0].ReadByte()
		b, errB := files[1].ReadByte()
		for i, err := range []error{errA, errB} {
			if err != nil && err != io.EOF {
				c.Fail(command.Named(names[i], err))
				return
			}
		}
		switch {
		case errA != nil && errB != nil:
			return
		case errA != nil || errB != nil:
			short := names[0]
			if errA == nil {
				short = names[1]
			}
			if !c.Has('s') {
				c.Warn(errors.New("EOF on " + short))
			}
			c.Exit(1)
			return
		case a != b:
			c.Exit(1)
			if !c.Has('l') {
				if !c.Has('s') {
					fmt.Fprintf(c.Stdout, "%s %s differ: char %d, line %d\n", names[0], names[1], at, line)
				}
				return
			}
			fmt.Fprintf(c.Stdout, "%d %3o %3o\n", at, a, b)
		case a == '\n':
			line++
		}
		if c.Stdout.Err() != nil {
			return
		}
	}
}
