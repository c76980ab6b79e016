// Package nethost makes the host behind the appliance that boots from the network, and the store it boots from.
//
// The host is a real Debian, made by mmdebstrap from the mirrors this machine itself uses: one root file system that
// holds no name, address or target of its own, so the same disk serves every host and what it says after booting can
// only have come from DHCP and the iBFT. It reports one NETBOOT-OK line on its serial console and powers off.
// The store is tgtd, which runs wholly in user space, and an HTTP server.
//
// The package is for tests and needs root. Making a root takes about half a minute and its result is kept in the
// cache by the hash of everything that went into it, but not by the versions of packages: delete the cache to get newer ones.
package nethost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is a finished Debian: the files that a store publishes for it.
type Host struct {
	Disk   string // an ext4 file system labelled Label, not to be written to: copy it
	Kernel string // its vmlinuz
	Initrd string // its initramfs, with everything that an iSCSI root needs
}

// Label is the label of the root file system, for root=LABEL=… on the kernel's command line.
const Label = "nethost"

// Build returns the host from the cache directory, making it there first when it is missing. Programs that it lacks,
// a machine that is no Debian, or a mirror that does not answer are its errors.
func Build(ctx context.Context, cache string) (Host, error) {
	r, err := machineRecipe(ctx)
	if err != nil {
		return Host{}, fmt.Errorf("netboot host: %w", err)
	}
	dir := filepath.Join(cache, "nethost", r.hash())
	unlock, err := lock(filepath.Dir(dir))
	if err != nil {
		return Host{}, fmt.Errorf("netboot host: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := r.build(ctx, dir); err != nil {
			return Host{}, fmt.Errorf("netboot host: %w", err)
		}
	}
	return Host{
		Disk:   filepath.Join(dir, "root.ext4"),
		Kernel: filepath.Join(dir, "vmlinuz"),
		Initrd: filepath.Join(dir, "initrd"),
	}, nil
}

// hash names a recipe: everything of it that decides what comes out.
func (r recipe) hash() string {
	h := sha256.New()
	for _, s := range append(r.arguments("ROOT", "APTCONF", "OVERLAY"), r.sources, r.aptConf, Label) {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	// The overlay is compiled in: reading it cannot fail.
	_ = fs.WalkDir(overlay, ".", func(path string, d fs.DirEntry, _ error) error {
		if data, err := overlay.ReadFile(path); err == nil && !d.IsDir() {
			fmt.Fprintf(h, "%s %d %s\n", path, len(data), data)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// build makes the host in a directory beside dir, which it becomes only when it is complete.
func (r recipe) build(ctx context.Context, dir string) error {
	// mmdebstrap mounts what it needs in namespaces of its own: there is nothing but files to remove here.
	work := filepath.Join(filepath.Dir(dir), "making")
	if err := os.RemoveAll(work); err != nil { // of a run that was killed
		return err
	}
	defer os.RemoveAll(work)
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	root, out := filepath.Join(work, "root"), filepath.Join(work, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	if err := r.debootstrap(ctx, work, root); err != nil {
		return err
	}
	for published, pattern := range map[string]string{"vmlinuz": "boot/vmlinuz-*", "initrd": "boot/initrd.img-*"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(found) != 1 {
			return fmt.Errorf("%d files %s in the new root, expected one", len(found), pattern)
		}
		if err := os.Rename(found[0], filepath.Join(out, published)); err != nil {
			return err
		}
	}
	if err := run(ctx, nil, "mke2fs", "-q", "-t", "ext4", "-L", Label, "-d", root, filepath.Join(out, "root.ext4"), "600M"); err != nil {
		return err
	}
	return os.Rename(out, dir)
}

// lock takes the one lock of dir, waiting for another test process that makes the same thing.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// run runs a program to its end; its error holds the last lines the program wrote.
func run(ctx context.Context, stdin []byte, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	// mmdebstrap ends its children and undoes its mounts on SIGTERM.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w: %s", name, err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
	}
	return nil
}
