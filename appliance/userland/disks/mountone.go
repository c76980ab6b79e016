package disks

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/mounts"
)

// A mountError is one of the kernel's about a mount.
type mountError struct {
	what, where string
	err         error
}

func (e *mountError) Error() string {
	return fmt.Sprintf("mounting %s on %s failed: %v", e.what, e.where, e.err)
}
func (e *mountError) Unwrap() error { return e.err }

// one mounts one, whichever way it has to be.
func (m *mounter) one(e mounts.Mount) error {
	o := parseOptions(e.Options)
	if e.Type == "auto" {
		e.Type = ""
	}
	err := m.source(&e, &o)
	if err == nil {
		err = m.try(e, o)
	}
	if errors.Is(err, unix.ENOENT) && o.noFail {
		return nil
	}
	if err != nil {
		return &mountError{e.Device, e.Point, err}
	}
	return nil
}

// source finds the device that is meant by its label, and has a directory mounted as such.
func (m *mounter) source(e *mounts.Mount, o *options) error {
	if strings.HasPrefix(e.Device, "UUID=") || strings.HasPrefix(e.Device, "LABEL=") {
		device, err := deviceOf(e.Device)
		if err != nil {
			return err
		}
		e.Device = device
	}
	// A name may stand for what has no file; the kernel says what it misses.
	if info, err := os.Stat(e.Device); err == nil && info.IsDir() && e.Type == "" && o.fresh() {
		o.flags |= unix.MS_BIND
	}
	return nil
}

// try mounts by the first type that fits, a file by a loop device.
func (m *mounter) try(e mounts.Mount, o options) error {
	if info, err := os.Stat(e.Device); err == nil && info.Mode().IsRegular() && o.fresh() {
		loop, err := loopFor(e.Device, &o)
		if err != nil {
			return err
		}
		defer loop.Close() // which frees it unless it is mounted then
		e.Device = loop.Name()
	}
	types := strings.Split(e.Type, ",")
	if e.Type == "" && o.fresh() {
		types = blockTypes()
	}
	err := error(unix.ENODEV)
	for _, kind := range types {
		if err = m.now(e, kind, o); err == nil || errors.Is(err, unix.EPERM) {
			return err
		}
	}
	if errors.Is(err, unix.EINVAL) && len(types) > 1 {
		err = fmt.Errorf("it is none of %s (blkid says what it is, dmesg perhaps more): %w",
			strings.Join(types, " "), err)
	}
	return err
}

// now is mount(2); what cannot be written to is mounted to be read, unless that was asked for.
func (m *mounter) now(e mounts.Mount, kind string, o options) error {
	if m.fake {
		return nil
	}
	data := strings.Join(o.data, ",")
	err := unix.Mount(e.Device, e.Point, kind, o.flags, data)
	refused := errors.Is(err, unix.EACCES) || errors.Is(err, unix.EROFS)
	if refused && o.flags&unix.MS_RDONLY == 0 && !m.write {
		if o.flags&unix.MS_SILENT == 0 {
			m.c.Warn(fmt.Errorf("%s cannot be written to, and is mounted read-only", e.Device))
		}
		err = unix.Mount(e.Device, e.Point, kind, o.flags|unix.MS_RDONLY, data)
	}
	return err
}

// blockTypes are the file systems that the kernel has for devices.
func blockTypes() (types []string) {
	for _, file := range []string{"/etc/filesystems", "/proc/filesystems"} {
		text, _ := os.ReadFile(file) // most have no first one
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) == 1 && !strings.ContainsAny(f[0][:1], "#*") {
				types = append(types, f[0])
			}
		}
	}
	return types
}
