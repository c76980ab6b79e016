package ext2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var testOptions = Options{
	Size: 16 << 20, BlockSize: 4096, Label: "gatehouse", UUID: [16]byte{0xf1, 0x4e, 15: 1},
	Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
}

// eachBlockSize runs a test for both formats.
func eachBlockSize(t *testing.T, test func(t *testing.T, o Options)) {
	for _, size := range []int64{1024, 4096} {
		t.Run(fmt.Sprintf("blocks of %d", size), func(t *testing.T) {
			o := testOptions
			o.BlockSize = size
			test(t, o)
		})
	}
}

// writeImage writes a sparse image into the test's directory and has e2fsck judge it.
func writeImage(t *testing.T, nodes []Node, o Options) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.ext2")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(o.Size), Write(f, nodes, o), f.Close()); err != nil {
		t.Fatal(err)
	}
	fsck(t, name)
	return name
}

func TestSizes(t *testing.T) { eachBlockSize(t, testSizes) }

func testSizes(t *testing.T, o Options) {
	nodes := []Node{Dir("etc", 0o755), File("etc/hostname", 0o644, []byte("firewall\n")), Symlink("bin", "usr/bin")}
	f := format{o.BlockSize}
	group := f.groupSize() * f.block
	sizes := []int64{
		1 << 20, 16 << 20, 17<<20 + 4095, 32 << 20, 100 << 20, group - f.block, group, group + f.block,
		group + 2*f.block, group + 54*f.block, // a tail too short to be a group
		group + 5<<20, 2*group + 600*f.block, 1 << 30, 3<<30 + 12345,
	}
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o.Size = size
			name := writeImage(t, nodes, o)
			super := dumpe2fs(t, name)
			for field, want := range map[string]string{
				"Filesystem volume name": "gatehouse",
				"Filesystem UUID":        "f14e0000-0000-0000-0000-000000000001",
				"Filesystem features":    "filetype sparse_super large_file",
				"Filesystem state":       "clean",
				"Block size":             fmt.Sprint(f.block),
				"First block":            fmt.Sprint(f.firstBlock()),
				"Inode size":             "256",
				"Reserved block count":   "0",
			} {
				if super[field] != want {
					t.Errorf("%s: %q, want %q", field, super[field], want)
				}
			}
		})
	}
}

// Each copy of the superblock is enough to repair the disk.
func TestBackupSuperblocks(t *testing.T) { eachBlockSize(t, testBackupSuperblocks) }

func testBackupSuperblocks(t *testing.T, o Options) {
	o.Size = 2 << 30
	name := writeImage(t, randomTree(2, format{o.BlockSize}), o)
	for _, group := range []int64{1, 3, 5, 7, 9} {
		block := o.BlockSize*8*group + map[int64]int64{1024: 1}[o.BlockSize]
		fsck(t, name, "-B", fmt.Sprint(o.BlockSize), "-b", fmt.Sprint(block))
	}
}

// A disk of the size that MinSize gives holds the tree, and what is said of a smaller one is the truth.
func TestMinSize(t *testing.T) { eachBlockSize(t, testMinSize) }

func testMinSize(t *testing.T, o Options) {
	for _, content := range []int64{0, 1, 100 << 10, 20 << 20, 127 << 20, 128 << 20, 1 << 30} {
		nodes := []Node{zeroFile("content", content)}
		size, err := MinSize(nodes, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Size = size
		writeImage(t, nodes, o)
		o.Size = size / 2
		var tooSmall *SizeError
		if err := Write(new(memory), nodes, o); !errors.As(err, &tooSmall) || tooSmall.Need != size || tooSmall.Have != size/2 {
			t.Errorf("%d bytes on half the disk: %v", content, err)
		}
		if most := content + content/50 + 1<<20; size > most {
			t.Errorf("%d bytes of content need a disk of %d, more than %d", content, size, most)
		}
	}
}

// Many small inodes are a reason for a larger disk too: a group has no more than it has blocks.
func TestManyInodes(t *testing.T) { eachBlockSize(t, testManyInodes) }

func testManyInodes(t *testing.T, o Options) {
	var nodes []Node
	for i := range 40_000 {
		nodes = append(nodes, Symlink(fmt.Sprintf("link%d", i), "x"))
	}
	size, err := MinSize(nodes, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Size = size
	name := writeImage(t, nodes, o)
	if dumpe2fs(t, name)["Inode count"] < "40000" {
		t.Error("too few inodes")
	}
}

// A file of more than 4 GiB, or 64 MiB in blocks of 1 KiB, takes all three levels of indirect blocks.
func TestTripleIndirect(t *testing.T) { eachBlockSize(t, testTripleIndirect) }

func testTripleIndirect(t *testing.T, o Options) {
	f := format{o.BlockSize}
	p := f.pointers()
	size := (12+p+p*p+5)*f.block + 17
	o.Size = size + 1<<30
	name := writeImage(t, []Node{zeroFile("big", size)}, o)
	if got := stats(t, name, "big")["big"]; got.size != size || got.sectors != f.sectors(size) {
		t.Errorf("big: %+v", got)
	}
}

// What e2fsprogs has no word for is compared with what Write counted beforehand.
func TestIndirectBlocks(t *testing.T) {
	for _, test := range []struct{ data, want int64 }{
		{0, 0}, {12, 0}, {13, 1}, {12 + 1024, 1}, {12 + 1024 + 1, 3}, {12 + 2*1024, 3}, {12 + 2*1024 + 1, 4},
		{12 + 1024 + 1024*1024, 1 + 1 + 1024}, {12 + 1024 + 1024*1024 + 1, 1 + 1 + 1024 + 3},
	} {
		if got := (format{4096}).indirectBlocks(test.data); got != test.want {
			t.Errorf("%d blocks of data: %d indirect, want %d", test.data, got, test.want)
		}
	}
}

func TestDeterministic(t *testing.T) { eachBlockSize(t, testDeterministic) }

func testDeterministic(t *testing.T, o Options) {
	nodes := randomTree(1, format{o.BlockSize})
	o.Size = 128 << 20
	var first, second memory
	if err := Write(&first, nodes, o); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(nodes)
	if err := Write(&second, nodes, o); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.data, second.data) {
		t.Error("the order of the nodes changes the image")
	}
}

func TestErrors(t *testing.T) {
	long := strings.Repeat("n", 256)
	small := func(o *Options) { o.BlockSize = 1024 }
	broken := func() (io.ReadCloser, error) { return nil, fs.ErrPermission }
	tests := []struct {
		nodes []Node
		opts  func(*Options)
		want  string
	}{
		{[]Node{File("/etc", 0o644, nil)}, nil, "/etc: not a path relative to the root"},
		{[]Node{File("a\x00b", 0o644, nil)}, nil, "a\x00b: not a path relative to the root"},
		{[]Node{File("etc/hosts", 0o644, nil)}, nil, "etc/hosts: its directory is not in the tree"},
		{[]Node{File("etc", 0o644, nil), File("etc/hosts", 0o644, nil)}, nil, "etc/hosts: its directory is not in the tree"},
		{[]Node{File("etc", 0o644, nil), Dir("etc", 0o644)}, nil, "etc: twice in the tree"},
		{[]Node{Dir(".", 0o755), Dir(".", 0o700)}, nil, ".: twice in the tree"},
		{[]Node{Dir("lost+found", 0o700)}, nil, "lost+found: twice in the tree"},
		{[]Node{File(".", 0o755, nil)}, nil, ".: the root is not a directory"},
		{[]Node{File(long, 0o755, nil)}, nil, long + ": the name is longer than 255 bytes"},
		{[]Node{Symlink("l", "")}, nil, "l: a symbolic link of 0 bytes; expected 1 to 4095"},
		{[]Node{Symlink("l", strings.Repeat("x", 4096))}, nil, "l: a symbolic link of 4096 bytes; expected 1 to 4095"},
		{[]Node{Symlink("l", strings.Repeat("x", 1024))}, small, "l: a symbolic link of 1024 bytes; expected 1 to 1023"},
		{[]Node{{Path: "s", Mode: fs.ModeSocket}}, nil, "s: a node of type S--------- cannot be written"},
		{[]Node{{Path: "d", Mode: fs.ModeDevice, Major: 4096}}, nil, "d: no device has the number 4096:0"},
		{[]Node{{Path: "f", Size: 1}}, nil, "f: a file without content"},
		{[]Node{zeroFile("f", 3<<40)}, nil, "f: 3298534883328 bytes are more than a file can hold"},
		{[]Node{zeroFile("f", 17<<30)}, small, "f: 18253611008 bytes are more than a file can hold"},
		{[]Node{{Path: "f", Size: 1, Open: broken}}, nil, "f: permission denied"},
		{[]Node{sized(2, "abc")}, nil, "f: longer than its size in the tree"},
		{[]Node{sized(4, "abc")}, nil, "f: shorter than its size in the tree: unexpected EOF"},
		{[]Node{zeroFile("f", 20<<20)}, nil, "the tree needs 21 MiB, the disk has 16 MiB"},
		{nil, func(o *Options) { o.Size = 0 }, "the tree needs 1 MiB, the disk has 0 MiB"},
		{nil, func(o *Options) { o.BlockSize = 0 }, "blocks of 0 bytes; expected 1024 or 4096"},
		{nil, func(o *Options) { o.BlockSize = 512 }, "blocks of 512 bytes; expected 1024 or 4096"},
		{nil, func(o *Options) { o.BlockSize, o.Size = 1024, 1<<40+1 },
			"a disk of 1099511627777 bytes; with blocks of 1024 expected 1099511627776 at most"},
		{nil, func(o *Options) { o.Label = "seventeen letters" }, `volume label "seventeen letters" is longer than 16 bytes`},
		{nil, func(o *Options) { o.Time = time.Time{} }, "time 0001-01-01 is not between 1970 and 2038"},
	}
	for _, test := range tests {
		o := testOptions
		if test.opts != nil {
			test.opts(&o)
		}
		if err := Write(new(memory), test.nodes, o); err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

func TestTooManySubdirectories(t *testing.T) {
	var nodes []Node
	for i := range maxLinks - 3 { // lost+found is one more
		nodes = append(nodes, Dir(fmt.Sprint(i), 0o755))
	}
	o := testOptions
	o.Size = 256 << 20
	writeImage(t, nodes, o)
	if err := Write(new(memory), append(nodes, Dir("one", 0o755)), o); err == nil || !strings.Contains(err.Error(), "31998 subdirectories") {
		t.Errorf("one subdirectory too many: %v", err)
	}
}

func TestFullDiskPassesErrorsOn(t *testing.T) {
	if err := Write(fullDisk{}, nil, testOptions); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type fullDisk struct{}

func (fullDisk) WriteAt([]byte, int64) (int, error) { return 0, fs.ErrClosed }

// memory is a disk as large as what was written to it.
type memory struct{ data []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := int(off) + len(p); end > len(m.data) {
		m.data = append(m.data, make([]byte, end-len(m.data))...)
	}
	return copy(m.data[off:], p), nil
}

func zeroFile(path string, size int64) Node {
	return Node{Path: path, Mode: 0o600, Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}}
}

// sectors returns how many sectors of 512 bytes a file of this size takes.
func (f format) sectors(size int64) int64 {
	data := f.dataBlocks(size)
	return (data + f.indirectBlocks(data)) * f.block / 512
}

func sized(size int64, content string) Node {
	n := File("f", 0o644, []byte(content))
	n.Size = size
	return n
}
