package leasefile_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// FuzzFollow has a file grow, piece by piece, be cut off, and be replaced: who follows it knows in the end
// what one knows who reads it once. Each step is a byte: what it does, and how much. Some pieces are records,
// some any text.
func FuzzFollow(f *testing.F) {
	const header = "gatehouse-leases 1\n"
	lines := make([]string, 64)
	for n := range lines {
		dir := f.TempDir()
		j, _, err := leasefile.Open(leasefile.Dir(dir), func(lease.Lease) {})
		if err != nil {
			f.Fatal(err)
		}
		j.Append(record(n))
		if err := j.Sync(); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, leasefile.Name))
		if err != nil {
			f.Fatal(err)
		}
		lines[n], _, _ = strings.Cut(string(b[len(header):]), "\n")
		lines[n] += "\n"
	}
	f.Add([]byte(header), []byte{63, 64 + 1, 64 + 2, 64 + 3, 0x80 + 9, 64 + 4})
	f.Add([]byte(header+"bound x\n\n\x00\x00"), []byte{19, 64 + 1, 63, 64 + 2, 0xc0, 0x80 + 63, 64 + 1})
	f.Add([]byte("gatehouse-leases 2\n"), []byte{63, 64})
	f.Fuzz(func(t *testing.T, text, steps []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, leasefile.Name)
		followed := latest{}
		follow := leasefile.Follow(dir)
		defer follow.Close()
		var now []byte
		var failed error
		for _, step := range steps[:min(len(steps), 16)] {
			n := int(step & 63)
			switch step >> 6 {
			case 0: // it grows, by anything
				n = min(n, len(text))
				now, text = append(now, text[:n]...), text[n:]
			case 1:
				now = append(now, lines[n]...)
			case 2: // the end is cut off, and others will come in its place
				now = now[:max(0, len(now)-n)]
			case 3: // another has its name
				if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(path, now, 0o600); err != nil {
				t.Fatal(err)
			}
			failed = follow.Poll(func() { clear(followed) }, followed.add)
		}
		once := latest{}
		file, err := os.Open(path)
		if err != nil {
			return // no step
		}
		defer file.Close()
		_, err = leasefile.Read(file, once.add)
		if (err != nil) != (failed != nil) || err == nil && !maps.Equal(followed, once) {
			t.Errorf("followed %v, %v\nread at once %v, %v\n%q", followed, failed, once, err, now)
		}
	})
}
