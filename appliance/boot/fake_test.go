package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// disk is a block device of the fake machine.
type disk struct {
	Device
	fsckTakes  time.Duration
	fsckStatus int
	fsckOutput string
	checked    bool
}

// machine is a fake OS that keeps a transcript in the words of a shell and
// refuses what would harm a real one.
type machine struct {
	lock Lock
	t    *testing.T

	mu         sync.Mutex
	transcript strings.Builder
	disks      []*disk
	rw         map[string]bool   // mounted there, and writable
	on         map[string]*disk  // which disk
	files      map[string]string // of every file system together
	busy       int               // unmounts that fail with EBUSY
	fail       map[string]error  // transcript line -> error
	serving    bool              // the services run
	shells     int
	synced     bool
	ended      bool
	typed      chan struct{} // Enter
	exit       chan struct{} // the shell's end; nil: at once
	tooSlow    time.Duration // Random takes that long
}

func newMachine(t *testing.T, disks ...*disk) *machine {
	m := &machine{t: t, disks: disks, rw: map[string]bool{"/": false}, on: map[string]*disk{},
		files: map[string]string{"/etc/hostname": "firewall\n", "/proc/cmdline": "root=/dev/xvda ro\n"},
		fail:  map[string]error{}, tooSlow: 50 * time.Millisecond, typed: make(chan struct{}), exit: make(chan struct{})}
	for _, d := range disks {
		if d.Root {
			m.on["/"] = d
		}
	}
	return m
}

// do notes a command and returns the error that the scenario has for it.
func (m *machine) do(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintln(&m.transcript, line)
	if m.ended {
		m.t.Errorf("after the end: %s", line)
	}
	return m.fail[line]
}

func (m *machine) illegal(format string, args ...any) {
	m.t.Helper()
	m.t.Errorf("illegal: "+format+"\nso far:\n%s", append(args, m.transcript.String())...)
}

func (m *machine) Mount(mount Mount) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	words := []string{"mount"}
	if mount.Type != "" {
		words = append(words, "-t", mount.Type)
	}
	words = append(words, "-o", mount.Options)
	if mount.Source != "" {
		words = append(words, mount.Source)
	}
	if err := m.do("%s", strings.Join(append(words, mount.Target), " ")); err != nil {
		return err
	}
	opts := "," + mount.Options + ","
	has := func(o string) bool { return strings.Contains(opts, ","+o+",") }
	_, mounted := m.rw[mount.Target]
	switch {
	case has("remount") && !mounted:
		m.illegal("remount of %s, which is not mounted", mount.Target)
	case !has("remount") && mounted:
		m.illegal("second mount on %s", mount.Target)
	}
	d := m.on[mount.Target]
	switch {
	case has("bind") && !has("remount"):
		d = m.diskOf(mount.Source)
	case !has("remount"):
		d = m.diskAt(mount.Source)
	}
	if d != nil && !has("ro") && !d.Clean && !d.checked {
		m.illegal("%s is made writable and was neither clean nor checked", d.Path)
	}
	if d != nil && d.ReadOnly && !has("ro") {
		return &fs.PathError{Op: "mount", Path: mount.Target, Err: syscall.EROFS}
	}
	m.on[mount.Target], m.rw[mount.Target] = d, !has("ro")
	return nil
}

func (m *machine) diskAt(source string) *disk {
	for _, d := range m.disks {
		if d.Path == source {
			return d
		}
	}
	return nil
}

// mountOf is the mount point that a path is on.
func (m *machine) mountOf(p string) string {
	for ; p != "/"; p = path.Dir(p) {
		if _, ok := m.rw[p]; ok {
			return p
		}
	}
	return "/"
}

func (m *machine) diskOf(p string) *disk { return m.on[m.mountOf(p)] }

func (m *machine) Unmount(target string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("umount %s", target); err != nil {
		return err
	}
	if _, ok := m.rw[target]; !ok {
		m.illegal("%s is not mounted", target)
	}
	if m.busy > 0 {
		m.busy--
		return &fs.PathError{Op: "unmount", Path: target, Err: syscall.EBUSY}
	}
	delete(m.rw, target)
	delete(m.on, target)
	return nil
}

func (m *machine) Devices() ([]Device, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.rw["/sys"]; !ok {
		m.illegal("looks for devices before /sys is mounted")
	}
	var all []Device
	for _, d := range m.disks {
		all = append(all, d.Device)
	}
	return all, nil
}

func (m *machine) Fsck(_ context.Context, device string) (int, string, error) {
	m.mu.Lock()
	d := m.diskAt(device)
	err := m.do("e2fsck -p %s", device)
	for target, on := range m.on {
		if on == d && m.rw[target] {
			m.illegal("check of %s, which is mounted for writing on %s", device, target)
		}
	}
	if d.Clean {
		m.illegal("check of %s, which is clean: costs time", device)
	}
	m.mu.Unlock()
	time.Sleep(d.fsckTakes)
	d.checked = d.fsckStatus < 4
	return d.fsckStatus, d.fsckOutput, err
}

func (m *machine) Sync() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.do("sync")
	m.synced = true
}

func (m *machine) ReadFile(p string, max int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if top := "/" + strings.Split(p, "/")[1]; m.rw[top] == false && (top == "/proc" || top == "/perm") {
		if _, mounted := m.rw[top]; !mounted {
			m.illegal("reads %s before %s is mounted", p, top)
		}
	}
	text, ok := m.files[p]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	return []byte(text), m.fail["read "+p]
}

func (m *machine) writable(p string) error {
	if !m.rw[m.mountOf(p)] {
		m.illegal("writes %s on a read-only file system", p)
		return &fs.PathError{Op: "write", Path: p, Err: syscall.EROFS}
	}
	m.synced = false
	return nil
}

func (m *machine) WriteFile(p string, data []byte, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("write %s, %d bytes, mode %04o", p, len(data), perm); err != nil {
		return err
	}
	m.files[p] = string(data)
	return m.writable(p)
}

func (m *machine) MakeDir(d Dir) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.do("install -d -m %04o -o %d -g %d %s", d.Mode, d.UID, d.GID, d.Path); err != nil {
		return err
	}
	return m.writable(d.Path)
}

func (m *machine) SetHostname(name string) error { return m.quietly("hostname %s", name) }
func (m *machine) Set(all []Setting) error {
	return m.quietly("set %d settings of the kernel", len(all))
}
func (m *machine) CatchCtrlAltDel() error { return m.quietly("catch ctrl-alt-del") }

func (m *machine) quietly(format string, args ...any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.do(format, args...)
}

func (m *machine) AddEntropy(seed []byte) error {
	return m.quietly("stir %d bytes into the random pool", len(seed))
}

func (m *machine) Random(n int) ([]byte, error) {
	time.Sleep(m.tooSlow)
	return bytes.Repeat([]byte("r"), n), nil
}

func (m *machine) EndAll(grace time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.do("kill all")
	if m.serving {
		m.do("(services are still running)")
		m.serving = false
	}
	if m.shells > 0 {
		m.shells = 0
		close(m.exit)
	}
}

func (m *machine) Power(k Kind) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.do("%s", k)
	for target, d := range m.on {
		if d != nil && m.rw[target] {
			m.illegal("%s with %s mounted for writing on %s", k, d.Path, target)
		}
	}
	if !m.synced || m.serving || m.shells > 0 {
		m.illegal("%s with synced %v, serving %v, %d shells", k, m.synced, m.serving, m.shells)
	}
	m.ended = true
	return err
}

func (m *machine) Consoles() []string { return []string{"/dev/hvc0"} }

func (m *machine) Ask(ctx context.Context, tty, text string) error {
	m.mu.Lock()
	m.do("say on %s: %s", tty, strings.ReplaceAll(strings.TrimSpace(text), "\r\n", " / "))
	m.mu.Unlock()
	select {
	case <-m.typed:
		return nil
	case <-ctx.Done():
		return os.ErrDeadlineExceeded
	}
}

func (m *machine) Shell(tty string, argv []string) error {
	m.mu.Lock()
	err := m.do("%s <%s", strings.Join(argv, " "), tty)
	if err == nil {
		m.shells++
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	<-m.exit
	return nil
}

var errIO = errors.New("input/output error")
