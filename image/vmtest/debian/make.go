package debian

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// make makes the system in a directory beside dir, which it becomes only when it is complete.
func (r Recipe) make(ctx context.Context, m machine, dir string) error {
	// mmdebstrap mounts what it needs in namespaces of its own: there is nothing but files to remove here.
	work := filepath.Join(filepath.Dir(dir), "making")
	if err := os.RemoveAll(work); err != nil { // of a run that was killed
		return err
	}
	defer os.RemoveAll(work)
	root, out := filepath.Join(work, "root"), filepath.Join(work, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := r.install(ctx, m, work, root); err != nil {
		return err
	}
	for name, pattern := range r.Files {
		if err := take(root, pattern, filepath.Join(out, name)); err != nil {
			return err
		}
	}
	args := slices.Concat([]string{"-q", "-t", "ext4"}, r.Ext4,
		[]string{"-d", root, filepath.Join(out, Disk), r.Size})
	if err := run(ctx, "mke2fs", args...); err != nil {
		return err
	}
	return os.Rename(out, dir)
}

// install makes the tree in the directory root.
func (r Recipe) install(ctx context.Context, m machine, work, root string) error {
	overlay, conf := filepath.Join(work, "overlay"), filepath.Join(work, "apt.conf")
	if err := os.CopyFS(overlay, r.Overlay); err != nil {
		return err
	}
	if err := os.WriteFile(conf, []byte(m.aptConf), 0o600); err != nil {
		return err
	}
	return run(ctx, "mmdebstrap", r.arguments(m, root, conf, overlay)...)
}

// take moves the one file that the pattern describes out of the tree.
func take(root, pattern, to string) error {
	found, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("%d files %s in the new tree, expected one", len(found), pattern)
	}
	if strings.HasSuffix(pattern, ".gz") {
		return gunzip(found[0], to)
	}
	return os.Rename(found[0], to)
}

func gunzip(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, z)
	return errors.Join(err, out.Close())
}

// run runs a program to its end; its error holds the last lines that the program wrote.
func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
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
