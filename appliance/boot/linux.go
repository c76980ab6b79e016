package boot

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
)

const (
	e2fsckPath    = "/sbin/e2fsck"
	maxFsckOutput = 64 << 10
	killPatience  = time.Second // for what was killed to be gone
)

// linux is the OS of the appliance.
type linux struct{ children *children.Children }

// Linux returns the real edge. It starts processes by c, as everything in
// PID 1 must.
func Linux(c *children.Children) OS { return linux{c} }

// mountFlags are the options that are bits of mount(2); the others are data for
// the file system.
func mountFlags() map[string]uintptr {
	return map[string]uintptr{
		"ro": unix.MS_RDONLY, "rw": 0, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV,
		"noexec": unix.MS_NOEXEC, "noatime": unix.MS_NOATIME, "remount": unix.MS_REMOUNT,
		"bind": unix.MS_BIND,
	}
}

// splitOptions turns the options of mount(8) into those of mount(2).
func splitOptions(options string) (flags uintptr, data string) {
	known := mountFlags()
	var rest []string
	for _, o := range strings.Split(options, ",") {
		if flag, ok := known[o]; ok {
			flags |= flag
		} else if o != "" {
			rest = append(rest, o)
		}
	}
	return flags, strings.Join(rest, ",")
}

func (linux) Mount(m Mount) error {
	flags, data := splitOptions(m.Options)
	err := unix.Mount(m.Source, m.Target, m.Type, flags, data)
	// The same file system on top of itself: the kernel has mounted /dev already.
	if errors.Is(err, unix.EBUSY) && flags&(unix.MS_REMOUNT|unix.MS_BIND) == 0 {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "mount " + strings.TrimSpace(m.Type+" "+m.Source) + " (" + m.Options +
			") on", Path: m.Target, Err: err}
	}
	return nil
}

func (linux) Unmount(target string) error {
	if err := unix.Unmount(target, 0); err != nil {
		return &fs.PathError{Op: "unmount", Path: target, Err: err}
	}
	return nil
}

func (linux) Sync() { unix.Sync() }

// Devices looks at the superblock of every disk and partition. One that cannot
// be read holds nothing for us.
func (linux) Devices() ([]Device, error) {
	const class = "/sys/class/block"
	entries, err := os.ReadDir(class)
	if err != nil {
		return nil, err
	}
	var root unix.Stat_t
	if err := unix.Stat("/", &root); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: "/", Err: err}
	}
	rootDev := fmt.Sprintf("%d:%d", unix.Major(root.Dev), unix.Minor(root.Dev))
	var found []Device
	for _, e := range entries {
		attr := func(name string) string {
			text, _ := os.ReadFile(filepath.Join(class, e.Name(), name)) // "" is none of what is asked for
			return strings.TrimSpace(string(text))
		}
		if attr("size") == "0" {
			continue
		}
		d := Device{
			Path:     "/dev/" + strings.ReplaceAll(e.Name(), "!", "/"), // as in sysfs
			Root:     attr("dev") == rootDev,
			ReadOnly: attr("ro") == "1",
		}
		sb, err := readSuperblock(d.Path)
		if err != nil {
			continue
		}
		if s, ok := parseSuperblock(sb); ok {
			d.Label, d.Clean, d.NoJournal = s.label, s.clean, !s.journal
			found = append(found, d)
		}
	}
	return found, nil
}

func readSuperblock(device string) ([]byte, error) {
	f, err := os.Open(device)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sb := make([]byte, superblockSize)
	_, err = f.ReadAt(sb, superblockAt)
	return sb, err
}

// Fsck waits for e2fsck however long it takes, but ends it with ctx.
func (l linux) Fsck(ctx context.Context, device string) (int, string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	defer r.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		w.Close()
		return 0, "", err
	}
	child, err := l.children.Start(e2fsckPath, []string{"e2fsck", "-p", device},
		&os.ProcAttr{Dir: "/", Files: []*os.File{null, w, w}})
	null.Close()
	w.Close()
	if err != nil {
		return 0, "", err
	}
	defer context.AfterFunc(ctx, func() { child.Signal(syscall.SIGTERM, false) })()
	output, err := io.ReadAll(io.LimitReader(r, maxFsckOutput))
	io.Copy(io.Discard, r)
	<-child.Done()
	if exit := child.Exit(); exit.Signal != 0 {
		return 0, string(output), errors.New(exit.String())
	}
	return child.Exit().Code, string(output), err
}

func (linux) ReadFile(path string, max int64) ([]byte, error) { return statefile.Read(path, max) }

func (linux) WriteFile(path string, data []byte, perm fs.FileMode) error {
	return statefile.Write(path, data, perm)
}

// MakeDir never follows a link: the parent may belong to a service.
func (linux) MakeDir(d Dir) error {
	if err := os.Mkdir(d.Path, d.Mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.OpenFile(d.Path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return errors.Join(f.Chown(d.UID, d.GID), f.Chmod(d.Mode))
}

func (linux) SetHostname(name string) error {
	return os.NewSyscallError("sethostname", unix.Sethostname([]byte(name)))
}

func (linux) CatchCtrlAltDel() error {
	return os.NewSyscallError("reboot(CAD_OFF)", unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF))
}

func (linux) AddEntropy(seed []byte) error {
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(seed)
	return err
}

func (linux) Random(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := rand.Read(b) // getrandom(2) without flags: waits for the pool
	return b, err
}

// EndAll looks for processes with a command line: the kernel's own and zombies
// have none.
func (linux) EndAll(grace time.Duration) {
	if os.Getpid() != 1 {
		return // in any other process kill(-1) would be a catastrophe
	}
	for _, try := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, killPatience}} {
		if !othersLive() {
			return
		}
		syscall.Kill(-1, try.signal) // all but PID 1 itself
		for end := time.Now().Add(try.patience); othersLive() && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func othersLive() bool {
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
	for _, p := range paths {
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(p))); pid == os.Getpid() {
			continue
		}
		if text, err := os.ReadFile(p); err == nil && len(text) > 0 {
			return true
		}
	}
	return false
}

func (linux) Power(k Kind) error {
	if os.Getpid() != 1 {
		return errors.New("reboot: only PID 1 may end the machine")
	}
	commands := map[Kind]int{
		PowerOff: unix.LINUX_REBOOT_CMD_POWER_OFF,
		Reboot:   unix.LINUX_REBOOT_CMD_RESTART,
		Halt:     unix.LINUX_REBOOT_CMD_HALT,
	}
	return os.NewSyscallError("reboot", unix.Reboot(commands[k]))
}
