package run_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// Some clients manage more than one link: they write name servers, host names and
// leases to where those of the machine are. Such a client gets a view of the machine
// of its own: its processes, its host name, a /run that is gone with it, and nothing
// it can write to but its directory, where /var/lib is too.
const aloneScript = `#!/bin/sh
set -e
PATH=/usr/sbin:/sbin:/usr/bin:/bin
mount --make-rprivate /
mount --bind "$1" "$1"
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /run
mkdir -p "$1/lib"
mount --bind "$1/lib" /var/lib
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
cd "$1"
shift
exec "$@"
`

// A daemon is a client that runs alone.
type daemon struct {
	*testnet.Process
	c   *client
	cmd *exec.Cmd
}

// alone starts a client with a view of the machine of its own. It is process 1 there,
// so nothing that it starts outlives it.
func (c *client) alone(program string, args ...string) *daemon {
	c.t.Helper()
	script := c.dir + "/alone"
	if err := os.WriteFile(script, []byte(aloneScript), 0o755); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(script, append([]string{c.dir, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS}
	return &daemon{c.Start(cmd), c, cmd}
}

// within runs a program where the daemon is.
func (d *daemon) within(program string, args ...string) {
	d.c.t.Helper()
	enter := []string{"--target", strconv.Itoa(d.cmd.Process.Pid), "--mount", "--pid", "--", program}
	d.c.Run(testnet.Need(d.c.t, "nsenter", "util-linux"), append(enter, args...)...)
}

// write puts a file into the client's directory and returns its path.
func (c *client) write(name, text string, mode os.FileMode) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// note is a script that only remembers what was told: dhcpcd does the rest itself.
func (c *client) note() string {
	return c.write("note", fmt.Sprintf("#!/bin/sh\nenv >%s/new && mv %[1]s/new %[1]s/\"$reason\"\n", c.dir), 0o755)
}

// dhcpcd starts it without hooks, IPv6, an address of its own making, and delays.
func (c *client) dhcpcd(args ...string) *daemon {
	c.t.Helper()
	conf := c.write("dhcpcd.conf", "clientid\noption host_name, domain_name_servers, domain_name, ntp_servers, routers\n", 0o644)
	return c.alone(testnet.Need(c.t, "dhcpcd", "dhcpcd-base"),
		append(append([]string{"-4", "-B", "-d", "-L", "--nodelay", "-t", "0", "-f", conf, "-c", c.note()}, args...), "eth0")...)
}

// networkd starts systemd's, with a bus of its own: without one it cannot be told to
// renew. No other part of systemd need run.
func (c *client) networkd(settings string) *daemon {
	c.t.Helper()
	c.write("eth0.network", "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\n"+settings, 0o644)
	program := "/lib/systemd/systemd-networkd"
	if _, err := os.Stat(program); err != nil {
		c.t.Fatalf("%v: apt-get install systemd", err)
	}
	testnet.Need(c.t, "dbus-daemon", "dbus-daemon")
	// Killed, it is started again, as systemd does.
	start := c.write("networkd", `#!/bin/sh
mkdir -p /run/systemd/network /run/dbus
cp eth0.network /run/systemd/network/ # becoming its own user it cannot read what is here
dbus-daemon --system --fork --nopidfile
while :; do
	`+program+` &
	echo $! >pid
	wait $!
done
`, 0o755)
	return c.alone("/bin/sh", start)
}

// unchanged checks that a file of the machine is as it was when the test ends.
func unchanged(t *testing.T, path string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
			t.Errorf("%s has changed: %q, was %q (%v)", path, after, before, err)
		}
	})
}
