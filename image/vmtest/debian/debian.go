// Package debian makes Debian systems for virtual machines of tests, from the mirrors that this machine
// itself uses.
//
// A Recipe says what is in one: packages, files of its own, what of it becomes a file beside the disk. Making
// one takes about a minute, needs root and mmdebstrap, and the result is kept in a cache under the hash of
// the recipe and of the machine's sources, but not of the packages' versions: who wants newer ones deletes
// the cache. What nobody has used for a week goes when its recipe makes another one. Names and addresses of
// the machine that it was made on do not get into it.
package debian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Recipe says what a system consists of.
type Recipe struct {
	Name     string   // of its directory in the cache
	Packages []string // beyond the essential ones
	// paths that packages bring and nobody reads, as patterns of dpkg's path-exclude
	Unread []string
	// files of its own, there before any but the essential packages are; usr/local/sbin is made executable
	Overlay fs.FS
	Options []string // further ones of mmdebstrap(1)
	// moved out of the tree: name in the result → pattern of one file; a pattern that ends in .gz has it
	// unpacked
	Files map[string]string
	Ext4  []string // options of mke2fs(8) for the disk
	Size  string   // of the disk, as mke2fs takes it
}

// Disk is the file of the result that holds the tree, an ext4 file system.
const Disk = "root.ext4"

// Make returns the directory with the system's files, which are not to be written to, making it in the cache
// directory first when it is missing. Programs that this machine lacks, a machine that is no Debian, or a
// mirror that does not answer are its errors.
func (r Recipe) Make(ctx context.Context, cache string) (dir string, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("make a Debian for %s: %w", r.Name, err)
		}
	}()
	here, err := thisMachine(ctx)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(cache, r.Name, r.hash(here))
	unlock, err := lock(filepath.Dir(dir))
	if err != nil {
		return "", err
	}
	defer unlock()
	now := time.Now()
	if err := os.Chtimes(dir, now, now); !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err := r.make(ctx, here, dir); err != nil {
		return "", err
	}
	return dir, prune(filepath.Dir(dir), now.Add(-unused))
}

// unused is the time after which a system that nobody asked for is deleted: half a gigabyte that another
// state of the sources may still want tomorrow.
const unused = 7 * 24 * time.Hour

// prune deletes the systems of a recipe that were last asked for before that time.
func prune(recipe string, before time.Time) error {
	systems, err := os.ReadDir(recipe)
	if err != nil {
		return err
	}
	for _, system := range systems {
		info, err := system.Info()
		if err != nil {
			return err
		}
		if system.IsDir() && info.ModTime().Before(before) {
			if err := os.RemoveAll(filepath.Join(recipe, system.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// hash names a system: everything that decides what comes out.
func (r Recipe) hash(m machine) string {
	h := sha256.New()
	parts := slices.Concat(r.arguments(m, "ROOT", "APTCONF", "OVERLAY"), m.texts, []string{m.aptConf, r.Size},
		r.Ext4)
	for name, pattern := range r.Files {
		parts = append(parts, name+"="+pattern)
	}
	slices.Sort(parts) // Files has no order
	for _, p := range parts {
		fmt.Fprintf(h, "%d %s\n", len(p), p)
	}
	// An overlay is compiled in: reading it cannot fail.
	_ = fs.WalkDir(r.Overlay, ".", func(path string, d fs.DirEntry, _ error) error {
		if data, err := fs.ReadFile(r.Overlay, path); err == nil {
			fmt.Fprintf(h, "%s %d %s\n", path, len(data), data)
		}
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// arguments are mmdebstrap's for a tree in root, with apt's configuration and the overlay in files.
func (r Recipe) arguments(m machine, root, aptConf, overlay string) []string {
	args := []string{
		"--mode=root", "--variant=essential", "--format=directory", "--quiet",
		"--aptopt=" + aptConf,
		`--aptopt=APT::Install-Recommends "false"`,
		`--aptopt=Acquire::Languages "none"`,
		"--include=" + strings.Join(r.Packages, ","),
		// Before a kernel is installed, whose installation makes the initramfs.
		"--essential-hook=cp -r " + overlay + `/. "$1"/`,
		`--essential-hook=find "$1"/usr/local/sbin -type f -exec chmod +x {} +`,
		`--customize-hook=rm -rf "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*`,
	}
	for _, path := range r.Unread {
		args = append(args, "--dpkgopt=path-exclude="+path)
	}
	args = append(args, r.Options...)
	return append(append(args, m.codename, root), m.sources...)
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
