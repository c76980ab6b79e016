package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/image"
	"github.com/gatehouse-os/gatehouse/image/ext2"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

func homeSite(t *testing.T) *site.Site {
	t.Helper()
	s, _, err := bundle.Read(os.DirFS(home), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// header is the least that passes for a kernel: building one takes minutes and is package kernel's.
func header(t *testing.T) string {
	t.Helper()
	content := make([]byte, 1024)
	copy(content[0x202:], "HdrS")
	name := filepath.Join(t.TempDir(), "bzImage")
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// dependOnSource looks at every source file, because go test takes a result from its cache unless a file that
// the test itself looked at has changed, and what is tested here is compiled by another process.
func dependOnSource(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../../..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if err == nil && (filepath.Ext(name) == ".go" || d.Name() == "go.sum" || d.Name() == "go.mod") {
			_, err = os.Stat(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// makeHome makes an image of a copy of the reference site.
func makeHome(t *testing.T, kernel string, perm os.FileMode, times time.Time, options ...string) (out, summary string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"site.toml", "hosts", "ethers", "authorized_keys"} {
		content, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		full := filepath.Join(dir, name)
		if err := os.WriteFile(full, content, perm); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(full, times, times); err != nil {
			t.Fatal(err)
		}
	}
	out = filepath.Join(dir, "deep", "out")
	args := append([]string{"-site", dir, "-out", out, "-kernel", kernel, "-source", "../../..", "-version", "v1"}, options...)
	status, stdout, stderr := mkimage(t, args...)
	if status != 0 {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	return out, stdout
}

// The whole command, but for the kernel: twice, under another umask and with other times and modes.
func TestImage(t *testing.T) {
	dependOnSource(t)
	kernel := header(t)
	first, summary := makeHome(t, kernel, 0o644, time.Unix(1e9, 0))
	old := syscall.Umask(0o077)
	second, _ := makeHome(t, kernel, 0o600, time.Now())
	syscall.Umask(old)

	for _, name := range []string{image.RootFile, image.KernelFile, image.ManifestFile, image.PermFile} {
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s differs between two builds", name)
		}
	}
	for _, name := range []string{image.RootFile, image.PermFile} {
		if out, err := exec.Command("/sbin/e2fsck", "-fn", filepath.Join(first, name)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	if left, err := filepath.Glob(filepath.Join(first, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, want := range []string{"firewall.home.example: 1 network, 7 hosts, 3 of them started from the network", "xenbr1 is lan, 192.168.32.1/24", "make run", "xl create -c"} {
		if !strings.Contains(summary, want) {
			t.Errorf("the summary does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(summary)
	}
	t.Run("manifest", func(t *testing.T) { checkManifest(t, first) })
	t.Run("disk", func(t *testing.T) { checkDisk(t, first) })
	t.Run("size", func(t *testing.T) { checkSize(t, first) })
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// maxRoot is the budget for what the root disk holds, in bytes: that of the whole image, 39.4 MB (TestSize of
// vmtest), less 5.45 MB for the kernel.
const maxRoot = 33_950_000

func checkManifest(t *testing.T, dir string) {
	var m image.Manifest
	if err := json.Unmarshal(read(t, dir, image.ManifestFile), &m); err != nil {
		t.Fatal(err)
	}
	sum, err := exec.Command("sha256sum", filepath.Join(dir, image.RootFile)).Output()
	if err != nil || m.Disk.SHA256 != string(bytes.Fields(sum)[0]) {
		t.Errorf("the disk's hash is %s, the manifest's %s: %v", sum, m.Disk.SHA256, err)
	}
	// Those of both programs, each once.
	if !slices.IsSortedFunc(m.Modules, func(a, b image.Module) int { return strings.Compare(a.Path, b.Path) }) ||
		len(m.Modules) != len(slices.Compact(slices.Clone(m.Modules))) {
		t.Errorf("modules that are not sorted, or stand there twice: %v", m.Modules)
	}
	if m.Version != "v1" || len(m.Modules) < 10 || m.Modules[0].Sum == "" || m.Kernel.Size != 1024 {
		t.Errorf("got %+v", m)
	}
}

// checkSize asks dumpe2fs how much of the root disk is in use: files, journal, and the file system itself.
func checkSize(t *testing.T, dir string) {
	out, err := exec.Command("/sbin/dumpe2fs", "-h", filepath.Join(dir, image.RootFile)).Output()
	if err != nil {
		t.Fatal(err)
	}
	number := func(field string) (n int64) {
		_, value, _ := strings.Cut(string(out), "\n"+field+":")
		if _, err := fmt.Sscan(value, &n); err != nil {
			t.Fatalf("dumpe2fs: %s: %v", field, err)
		}
		return n
	}
	if used := (number("Block count") - number("Free blocks")) * number("Block size"); used > maxRoot {
		t.Errorf("%d bytes of the root disk are in use, the budget is %d", used, maxRoot)
	}
}

// checkDisk reads files back with debugfs: the disk holds what was built, with the modes it should have.
func checkDisk(t *testing.T, dir string) {
	disk := filepath.Join(dir, image.RootFile)
	debugfs := func(command string) string {
		out, err := exec.Command("/sbin/debugfs", "-R", command, disk).Output()
		if err != nil {
			t.Fatalf("debugfs %s: %v", command, err)
		}
		return string(out)
	}
	if got := debugfs("cat /etc/hostname"); got != "firewall\n" {
		t.Errorf("/etc/hostname: %q", got)
	}
	if got := debugfs("stat /etc/gatehouse/site/site.toml"); !strings.Contains(got, "Mode:  0600") {
		t.Errorf("site.toml: %s", got)
	}
	for program, call := range map[string][]string{"userland": {"echo", "usage: none"}, "gatehouse": {"hostname", "-h"}} {
		file := filepath.Join(t.TempDir(), program)
		debugfs("dump -p /bin/" + program + " " + file)
		link := filepath.Join(t.TempDir(), call[0])
		if err := os.Symlink(file, link); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(link, call[1:]...).CombinedOutput(); !strings.Contains(string(out), "usage: ") {
			t.Errorf("%s on the disk: %s, %v", program, out, err)
		}
	}
}

// The kernel on the disk is the one beside it, and the domain takes it from there.
func TestKernelInside(t *testing.T) {
	dependOnSource(t)
	out, _ := makeHome(t, header(t), 0o644, time.Unix(1e9, 0), "-boot", "grub")
	disk := filepath.Join(out, image.RootFile)
	kernel, err := exec.Command("/sbin/debugfs", "-R", "cat /boot/vmlinuz", disk).Output()
	if err != nil || !bytes.Equal(kernel, read(t, out, image.KernelFile)) {
		t.Errorf("the kernel on the disk has %d bytes: %v", len(kernel), err)
	}
	if cfg := string(read(t, out, image.DomainFile)); !strings.Contains(cfg, "\nbootloader = \"pygrub\"\n") || strings.Contains(cfg, "\nkernel = ") {
		t.Errorf("the domain is\n%s", cfg)
	}
}

// A disk that the tree does not fit on is refused before the kernel is built, and leaves nothing.
func TestImageTooSmall(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	status, _, stderr := mkimage(t, "-site", home, "-out", out, "-kernel", "/nowhere", "-source", "../../..", "-disk", "1M")
	if status != 1 || !strings.Contains(stderr, "the disk has 1 MiB: use DISK=") {
		t.Errorf("status %d\n%s", status, stderr)
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("%s was made", out)
	}
}

// A given size is the size of the file, whose holes take no room.
func TestImageDiskSize(t *testing.T) {
	o := output{dir: t.TempDir()}
	options := image.PermDisk(homeSite(t))
	options.Size = 1 << 30
	if _, err := o.disk("disk", []ext2.Node{ext2.File("f", 0o644, []byte("x"))}, options); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(o.pending[0].temp)
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; info.Size() != 1<<30 || used > 1<<20 {
		t.Errorf("%d bytes, of which %d are in use", info.Size(), used)
	}
}
