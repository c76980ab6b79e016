package leasefile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

var t0 = time.Date(2026, 11, 23, 9, 15, 0, 0, time.UTC)

// record returns the n-th of a sequence of records over some addresses.
func record(n int) lease.Lease {
	l := lease.Lease{
		Addr:  netip.AddrFrom4([4]byte{192, 168, 32, byte(100 + n*7%10)}),
		MAC:   lease.MAC{0, 0, 0x5e, 0, 0x53, byte(n)},
		Since: t0.Add(time.Duration(n) * 1001 * time.Millisecond),
		State: lease.State([]lease.State{lease.Bound, lease.Free, lease.Declined}[n%3]),
	}
	l.Until = l.Since.Add(12 * time.Hour).Truncate(time.Second)
	if n%2 == 0 {
		l.Name = fmt.Sprintf("laptop%d", n)
	}
	return l
}

// latest is what the leases of a journal amount to.
type latest map[netip.Addr]lease.Lease

func (m latest) add(l lease.Lease) { m[l.Addr] = l }

func open(t testing.TB, fs leasefile.FS) (*leasefile.Journal, latest, leasefile.Summary) {
	t.Helper()
	m := latest{}
	j, s, err := leasefile.Open(fs, m.add)
	if err != nil {
		t.Fatal(err)
	}
	return j, m, s
}

func write(t testing.TB, fs leasefile.FS, n int) latest {
	t.Helper()
	j, _, _ := open(t, fs)
	m := latest{}
	for i := range n {
		j.Append(record(i))
		m.add(record(i))
	}
	if err := errors.Join(j.Sync(), j.Close()); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFormat pins the published format.
func TestFormat(t *testing.T) {
	dir := t.TempDir()
	j, _, _ := open(t, leasefile.Dir(dir))
	j.Append(
		lease.Lease{Addr: netip.MustParseAddr("192.168.32.100"), MAC: lease.MAC{0, 0, 0x5e, 0, 0x53, 0x21},
			Name: "laptop", State: lease.Bound, Since: t0, Until: t0.Add(12 * time.Hour)},
		lease.Lease{Addr: netip.MustParseAddr("192.168.32.101"), MAC: lease.MAC{0, 0, 0x5e, 0, 0x53, 0x22},
			State: lease.Free, Since: t0, Until: t0.Add(1500 * time.Millisecond)},
		lease.Lease{Addr: netip.MustParseAddr("192.168.32.102"), MAC: lease.MAC{0, 0, 0x5e, 0, 0x53, 0x23},
			State: lease.Declined, Since: t0, Until: t0.Add(10 * time.Minute)},
	)
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	inUse, err := os.ReadFile(dir + "/leases")
	if err := errors.Join(err, j.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(dir + "/leases")
	if err != nil {
		t.Fatal(err)
	}
	want := `gatehouse-leases 1
bound 192.168.32.100 00:00:5e:00:53:21 2026-11-23T09:15:00Z 2026-11-23T21:15:00Z laptop 2845d36c
free 192.168.32.101 00:00:5e:00:53:22 2026-11-23T09:15:00Z 2026-11-23T09:15:01.5Z - 0be5e8cd
declined 192.168.32.102 00:00:5e:00:53:23 2026-11-23T09:15:00Z 2026-11-23T09:25:00Z - cadccd50
`
	if string(got) != want {
		t.Errorf("the file is\n%s\nwant\n%s", got, want)
	}
	if room := len(inUse) - len(got); room == 0 || string(inUse) != want+strings.Repeat("\x00", room) {
		t.Errorf("in use, the file is\n%.1000q", inUse)
	}
}

func TestRoundTrip(t *testing.T) {
	disk := new(leasefiletest.Disk)
	want := write(t, disk, 50)
	j, got, s := open(t, disk)
	if !maps.Equal(got, want) || s.Records != 50 || s.Damaged != 0 || s.Torn() != 0 || j.Records() != 50 {
		t.Errorf("read %v, %+v", got, s)
	}
}

// TestCutAtEveryByte cuts a journal at every byte: all records before the cut
// are there, the torn one is gone, and what is appended next is read again.
func TestCutAtEveryByte(t *testing.T) {
	whole := new(leasefiletest.Disk)
	write(t, whole, 6)
	b := whole.Bytes(leasefile.Name)
	for cut := range len(b) + 1 {
		disk := new(leasefiletest.Disk)
		disk.Put(leasefile.Name, b[:cut])
		want := latest{}
		for i := range max(0, bytes.Count(b[:cut], []byte("\n"))-1) {
			want.add(record(i))
		}
		j, got, s := open(t, disk)
		if !maps.Equal(got, want) || s.Damaged != 0 {
			t.Fatalf("cut at %d: %d leases, want %d; %+v", cut, len(got), len(want), s)
		}
		j.Append(record(9))
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		want.add(record(9))
		if _, got, s := open(t, disk); !maps.Equal(got, want) || s.Damaged != 0 || s.Torn() != 0 || !s.Header {
			t.Fatalf("cut at %d, then appended: %v, %+v", cut, got, s)
		}
	}
}

// TestTornInRoom cuts off a write into the room of a journal at every byte: that is
// no damage, and room alone is nothing to tell.
func TestTornInRoom(t *testing.T) {
	whole := new(leasefiletest.Disk)
	write(t, whole, 6)
	b := whole.Bytes(leasefile.Name)
	last := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
	const room = 100_000
	for cut := last; cut < len(b); cut++ {
		disk := new(leasefiletest.Disk)
		disk.Put(leasefile.Name, append(bytes.Clone(b[:cut]), make([]byte, room)...))
		j, _, s := open(t, disk)
		if s.Records != 5 || s.Damaged != 0 || s.Torn() != int64(cut-last) || s.Room != room {
			t.Fatalf("cut at %d: %+v", cut, s)
		}
		j.Append(record(9))
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		if _, _, s := open(t, disk); s.Records != 6 || s.Damaged != 0 || s.Torn() != 0 || s.Room == 0 {
			t.Fatalf("cut at %d, then appended: %+v", cut, s)
		}
	}
}

// TestDamageAtEveryByte changes each byte in turn: only the record it is in is
// lost, its line is named, nothing wrong is read.
func TestDamageAtEveryByte(t *testing.T) {
	whole := new(leasefiletest.Disk)
	write(t, whole, 6)
	b := whole.Bytes(leasefile.Name)
	lastLine := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
	for i := range lastLine - 1 {
		for _, c := range []byte{b[i] ^ 1, b[i] ^ 0x40, '\n', 0} {
			if c == b[i] {
				continue
			}
			bad := bytes.Clone(b)
			bad[i] = c
			line := 1 + bytes.Count(b[:i], []byte("\n"))
			var got []lease.Lease
			s, err := leasefile.Read(bytes.NewReader(bad), func(l lease.Lease) { got = append(got, l) })
			if errors.Is(err, leasefile.ErrVersion) && line == 1 {
				continue
			}
			if err != nil || s.Damaged == 0 || s.Damage[0].Line != line {
				t.Fatalf("byte %d (line %d) made %q: %+v %v", i, line, c, s, err)
			}
			lost := map[int]bool{line - 2: true}
			if b[i] == '\n' { // two lines in one
				lost[line-1] = true
			}
			var want []lease.Lease
			for n := range 6 {
				if !lost[n] {
					want = append(want, record(n))
				}
			}
			if !slices.Equal(got, want) {
				t.Fatalf("byte %d (line %d) made %q: read\n%v\nwant\n%v", i, line, c, got, want)
			}
		}
	}
}

func TestDamageIsNamed(t *testing.T) {
	disk := new(leasefiletest.Disk)
	write(t, disk, 6)
	lines := strings.SplitAfter(string(disk.Bytes(leasefile.Name)), "\n")
	lines[3] = strings.Replace(lines[3], "192", "193", 1)
	lines[4] = strings.Repeat("x", 100_000) + "\n"
	disk.Put(leasefile.Name, []byte(strings.Join(lines, "")))
	_, got, s := open(t, disk)
	want := "[line 4: the checksum does not match; skipped, the other records are kept" +
		" line 5: the line is too long; skipped, the other records are kept]"
	if fmt.Sprint(s.Damage) != want || len(got) != 4 {
		t.Errorf("%v, %d leases", s.Damage, len(got))
	}
}

func TestForeignFile(t *testing.T) {
	disk := new(leasefiletest.Disk)
	disk.Put(leasefile.Name, bytes.Repeat([]byte{0}, 4096))
	j, _, _ := open(t, disk)
	j.Append(record(1))
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	if b := disk.Bytes("leases.damaged"); len(b) != 4096 {
		t.Errorf("%d bytes were put aside", len(b))
	}
	if _, got, _ := open(t, disk); len(got) != 1 {
		t.Errorf("%v", got)
	}
	disk.Put(leasefile.Name, []byte("gatehouse-leases 2\nsomething new\n"))
	if _, _, err := leasefile.Open(disk, func(lease.Lease) {}); !errors.Is(err, leasefile.ErrVersion) {
		t.Errorf("a later version: %v", err)
	}
	if !bytes.HasPrefix(disk.Bytes(leasefile.Name), []byte("gatehouse-leases 2\n")) {
		t.Error("a journal of a later version was changed")
	}
}

// rewrite does all of a Rewrite at once.
func rewrite(j *leasefile.Journal) error {
	r := j.Begin(0, func(lease.Lease) bool { return true })
	if err := r.Run(context.Background()); err != nil {
		return err
	}
	return j.Finish(r)
}

func TestRewrite(t *testing.T) {
	disk := new(leasefiletest.Disk)
	want := write(t, disk, 1000)
	j, _, _ := open(t, disk)
	if err := rewrite(j); err != nil {
		t.Fatal(err)
	}
	if j.Records() != 10 {
		t.Errorf("%d records after a rewrite of ten", j.Records())
	}
	j.Append(record(1007))
	want.add(record(1007))
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, got, s := open(t, disk); !maps.Equal(got, want) || s.Records != 11 {
		t.Errorf("%+v %v", s, got)
	}
}

// TestRewriteBeside appends while a rewrite is under way: nothing of it is lost.
func TestRewriteBeside(t *testing.T) {
	disk := new(leasefiletest.Disk)
	want := write(t, disk, 1000)
	j, _, _ := open(t, disk)
	dropped := record(999).Addr
	r := j.Begin(0, func(l lease.Lease) bool { return l.Addr != dropped })
	add := func(n int) {
		j.Append(record(n))
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		want.add(record(n))
	}
	add(1001)
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	add(1002)
	if _, got, _ := open(t, disk); !maps.Equal(got, want) {
		t.Errorf("before it is finished: %v", got)
	}
	if err := j.Finish(r); err != nil {
		t.Fatal(err)
	}
	delete(want, dropped)
	if _, got, s := open(t, disk); !maps.Equal(got, want) || s.Records != 11 || j.Records() != 11 {
		t.Errorf("%d records, %+v, %v", j.Records(), s, got)
	}
	add(1003)
	if _, got, _ := open(t, disk); !maps.Equal(got, want) {
		t.Errorf("afterwards: %v", got)
	}
}

// TestRewriteGivesUp: the space of what is not finished is given back.
func TestRewriteGivesUp(t *testing.T) {
	disk := new(leasefiletest.Disk)
	want := write(t, disk, 10_000)
	j, _, _ := open(t, disk)
	all := func(lease.Lease) bool { return true }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Begin(0, all).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	r := j.Begin(0, all)
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	j.Append(record(1))
	want.add(record(1))
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	disk.Limit(1)
	if err := j.Finish(r); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full disk: %v", err)
	}
	disk.Limit(0)
	if n := len(disk.Bytes("leases.new")); n > 0 {
		t.Errorf("%d bytes were left", n)
	}
	if _, got, _ := open(t, disk); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestFailingDisk: while the disk fails so does Sync; afterwards all goes on,
// and nothing of a failed write is ever read.
func TestFailingDisk(t *testing.T) {
	disk := new(leasefiletest.Disk)
	j, _, _ := open(t, disk)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	j.Append(record(0))
	must(j.Sync())

	disk.Fail(syscall.EIO)
	j.Append(record(1))
	if err := j.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("failing disk: %v", err)
	}
	if err := rewrite(j); !errors.Is(err, syscall.EIO) {
		t.Fatalf("failing disk: %v", err)
	}
	disk.Fail(nil)
	j.Append(record(2))
	must(j.Sync())

	disk.Limit(len(disk.Bytes(leasefile.Name)) + 20)
	j.Append(record(3)) // there is room for it
	must(j.Sync())
	for range 10_000 { // for some of these
		j.Append(record(5))
	}
	if err := j.Sync(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("full disk: %v", err)
	}
	if err := rewrite(j); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("full disk: %v", err)
	}
	disk.Limit(0)
	j.Append(record(4))
	must(j.Sync())

	want := latest{}
	for _, n := range []int{0, 2, 3, 4} {
		want.add(record(n))
	}
	if _, got, s := open(t, disk); !maps.Equal(got, want) || s.Damaged != 0 {
		t.Errorf("%v %+v", got, s)
	}
}

// TestPowerCut cuts the power at random moments, with rewrites and failing syncs
// between: whatever Sync promised is there.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 3))
		disk := new(leasefiletest.Disk)
		j, promised, _ := open(t, disk)
		hoped := map[netip.Addr][]lease.Lease{} // appended later, not promised
		var begun *leasefile.Rewrite
		for range 30 {
			switch r.IntN(11) {
			case 0:
				disk.Fail(syscall.EIO)
			case 1:
				disk.FailSync(syscall.EIO)
			case 2, 3, 4:
				disk.Fail(nil)
				disk.FailSync(nil)
			case 5:
				if begun == nil {
					_ = rewrite(j)
				}
			case 6:
				if begun != nil {
					break
				}
				begun = j.Begin(0, func(lease.Lease) bool { return true })
				if begun.Run(t.Context()) != nil {
					begun = nil
				}
			case 7:
				if begun != nil {
					_ = j.Finish(begun)
				}
				begun = nil
			}
			batch := latest{}
			for range 1 + r.IntN(4) {
				batch.add(record(r.IntN(250)))
			}
			j.Append(slices.Collect(maps.Values(batch))...)
			last := r.IntN(5) == 0
			kept := !last && j.Sync() == nil
			for addr, l := range batch {
				if kept {
					promised[addr], hoped[addr] = l, nil
				} else {
					hoped[addr] = append(hoped[addr], l)
				}
			}
			if last {
				break
			}
		}
		_, got, s := open(t, disk.PowerCut(r))
		for addr, l := range promised {
			if got[addr] != l && !slices.Contains(hoped[addr], got[addr]) {
				t.Fatalf("seed %d: %s was promised as\n%v\nfound\n%v\n%+v", seed, addr, l, got[addr], s)
			}
		}
	}
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	f := leasefile.Follow(dir)
	defer f.Close()
	seen, restarts := latest{}, 0
	poll := func(wantRestarts int, want latest) {
		t.Helper()
		if err := f.Poll(func() { clear(seen); restarts++ }, seen.add); err != nil {
			t.Fatal(err)
		}
		if restarts != wantRestarts || !maps.Equal(seen, want) {
			t.Fatalf("%d restarts, %v; want %d, %v", restarts, seen, wantRestarts, want)
		}
	}
	want := latest{}
	poll(0, want)
	j, _, _ := open(t, leasefile.Dir(dir))
	add := func(n int) {
		j.Append(record(n))
		want.add(record(n))
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	add(0)
	poll(1, want)
	poll(1, want)
	add(1)
	add(2)
	poll(1, want)
	if err := rewrite(j); err != nil {
		t.Fatal(err)
	}
	add(3)
	poll(2, want)
}

func FuzzRead(f *testing.F) {
	disk := new(leasefiletest.Disk)
	write(f, disk, 3)
	f.Add(disk.Bytes(leasefile.Name))
	f.Fuzz(func(t *testing.T, b []byte) {
		var first []lease.Lease
		s, err := leasefile.Read(bytes.NewReader(b), func(l lease.Lease) { first = append(first, l) })
		if err != nil {
			return
		}
		if s.Size != int64(len(b)) || s.Good > s.Size || s.Records != len(first) {
			t.Fatalf("%+v of %d bytes", s, len(b))
		}
		// What was read, once written, is read again.
		disk := new(leasefiletest.Disk)
		j, _, err := leasefile.Open(disk, func(lease.Lease) {})
		if err != nil {
			t.Fatal(err)
		}
		j.Append(first...)
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
		var again []lease.Lease
		if _, _, err := leasefile.Open(disk, func(l lease.Lease) { again = append(again, l) }); err != nil || !slices.Equal(first, again) {
			t.Fatalf("%v\nread again as\n%v\n%v", first, again, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	disk := new(leasefiletest.Disk)
	write(b, disk, 100_000)
	data := disk.Bytes(leasefile.Name)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := leasefile.Read(bytes.NewReader(data), func(lease.Lease) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRewrite measures the rewriting of a journal of a million leases on a real
// disk: the work beside, and for how long it stops the journal in the end, with ten
// thousand records that came meanwhile.
func BenchmarkRewrite(b *testing.B) {
	dir := leasefile.Dir(b.TempDir())
	j, _, err := leasefile.Open(dir, func(lease.Lease) {})
	if err != nil {
		b.Fatal(err)
	}
	add := func(from, to int) {
		for n := from; n < to; n++ {
			l := record(n * 3)
			l.Addr = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
			j.Append(l)
		}
		if err := j.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	for n := range 100 {
		add(n*10_000, (n+1)*10_000)
	}
	var pause time.Duration
	for b.Loop() {
		r := j.Begin(0, func(lease.Lease) bool { return true })
		if err := r.Run(b.Context()); err != nil {
			b.Fatal(err)
		}
		add(0, 10_000)
		before := time.Now()
		if err := j.Finish(r); err != nil {
			b.Fatal(err)
		}
		pause += time.Since(before)
	}
	b.ReportMetric(pause.Seconds()*1000/float64(b.N), "ms-pause")
}
