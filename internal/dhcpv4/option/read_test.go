package option

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/rfc1035label"
)

func TestReadDomains(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3)
	for _, tc := range []struct {
		name, data string
		want       []string // nil: none
	}{
		// The example of RFC 3397 section 2.
		{"the RFC's own", "\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04", []string{"eng.apple.com", "marketing.apple.com"}},
		{"pointer to a name with a pointer", "\x01a\x00\x01b\xc0\x00\x01c\xc0\x03", []string{"a", "b.a", "c.b.a"}},
		{"a name that is a pointer only", "\x01a\x00\xc0\x00\x01b\x00", []string{"a", "a", "b"}},
		{"to itself", "\x01a\xc0\x00", nil},
		{"to what follows", "\xc0\x02\x01a\x00", nil},
		{"to a loop", "\x01a\x00\xc0\x05\xc0\x03", nil},
		{"outside", "\x01a\xc0\xff", nil},
		{"half a pointer", "\x01a\x00\x01b\xc0", nil},
		{"the root", "\x00", nil},
		{"without end", "\x01a", nil},
		{"nothing", "", nil},
		{"a label of neither kind", "\x40a\x00", nil},
		{"not a host's name", "\x02a_\x00", nil},
		{"longer than a name", long + "\x3e" + strings.Repeat("b", 62) + "\x00", nil},
		{"too many", "\x01a\x00" + strings.Repeat("\xc0\x00", MaxDomains), nil},
	} {
		if got, ok := ReadDomains([]byte(tc.data)); ok != (tc.want != nil) || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, %t", tc.name, got, ok)
		}
	}
}

func TestReadAddrs(t *testing.T) {
	got, ok := ReadAddrs([]byte("\xc0\x00\x02\x01\xc0\x00\x02\x02"))
	if want := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}; !ok || !slices.Equal(got, want) {
		t.Errorf("%v, %t", got, ok)
	}
	for _, bad := range []string{"", "\xc0\x00\x02", "\xc0\x00\x02\x01\xc0"} {
		if got, ok := ReadAddrs([]byte(bad)); ok || got != nil {
			t.Errorf("%x: %v", bad, got)
		}
	}
}

// FuzzRead: what is read obeys the rules for names, written again it is read as the
// same, and another's reader says the same of what both can read.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"))
	f.Add([]byte("\x01a\x00\x01b\xc0\x00\x01c\xc0\x03"))
	f.Add([]byte("\x0d\x0a\x08\xc0\xa8\x20\x02\x19\xc6\x33\x64\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		if domains, ok := ReadDomains(b); ok {
			compareDomains(t, b, domains)
		}
		if routes, ok := ReadRoutes(b); ok {
			compareRoutes(t, b, routes)
		}
		if addrs, ok := ReadAddrs(b); ok && len(addrs)*4 != len(b) {
			t.Fatalf("%x is %v", b, addrs)
		}
		if !bytes.Equal(b, before) {
			t.Fatal("the input was written to")
		}
	})
}

func compareDomains(t *testing.T, b []byte, domains []string) {
	var plain []byte
	for _, d := range domains {
		if !IsDomain(d) {
			t.Fatalf("%q is no domain", d)
		}
		plain = AppendDomain(plain, d)
	}
	if again, ok := ReadDomains(plain); !ok || !slices.Equal(again, domains) {
		t.Fatalf("%q is read again as %q", domains, again)
	}
	if peer, err := rfc1035label.FromBytes(plain); err != nil || !slices.Equal(peer.Labels, domains) {
		t.Fatalf("%q, the peer reads %q, %v", domains, peer, err)
	}
	if peer, err := rfc1035label.FromBytes(b); err == nil && !slices.Equal(peer.Labels, domains) {
		t.Fatalf("%q, the peer reads %q", domains, peer.Labels)
	}
}

func compareRoutes(t *testing.T, b []byte, routes []Route) {
	var peer dhcpv4.Routes
	if err := peer.FromBytes(b); err != nil || len(peer) != len(routes) {
		t.Fatalf("%v, the peer reads %v, %v", routes, peer, err)
	}
	for i, r := range routes {
		if ones, _ := peer[i].Dest.Mask.Size(); ones != r.To.Bits() || r.Via.IsValid() && peer[i].Router.String() != r.Via.String() {
			t.Fatalf("%v, the peer reads %v", r, peer[i])
		}
	}
}
