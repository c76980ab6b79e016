package privdrop

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Drop is for good, so each case runs in a process of its own: this binary
// again, which does what the environment says and prints what it saw.
const childVar = "PRIVDROP_TEST_CHILD"

// orders and report are what parent and child tell each other.
type (
	orders struct {
		Identity Identity
		Dir      string // holds in/ (writable), ro/ (readable) and out/ (neither)
	}
	report struct {
		Drop    string              // its error
		Threads []map[string]string // fields of /proc/self/task/*/status
		Calls   map[string]string   // what was tried -> "ok" or the error
	}
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childVar); text != "" {
		var o orders
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			panic(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(child(o)); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(o orders) report {
	// Threads that are there before, busy in system calls and in Go code.
	stop := make(chan struct{})
	defer close(stop)
	for range 6 {
		started := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(started)
			<-stop
		}()
		<-started
	}
	before, err := os.OpenFile(filepath.Join(o.Dir, "out", "opened-before"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	if err := Drop(o.Identity); err != nil {
		return report{Drop: err.Error()}
	}
	r := report{Calls: map[string]string{}, Threads: threads()}
	try := func(name string, err error) {
		r.Calls[name] = "ok"
		if err != nil {
			r.Calls[name] = err.Error()
			if errno := syscall.Errno(0); errors.As(err, &errno) {
				r.Calls[name] = unix.ErrnoName(errno)
			}
		}
	}
	_, err = before.WriteString("x")
	try("write to what was open", err)
	tryFiles(o.Dir, try)
	tryCalls(try)
	tryNetwork(try)
	return r
}

func tryFiles(dir string, try func(string, error)) {
	write := func(name string) error { return os.WriteFile(filepath.Join(dir, name), nil, 0o600) }
	read := func(name string) error { _, err := os.ReadFile(filepath.Join(dir, name)); return err }
	try("write in WritePaths", write("in/new"))
	try("rename in WritePaths", os.Rename(filepath.Join(dir, "in/new"), filepath.Join(dir, "in/newer")))
	try("write in ReadPaths", write("ro/new"))
	try("read in ReadPaths", read("ro/file"))
	try("read a file named in ReadPaths", read("one"))
	try("write elsewhere", write("out/new"))
	try("read elsewhere", read("out/file"))
	try("read /etc/passwd", func() error { _, err := os.ReadFile("/etc/passwd"); return err }())
}

func tryCalls(try func(string, error)) {
	call := func(nr uintptr, args ...uintptr) error {
		var a [3]uintptr
		copy(a[:], args)
		if _, _, errno := syscall.Syscall(nr, a[0], a[1], a[2]); errno != 0 {
			return errno
		}
		return nil
	}
	_, err := os.StartProcess("/proc/self/exe", []string{"x"}, &os.ProcAttr{})
	try("start a process", err)
	try("execve", syscall.Exec("/proc/self/exe", []string{"x"}, nil))
	try("ptrace", call(unix.SYS_PTRACE, 0 /* TRACEME */))
	try("mount", unix.Mount("none", "/tmp", "tmpfs", 0, ""))
	try("unshare", unix.Unshare(unix.CLONE_NEWUSER))
	try("bpf", call(unix.SYS_BPF, 99))
	try("reboot", unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF))
	try("io_uring", call(unix.SYS_IO_URING_SETUP, 1))
	try("clone3", call(unix.SYS_CLONE3))
	try("become root", call(unix.SYS_SETUID, 0))
	try("set a capability", unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_BIND_SERVICE, 0, 0))
}

func tryNetwork(try func(string, error)) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err == nil {
		l.Close()
	}
	try("listen on any port", err)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	if err == nil {
		unix.Close(fd)
	}
	try("raw socket", err)
}

func threads() []map[string]string {
	// Also a thread that was made after.
	made := make(chan struct{})
	go func() { runtime.LockOSThread(); close(made); select {} }()
	<-made
	paths, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		panic(err)
	}
	var all []map[string]string
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			panic(err)
		}
		fields := map[string]string{}
		for line := range strings.Lines(string(text)) {
			if k, v, ok := strings.Cut(line, ":"); ok {
				fields[k] = strings.Join(strings.Fields(v), " ")
			}
		}
		all = append(all, fields)
	}
	return all
}

// runChild runs one Drop in its own process. The identity's paths are relative
// to the directory of orders.Dir.
func runChild(t *testing.T, id Identity) report {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test must run as root: privileges can only be dropped by who has them")
	}
	dir := t.TempDir()
	for p := dir; p != "/"; p = filepath.Dir(p) { // the child's uid must reach it; TempDir is 0700
		if info, err := os.Stat(p); err != nil || info.Mode()&1 == 0 {
			if err := os.Chmod(p, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, d := range []string{"in", "ro", "out"} {
		p := filepath.Join(dir, d)
		if err := errors.Join(os.Mkdir(p, 0o755), os.WriteFile(p+"/file", nil, 0o644), os.Chmod(p, 0o777)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "one"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, paths := range [][]string{id.ReadPaths, id.WritePaths} {
		for i, p := range paths {
			if !filepath.IsAbs(p) {
				paths[i] = filepath.Join(dir, p)
			}
		}
	}
	text, err := json.Marshal(orders{id, dir})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVar+"="+string(text))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var r report
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		t.Fatalf("child: %v, output %q", err, out)
	}
	return r
}

func TestDrop(t *testing.T) {
	for _, c := range []struct {
		caps   []string
		capEff string
		raw    string // what becomes of a raw socket
	}{
		{nil, "0000000000000000", "EPERM"},
		{[]string{"net_raw", "net_bind_service"}, "0000000000002400", "ok"},
		{[]string{"sys_time"}, "0000000002000000", "EPERM"},
	} {
		t.Run(fmt.Sprint(c.caps), func(t *testing.T) {
			r := runChild(t, Identity{UID: 61001, GID: 61002, Caps: c.caps,
				WritePaths: []string{"in"}, ReadPaths: []string{"ro", "one", "/proc"}})
			if r.Drop != "" {
				t.Fatal(r.Drop)
			}
			if len(r.Threads) < 8 {
				t.Errorf("saw %d threads, the test made 7 more than the first", len(r.Threads))
			}
			for _, got := range r.Threads {
				wantThread(t, got, c.capEff)
			}
			want := map[string]string{
				"write to what was open": "ok", "write in WritePaths": "ok", "rename in WritePaths": "ok",
				"read in ReadPaths": "ok", "read a file named in ReadPaths": "ok",
				"write in ReadPaths": "EACCES", "write elsewhere": "EACCES", "read elsewhere": "EACCES",
				"read /etc/passwd": "EACCES",
				"start a process":  "EPERM", "execve": "EPERM", "ptrace": "EPERM", "mount": "EPERM", "unshare": "EPERM",
				"bpf": "EPERM", "reboot": "EPERM", "io_uring": "EPERM", "clone3": "ENOSYS",
				"become root": "EPERM", "set a capability": "EPERM",
				"listen on any port": "ok", "raw socket": c.raw,
			}
			for name, w := range want {
				if got := r.Calls[name]; got != w {
					t.Errorf("%s: %s, want %s", name, got, w)
				}
			}
			if len(r.Calls) != len(want) {
				t.Errorf("%d calls tried, %d expected", len(r.Calls), len(want))
			}
		})
	}
}

func wantThread(t *testing.T, got map[string]string, capEff string) {
	t.Helper()
	const none = "0000000000000000"
	for field, want := range map[string]string{
		"Uid": "61001 61001 61001 61001", "Gid": "61002 61002 61002 61002", "Groups": "",
		"CapEff": capEff, "CapPrm": capEff, "CapInh": none, "CapAmb": none, "CapBnd": none,
		"NoNewPrivs": "1", "Seccomp": "2",
	} {
		if got[field] != want {
			t.Errorf("thread %s: %s is %q, want %q", got["Pid"], field, got[field], want)
		}
	}
}

func TestDropRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		id   Identity
		want string
	}{
		{"zero value", Identity{}, "uid 0, gid 0: want both above 0"},
		{"root's group", Identity{UID: 61001}, "uid 61001, gid 0: want both above 0"},
		{"unknown capability", Identity{UID: 1, GID: 1, Caps: []string{"net_row"}}, `unknown capability "net_row"`},
		{"missing path", Identity{UID: 1, GID: 1, WritePaths: []string{"gone"}}, "gone: no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := runChild(t, c.id); !strings.HasPrefix(r.Drop, "drop privileges: ") || !strings.Contains(r.Drop, c.want) {
				t.Errorf("Drop: %q, want %q in it", r.Drop, c.want)
			}
		})
	}
}
