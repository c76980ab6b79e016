package disks

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

const losetupHelp = `	-f	which device is the next that is free; with FILE, take that one
	-o N	from byte N of the file on
	-r -P	to be read only; with its partitions
	-a	which devices are of which files
	-d -c	free a device; look how large its file is now
`

func losetup(c *command.Call) {
	operands, alone := len(c.Args), len(c.Options) == 1
	var err error
	switch {
	case operands > 2 || c.Has('a') && !alone || c.Has('d') && !alone || c.Has('c') && !alone:
		c.Misused("these do not go together")
	case c.Has('a'):
		listLoops(c)
	case c.Has('d') && operands == 1:
		err = detach(c.Args[0])
	case c.Has('c') && operands == 1:
		err = resize(c.Args[0])
	case c.Has('f') && operands == 0 && alone:
		var n int
		if n, err = freeLoop(); err == nil {
			fmt.Fprintln(c.Stdout, loopName(n))
		}
	case c.Has('f') && operands == 1, !c.Has('f') && operands == 2:
		err = attachAs(c)
	case operands == 1 && len(c.Options) == 0:
		err = showLoop(c, c.Args[0])
	default:
		c.Misused("expected a device, a file, or both")
	}
	if err != nil {
		c.Fail(err)
	}
}

func attachAs(c *command.Call) error {
	l := loop{file: c.Args[len(c.Args)-1], readOnly: c.Has('r'), partitions: c.Has('P')}
	if text, given := c.Value('o'); given {
		var err error
		if l.offset, err = strconv.ParseUint(text, 10, 63); err != nil {
			return fmt.Errorf("-o %s: expected a number of bytes", text)
		}
	}
	var device *os.File
	var err error
	if c.Has('f') {
		device, err = l.attachFree()
	} else {
		device, err = l.attach(c.Args[0])
	}
	if err != nil {
		return err
	}
	return device.Close()
}

func showLoop(c *command.Call, name string) error {
	text, _, err := describe(name)
	if err == nil {
		fmt.Fprintln(c.Stdout, printable.String(name+": "+text))
	}
	return err
}

// listLoops shows those that are of a file.
func listLoops(c *command.Call) {
	for n := range maxLoops {
		if text, ok, _ := describe(loopName(n)); ok {
			fmt.Fprintln(c.Stdout, printable.String(loopName(n)+": "+text))
		}
	}
}

func resize(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return command.Named(name, err)
	}
	defer f.Close()
	return command.Named(name, unix.IoctlSetInt(int(f.Fd()), unix.LOOP_SET_CAPACITY, 0))
}
