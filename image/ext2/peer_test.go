package ext2

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The judges are e2fsprogs and the kernel, which know the format and not this package.

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v (Debian packages e2fsprogs, util-linux)\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

var summary = regexp.MustCompile(`^\S+: \d+/\d+ files \(\d+\.\d% non-contiguous\), \d+/\d+ blocks$`)

// fsck fails the test when e2fsck says anything beyond the names of its passes.
func fsck(t *testing.T, name string, options ...string) {
	t.Helper()
	for line := range strings.Lines(run(t, "/sbin/e2fsck", append(options, "-fn", name)...)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "e2fsck 1.") && !strings.HasPrefix(line, "Pass ") && !summary.MatchString(line) {
			t.Errorf("e2fsck: %s", line)
		}
	}
}

// dumpe2fs returns the fields of the superblock.
func dumpe2fs(t *testing.T, name string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for line := range strings.Lines(run(t, "/sbin/dumpe2fs", "-h", name)) {
		if key, value, ok := strings.Cut(line, ":"); ok {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields
}

// stat is what debugfs tells of an inode.
type stat struct {
	typ           string
	mode          int64 // octal digits
	uid, gid      uint32
	size, sectors int64
	links         int
	rest          string
}

var statText = regexp.MustCompile(`(?s)Inode: \d+ +Type: (.*?) +Mode: +0(\d+) .*?User: +(-?\d+) +Group: +(-?\d+) .*?Size: (\d+)\n.*?Links: (\d+) +Blockcount: (\d+)\n(.*)`)

// stats asks debugfs for the inodes at paths, in one run.
func stats(t *testing.T, name string, paths ...string) map[string]stat {
	t.Helper()
	script := filepath.Join(t.TempDir(), "commands")
	var commands strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&commands, "stat \"/%s\"\n", p)
	}
	if err := os.WriteFile(script, []byte(commands.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(run(t, "/sbin/debugfs", "-f", script, name), "debugfs: stat ")[1:]
	got := map[string]stat{}
	for i, answer := range answers {
		m := statText.FindStringSubmatch(answer)
		if m == nil {
			t.Fatalf("debugfs stat of %s: %s", paths[i], answer)
		}
		number := func(i, base int) int64 {
			n, _ := strconv.ParseInt(m[i], base, 64)
			return n
		}
		got[paths[i]] = stat{m[1], number(2, 8), uint32(number(3, 10)), uint32(number(4, 10)) /* printed as signed */, number(5, 10), number(7, 10), int(number(6, 10)), m[8]}
	}
	return got
}

// randomTree makes a tree of every kind of node; names, depths and sizes vary about the boundaries of f.
func randomTree(seed uint64, f format) []Node {
	rnd := rand.New(rand.NewPCG(seed, 0))
	dirs, seen := []string{""}, map[string]bool{}
	var nodes []Node
	for range 50 + rnd.IntN(400) {
		path := dirs[rnd.IntN(len(dirs))] + randomName(rnd)
		if seen[path] {
			continue
		}
		seen[path] = true
		n := randomNode(rnd, path, int(f.block))
		if n.Mode.IsDir() {
			dirs = append(dirs, path+"/")
		}
		n.Mode |= fs.FileMode(rnd.IntN(0o1000)) | []fs.FileMode{0, fs.ModeSetuid, fs.ModeSetgid, fs.ModeSticky}[rnd.IntN(4)]
		n.UID, n.GID = uint32(rnd.Uint64()>>(32+rnd.IntN(32))), uint32(rnd.Uint64()>>(32+rnd.IntN(32)))
		nodes = append(nodes, n)
	}
	return nodes
}

func randomNode(rnd *rand.Rand, path string, block int) Node {
	switch rnd.IntN(8) {
	case 0, 1:
		return Dir(path, 0)
	case 2:
		return Symlink(path, strings.Repeat("t", 1+rnd.IntN([]int{20, 58, 59, 60, 61, block - 2}[rnd.IntN(6)])))
	case 3:
		mode := []fs.FileMode{fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice, fs.ModeNamedPipe}[rnd.IntN(3)]
		if mode == fs.ModeNamedPipe {
			return Node{Path: path, Mode: mode}
		}
		return Node{Path: path, Mode: mode, Major: uint32(rnd.IntN(1 << (1 + rnd.IntN(12)))), Minor: uint32(rnd.IntN(1 << (1 + rnd.IntN(20))))}
	}
	single := (direct + block/4) * block
	size := []int{0, 1, block - 1, block, block + 1, direct * block, direct*block + 1, single - 1, single, single + 1, 5 << 20}[min(rnd.IntN(30), 10)]
	if rnd.IntN(8) > 0 {
		size = rnd.IntN(30_000)
	}
	content := make([]byte, size)
	for i := 0; i < len(content); i += 1 + rnd.IntN(3000) { // leaves blocks of zeros
		content[i] = byte(rnd.Uint32())
	}
	return File(path, 0, content)
}

func randomName(rnd *rand.Rand) string {
	letters := []rune("abcXYZ 0-.+é")
	name := []rune{'n'}
	for range rnd.IntN([]int{3, 8, 120}[rnd.IntN(3)]) {
		name = append(name, letters[rnd.IntN(len(letters))])
	}
	return string(name) + "_"
}

// Random trees read back by debugfs are the trees that were written.
func TestReadBack(t *testing.T) { eachBlockSize(t, testReadBack) }

func testReadBack(t *testing.T, o Options) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			nodes := randomTree(seed, format{o.BlockSize})
			o.Journal = int64(seed%2) * (4 + int64(seed)) << 20
			size, err := MinSize(nodes, o)
			if err != nil {
				t.Fatal(err)
			}
			o.Size = size + int64(seed)<<20
			name := writeImage(t, nodes, o)
			compareStats(t, name, nodes, format{o.BlockSize})
			compareContent(t, name, nodes)
		})
	}
}

func compareStats(t *testing.T, name string, nodes []Node, f format) {
	paths, subdirs := []string{}, map[string]int{}
	for _, n := range nodes {
		paths = append(paths, n.Path)
		if n.Mode.IsDir() {
			subdirs[filepath.Dir(n.Path)]++
		}
	}
	got := stats(t, name, paths...)
	for _, n := range nodes {
		want := stat{mode: int64(unixMode(n.Mode) & 0o7777), uid: n.UID, gid: n.GID, links: 1, size: n.Size}
		extra := ""
		switch n.Mode.Type() {
		case 0:
			want.typ = "regular"
			want.sectors = f.sectors(n.Size)
		case fs.ModeDir:
			want.typ, want.links = "directory", 2+subdirs[n.Path]
			want.size, want.sectors = got[n.Path].size, f.sectors(got[n.Path].size)
		case fs.ModeSymlink:
			want.typ, want.size = "symlink", int64(len(n.Link))
			if want.size >= 60 {
				want.sectors = f.block / 512
			} else {
				extra = fmt.Sprintf("Fast link dest: %q", n.Link)
			}
		case fs.ModeNamedPipe:
			want.typ = "FIFO"
		case fs.ModeDevice:
			want.typ, extra = "block special", fmt.Sprintf("Device major/minor number: %02d:%02d", n.Major, n.Minor)
		default:
			want.typ, extra = "character special", fmt.Sprintf("Device major/minor number: %02d:%02d", n.Major, n.Minor)
		}
		have := got[n.Path]
		if rest := have.rest; !strings.Contains(rest, extra) || strings.Count(rest, "time: 0x6955b900:00000000") != 4 {
			t.Errorf("%s: %s, want %s", n.Path, rest, extra)
		}
		if have.rest = ""; have != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", n.Path, have, want)
		}
	}
}

// compareContent has debugfs copy the whole tree out. It also proves that nothing is there that was not
// given.
func compareContent(t *testing.T, name string, nodes []Node) {
	dir := t.TempDir()
	run(t, "/sbin/debugfs", "-R", "rdump / "+dir, name)
	want := map[string]Node{}
	for _, n := range nodes {
		want[n.Path] = n
	}
	for _, n := range nodes {
		full := filepath.Join(dir, n.Path)
		switch n.Mode.Type() {
		case 0:
			r, _ := n.Open()
			expected, _ := io.ReadAll(r)
			if content, err := os.ReadFile(full); err != nil || !bytes.Equal(content, expected) {
				t.Errorf("%s: %d bytes, want %d: %v", n.Path, len(content), len(expected), err)
			}
		case fs.ModeSymlink:
			if target, err := os.Readlink(full); target != n.Link {
				t.Errorf("%s -> %s, want %s: %v", n.Path, target, n.Link, err)
			}
		}
	}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if _, ok := want[path]; !ok && path != "." && path != lostFound {
			t.Errorf("%s is on the disk and was not in the tree", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The kernel mounts the disk read-write with the least journal, finds the tree, works on it, and leaves a
// clean file system behind.
func TestKernelMounts(t *testing.T) { eachBlockSize(t, testKernelMounts) }

func testKernelMounts(t *testing.T, o Options) {
	if os.Getuid() != 0 {
		t.Fatal("mounting needs root: run the tests as root")
	}
	nodes := []Node{Dir("etc", 0o755), File("etc/hostname", 0o640, []byte("firewall\n"))}
	nodes[1].GID = 70_000
	o.Journal = MinJournal * o.BlockSize
	name := writeImage(t, nodes, o)
	out := run(t, "unshare", "-m", "sh", "-ec", `
		mount -t ext4 -o loop "$1" "$2"
		cd "$2"
		cat etc/hostname; stat -c '%a %u:%g %Y' etc/hostname; ls -a
		mkdir new; seq 100000 >new/file; rm etc/hostname; for i in $(seq 300); do : >new/$i; done
		cd /; umount "$2"`, "sh", name, t.TempDir())
	want := "firewall\n640 0:70000 1767225600\n.\n..\netc\nlost+found\n"
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	fsck(t, name)
}
