// Command runimage starts a built image in QEMU: its WAN and LANs are user-mode
// networks of QEMU that lead nowhere, so it needs no privilege and touches no network
// of the host, and a port of the host's loopback address leads to its ssh. How ssh gets
// there is written to a file ssh_config(5) beside the image, under the name "run".
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/site/dir"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("runimage", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // who made a mistake is told that, and not all that there is
	siteDir := flags.String("site", "examples/home", "the site `directory` that the image was built from")
	dir := flags.String("dir", "build/run",
		"the `directory` with vmlinuz, firewall.ext2, perm.ext2 and the ssh key `key`")
	port := flags.Int("ssh-port", 2222, "the loopback `port` that leads to ssh")
	memory := flags.Int("memory", 96, "memory of the guest in `MiB`")
	accel := flags.String("accel", "tcg",
		"QEMU's `accelerator`: tcg works everywhere, kvm is faster where it works")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		flags.Usage()
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "runimage:", err)
		return 2
	case *port < 1 || *port > 65535:
		fmt.Fprintf(stderr, "runimage: port %d is none; expected 1 to 65535\n", *port)
		return 2
	}
	if err := start(machine{*siteDir, *dir, *port, *memory, *accel}, stdout); err != nil {
		fmt.Fprintln(stderr, "runimage:", err)
		return 1
	}
	return 0
}

// machine is what to start, and how.
type machine struct {
	site, dir    string
	port, memory int
	accel        string
}

// start replaces this process with QEMU; it returns only when that fails.
func start(m machine, stdout io.Writer) error {
	s, err := dir.Load(m.site)
	if err != nil {
		return err
	}
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		return errors.New("qemu-system-x86_64 is not there: install the Debian package qemu-system-x86")
	}
	nics, err := networks(s, m.port)
	if err != nil {
		return err
	}
	if err := m.free(); err != nil {
		return err
	}
	config := filepath.Join(m.dir, "ssh_config")
	text, err := m.sshConfig()
	if err != nil {
		return err
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Fprint(stdout, m.greeting(config, nics))
	return syscall.Exec(qemu, append(m.arguments(), nics...), os.Environ())
}

// greeting says how people get at the machine.
func (m machine) greeting(config string, nics []string) string {
	login, change := "ssh -F "+config+" run", m.pushes()
	if !slices.ContainsFunc(nics, func(arg string) bool { return strings.Contains(arg, "hostfwd=") }) {
		login = "at this console: no LAN is untagged and has room for QEMU"
		change = "at this console"
	}
	return fmt.Sprintf("\n  log in:     %s\n  change it:  %s\n  end it:     Ctrl-A x\n\n", login, change)
}

// free reports whether the port of the workstation is.
func (m machine) free() error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(m.port)))
	if err != nil {
		return fmt.Errorf("the port that leads to ssh is not free: %w; another machine of make run may have it, "+
			"and a second one wants PORT=%d OUT=DIR", err, m.port+1)
	}
	return l.Close()
}

// pushes is the command that makes the machine another site.
func (m machine) pushes() string {
	line := "make push HOST=run SITE=" + m.site
	if out := filepath.Dir(m.dir); out != "build" {
		line += " OUT=" + out
	}
	return line
}

// sshConfig is how ssh(1) gets into the machine. The keys of machines that come and go are no concern of the
// user's own files.
func (m machine) sshConfig() (string, error) {
	dir, err := filepath.Abs(m.dir)
	if err != nil {
		return "", err
	}
	file := func(name string) string { // % begins a token of ssh_config(5)
		return `"` + strings.ReplaceAll(filepath.Join(dir, name), "%", "%%") + `"`
	}
	return fmt.Sprintf(`Host run
	HostName 127.0.0.1
	Port %d
	User admin
	IdentityFile %s
	IdentitiesOnly yes
	UserKnownHostsFile %s
	StrictHostKeyChecking accept-new
	LogLevel ERROR
`, m.port, file("key"), file("known_hosts")), nil
}

// arguments returns QEMU's command line, without the networks.
func (m machine) arguments() []string {
	drive := func(name string) string {
		return "file=" + filepath.Join(m.dir, name) + ",format=raw,if=virtio"
	}
	return []string{
		// With -nographic the firmware says on the console that lines are not to be wrapped, and nobody takes
		// it back.
		"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none",
		"-machine", "q35", "-cpu", "max", "-accel", m.accel, "-m", fmt.Sprint(m.memory),
		"-chardev", "stdio,id=console,mux=on,signal=off", "-serial", "chardev:console", "-mon", "console",
		"-device", "virtio-rng-pci",
		"-kernel", filepath.Join(m.dir, "vmlinuz"),
		"-append", "root=/dev/vda ro console=ttyS0 quiet",
		"-drive", drive("firewall.ext2"),
		"-drive", drive("perm.ext2"),
	}
}
