package stationfile

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// sample is what the package documentation shows.
const sample = `gatehouse-stations 1
current eui64 2001:db8:32:0:211:22ff:fe33:4455 00:11:22:33:44:55 lan 2026-11-29T12:00:00Z 2026-11-30T18:00:00Z 30h0m0s
former stable fd00:32::5e1f:1 00:00:5e:00:53:02 lan 2026-11-01T12:00:00Z 2026-11-29T09:30:00Z 170h0m0s
`

func samples() []Station {
	at := func(d, h, m int) time.Time { return time.Date(2026, 11, d, h, m, 0, 0, time.UTC) }
	return []Station{
		{
			Current: true, Kind: stations.EUI64, Addr: netip.MustParseAddr("2001:db8:32:0:211:22ff:fe33:4455"),
			MAC: ethernet.MAC{0, 0x11, 0x22, 0x33, 0x44, 0x55}, Network: "lan", First: at(29, 12, 0), Last: at(30, 18, 0), Used: 30 * time.Hour,
		},
		{
			Kind: stations.Stable, Addr: netip.MustParseAddr("fd00:32::5e1f:1"), MAC: ethernet.MAC{0, 0, 0x5e, 0, 0x53, 2}, Network: "lan",
			First: at(1, 12, 0), Last: at(29, 9, 30), Used: 170 * time.Hour,
		},
	}
}

func TestFormat(t *testing.T) {
	if got := string(Append(nil, samples())); got != sample {
		t.Errorf("written:\n%s\nwant\n%s", got, sample)
	}
	got, err := Parse([]byte(sample))
	if err != nil || !slices.Equal(got, samples()) {
		t.Errorf("read: %+v, %v", got, err)
	}
}

// TestErrors: what is wrong is said, with its line.
func TestErrors(t *testing.T) {
	lines := strings.SplitAfter(sample, "\n")
	with := func(old, other string) string { return lines[0] + lines[1] + strings.Replace(lines[2], old, other, 1) }
	for text, want := range map[string]string{
		"":                                     `line 1: want "gatehouse-stations 1"`,
		"gatehouse-leases 1\n":                 `line 1: want "gatehouse-stations 1"`,
		"gatehouse-stations 2\n":               `line 1: file of stations of another version: "gatehouse-stations 2"`,
		sample[:len(sample)-1]:                 "line 3: it has no end",
		sample + lines[1]:                      "line 4: the second one of 2001:db8:32:0:211:22ff:fe33:4455",
		sample + "\n":                          "line 4: 1 fields: want 8",
		with("former", "past"):                 `line 3: "past": want current or former`,
		with("stable", "sometimes"):            `line 3: "sometimes": no kind of address`,
		with("fd00:32::5e1f:1", "192.0.2.1"):   "line 3: 192.0.2.1: want an IPv6 address",
		with("fd00:32::5e1f:1", "fe80::1%lan"): "line 3: fe80::1%lan: want an IPv6 address",
		with("00:00:5e", "00-00-5e"):           "line 3: hardware address",
		with(" lan ", " l.n "):                 `line 3: "l.n": want the name of a network`,
		with(" lan ", "  "):                    `line 3: "": want the name of a network`,
		with("2026-11-01T", "2026-11-01 "):     "line 3: 9 fields: want 8",
		with("170h0m0s", "-1s"):                "line 3: -1s in use",
		lines[0] + strings.Repeat("x", 100):    "line 2: it has no end",
	} {
		if all, err := Parse([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) || all != nil {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, err := Parse([]byte("gatehouse-stations 2\n")); !errors.Is(err, ErrVersion) {
		t.Errorf("another version: %v", err)
	}
}

// TestBound: the largest file that can be is not too large, and one address more is refused.
func TestBound(t *testing.T) {
	var all []Station
	for i := range stations.MaxAddresses + 1 {
		s := samples()[0]
		s.Network = strings.Repeat("n", maxName)
		s.Used = 30*24*time.Hour + 59*time.Minute + 59*time.Second
		s.Addr = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, byte(i >> 8), byte(i)})
		all = append(all, s)
	}
	b := Append(nil, all)
	if _, err := Parse(b); err == nil || len(b) > MaxSize {
		t.Errorf("%d bytes of %d, %v", len(b), MaxSize, err)
	}
	if got, err := Parse(Append(nil, all[1:])); err != nil || len(got) != stations.MaxAddresses {
		t.Errorf("%d addresses, %v", len(got), err)
	}
}

func TestFollow(t *testing.T) {
	dir := t.TempDir()
	f := Follow(dir)
	poll := func(what string, want int, changes bool) {
		t.Helper()
		all, changed, err := f.Poll()
		if err != nil || changed != changes || len(all) != want {
			t.Errorf("%s: %d stations, changed %v, %v", what, len(all), changed, err)
		}
	}
	write := func(all []Station) {
		t.Helper()
		if err := Write(dir, all); err != nil {
			t.Fatal(err)
		}
	}
	poll("no file", 0, false)
	write(samples())
	poll("the first", 2, true)
	poll("the same", 0, false)
	write(samples()[:1])
	poll("another", 1, true)
	path := filepath.Join(dir, Name)
	if err := os.WriteFile(path, []byte("no such file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, changed, err := f.Poll(); err == nil || changed || !strings.Contains(err.Error(), path+": line 1: want") {
			t.Errorf("a bad one: changed %v, %v", changed, err)
		}
	}
	write(samples())
	poll("a good one again", 2, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	poll("it is gone", 0, true)
	poll("and stays so", 0, false)
}

// FuzzParse: what is read can be written, and read again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(header + "\n"))
	f.Add([]byte(strings.ReplaceAll(sample, "Z", "+02:00")))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := Parse(b)
		if err != nil {
			return
		}
		for i := range all {
			all[i].Used = all[i].Used.Truncate(time.Second)
			all[i].First, all[i].Last = all[i].First.Truncate(time.Second), all[i].Last.Truncate(time.Second)
		}
		again, err := Parse(Append(nil, all))
		if err != nil || !slices.Equal(all, again) {
			t.Errorf("%+v\n%+v\n%v", all, again, err)
		}
	})
}
