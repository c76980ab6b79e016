package boot

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

const (
	noStorage = "NO STABLE STORAGE"
	permLabel = "perm"
	permDir   = "/perm"
	runDir    = "/run/gatehouse" // of the control sockets
	// HooksDir is where init puts programs of the site: nothing else in /run can be executed.
	HooksDir = runDir + "/hooks"
)

// kernelMounts are what every process expects. /dev comes first: without it
// there is no console to tell of the others. What is in memory is bounded, for nothing takes it back when
// memory is short: with Linux's half for /dev, or a quarter for /tmp, one file in it had all services of a
// machine of 96 MB read their programs from the disk again and again, and nobody could log in to remove it.
func kernelMounts() []Mount {
	return []Mount{
		{"devtmpfs", "dev", "/dev", "nosuid,noexec,mode=0755,size=1m"},
		{"proc", "proc", "/proc", "nosuid,nodev,noexec"},
		{"sysfs", "sys", "/sys", "nosuid,nodev,noexec"},
		{"devpts", "devpts", "/dev/pts", "nosuid,noexec,gid=5,mode=0620,ptmxmode=0666"},
		{"tmpfs", "run", "/run", "nosuid,nodev,noexec,mode=0755,size=8m"},
		{"tmpfs", "hooks", HooksDir, "nosuid,nodev,mode=0750,gid=65534,size=1m"},
		{"tmpfs", "tmp", "/tmp", "nosuid,nodev,noexec,mode=1777,size=10%"},
	}
}

func (b *boot) mountKernel() (string, error) {
	var problems []error
	for _, m := range kernelMounts() {
		for _, dir := range madeFor(m.Target) {
			problems = append(problems, b.OS.MakeDir(Dir{Path: dir, Mode: 0o755}))
		}
		problems = append(problems, b.OS.Mount(m))
	}
	problems = append(problems, b.harden(), b.OS.CatchCtrlAltDel())
	return "", errors.Join(problems...)
}

// madeFor are the directories that a mount point needs and the root disk does not have: those in file systems
// that are empty until now.
func madeFor(target string) []string {
	switch target {
	case "/dev/pts":
		return []string{target}
	case HooksDir:
		return []string{runDir, target}
	}
	return nil
}

// commandLine is what boot understands of the kernel's command line.
type commandLine struct {
	single   bool   // "single": a console and nothing else
	permDisk bool   // "gatehouse.perm=disk": /perm must be a disk of its own
	watchdog string // of "gatehouse.watchdog=…"
}

func (b *boot) readCommandLine() (string, error) {
	text, err := b.OS.ReadFile("/proc/cmdline", 64<<10)
	b.words = parseCommandLine(string(text))
	b.report.Watchdog = b.words.watchdog
	return strings.TrimSpace(string(text)), err
}

func parseCommandLine(text string) commandLine {
	var c commandLine
	for _, word := range strings.Fields(text) {
		switch key, value, _ := strings.Cut(word, "="); {
		case word == "single":
			c.single = true
		case word == "gatehouse.perm=disk":
			c.permDisk = true
		case key == "gatehouse.watchdog":
			c.watchdog = value
		}
	}
	return c
}

type rootState int

const (
	rootGood rootState = iota
	rootRebootNeeded
	rootBroken
)

// checkRoot repairs the root disk, which the kernel has mounted read-only, when
// it was not left clean.
func (b *boot) checkRoot(ctx context.Context) (rootState, string, error) {
	devices, err := b.OS.Devices()
	if err != nil {
		return rootGood, "", err // go on: it is mounted, after all
	}
	for _, d := range devices {
		if d.Root && d.Clean {
			return rootGood, d.Path + " is clean", nil
		}
		if d.Root {
			return b.repairRoot(ctx, d.Path)
		}
	}
	return rootGood, "/ is on no ext2 block device: not checked", nil
}

func (b *boot) repairRoot(ctx context.Context, device string) (rootState, string, error) {
	status, err := b.fsck(ctx, device)
	switch {
	case err != nil:
		return rootBroken, "", err
	case status&fsckReboot != 0:
		return rootRebootNeeded, device + " was repaired; the kernel must read it afresh: restarting", nil
	}
	return rootGood, device + " was not clean: checked and repaired", nil
}

// Bits of e2fsck's exit status, e2fsck(8).
const (
	fsckRepaired = 1
	fsckReboot   = 2
)

// fsck checks a disk that was not left clean. The status is that of a disk that
// is in order now; any other is an error.
func (b *boot) fsck(ctx context.Context, device string) (status int, err error) {
	b.say("%s was not left clean: checking it, which takes minutes when it is large", device)
	status, output, err := b.OS.Fsck(ctx, device)
	b.Log.Write(fsckName, output)
	switch {
	case err != nil:
		return status, fmt.Errorf("e2fsck of %s: %w", device, err)
	case status&^(fsckRepaired|fsckReboot) != 0:
		return status, fmt.Errorf("e2fsck could not repair %s (exit status %d): run e2fsck -f %s by hand",
			device, status, device)
	}
	return status, nil
}

// findPerm mounts /perm, or says why there is none.
func (b *boot) findPerm(ctx context.Context) (string, error) {
	s, err := b.mountPerm(ctx)
	if err != nil {
		s.Kind, s.Problem = StorageLost, err.Error()
		err = fmt.Errorf("%s: %w", noStorage, errors.Join(err, b.OS.Mount(permInMemory())))
	}
	b.report.Storage = s
	switch s.Kind {
	case StorageDisk:
		if s.NoJournal {
			return s.Device + ", which has no journal: a power cut can lose what is stored there", nil
		}
		return s.Device, nil
	case StorageRoot:
		return "a directory of the root disk, which is writable for it", nil
	}
	return "", err
}

func (b *boot) mountPerm(ctx context.Context) (Storage, error) {
	devices, err := b.OS.Devices()
	if err != nil {
		return Storage{}, err
	}
	disk, err := choosePerm(devices, b.words.permDisk)
	if err != nil || disk == nil {
		if err == nil {
			err = b.mountAll(permOnRoot())
		}
		return Storage{Kind: StorageRoot}, err
	}
	s := Storage{Kind: StorageDisk, Device: disk.Path, NoJournal: disk.NoJournal}
	if !disk.Clean {
		if _, err := b.fsck(ctx, disk.Path); err != nil {
			return s, err
		}
	}
	return s, b.mountAll([]Mount{permMount(disk.Path)})
}

func permMount(device string) Mount {
	return Mount{"ext4", device, permDir, "rw,nosuid,nodev,noexec,noatime,errors=remount-ro"}
}

// choosePerm finds the disk for /perm; nil: none has the label, use the root disk.
func choosePerm(devices []Device, must bool) (*Device, error) {
	var found []Device
	var names []string
	for _, d := range devices {
		if d.Label == permLabel && !d.Root {
			found, names = append(found, d), append(names, d.Path)
		}
	}
	switch {
	case len(found) > 1:
		return nil, fmt.Errorf("several disks are labelled %q: %s; want one (e2label changes a label)",
			permLabel, strings.Join(names, ", "))
	case len(found) == 1 && found[0].ReadOnly:
		return nil, fmt.Errorf("the disk labelled %q, %s, takes no writes: attach it read-write", permLabel,
			found[0].Path)
	case len(found) == 1:
		return &found[0], nil
	case must:
		return nil, fmt.Errorf("no disk is labelled %q, and the kernel command line says gatehouse.perm=disk",
			permLabel)
	}
	return nil, nil
}

// permInMemory is where services keep what they learn until the next start, for want of a disk.
func permInMemory() Mount {
	return Mount{"tmpfs", "lost", permDir, "nosuid,nodev,noexec,mode=0755,size=8m"}
}

// permOnRoot makes the root file system writable, but only beneath /perm: that
// gets a mount of its own, and then the mount on / is read-only again.
func permOnRoot() []Mount {
	return []Mount{
		{"", "", "/", "remount,rw,noatime,errors=remount-ro"},
		{"", permDir, permDir, "bind"},
		{"", "", permDir, "remount,bind,rw,nosuid,nodev,noexec,noatime"},
		{"", "", "/", "remount,bind,ro,noatime"},
	}
}

func (b *boot) mountAll(mounts []Mount) error {
	for _, m := range mounts {
		if err := b.OS.Mount(m); err != nil {
			return err
		}
	}
	return nil
}
