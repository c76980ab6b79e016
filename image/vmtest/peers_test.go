package vmtest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// output runs a program in a namespace to its end, or to that of ctx, and gives what it wrote to standard
// output; its error tells what it wrote besides.
func output(ctx context.Context, in *testnet.Namespace, env []string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := in.Do(cmd.Start); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// lease is what a DHCP client got: the variables that udhcpc gives its script.
type lease map[string]string

// udhcpcScript does what a host's does, address and default route, and notes what it was told.
const udhcpcScript = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip -4 address flush dev "$interface" scope global
ip address add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router"
env >"$LEASE"
`

// udhcpc makes the host get an address from whoever gives it one, and configures it with that. It keeps
// asking while an appliance boots.
func udhcpc(ctx context.Context, t *testing.T, host *testnet.Namespace, args ...string) lease {
	t.Helper()
	udhcpc := testnet.Need(t, "udhcpc", "udhcpc")
	dir := t.TempDir()
	script, file := filepath.Join(dir, "script"), filepath.Join(dir, "lease")
	if err := os.WriteFile(script, []byte(udhcpcScript), 0o755); err != nil {
		t.Fatal(err)
	}
	args = append([]string{"-f", "-q", "-n", "-t", "300", "-T", "1", "-i", eth0, "-s", script}, args...)
	if _, err := output(ctx, host, []string{"LEASE=" + file}, udhcpc, args...); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	l := lease{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		l[name] = value
	}
	return l
}

// admin logs in to an appliance with OpenSSH from a host of its LAN.
type admin struct {
	from       *testnet.Namespace
	key        string
	address    string
	knownHosts string // the host key is taken at the first login and must be the same ever after
}

// run runs a command on the appliance, waiting for it to boot if need be. An appliance that is gone without a
// word is noticed.
func (a admin) run(ctx context.Context, command string) (string, error) {
	return output(ctx, a.from, nil, "ssh", slices.Concat(a.options(), []string{
		"-o", "ConnectTimeout=5", "-o", "ConnectionAttempts=60", "-o", "ServerAliveInterval=5", "admin@" + a.address, command,
	})...)
}

// options are those of ssh by which he is let in.
func (a admin) options() []string {
	return []string{
		"-F", "none", "-i", a.key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile=" + a.knownHosts, "-o", "StrictHostKeyChecking=accept-new", "-o", "LogLevel=ERROR",
	}
}

// must is run for a command that has to succeed.
func (a admin) must(ctx context.Context, t *testing.T, command string) string {
	t.Helper()
	out, err := a.run(ctx, command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// json runs a command that prints JSON into v.
func (a admin) json(ctx context.Context, t *testing.T, command string, v any) {
	t.Helper()
	out := a.must(ctx, t, command)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// invitation is what a console says that has a shell.
const invitation = "Press Enter for a shell"

// openShell waits for the console and opens its shell.
func openShell(ctx context.Context, t *testing.T, vm *VM) {
	t.Helper()
	if _, err := vm.Expect(ctx, invitation); err != nil {
		t.Fatal(err)
	}
	if err := vm.Send("\n"); err != nil {
		t.Fatal(err)
	}
	typed(ctx, t, vm, "true")
}

// closeShell leaves the shell.
func closeShell(ctx context.Context, t *testing.T, vm *VM) {
	t.Helper()
	if err := vm.Send("exit\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := vm.Expect(ctx, invitation); err != nil {
		t.Fatal(err)
	}
}

// typed types a command at the shell of the console and gives what the console says until it is done. Kernel
// and init may put in a word at any place, and the terminal echoes what is typed: the mark of the end is not
// what is typed.
func typed(ctx context.Context, t *testing.T, vm *VM, command string) string {
	t.Helper()
	if err := vm.Send(command + "; echo done-$((6*7))\n"); err != nil {
		t.Fatal(err)
	}
	match, err := vm.Expect(ctx, `(?s)(.*)done-42`)
	if err != nil {
		t.Fatal(err)
	}
	return match[1]
}

// fsck has e2fsck look at a disk, which must be without a fault and cleanly unmounted.
func fsck(t *testing.T, disk string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "e2fsck", "-fn", disk).CombinedOutput()
	if err != nil {
		t.Errorf("e2fsck -fn: %v\n%s", err, out)
	}
	if out, err = exec.CommandContext(t.Context(), "dumpe2fs", "-h", disk).Output(); err != nil || !strings.Contains(string(out), "state:         clean") {
		t.Errorf("the disk was not unmounted cleanly (%v):\n%s", err, out)
	}
}
