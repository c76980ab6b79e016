package hooks

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func value(t *testing.T, env []string, name string) string {
	t.Helper()
	for _, v := range env {
		if n, value, _ := strings.Cut(v, "="); n == name {
			return value
		}
	}
	t.Errorf("there is no %s in %q", name, env)
	return ""
}

// TestFormats has values of each kind, whole, damaged and hostile.
func TestFormats(t *testing.T) {
	long := []byte("\x05hello\x03com\x00\x04host\xc0\x06")
	for _, tc := range []struct {
		code        uint8
		data        string
		name, value string
	}{
		{1, "\xff\xff\xff\x00", "subnet", "255.255.255.0"},
		{2, "\xff\xff\xf1\xf0", "timezone", "-3600"},
		{3, "\xc0\x00\x02\x01\xc0\x00\x02\x02\x09", "router", "192.0.2.1 192.0.2.2"},
		{3, "\xc0\x00\x02", "router", ""},
		{6, "", "dns", ""},
		{12, "box-1.example_", "hostname", "box-1.example_"},
		{12, "-rf", "hostname", "bad"},
		{15, "a.example b.example", "domain", "bad"},
		{15, "x$(reboot)", "domain", "bad"},
		{15, "x\ny", "domain", "bad"},
		{15, "caf\xc3\xa9", "domain", "bad"},
		{15, "a.example\x00;reboot", "domain", "a.example"},
		{17, "iscsi:\x1b[2J\r\nip=1.2.3.4\x00rest", "rootpath", `iscsi:\x1b[2J\x0d\x0aip=1.2.3.4`},
		{23, "\x40", "ipttl", "64"},
		{26, "\x05\xdc", "mtu", "1500"},
		{33, "\x0a\x00\x00\x00\xc0\x00\x02\x01", "routes", "10.0.0.0/192.0.2.1"},
		{51, "\xff\xff\xff\xff", "lease", "4294967295"},
		{56, "no address for you\xff", "message", `no address for you\xff`},
		{119, string(long), "search", "hello.com host.com"},
		{119, "\x05hello\xc0\x00", "search", ""},
		{120, "\x01\xc0\x00\x02\x01", "sipsrv", "192.0.2.1"},
		{120, "\x00\x03sip\x03com\x00", "sipsrv", "sip.com"},
		{120, "\x07", "sipsrv", ""},
		{121, "\x00\xc0\x00\x02\x01\x18\x0a\x01\x02\xc0\x00\x02\x02\x20\x0a\x01\x02\x03\x00\x00\x00\x00",
			"staticroutes", "0.0.0.0/0 192.0.2.1 10.1.2.0/24 192.0.2.2 10.1.2.3/32 0.0.0.0"},
		{121, "\x00\xc0\x00\x02\x01\x18\x0a\x01\x02\xc0", "staticroutes", ""},
		{132, "\x00\x07", "vlanid", "7"},
		{212, "\x18\x20 \x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x01", "ip6rd",
			"24 32 2001:0db8:0000:0000:0000:0000:0000:0000 192.0.2.1"},
		{212, "\x00\x70 \x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x01", "ip6rd", ""},
		{249, "\x08\x0a\xc0\x00\x02\x01", "msstaticroutes", "10.0.0.0/8 192.0.2.1"},
		{43, "\x01\x00\xff", "opt43", "0100ff"},
		{58, "\x00\x00\x07\x08", "opt58", "00000708"},
	} {
		env := Environ(Event{Bound, "wan0", &Message{Options: []Option{{tc.code, []byte(tc.data)}}}})
		if got := value(t, env, tc.name); got != tc.value {
			t.Errorf("option %d of %q is %s=%q, want %q", tc.code, tc.data, tc.name, got, tc.value)
		}
	}
}

// TestEnviron is a whole message.
func TestEnviron(t *testing.T) {
	m := &Message{
		IP: netip.MustParseAddr("192.0.2.100"), NextIP: netip.MustParseAddr("192.0.2.7"), RelayIP: netip.IPv4Unspecified(),
		BootFile: []byte("pxe\x00junk"), Server: []byte("boot\x1b"),
		Options: []Option{
			{1, []byte{255, 255, 254, 0}}, {1, []byte{255, 0, 0, 0}}, {52, []byte{1}}, {43, make([]byte, MaxData)},
			{26, []byte{5, 0}},
		},
	}
	got := Environ(Event{Renew, "wan0", m})
	want := []string{
		"interface=wan0", "subnet=255.255.254.0", "mask=23", "mtu=1280", "ip=192.0.2.100", "siaddr=192.0.2.7",
		"boot_file=pxe", `sname=boot\x1b`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := Environ(Event{Name: Deconfig, Interface: "wan0"}); !slices.Equal(got, want[:1]) {
		t.Errorf("deconfig has %q", got)
	}
}

// FuzzEnviron: whatever a server says, each variable is one printable line under a name of
// its own, and all together are bounded.
func FuzzEnviron(f *testing.F) {
	f.Add([]byte("\x0f\x09a.example\n\x79\x05\x00\xc0\x00\x02\x01\x77\x07\x03com\x00\xc0\x00"), "x")
	f.Fuzz(func(t *testing.T, b []byte, link string) {
		m := &Message{IP: netip.MustParseAddr("192.0.2.100"), BootFile: b, Server: b}
		for len(b) >= 2 {
			n := min(int(b[1]), len(b)-2)
			m.Options = append(m.Options, Option{b[0], b[2 : 2+n]})
			b = b[2+n:]
		}
		seen := map[string]bool{}
		size := 0
		for _, v := range Environ(Event{Bound, link, m}) {
			name, value, ok := strings.Cut(v, "=")
			odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }
			if !ok || name == "" || strings.ContainsFunc(name, odd) || seen[name] {
				t.Errorf("the name of %q", v)
			}
			unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
			if !utf8.ValidString(value) || strings.ContainsFunc(value, unprintable) {
				t.Errorf("the value of %q", v)
			}
			if slices.Contains([]string{"domain", "hostname", "nisdomain", "tftp", "search"}, name) &&
				(strings.HasPrefix(value, "-") || strings.ContainsAny(value, "$`;&|<>()'\"\\*?")) {
				t.Errorf("a name that a shell does something with: %q", v)
			}
			seen[name] = true
			size += len(v) + 1
		}
		if size > 64<<10+4*len(link) {
			t.Errorf("%d bytes in all", size)
		}
	})
}

// TestQueue puts events in without any being told, and says what is told in the end.
func TestQueue(t *testing.T) {
	for in, want := range map[string]string{
		"deconfig":                                  "deconfig1",
		"bound renew":                               "bound2",
		"renew bound":                               "bound2",
		"renew renew renew":                         "renew3",
		"bound deconfig":                            "deconfig2",
		"deconfig bound":                            "deconfig1 bound2",
		"deconfig bound renew":                      "deconfig1 bound3",
		"deconfig bound deconfig bound":             "deconfig3 bound4",
		"nak deconfig leasefail leasefail":          "nak1 deconfig2 leasefail4",
		"renew nak deconfig bound nak renew":        "deconfig3 nak5 bound6",
		"deconfig leasefail leasefail leasefail":    "deconfig1 leasefail4",
		"bound renew nak deconfig leasefail nak":    "deconfig4 leasefail5 nak6",
		"renew deconfig nak leasefail bound renew":  "deconfig2 nak3 leasefail4 bound6",
		"leasefail bound leasefail bound leasefail": "bound4 leasefail5",
	} {
		var q Queue
		var told []string
		left := 0
		for i, name := range strings.Fields(in) {
			left += q.Put(Event{Name: Name(name), Interface: fmt.Sprint(i + 1)})
		}
		for e, ok := q.Next(); ok; e, ok = q.Next() {
			told = append(told, string(e.Name)+e.Interface)
		}
		got := strings.Join(told, " ")
		if got != want || left+len(told) != len(strings.Fields(in)) {
			t.Errorf("%s: told %s, %d left out, want %s", in, got, left, want)
		}
	}
}

// TestQueueKeepsUp: a program that hears only what the queue holds knows in the end what one
// that hears all knows: whether there is a lease, and which; and it never has one that it
// should not have for longer than it takes to tell.
func TestQueueKeepsUp(t *testing.T) {
	names := []Name{Deconfig, Bound, Renew, NAK, LeaseFail}
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		var q Queue
		var all, slow string // the lease each knows
		hear := func(lease *string, e Event) {
			switch e.Name {
			case Deconfig:
				*lease = ""
			case Bound:
				*lease = e.Interface
			case Renew:
				if *lease == "" {
					t.Fatalf("seed %d: a renewal of a lease that was never told", seed)
				}
				*lease = e.Interface
			}
		}
		for i := range 200 {
			e := Event{Name: names[r.IntN(len(names))], Interface: fmt.Sprint(i)}
			if e.Name == Renew && all == "" {
				e.Name = Bound
			}
			hear(&all, e)
			q.Put(e)
			if len(q.all) > 4 {
				t.Fatalf("seed %d: it holds %v", seed, q.all)
			}
			for range r.IntN(2) {
				if e, ok := q.Next(); ok {
					hear(&slow, e)
				}
			}
		}
		for e, ok := q.Next(); ok; e, ok = q.Next() {
			hear(&slow, e)
		}
		if all != slow {
			t.Errorf("seed %d: knows %q, and it is %q", seed, slow, all)
		}
	}
}
