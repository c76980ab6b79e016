package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
)

// siteFiles are a site with n hosts, but for its keys. Nobody probes addresses here.
func siteFiles(n int) map[string]string {
	var hosts, ethers strings.Builder
	for i := range n {
		h := hostAt(i)
		fmt.Fprintf(&hosts, "%s %s\n", h.addr, h.name)
		fmt.Fprintf(&ethers, "%s %s\n", h.mac, h.name)
	}
	toml := fmt.Sprintf("name = \"gate\"\ndomain = %q\n\n[[lan]]\nname = \"lan\"\ninterface = %q\nipv4 = \"%s/8\"\n"+
		"pool = \"%s-%s\"\nlease-time = \"%.0fm\"\nprobe = \"off\"\n",
		domain, wire.ServerLink, wire.ServerAddr, poolFirst, poolLast, lifetime.Minutes())
	return map[string]string{"site.toml": toml, "hosts": hosts.String(), "ethers": ethers.String()}
}

func writeSite(dir string, n int, key []byte) error {
	errs := []error{os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "authorized_keys"), key, 0o600)}
	for name, text := range siteFiles(n) {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return errors.Join(errs...)
}

// ours is the appliance, by what appliance/cmd/gatehouse/box_test.go has for its own tests.
func ours(t tools, w *wire.Network, dir string, n int) (instance, error) {
	key, err := os.ReadFile(t.key + ".pub")
	if err != nil {
		return instance{}, err
	}
	image, root := filepath.Join(dir, "image"), filepath.Join(dir, "root")
	if err := errors.Join(writeSite(image, n, key), os.Mkdir(root, 0o755)); err != nil {
		return instance{}, err
	}
	// ip-netns(8) executes the program: the process is the box itself.
	box := exec.Command("ip", "netns", "exec", w.Server, t.box)
	box.Env = append(os.Environ(), "GATEHOUSE_TEST_ROOT="+root, "GATEHOUSE_TEST_SITE="+image)
	box.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	seen := func(path string) string { return fmt.Sprintf("/proc/%d/root%s", box.Process.Pid, path) }
	return instance{
		cmd: box,
		ready: func() bool {
			_, err := os.Stat(seen("/run/gatehouse/init.sock"))
			return err == nil
		},
		edit: func(n int) error { return writeSite(seen("/site"), n, key) },
		enter: func(ctx context.Context, running func(pid int)) (time.Duration, error) {
			return gatehouse(ctx, box.Process.Pid, running, "apply", "/site")
		},
		after: func(ctx context.Context) error {
			_, err := gatehouse(ctx, box.Process.Pid, func(int) {}, "confirm")
			return err
		},
		push: func(ctx context.Context, n int) (time.Duration, error) {
			return pushed(ctx, t, w, dir, n, key)
		},
	}, nil
}

// gatehouse runs the gatehouse command of a box, and returns what it has computed.
func gatehouse(ctx context.Context, box int, running func(pid int), args ...string) (time.Duration, error) {
	// nsenter executes the program: the process is the command itself.
	args = append([]string{"-t", strconv.Itoa(box), "-m", "-n", "-r", "/gatehouse"}, args...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	running(cmd.Process.Pid)
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("%v: %w\n%s", cmd, err, out.String())
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// pushed makes the site of a box one of n hosts as make push does, from the other end of the wire.
func pushed(ctx context.Context, t tools, w *wire.Network, dir string, n int, key []byte) (time.Duration,
	error) {
	site := filepath.Join(dir, "pushed")
	if err := writeSite(site, n, key); err != nil {
		return 0, err
	}
	ssh := "ssh -F none -i " + t.key +
		" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", w.Clients,
		t.push, "-host", wire.ServerAddr, "-site", site, "-ssh", ssh)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("is kept.")) {
		return 0, errors.Join(errors.New(string(out)), err)
	}
	return time.Since(began), nil
}
