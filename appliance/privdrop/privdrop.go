// Package privdrop turns a process that was started as root into one that can
// do little more than its service needs.
//
// After Drop returns nil every thread of the process, present and future, runs
// with the user and group of its Identity and no supplementary group, holds the
// named capabilities only (permitted and effective; ambient, inheritable and
// bounding sets are empty), has no_new_privs set, reaches files only beneath
// the named paths (Landlock), and is refused the system calls that a network
// service never needs (seccomp; the list is in seccomp.go). Descriptors that are open before stay
// usable, which is the point: open sockets and clocks first, then Drop.
//
// Limits: on kernels before 6.2 Landlock does not see truncate(2), which file
// permissions still govern; network access is not restricted, that is the
// firewall's part. It fails closed: a kernel that lacks a feature is an error, and a
// service whose Drop failed may be half way and must exit.
package privdrop

import (
	"errors"
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// minLandlock is the Landlock ABI of Linux 5.19, the first that can restrict
// files without forbidding to move them between directories; the appliance's
// own kernel has it, and newer kernels restrict more.
const minLandlock = 2

// Identity is what a service becomes.
type Identity struct {
	UID, GID int // never 0

	// Caps are the capabilities to keep, by their names in capabilities(7) in
	// lower case and without "cap_": "net_raw", "net_bind_service".
	Caps []string

	// WritePaths may be read, written and have files made beneath them;
	// ReadPaths may be read. Each is a directory or a file and must exist.
	WritePaths, ReadPaths []string
}

// Drop makes the whole process id, for good. The caller must be root. After an
// error the process may hold part of the restrictions and must exit.
func Drop(id Identity) error {
	keep, err := id.check()
	if err != nil {
		return fmt.Errorf("drop privileges: %w", err)
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		// Paths are opened by their rules and must be while root can open them.
		{"landlock", func() error { return restrictPaths(id.ReadPaths, id.WritePaths) }},
		{"bounding set", dropBounding},
		{fmt.Sprintf("gid %d", id.GID), func() error { return cap.SetGroups(id.GID) }},
		{fmt.Sprintf("uid %d", id.UID), func() error { return cap.SetUID(id.UID) }},
		{"capabilities", func() error { return keepOnly(keep) }},
		// Last, because its list contains calls that the steps above make.
		{"seccomp", loadFilter},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("drop privileges: %s: %w", step.name, err)
		}
	}
	return nil
}

// check refuses an identity that would be no drop, before anything is changed.
func (id Identity) check() ([]cap.Value, error) {
	if id.UID <= 0 || id.GID <= 0 {
		return nil, fmt.Errorf("uid %d, gid %d: want both above 0", id.UID, id.GID)
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("want to be root, running as uid %d", os.Geteuid())
	}
	var keep []cap.Value
	for _, name := range id.Caps {
		v, err := cap.FromName("cap_" + name)
		if err != nil {
			return nil, fmt.Errorf("unknown capability %q", name)
		}
		keep = append(keep, v)
	}
	return keep, nil
}

func restrictPaths(read, write []string) error {
	abi, err := ll.LandlockGetABIVersion()
	if err != nil {
		return fmt.Errorf("the kernel has no Landlock, or it is not in lsm=: %w", err)
	}
	if abi < minLandlock {
		return fmt.Errorf("the kernel's Landlock has ABI %d, want %d (Linux 5.19) or later", abi, minLandlock)
	}
	var rules []landlock.Rule
	add := func(paths []string, dirs, files func(...string) landlock.FSRule) error {
		for _, p := range paths {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			rule := files
			if info.IsDir() {
				rule = dirs
			}
			rules = append(rules, rule(p))
		}
		return nil
	}
	if err := errors.Join(
		add(read, landlock.RODirs, landlock.ROFiles),
		add(write, landlock.RWDirs, landlock.RWFiles),
	); err != nil {
		return err
	}
	// Best effort above the minimum: what a newer kernel can restrict too.
	return landlock.V5.BestEffort().RestrictPaths(rules...)
}

// dropBounding empties the bounding set. It stops programs from gaining
// capabilities at execve, which seccomp forbids as well; the kept ones are
// permitted already and need it no more.
func dropBounding() error {
	for v := range cap.MaxBits() {
		if err := cap.DropBound(v); err != nil {
			return fmt.Errorf("%v: %w", v, err)
		}
	}
	return nil
}

func keepOnly(keep []cap.Value) error {
	set := cap.NewSet()
	if len(keep) > 0 {
		if err := set.SetFlag(cap.Permitted, true, keep...); err != nil {
			return err
		}
		if err := set.SetFlag(cap.Effective, true, keep...); err != nil {
			return err
		}
	}
	if err := cap.ResetAmbient(); err != nil {
		return err
	}
	return set.SetProc()
}
