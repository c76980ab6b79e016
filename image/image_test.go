package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/ext2"
)

func TestRootDisk(t *testing.T) {
	for sector, block := range map[int64]int64{512: 1024, 4096: 4096} {
		t.Run(fmt.Sprint(sector), func(t *testing.T) { rootDisk(t, sector, block) })
	}
}

func rootDisk(t *testing.T, sector, block int64) {
	tree := homeTree(t)
	disk, err := RootDisk(tree, 0, sector)
	if err != nil {
		t.Fatal(err)
	}
	least, err := ext2.MinSize(tree, disk)
	if err != nil {
		t.Fatal(err)
	}
	if disk.BlockSize != block || disk.Journal != 1024*block {
		t.Errorf("blocks of %d bytes, a journal of %d", disk.BlockSize, disk.Journal)
	}
	if disk.Size%mib != 0 || disk.Size < least+headroom || disk.Size >= least+headroom+mib {
		t.Errorf("a disk of %d bytes for a tree of %d", disk.Size, least)
	}
	if disk.UUID[6]>>4 != 8 || disk.UUID[8]>>6 != 2 {
		t.Errorf("%x is no UUID of version 8", disk.UUID)
	}
	given, err := RootDisk(tree, 64*mib, sector)
	if err != nil || given.Size != 64*mib || given.UUID != disk.UUID {
		t.Errorf("with a size: %+v, %v", given, err)
	}
	if _, err := RootDisk(tree, 64*mib+sector/2, sector); err == nil {
		t.Error("a disk with half a sector is none")
	}
}

// The UUID follows the content: another byte, owner or mode is another disk, another order is not.
func TestRootDiskUUID(t *testing.T) {
	uuidOf := func(change func([]ext2.Node) []ext2.Node) [16]byte {
		disk, err := RootDisk(change(homeTree(t)), 0, 512)
		if err != nil {
			t.Fatal(err)
		}
		return disk.UUID
	}
	same := uuidOf(func(n []ext2.Node) []ext2.Node { return n })
	if uuidOf(func(n []ext2.Node) []ext2.Node { slices.Reverse(n); return n }) != same {
		t.Error("the order of the nodes makes a difference")
	}
	last := len(homeTree(t)) - 1
	for what, change := range map[string]func(*ext2.Node){
		"content": func(n *ext2.Node) { *n = ext2.File(n.Path, n.Mode, []byte("other")) },
		"owner":   func(n *ext2.Node) { n.UID = 501 },
		"mode":    func(n *ext2.Node) { n.Mode = 0o400 },
		"path":    func(n *ext2.Node) { n.Path += "x" },
	} {
		if uuidOf(func(n []ext2.Node) []ext2.Node { change(&n[last]); return n }) == same {
			t.Errorf("another %s makes no difference", what)
		}
	}
}

func TestRootDiskErrors(t *testing.T) {
	broken := ext2.Node{Path: "f", Size: 1, Open: func() (io.ReadCloser, error) { return nil, os.ErrPermission }}
	if _, err := RootDisk([]ext2.Node{broken}, 0, 512); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got %v", err)
	}
}

func TestPermDisk(t *testing.T) {
	disk := PermDisk(homeInput(t).Site)
	if disk.Label != "perm" || disk.Size != PermSize || disk.BlockSize != 4096 || disk.Journal != 4*mib {
		t.Errorf("got %+v", disk)
	}
}

func TestManifest(t *testing.T) {
	for example, name := range map[string]string{"home": "firewall.home.example", "office": "gate.office.example"} {
		t.Run(example, func(t *testing.T) { manifestOf(t, exampleInput(t, example), name) })
	}
}

func manifestOf(t *testing.T, in Input, name string) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in.Programs {
		in.Programs[i].Content = content // has build information, as the programs will
	}
	tree, err := Tree(in)
	if err != nil {
		t.Fatal(err)
	}
	kernel := Kernel{File: File{"vmlinuz", 1, "aa"}, Version: "6.1.1", Config: "bb"}
	disk := File{"firewall.ext2", 2, "cc"}
	m, err := NewManifest(in, tree, kernel, disk)
	if err != nil {
		t.Fatal(err)
	}
	if m.Kernel != kernel || m.Disk != disk || m.Version != in.Version || m.Site.Name != name || !strings.HasPrefix(m.Go, "go1.") {
		t.Errorf("got %+v", m)
	}
	if len(m.Tree) != len(tree) || !slices.IsSortedFunc(m.Tree, func(a, b Record) int { return strings.Compare(a.Path, b.Path) }) {
		t.Errorf("%d records for %d nodes", len(m.Tree), len(tree))
	}
	for _, want := range []Record{
		{Path: "/sbin/e2fsck", Mode: "-rwxr-xr-x", Size: 11, SHA256: "5e0f43abf17b06d30651fd264d7e5c3117c91df432ab2bd085cd9a946f79bc8f"},
		{Path: "/bin/ls", Mode: "Lrwxrwxrwx", Link: "userland"},
		{Path: "/bin/ip", Mode: "Lrwxrwxrwx", Link: "gatehouse"},
		{Path: "/dev/console", Mode: "Dcrw-------", Device: "5:1"},
		{Path: "/tmp", Mode: "dtrwxrwxrwx"},
	} {
		if !slices.Contains(m.Tree, want) {
			t.Errorf("the manifest lacks %+v", want)
		}
	}
}

// A manifest can be read back: other programs look things up in it.
func TestManifestRoundTrip(t *testing.T) {
	records, err := describe(homeTree(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Manifest{Version: "v1", Kernel: Kernel{File: File{Name: "vmlinuz"}}, Modules: []Module{{Path: "m"}}, Tree: records}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Manifest
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Kernel != want.Kernel || !slices.Equal(got.Tree, want.Tree) || !slices.Equal(got.Modules, want.Modules) {
		t.Errorf("got %+v", got)
	}
}

func TestManifestNeedsBuildInformation(t *testing.T) {
	if _, err := NewManifest(homeInput(t), nil, Kernel{}, File{}); err == nil || !strings.Contains(err.Error(), "build information of gatehouse") {
		t.Errorf("got %v", err)
	}
}
