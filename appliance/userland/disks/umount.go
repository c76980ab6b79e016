package disks

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/mounts"
)

const umountHelp = `	-f	without waiting for a server
	-l	at once where it is, and wholly when nobody uses it any more
	-r	what is busy becomes read-only
	-d	free its loop device
	-a	all, the last first (-t LIST: of these types)
`

func umountLong() map[string]byte {
	return map[string]byte{
		"force": 'f', "lazy": 'l', "read-only": 'r', "detach-loop": 'd', "all": 'a', "types": 't',
		"verbose": 'v',
	}
}

func umount(c *command.Call) {
	if len(c.Args) == 0 && !c.Has('a') {
		c.Misused("expected what is to be unmounted")
		return
	}
	all, err := mounts.Read()
	if err != nil && c.Has('a') {
		c.Fail(err)
		return
	}
	slices.Reverse(all) // what was mounted last goes first
	types, _ := c.Value('t')
	all = slices.DeleteFunc(all, func(m mounts.Mount) bool { return !typeMatches(m.Type, types) })
	if c.Has('a') {
		for _, m := range all {
			unmount(c, m, true)
		}
		return
	}
	for _, name := range c.Args {
		unmountNamed(c, name, all)
	}
}

// unmountNamed unmounts what has a place or a device; of a device, all that is mounted of it.
func unmountNamed(c *command.Call, name string, all []mounts.Mount) {
	path, err := realPath(name)
	if err != nil {
		unmount(c, mounts.Mount{Point: name}, false)
		return
	}
	i := slices.IndexFunc(all, func(m mounts.Mount) bool { return m.Point == path || m.Device == path })
	if i < 0 {
		unmount(c, mounts.Mount{Point: name}, false)
		return
	}
	unmount(c, all[i], true)
	for _, m := range all[i+1:] {
		if m.Device == path {
			unmount(c, m, true)
		}
	}
}

func realPath(name string) (string, error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// unmount unmounts one; listed says that its device is known.
func unmount(c *command.Call, m mounts.Mount, listed bool) {
	flags := 0
	if c.Has('f') {
		flags |= unix.MNT_FORCE
	}
	if c.Has('l') {
		flags |= unix.MNT_DETACH
	}
	err := unix.Unmount(m.Point, flags)
	switch {
	case err == nil && c.Has('d') && listed:
		detach(m.Device) // it may be no loop device, or be gone by itself
	case errors.Is(err, unix.EBUSY) && c.Has('r') && listed:
		if err := unix.Mount(m.Device, m.Point, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			c.Fail(fmt.Errorf("%s is busy, and does not become read-only: %w", m.Point, err))
			return
		}
		c.Warn(fmt.Errorf("%s is busy, and has become read-only", m.Point))
	case err != nil:
		if err == unix.EINVAL {
			err = errors.New("not mounted")
		}
		c.Fail(fmt.Errorf("can't unmount %s: %w", m.Point, err))
	}
}
