package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/image"
	"github.com/gatehouse-os/gatehouse/image/ext2"
	"github.com/gatehouse-os/gatehouse/image/kernel"
	"github.com/gatehouse-os/gatehouse/image/userland"
	"github.com/gatehouse-os/gatehouse/image/xen"
)

// made is an image in its place.
type made struct {
	dir      string
	manifest image.Manifest
	domain   xen.Domain
	content  int64 // bytes of the root disk that hold something
	sector   int64 // bytes, of the root disk
	keptPerm bool  // perm.ext2 was there before
}

// make builds the parts, the longest at the end unless another needs it, and puts the image into place.
func (j *job) make(ctx context.Context, in image.Input) (*made, error) {
	m := &made{dir: j.out, sector: j.sector}
	var err error
	if m.domain, err = image.Domain(in.Site, j.out); err != nil {
		return nil, err
	}
	if in.E2fsck, err = readE2fsck(j.e2fsck); err != nil {
		return nil, err
	}
	if in.Programs, err = j.programs(ctx); err != nil {
		return nil, err
	}
	var built kernel.Result
	if j.kernelInside {
		if built, err = j.buildKernel(ctx); err != nil {
			return nil, err
		}
		if in.Kernel, err = os.ReadFile(built.Path); err != nil {
			return nil, err
		}
		m.domain.Kernel = ""
	}
	tree, err := image.Tree(in)
	if err != nil {
		return nil, err
	}
	root, err := j.rootDisk(tree)
	if err != nil {
		return nil, err
	}
	if !j.kernelInside {
		if built, err = j.buildKernel(ctx); err != nil {
			return nil, err
		}
	}
	return m, j.write(m, in, tree, root, built)
}

func (j *job) buildKernel(ctx context.Context) (kernel.Result, error) {
	built, err := kernel.Build(ctx, kernel.Options{
		Source: j.kernelSrc, Image: j.kernel, CacheDir: j.cache, Progress: j.progress,
	})
	if err != nil {
		return built, fmt.Errorf("kernel: %w", err)
	}
	return built, nil
}

// write writes the files of the image; the manifest, which is true of all others, comes last.
func (j *job) write(m *made, in image.Input, tree []ext2.Node, root ext2.Options,
	built kernel.Result) (err error) {
	if err = os.MkdirAll(m.dir, 0o755); err != nil {
		return err
	}
	o := output{dir: m.dir}
	defer func() { err = errors.Join(err, o.cleanUp()) }()

	k := image.Kernel{Version: built.Version, Config: built.ConfigHash}
	if k.File, err = o.copy(image.KernelFile, built.Path); err != nil {
		return err
	}
	disk, err := o.disk(image.RootFile, tree, root)
	if err != nil {
		return err
	}
	if m.manifest, err = image.NewManifest(in, tree, k, disk); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m.manifest, "", "  ")
	if err != nil {
		return err
	}
	if err = o.text(image.DomainFile, xen.Config(m.domain)); err != nil {
		return err
	}
	if m.keptPerm, err = o.permDisk(image.PermDisk(in.Site)); err != nil {
		return err
	}
	if err = o.text(image.ManifestFile, string(text)+"\n"); err != nil {
		return err
	}
	if m.content, err = ext2.MinSize(tree, root); err != nil {
		return err
	}
	return o.commit()
}

// programs builds what runs on the appliance.
func (j *job) programs(ctx context.Context) ([]image.Program, error) {
	dir, err := os.MkdirTemp("", "gatehouse-userland-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	built, err := userland.Build(ctx, userland.Options{
		Source: j.source, Output: dir, Progress: j.progress,
	})
	if err != nil {
		return nil, err
	}
	var all []image.Program
	for _, name := range slices.Sorted(maps.Keys(built)) {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		all = append(all, image.Program{Name: name, Content: content, Commands: built[name]})
	}
	return all, nil
}

// rootDisk tells a disk that is too small before the kernel is built.
func (j *job) rootDisk(tree []ext2.Node) (ext2.Options, error) {
	root, err := image.RootDisk(tree, j.diskSize, j.sector)
	if err != nil {
		return root, err
	}
	least, err := ext2.MinSize(tree, root)
	if err == nil && root.Size < least {
		err = fmt.Errorf("%w: use DISK=%dM or more", &ext2.SizeError{Need: least, Have: root.Size},
			(least+1<<20-1)>>20)
	}
	return root, err
}

// readE2fsck reads the program and makes sure that it will run on an appliance without libraries.
func readE2fsck(name string) ([]byte, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: install the Debian package e2fsck-static", name)
	}
	if err != nil {
		return nil, err
	}
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s is no program: %w", name, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s is dynamically linked; expected a static e2fsck, as in the Debian package e2fsck-static", name)
		}
	}
	if f.Machine != elf.EM_X86_64 {
		return nil, fmt.Errorf("%s is for %v; expected a program for x86-64", name, f.Machine)
	}
	return content, nil
}

// describeSource returns the version of the source as git knows it.
func describeSource(ctx context.Context, dir string) string {
	out, err := exec.CommandContext(ctx, "git", "--no-optional-locks", "-C", dir, "describe", "--tags",
		"--always", "--dirty", "--abbrev=12").Output()
	if version := strings.TrimSpace(string(out)); err == nil && version != "" {
		return version
	}
	return "unknown"
}

// parseSize reads a size in bytes, with K, M or G for the powers of 1024.
func parseSize(s string) (int64, error) {
	number, unit := s, int64(1)
	for i, suffix := range []string{"K", "M", "G"} {
		if n, ok := strings.CutSuffix(strings.ToUpper(s), suffix); ok {
			number, unit = n, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n <= 0 || n > 1<<42/unit {
		return 0, fmt.Errorf("%q is no size; expected one such as 64M or 1G", s)
	}
	return n * unit, nil
}

// hashFile returns the hash and the size of what r holds.
func hashFile(r io.Reader) (string, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), n, err
}
