package ext2

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What e2fsprogs reads of the journal is what mke2fs would have made.
func TestJournal(t *testing.T) { eachBlockSize(t, testJournal) }

func testJournal(t *testing.T, o Options) {
	o.Size, o.Journal = 128<<20, 1280*o.BlockSize
	name := writeImage(t, randomTree(1, format{o.BlockSize}), o)
	got := dumpe2fs(t, name)
	for field, want := range map[string]string{
		"Journal inode": "8", "Journal backup": "inode blocks", "Total journal blocks": "1280",
		"Journal start": "0", "Journal sequence": "0x00000001",
	} {
		if got[field] != want {
			t.Errorf("%s: %q, want %q", field, got[field], want)
		}
	}
	if !strings.Contains(got["Filesystem features"], "has_journal") {
		t.Errorf("features %s", got["Filesystem features"])
	}
}

// A journal that was not played back is, by the next who mounts or checks the disk: here debugfs leaves a
// transaction in it, which e2fsck must find and clean up.
func TestJournalIsPlayedBack(t *testing.T) { eachBlockSize(t, testJournalIsPlayedBack) }

func testJournalIsPlayedBack(t *testing.T, o Options) {
	o.Size, o.Journal = 64<<20, MinJournal*o.BlockSize
	name := writeImage(t, []Node{File("a", 0o644, []byte("old"))}, o)
	block := name + ".block"
	if err := os.WriteFile(block, make([]byte, o.BlockSize), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("debugfs", "-w", "-f", "-", name)
	cmd.Stdin = strings.NewReader("jo\njw -b 12000 " + block + "\njc\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("debugfs: %v\n%s", err, out)
	}
	if got := dumpe2fs(t, name)["Filesystem features"]; !strings.Contains(got, "needs_recovery") {
		t.Fatalf("debugfs left nothing to recover: %s", got)
	}
	if out, err := exec.Command("e2fsck", "-p", name).CombinedOutput(); err != nil || !strings.Contains(string(out), "recovering journal") {
		t.Errorf("e2fsck -p: %v\n%s", err, out)
	}
	fsck(t, name)
}

func TestJournalTooSmall(t *testing.T) { eachBlockSize(t, testJournalTooSmall) }

func testJournalTooSmall(t *testing.T, o Options) {
	o.Size = 64 << 20
	least := 1024 * o.BlockSize
	for _, size := range []int64{-1, 1, least - o.BlockSize, least + 1} {
		o.Journal = size
		if err := Write(new(memory), nil, o); err == nil || !strings.Contains(err.Error(), "journal") {
			t.Errorf("a journal of %d bytes: %v", size, err)
		}
	}
}
