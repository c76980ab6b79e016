package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image"
	"github.com/gatehouse-os/gatehouse/image/ext2"
)

const home = "../../../examples/home"

// mkimage runs the command and returns its status and what it wrote.
func mkimage(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, problems bytes.Buffer
	status = run(t.Context(), args, &out, &problems)
	return status, out.String(), problems.String()
}

func TestArguments(t *testing.T) {
	tests := []struct {
		args   []string
		status int
		want   string // in what is said on standard error
	}{
		{[]string{"-h"}, 0, "-site directory"},
		{[]string{"-nonsense"}, 2, "flag provided but not defined: -nonsense"},
		{[]string{"home"}, 2, `unexpected argument "home"; see mkimage -h`},
		{[]string{"-disk", "64X"}, 2, `"64X" is no size; expected one such as 64M or 1G`},
		{[]string{"-boot", "lilo"}, 2, "expected direct or grub"},
		{[]string{"-sector", "2048"}, 2, "expected 512 or 4096"},
		{[]string{"-site", "nowhere"}, 1, "nowhere: no site directory is there; expected one with site.toml, hosts, ethers and authorized_keys"},
		{[]string{"-site", ""}, 1, "no site is named; expected a directory with site.toml"},
		{[]string{"-site", "main.go"}, 1, "main.go: is no directory; expected the one with site.toml"},
		{[]string{"-site", home, "-authorized-keys", "nowhere.pub"}, 1, "open nowhere.pub: no such file or directory"},
		{[]string{"-site", home, "-authorized-keys", "main.go", "-check"}, 1, "authorized_keys:5:1: this is no public key"},
		{[]string{"-site", home, "-e2fsck", "/nowhere/e2fsck"}, 1, "/nowhere/e2fsck is missing: install the Debian package e2fsck-static"},
		{[]string{"-site", home, "-e2fsck", "main.go"}, 1, "main.go is no program"},
		{[]string{"-site", home, "-e2fsck", "/bin/sh"}, 1, "/bin/sh is dynamically linked; expected a static e2fsck"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			status, stdout, stderr := mkimage(t, append([]string{"-out", filepath.Join(t.TempDir(), "out")}, test.args...)...)
			if status != test.status || !strings.Contains(stderr, test.want) || stdout != "" {
				t.Errorf("status %d\n%s%s", status, stdout, stderr)
			}
			if status == 2 && strings.Count(stderr, "\n") != 1 {
				t.Errorf("a wrong call is told more than that:\n%s", stderr)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	for dir, name := range map[string]string{home: "firewall.home.example", "../../../examples/office": "gate.office.example"} {
		status, stdout, stderr := mkimage(t, "-check", "-site", dir, "-out", out)
		if status != 0 || !strings.HasPrefix(stdout, name+"\n") {
			t.Errorf("status %d\n%s%s", status, stdout, stderr)
		}
		// Nobody has the keys of the examples, and of nothing else is warned.
		if strings.Count(stderr, "warning: ") != strings.Count(stderr, "warning: this key is the example's") ||
			!regexp.MustCompile(`\n[12] warnings?\n$`).MatchString(stderr) {
			t.Errorf("the warnings are\n%s", stderr)
		}
		status, stdout, stderr = mkimage(t, "-check", "-strict", "-site", dir)
		if status != 1 || stdout != "" || !regexp.MustCompile(`\n[12] errors?\n$`).MatchString(stderr) {
			t.Errorf("taken for errors: status %d\n%s%s", status, stdout, stderr)
		}
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a check made %s", out)
	}
}

// All problems of a site are told at once, and nothing is built.
func TestBrokenSite(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(filepath.Join(dir, "site.toml"), []byte("nam = \"x\"\ndomain = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := mkimage(t, "-site", dir, "-out", out)
	for _, want := range []string{"site.toml:1:1:", "site.toml:2:", "authorized_keys:", "\n3 errors, 2 warnings\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("not told: %s", want)
		}
	}
	if status != 1 || stdout != "" {
		t.Errorf("status %d, %s", status, stdout)
	}
	if t.Failed() {
		t.Log(stderr)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was made", out)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "4096": 4096, "16K": 16 << 10, "64M": 64 << 20, "64m": 64 << 20, "1G": 1 << 30, "4096G": 4 << 40} {
		if got, err := parseSize(text); got != want || err != nil {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "M", "-1M", "0", "1.5G", "64 M", "64MB", "9999999G", "99999999999999999999"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}

// A disk that is too small is told with the size that would do.
func TestRootDiskTooSmall(t *testing.T) {
	for sector, want := range map[int64]string{
		512:  "the tree needs 7 MiB, the disk has 2 MiB: use DISK=7M or more",
		4096: "the tree needs 10 MiB, the disk has 2 MiB: use DISK=10M or more",
	} {
		j := &job{diskSize: 2 << 20, sector: sector}
		_, err := j.rootDisk([]ext2.Node{ext2.File("f", 0o644, make([]byte, 5<<20))})
		if err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
		if _, err := (&job{sector: sector}).rootDisk(nil); err != nil {
			t.Error(err)
		}
	}
}

// What is there stays until everything new is there; what was begun does not stay.
func TestOutputReplacesTogether(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err.Error()
		}
		return string(content)
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := output{dir: dir}
	if err := errors.Join(o.text("a", "new"), o.text("b", "new")); err != nil {
		t.Fatal(err)
	}
	if file("a") != "old" {
		t.Error("a was replaced before all was there")
	}
	if err := o.cleanUp(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); len(left) != 1 || file("a") != "old" {
		t.Errorf("left behind: %v, %v", left, err)
	}
	o = output{dir: dir}
	if err := errors.Join(o.text("a", "new"), o.text("b", "new"), o.commit(), o.cleanUp()); err != nil {
		t.Fatal(err)
	}
	if file("a") != "new" || file("b") != "new" {
		t.Errorf("a: %s, b: %s", file("a"), file("b"))
	}
}

// The disk for /perm is made once. Whatever is there under its name, a link to a block device too, is left
// alone.
func TestPermDiskIsKept(t *testing.T) {
	dir := t.TempDir()
	options := image.PermDisk(homeSite(t))
	first := output{dir: dir}
	kept, err := first.permDisk(options)
	if kept || errors.Join(err, first.commit()) != nil {
		t.Fatalf("kept %v, %v", kept, err)
	}
	name := filepath.Join(dir, image.PermFile)
	info, err := os.Stat(name)
	if err != nil || info.Size() != image.PermSize || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	for what, replace := range map[string]func() error{
		"a disk":          func() error { return nil },
		"a dangling link": func() error { return errors.Join(os.Remove(name), os.Symlink("/dev/none", name)) },
	} {
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		o := output{dir: dir}
		if kept, err := o.permDisk(options); !kept || err != nil || len(o.pending) > 0 {
			t.Errorf("%s: kept %v, %v", what, kept, err)
		}
	}
}

func TestOutputErrors(t *testing.T) {
	o := output{dir: filepath.Join(t.TempDir(), "gone")}
	if err := o.text("a", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	o = output{dir: t.TempDir()}
	if _, err := o.copy("vmlinuz", "/nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a kernel that is not there: %v", err)
	}
	broken := ext2.Node{Path: "f", Size: 1, Open: func() (io.ReadCloser, error) { return nil, fs.ErrPermission }}
	disk := image.PermDisk(homeSite(t))
	if _, err := o.disk("disk", []ext2.Node{broken}, disk); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	if err := o.cleanUp(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(o.dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
