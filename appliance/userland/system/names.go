package system

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
)

// nameLimit is how much of a name the kernel keeps, in bytes (TASK_COMM_LEN of linux/sched.h, without its
// NUL).
const nameLimit = 15

// named are the processes that run under a name, as killall and pidof mean it: the kernel's name for one,
// what it was called by, or its program's, which may be given by its path.
func named(all []*proc.Process, name string) (found []int) {
	fsys := procFS()
	for _, p := range all {
		if nameIs(p, name) || runs(proc.Executable(fsys, p.ID), name) {
			found = append(found, p.ID)
		}
	}
	return found
}

func nameIs(p *proc.Process, name string) bool {
	switch {
	case len(p.Args) > 0 && p.Command() == name:
		return true
	case len(p.Name) < nameLimit:
		return p.Name == name
	}
	// The kernel's name is cut. A script's whole one is behind its interpreter's.
	return len(name) >= nameLimit && p.Name == name[:nameLimit] && len(p.Args) > 1 &&
		path.Base(p.Args[1]) == name
}

// runs reports whether a program is that of a name.
func runs(program, name string) bool {
	if program == "" || name == "" {
		return false
	}
	if name[0] == '/' {
		return program == name
	}
	return path.Base(program) == name
}

// pidof prints who runs under names, the last first.
func pidof(c *command.Call) {
	omit := map[int]bool{}
	for _, o := range c.Options {
		if o.Letter != 'o' {
			continue
		}
		pid, err := strconv.Atoi(o.Value)
		if o.Value == "%PPID" {
			pid, err = os.Getppid(), nil
		}
		if err != nil {
			c.Misused("-o: expected the number of a process, or %%PPID")
			return
		}
		omit[pid] = true
	}
	all, err := processes(false)
	if err != nil {
		c.Fail(err)
		return
	}
	between := ""
	for _, name := range c.Args {
		found := slices.DeleteFunc(named(all, name), func(pid int) bool { return omit[pid] })
		slices.Reverse(found)
		if c.Has('s') {
			found = found[:min(1, len(found))]
		}
		for _, pid := range found {
			fmt.Fprintf(c.Stdout, "%s%d", between, pid)
			between = " "
		}
	}
	if between == "" {
		c.Exit(1)
		return
	}
	c.Stdout.WriteByte('\n')
}
