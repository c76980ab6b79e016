package partition

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGPT: a table is what sfdisk says that it is, and one that was changed behind its back is damaged.
func TestGPT(t *testing.T) {
	const sfdisk = "/usr/sbin/sfdisk"
	name := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	table := exec.Command(sfdisk, "-q", name)
	table.Stdin = strings.NewReader("label: gpt\nstart=2048,size=4096,name=\"a b\"\nsize=8192,name=\"änd\"\n")
	if out, err := table.CombinedOutput(); err != nil {
		t.Fatalf("%s (Debian package fdisk): %v\n%s", sfdisk, err, out)
	}
	out, err := exec.Command(sfdisk, "-J", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Table struct {
			ID         string
			FirstLBA   uint64
			LastLBA    uint64
			Partitions []struct {
				Start, Size uint64
				Name        string
			}
		} `json:"partitiontable"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, p := range said.Table.Partitions {
		want = append(want, fmt.Sprint(i+1, p.Start, p.Start+p.Size-1, p.Name))
	}
	g, err := ReadGPT(f, SectorSize)
	if err != nil || g.HeaderDamaged || g.EntriesDamaged {
		t.Fatal(g, err)
	}
	var got []string
	for _, p := range g.Parts {
		got = append(got, fmt.Sprint(p.Number, p.First, p.Last, p.Name))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(want) != 2 || !strings.EqualFold(g.ID, said.Table.ID) ||
		g.First != said.Table.FirstLBA || g.Last != said.Table.LastLBA || g.Entries != 128 {
		t.Errorf("%+v, want %+v", g, said.Table)
	}
	for _, at := range []int64{SectorSize + 60, 2*SectorSize + 60} {
		if _, err := f.WriteAt([]byte{0x55}, at); err != nil {
			t.Fatal(err)
		}
	}
	if g, err = ReadGPT(f, SectorSize); err != nil || !g.HeaderDamaged || !g.EntriesDamaged {
		t.Error("nothing is damaged", err)
	}
}
