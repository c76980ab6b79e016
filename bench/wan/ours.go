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
)

// ourSite writes the reference site with a way out by DHCP.
func ourSite(dir string) error {
	if err := os.CopyFS(dir, os.DirFS("examples/home")); err != nil {
		return err
	}
	path := filepath.Join(dir, "site.toml")
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(b)
	for _, change := range [][2]string{
		{`ipv4      = "192.0.2.10/24"`, `ipv4      = "dhcp"`}, {`gateway   = "192.0.2.1"`, ""},
		{`upstream = ["192.0.2.53"]`, `upstream = "wan"`},
	} {
		if !strings.Contains(text, change[0]) {
			return fmt.Errorf("the example site has no %s", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// ours is the appliance, by what appliance/cmd/gatehouse/box_test.go has for its own tests.
func ours(t tools, n *network, dir string) (*instance, error) {
	site, root := filepath.Join(dir, "site"), filepath.Join(dir, "root")
	if err := errors.Join(ourSite(site), os.Mkdir(root, 0o755)); err != nil {
		return nil, err
	}
	// ip-netns(8) executes the program: the process is the box itself.
	box := exec.Command("ip", "netns", "exec", n.box, t.box)
	box.Env = append(os.Environ(), "GATEHOUSE_TEST_ROOT="+root, "GATEHOUSE_TEST_SITE="+site)
	box.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS}
	there := func(name string) bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root/run/gatehouse/%s", box.Process.Pid, name))
		return err == nil
	}
	return &instance{
		cmd:     box,
		ready:   func() bool { return there("wan.sock") && there("init.sock") },
		carrier: func(bool) {}, // it looks itself
		renew: func(ctx context.Context) error {
			// It waits for what comes of it, and its verdict is not ours.
			return begin(exec.CommandContext(ctx, "nsenter", "-t", strconv.Itoa(box.Process.Pid), "-m", "-n", "-r",
				"/gatehouse", "wan", "renew"))
		},
	}, nil
}

// begin starts a command whose end nobody waits for.
func begin(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // what it did is seen on the wire
	return nil
}
