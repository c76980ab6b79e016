package testnet

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Some programs manage more than one link: they write name servers, host names and
// leases to where those of the machine are. Such a program gets a view of the machine
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

// An Alone is a program with a view of the machine of its own.
type Alone struct {
	*Process
	n   *Namespace
	dir string
}

// Alone starts a program in the namespace and in dir, which is all that it can write to.
// It is process 1 there, so nothing that it starts outlives it.
func (n *Namespace) Alone(dir, program string, args ...string) *Alone {
	n.t.Helper()
	script := n.write(dir, "alone", aloneScript)
	cmd := exec.Command(script, append([]string{dir, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
	}
	return &Alone{n.Start(cmd), n, dir}
}

// write puts a program into a directory and returns its path.
func (n *Namespace) write(dir, name, text string) string {
	n.t.Helper()
	path := filepath.Join(dir, name)
	n.must("write "+path, WriteProgram(path, []byte(text)))
	return path
}

// WriteProgram writes a program that can be run at once. Nobody is started meanwhile: who is has all files
// open that this process has, until he becomes another program, and the kernel runs nothing that somebody has
// open for writing (ETXTBSY in execve(2)).
func WriteProgram(path string, text []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, text, 0o755)
}

// Within runs another program where it is, to its end, and returns what it wrote.
func (a *Alone) Within(program string, args ...string) string {
	a.n.t.Helper()
	enter := []string{"--target", strconv.Itoa(a.cmd.Process.Pid), "--mount", "--pid", "--", program}
	return a.n.Run(Need(a.n.t, "nsenter", "util-linux"), append(enter, args...)...)
}

// Networkd starts systemd's on a link, with lines for [DHCPv4] of systemd.network(5), and
// with a bus of its own: without one it cannot be told to renew. No other part of systemd
// need run. Killed, it is started again, as systemd does; its number is in dir/pid. Its
// file is /run/systemd/network/LINK.network.
func (n *Namespace) Networkd(dir, link, settings string) *Alone {
	n.t.Helper()
	n.write(dir, link+".network", "[Match]\nName="+link+
		"\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\n"+settings)
	const program = "/lib/systemd/systemd-networkd"
	if _, err := os.Stat(program); err != nil {
		n.t.Fatalf("%v: apt-get install systemd", err)
	}
	Need(n.t, "dbus-daemon", "dbus-daemon")
	return n.Alone(dir, "/bin/sh", n.write(dir, "networkd", `#!/bin/sh
mkdir -p /run/systemd/network /run/dbus
cp *.network /run/systemd/network/ # becoming its own user it cannot read what is here
chmod 644 /run/systemd/network/*
dbus-daemon --system --fork --nopidfile
while :; do
	SYSTEMD_LOG_LEVEL=debug `+program+` &
	echo $! >pid
	wait $!
done
`))
}
