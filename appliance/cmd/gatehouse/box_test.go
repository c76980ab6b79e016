package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel/kerneltest"
	"github.com/gatehouse-os/gatehouse/site"
)

// A box that is tested runs as on the appliance from the loading of its site on: its
// firewall, its network, its services as processes that drop to their users. It has a
// network namespace, and a root directory that is seen by nobody else.
type testBox struct {
	*testnet.Namespace
	t       *testing.T
	process *testnet.Process
	pid     int
	root    string // its root directory, by which nobody else sees anything in it
	gone    bool   // it has ended in no order
}

// rootVar tells this binary to be a box, and where its root directory is to be.
const rootVar = "GATEHOUSE_TEST_ROOT"

// clockAhead is how far the clock of a box is ahead of the machine's, which no box may set: nobody takes one
// for the other.
const clockAhead = 10 * 365 * 24 * time.Hour

// program is the box's own binary, in its root directory.
const program = "/gatehouse"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "gatehouse" { // a service, or the command
		timeClock = kerneltest.New(clockAhead, 0)
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	if root := os.Getenv(rootVar); root != "" {
		if err := beBox(root); err != nil {
			fmt.Fprintln(os.Stderr, "the box:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// startBox starts a box in a namespace with the site of a directory.
func startBox(t *testing.T, ns *testnet.Namespace, site string) *testBox {
	t.Helper()
	return startBoxOn(t, ns, site, "")
}

// startBoxOn is startBox with a directory of the host as /perm, which outlives the box; "": it is lost with
// it. env are more variables for the box.
func startBoxOn(t *testing.T, ns *testnet.Namespace, site, perm string, env ...string) *testBox {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("", "box")
	if err != nil {
		t.Fatal(err)
	}
	// Not RemoveAll: should anything of the host ever be seen in it, it stays.
	t.Cleanup(func() { os.Remove(root) })
	cmd := exec.Command(self)
	cmd.Env = append(env, rootVar+"="+root, siteVar+"="+site, permVar+"="+perm)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	b := &testBox{Namespace: ns, t: t, process: ns.Start(cmd), root: root}
	b.pid = cmd.Process.Pid
	t.Cleanup(b.end)
	b.says("sshd: [init] ready", 1)
	b.says("dhcp: [init] ready", 1)
	for _, file := range []string{"firewall.json", "init.sock"} { // the last that a start makes
		testnet.Eventually(t, patience, file+" is there", func() bool {
			_, err := os.Stat(fmt.Sprintf("/proc/%d/root%s/%s", b.pid, runDir, file))
			return err == nil
		})
	}
	return b
}

// end ends the box in order: its services have process groups of their own, and would outlive it if it were
// killed.
func (b *testBox) end() {
	if b.gone {
		return
	}
	b.process.Signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.process.Wait(ctx); err != nil {
		b.t.Errorf("the box, asked to end: %v", err)
	}
}

// crash ends it as a power cut does: at once, with all that it has started.
func (b *testBox) crash() {
	b.t.Helper()
	b.gone = true
	mounts := func(pid string) string {
		ns, _ := os.Readlink("/proc/" + pid + "/ns/mnt")
		return ns
	}
	own := mounts(fmt.Sprint(b.pid))
	if own == "" {
		b.t.Fatal("the box has ended already")
	}
	b.process.Signal(syscall.SIGKILL) // first, so that it starts nobody again
	testnet.Eventually(b.t, patience, "nothing of the box runs", func() bool {
		none := true
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			if pid := filepath.Base(dir); mounts(pid) == own {
				none = false
				if n, err := strconv.Atoi(pid); err == nil {
					_ = syscall.Kill(n, syscall.SIGKILL)
				}
			}
		}
		return none
	})
}

// permVar holds the directory that is /perm; "": there is none.
const permVar = "GATEHOUSE_TEST_PERM"

// watchdogVar is what the kernel's command line says of the watchdog.
const watchdogVar = "GATEHOUSE_TEST_WATCHDOG"

// siteVar holds the directory of the image's site; bench/apply starts boxes by it, too.
const siteVar = "GATEHOUSE_TEST_SITE"

// homeSite makes a directory with the reference site, to which key opens the door.
func homeSite(t *testing.T, key []byte) string {
	dir := filepath.Join(t.TempDir(), "site")
	err := os.CopyFS(dir, os.DirFS("../../../examples/home"))
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "authorized_keys"), key, 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// says waits until the box has logged something n times.
func (b *testBox) says(what string, n int) {
	b.t.Helper()
	testnet.Eventually(b.t, patience, "the box says "+what, func() bool { return strings.Count(b.process.Output(), what) >= n })
}

// gatehouse runs the gatehouse command in the box.
func (b *testBox) gatehouse(args ...string) string {
	b.t.Helper()
	return b.inside(program, args...)
}

// inside runs a program in the box.
func (b *testBox) inside(program string, args ...string) string {
	b.t.Helper()
	nsenter := testnet.Need(b.t, "nsenter", "util-linux")
	cmd := exec.Command(nsenter, append([]string{"-t", fmt.Sprint(b.pid), "-m", "-n", "-u", "-r", program}, args...)...)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		b.t.Fatal(err)
	}
	return string(out)
}

// beBox is the life of process 1 without what needs a machine of its own.
func beBox(root string) error {
	if err := prepareRoot(root); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	b := newProcess1()
	b.request = func(k boot.Kind) error { return fmt.Errorf("%s: process 1 is the machine's", k) }
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go b.children.Run(context.Background(), ended) // the services end after ctx
	go b.saysLocked(ctx)
	go b.log.CopyTo(ctx, os.Stdout, func(logs.Line) bool { return true })
	app, err := b.up(ctx, boot.Report{Storage: boot.Storage{Kind: boot.StorageDisk}, Watchdog: os.Getenv(watchdogVar)})
	if err != nil {
		b.log.Printf("up", "%v", err)
	}
	if app.Run == nil {
		return err
	}
	app.Run(ctx)
	return nil
}

// saysLocked says whether the console would be locked, at each SIGUSR1: there is none that could be tried.
func (p *process1) saysLocked(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	for {
		select {
		case <-asked:
			fmt.Printf("console locked: %v\n", reflect.ValueOf(&p.lock).Elem().FieldByName("locked"))
		case <-ctx.Done():
			return
		}
	}
}

// locked asks the box whether its console is locked.
func (b *testBox) locked() string {
	b.t.Helper()
	const word = "console locked: "
	n := strings.Count(b.process.Output(), word)
	b.process.Signal(syscall.SIGUSR1)
	b.says(word, n+1)
	lines := strings.Split(b.process.Output(), word)
	return strings.Fields(lines[len(lines)-1])[0]
}

// prepareRoot makes a root directory with the host's programs, the site and settings that
// change nothing outside of the namespace, and moves into it.
func prepareRoot(root string) error {
	if info, err := os.ReadFile("/proc/self/mountinfo"); err != nil || bytes.Contains(info, []byte(" shared:")) {
		return errors.Join(err, errors.New("what is mounted here would be seen by others"))
	}
	mount := func(what, where, kind string, flags uintptr) error {
		path := filepath.Join(root, where)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return os.NewSyscallError("mount "+where, unix.Mount(what, path, kind, flags, ""))
	}
	errs := []error{mount("tmpfs", "", "tmpfs", 0), mount("proc", "proc", "proc", 0), mount("sysfs", "sys", "sysfs", unix.MS_RDONLY)}
	for _, dir := range []string{"/usr", "/bin", "/lib", "/lib64"} {
		errs = append(errs, mount(dir, dir, "", unix.MS_BIND), mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY))
	}
	if perm := os.Getenv(permVar); perm != "" {
		errs = append(errs, mount(perm, "perm", "", unix.MS_BIND))
	}
	for _, dir := range []string{"dev", "root", "run/gatehouse", "perm/ssh", "etc", "sbin"} {
		errs = append(errs, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	tmp := filepath.Join(root, "tmp")
	errs = append(errs, os.Mkdir(tmp, 0o755), os.Chmod(tmp, 0o777|os.ModeSticky))
	errs = append(errs, installFile(root, "/dev/null", "/dev/null"), installFile(root, "/proc/self/exe", program),
		installFile(root, "/proc/self/exe", "/sbin/gatehouse"), installSite(root))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := errors.Join(unix.Chroot(root), os.Chdir("/")); err != nil {
		return err
	}
	return errors.Join(makeState(), hideSysctls(), nameRun())
}

// nameRun names the run of the machine: each box is one of its own.
func nameRun() error {
	return hideFile("/proc/sys/kernel/random/boot_id", fmt.Sprintf("run-%d\n", os.Getpid()))
}

// installFile makes a file of the host one of the root directory.
func installFile(root, from, to string) error {
	path := filepath.Join(root, to)
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		return err
	}
	return os.NewSyscallError("mount "+to, unix.Mount(from, path, "", unix.MS_BIND, ""))
}

// installSite copies the image's site.
func installSite(root string) error {
	return os.CopyFS(filepath.Join(root, siteDir), os.DirFS(os.Getenv(siteVar)))
}

// makeState makes users, what must be unique, and the directories of the services.
func makeState() error {
	const users = "root:x:0:0::/root:/bin/sh\ndhcp:x:501:501::/:/bin/false\nnflog:x:502:502::/:/bin/false\n"
	errs := []error{os.WriteFile("/etc/passwd", []byte(users), 0o644), makeOnce(plan.HostKeyFile, boot.HostKey), makeOnce(ulaFile, boot.ULA)}
	for _, d := range stateDirs() {
		errs = append(errs, os.MkdirAll(d.Path, d.Mode), os.Chown(d.Path, d.UID, d.GID))
	}
	return errors.Join(errs...)
}

// makeOnce makes a file of the box unless it has it.
func makeOnce(path string, make func() ([]byte, error)) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	text, err := make()
	return errors.Join(err, os.WriteFile(path, text, 0o600))
}

// hideFile puts a file with a text in the place of a setting.
func hideFile(path, text string) error {
	own := filepath.Join("/run", filepath.Base(path))
	if err := os.WriteFile(own, []byte(text), 0o644); err != nil {
		return err
	}
	return os.NewSyscallError("mount "+path, unix.Mount(own, path, "", unix.MS_BIND, ""))
}

// hideSysctls puts files in place of the settings that are the host's as well.
func hideSysctls() error {
	s, err := site.Load(os.DirFS(siteDir))
	if err != nil {
		return err
	}
	hidden := map[string]bool{}
	for _, sysctl := range plan.Make(s, plan.Learned{}).Network.Sysctls {
		path := sysctl.Path()
		words := strings.SplitN(sysctl.Key, ".", 3)
		top := "/proc/sys/" + words[0]
		switch {
		case strings.Contains(path, "/neigh/"):
			top = filepath.Dir(filepath.Dir(path)) // only the first namespace has it
		case strings.HasPrefix(path, "/proc/sys/net/netfilter/nf_conntrack_max"), strings.HasSuffix(path, "_buckets"):
			if err := hideFile(path, "0\n"); err != nil { // only the first namespace may set it
				return err
			}
			continue
		case strings.HasPrefix(path, "/proc/sys/net/ipv"), strings.HasPrefix(path, "/proc/sys/net/netfilter/"):
			continue // of the namespace
		case words[0] == "net":
			top += "/" + words[1]
		}
		if !hidden[top] {
			hidden[top] = true
			if err := unix.Mount("tmpfs", top, "tmpfs", 0, ""); err != nil {
				return os.NewSyscallError("mount "+top, err)
			}
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("0\n"), 0o644)); err != nil {
			return err
		}
	}
	return nil
}
