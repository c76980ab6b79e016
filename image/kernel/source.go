package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// packagedSources is where Debian's linux-source-VERSION packages put their tarballs.
const packagedSources = "/usr/src"

// sourceCode is a kernel source: a tarball or a tree.
type sourceCode struct {
	path string // absolute
	tree bool
}

// locate returns the source at path, or, if path is empty, the newest packaged tarball in dir.
func locate(path, dir string) (sourceCode, error) {
	if path == "" {
		newest, err := newestPackaged(dir)
		if err != nil {
			return sourceCode{}, err
		}
		path = newest
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return sourceCode{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return sourceCode{}, fmt.Errorf("kernel source: %w", err)
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, "Kbuild")); err != nil {
			return sourceCode{}, fmt.Errorf("kernel source: %s is no Linux source tree: it has no Kbuild file", path)
		}
	}
	return sourceCode{path, info.IsDir()}, nil
}

// newestPackaged returns the tarball linux-source-VERSION.tar.* in dir with the highest version.
func newestPackaged(dir string) (string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "linux-source-*.tar.*"))
	if err != nil {
		return "", err
	}
	newest, newestVersion := "", version{}
	for _, path := range paths {
		name := strings.TrimPrefix(filepath.Base(path), "linux-source-")
		name, _, _ = strings.Cut(name, ".tar.")
		v, ok := parseVersion(name)
		if ok && newestVersion.less(v) {
			newest, newestVersion = path, v
		}
	}
	if newest == "" {
		return "", &MissingError{
			What:     []string{"the kernel source (" + filepath.Join(dir, "linux-source-*.tar.xz") + ")"},
			Packages: []string{"linux-source"},
		}
	}
	return newest, nil
}

// digest is the hash of everything that is compiled: of the tarball, or of the files of the tree.
// That of a tarball is remembered in memoDir as long as the file is the same.
func (s sourceCode) digest(memoDir string) (string, error) {
	if s.tree {
		return treeDigest(s.path)
	}
	return fileDigest(s.path, memoDir)
}

// treeDigest hashes names, permissions to execute, and contents of the files below dir, except for .git.
func treeDigest(dir string) (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		content, err := contentDigest(path, entry)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %s\n", name, content)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// contentDigest describes one entry of a tree by what matters to a build.
func contentDigest(path string, entry fs.DirEntry) (string, error) {
	switch {
	case entry.IsDir():
		return "dir", nil
	case entry.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return fmt.Sprintf("link %q", target), err
	}
	info, err := entry.Info()
	if err != nil {
		return "", err
	}
	sum, err := sha256File(path)
	return fmt.Sprintf("%t %s", info.Mode()&0o100 != 0, sum), err
}

func sha256File(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// unpack puts a copy of the source into the empty directory dir, so that the caller's tree stays as it is
// and every build runs inside its sources: paths relative to them are the only ones the compiler sees.
func (s sourceCode) unpack(ctx context.Context, dir string) error {
	if !s.tree {
		return runTar(exec.CommandContext(ctx, "tar", "--extract", "--file", s.path, "--directory", dir,
			"--strip-components", "1"))
	}
	from := exec.CommandContext(ctx, "tar", "--create", "--file", "-", "--directory", s.path, "--exclude",
		"./.git", ".")
	to := exec.CommandContext(ctx, "tar", "--extract", "--file", "-", "--directory", dir)
	pipe, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	to.Stdin = pipe
	if err := from.Start(); err != nil {
		return err
	}
	return errors.Join(runTar(to), from.Wait())
}

func runTar(cmd *exec.Cmd) error {
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("unpacking the kernel source: %w\n%s", err, out)
	}
	return nil
}

// makefileVersion returns the version that the top Makefile of the unpacked source in dir names.
func makefileVersion(dir string) (version, error) {
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		return version{}, fmt.Errorf("kernel source: %w", err)
	}
	number := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if _, seen := number[name]; ok && !seen {
			number[name] = strings.TrimSpace(value)
		}
	}
	v, ok := parseVersion(number["VERSION"] + "." + number["PATCHLEVEL"])
	if !ok {
		return version{}, errors.New("kernel source: its Makefile names no VERSION and PATCHLEVEL")
	}
	return v, nil
}
