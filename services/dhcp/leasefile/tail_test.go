package leasefile_test

import (
	"bytes"
	"context"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// upTo is what the first n records amount to.
func upTo(n int) latest {
	m := latest{}
	for i := range n {
		m.add(record(i))
	}
	return m
}

// goesOn opens the journal b, checks that it has want, appends a record, and checks
// that it is read again with nothing between.
func goesOn(t *testing.T, b []byte, want latest) {
	t.Helper()
	disk := new(leasefiletest.Disk)
	disk.Put(leasefile.Name, b)
	j, got, s := open(t, disk)
	if !maps.Equal(got, want) {
		t.Fatalf("of %q were read\n%v\nwant\n%v\n%+v", b, got, want, s)
	}
	j.Append(record(9))
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	want = maps.Clone(want)
	want.add(record(9))
	if _, got, s := open(t, disk); !maps.Equal(got, want) || s.Torn() != 0 {
		t.Fatalf("after %q was opened and written to: %v, %+v", b, got, s)
	}
}

// TestEveryByteOfTheTail gives each byte of the last record every other value, and
// each of the record before: nothing but that record is lost, and nothing wrong is read.
func TestEveryByteOfTheTail(t *testing.T) {
	whole := new(leasefiletest.Disk)
	write(t, whole, 4)
	b := whole.Bytes(leasefile.Name)
	last := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
	before := bytes.LastIndexByte(b[:last-1], '\n') + 1
	lastLost, beforeLost := upTo(3), upTo(2)
	beforeLost.add(record(3))
	for i := before; i < len(b); i++ {
		for c := range 256 {
			if byte(c) == b[i] || byte(c)^b[i] == 'a'^'A' && i >= len(b)-9 { // the case of a digit of the checksum is no matter
				continue
			}
			bad := bytes.Clone(b)
			bad[i] = byte(c)
			want := lastLost
			switch {
			case i == last-1: // the two lines are one
				want = upTo(2)
			case i < last:
				want = beforeLost
			}
			if c%32 == 0 {
				goesOn(t, bad, want)
				continue
			}
			got := latest{}
			if s, err := leasefile.Read(bytes.NewReader(bad), got.add); err != nil || !maps.Equal(got, want) || int(s.Torn())+s.Damaged == 0 {
				t.Fatalf("byte %d made %#x: %v, %+v, %v", i, c, got, s, err)
			}
		}
	}
}

// TestTornTail cuts a journal at every byte and puts there what file systems are known
// to leave where a write was under way: zeros, a piece of something else, a piece of
// the same.
func TestTornTail(t *testing.T) {
	whole := new(leasefiletest.Disk)
	write(t, whole, 4)
	b := whole.Bytes(leasefile.Name)
	rests := [][]byte{make([]byte, 1), make([]byte, 512), bytes.Repeat([]byte{0xff}, 4096), []byte("\x7fELF\x02\x01\x01\n\n"), []byte("\n"), b[len(b)-40:]}
	for cut := bytes.IndexByte(b, '\n') + 1; cut < len(b); cut++ {
		for _, rest := range rests {
			torn := append(bytes.Clone(b[:cut]), rest...)
			whole := 0
			for n := 1; n <= 4; n++ { // what is there may happen to be the rest
				line := bytes.Join(bytes.SplitAfter(b, []byte("\n"))[:n+1], nil)
				if bytes.HasPrefix(torn, line) {
					whole = n
				}
			}
			goesOn(t, torn, upTo(whole))
		}
	}
}

// TestHalfRewriteIsNothing has every piece of a rewrite lie about, as a power cut
// leaves it: the journal is what it was, and can be rewritten.
func TestHalfRewriteIsNothing(t *testing.T) {
	whole := new(leasefiletest.Disk)
	want := write(t, whole, 30)
	b := whole.Bytes(leasefile.Name)
	j, _, _ := open(t, whole)
	if err := rewrite(j); err != nil {
		t.Fatal(err)
	}
	done := whole.Bytes(leasefile.Name)
	for cut := range len(done) + 1 {
		disk := new(leasefiletest.Disk)
		disk.Put(leasefile.Name, b)
		disk.Put("leases.new", done[:cut])
		j, got, _ := open(t, disk)
		if !maps.Equal(got, want) {
			t.Fatalf("beside %d bytes of a rewrite: %v", cut, got)
		}
		r := j.Begin(0, func(lease.Lease) bool { return true })
		if err := r.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := j.Finish(r); err != nil {
			t.Fatal(err)
		}
		if _, got, s := open(t, disk); !maps.Equal(got, want) || s.Records != len(want) || s.Damaged+int(s.Torn()) > 0 {
			t.Fatalf("rewritten over %d bytes of another: %v, %+v", cut, got, s)
		}
	}
}

// TestDurable: what is on disk, and what has come since, but not what is on its way.
func TestDurable(t *testing.T) {
	j, _, err := leasefile.Open(new(leasefiletest.Disk), func(lease.Lease) {})
	if err != nil {
		t.Fatal(err)
	}
	numbered := func(n byte) lease.Lease {
		return lease.Lease{
			Addr: netip.AddrFrom4([4]byte{10, 0, 0, n}), MAC: lease.MAC{2, 0, 0, 0, 0, n},
			State: lease.Bound, Since: time.Unix(1, 0).UTC(), Until: time.Unix(9, 0).UTC(),
		}
	}
	read := func(from int64) (found []byte, to int64) {
		r, to := j.Durable(from)
		if _, err := leasefile.Read(r, func(l lease.Lease) { found = append(found, l.MAC[5]) }); err != nil {
			t.Error(err)
		}
		return found, to
	}
	j.Append(numbered(1), numbered(2))
	if err := j.Sync(); err != nil {
		t.Fatal(err)
	}
	j.Append(numbered(3))
	c := j.Start()
	c.Run()
	j.Append(numbered(4))
	found, at := read(0)
	if !bytes.Equal(found, []byte{1, 2}) {
		t.Errorf("at first %v", found)
	}
	if err := j.End(c); err != nil {
		t.Fatal(err)
	}
	if found, _ := read(at); !bytes.Equal(found, []byte{3}) {
		t.Errorf("since then %v", found)
	}
	if found, _ := read(0); !bytes.Equal(found, []byte{1, 2, 3}) {
		t.Errorf("in all %v", found)
	}
}
