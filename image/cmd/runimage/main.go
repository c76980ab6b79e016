// Command runimage starts a built image in QEMU: its WAN and LANs are user-mode
// networks of QEMU, so it needs no privilege and touches no network of the host,
// and its ssh port is forwarded to one of the host's loopback address.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/gatehouse-os/gatehouse/site"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("runimage", flag.ContinueOnError)
	flags.SetOutput(stderr)
	siteDir := flags.String("site", "examples/home", "the site `directory` that the image was built from")
	dir := flags.String("dir", "build/run", "the `directory` with vmlinuz, firewall.ext2, perm.ext2 and the ssh key `key`")
	port := flags.Int("ssh-port", 2222, "the loopback `port` that leads to ssh")
	memory := flags.Int("memory", 96, "memory of the guest in `MiB`")
	accel := flags.String("accel", "tcg", "QEMU's `accelerator`: tcg works everywhere, kvm is faster where it works")
	if err := flags.Parse(args); err != nil {
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
	s, err := site.Load(os.DirFS(m.site))
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
	fmt.Fprintf(stdout, "\n  log in:  ssh -p %d -i %s admin@127.0.0.1\n  end it:  Ctrl-A x\n\n", m.port, filepath.Join(m.dir, "key"))
	return syscall.Exec(qemu, append(m.arguments(), nics...), os.Environ())
}

// arguments returns QEMU's command line, without the networks.
func (m machine) arguments() []string {
	drive := func(name string) string {
		return "file=" + filepath.Join(m.dir, name) + ",format=raw,if=virtio"
	}
	return []string{
		"qemu-system-x86_64", "-nodefaults", "-no-user-config", "-nographic",
		"-machine", "q35", "-cpu", "max", "-accel", m.accel, "-m", fmt.Sprint(m.memory),
		"-chardev", "stdio,id=console,mux=on,signal=off", "-serial", "chardev:console", "-mon", "console",
		"-device", "virtio-rng-pci",
		"-kernel", filepath.Join(m.dir, "vmlinuz"),
		"-append", "root=/dev/vda ro console=ttyS0 quiet",
		"-drive", drive("firewall.ext2"),
		"-drive", drive("perm.ext2"),
	}
}
