package dhcpv6_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	peer "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
)

// deep is a message with all that it holds, read.
type deep struct {
	kind   dhcpv6.MessageType
	id     uint32
	nas    []na
	pds    []pd
	status dhcpv6.Status
	dns    []netip.Addr
	search []string
	ntp    dhcpv6.NTP
	codes  []uint16
	client string
}

// ask adds a code once, as the peer reads them.
func (d *deep) ask(code uint16) {
	if !slices.Contains(d.codes, code) {
		d.codes = append(d.codes, code)
	}
}

type (
	na struct {
		id, t1, t2 uint32
		addrs      []addr
		status     dhcpv6.Status
	}
	addr struct {
		addr             netip.Addr
		preferred, valid uint32
	}
	pd struct {
		id, t1, t2 uint32
		prefixes   []prefix
		status     dhcpv6.Status
	}
	prefix struct {
		prefix           netip.Prefix
		preferred, valid uint32
	}
)

func secs(d time.Duration) uint32 { return uint32(d / time.Second) }

// readOurs reads all of a message.
func readOurs(b []byte) (d deep, err error) {
	m, err := dhcpv6.Read(b)
	if err != nil {
		return d, err
	}
	note := func(e error) { err = errors.Join(err, e) }
	d.kind, d.id, d.client = m.Type, m.ID, string(m.Options.Get(dhcpv6.OptionClientID))
	for data := range m.Options.All(dhcpv6.OptionIANA) {
		ia, e := dhcpv6.ReadIA(data)
		note(e)
		one := na{id: ia.ID, t1: secs(ia.T1), t2: secs(ia.T2)}
		for data := range ia.Options.All(dhcpv6.OptionIAAddr) {
			a, e := dhcpv6.ReadAddress(data)
			note(e)
			one.addrs = append(one.addrs, addr{a.Addr, secs(a.Preferred), secs(a.Valid)})
		}
		one.status, e = ia.Options.Status()
		note(e)
		d.nas = append(d.nas, one)
	}
	for data := range m.Options.All(dhcpv6.OptionIAPD) {
		ia, e := dhcpv6.ReadIA(data)
		note(e)
		one := pd{id: ia.ID, t1: secs(ia.T1), t2: secs(ia.T2)}
		for data := range ia.Options.All(dhcpv6.OptionIAPrefix) {
			p, e := dhcpv6.ReadPrefix(data)
			note(e)
			one.prefixes = append(one.prefixes, prefix{p.Prefix, secs(p.Preferred), secs(p.Valid)})
		}
		one.status, e = ia.Options.Status()
		note(e)
		d.pds = append(d.pds, one)
	}
	var e error
	d.status, e = m.Options.Status()
	note(e)
	d.dns, e = dhcpv6.ReadAddrs(m.Options.Get(dhcpv6.OptionDNS))
	note(e)
	d.search, e = dhcpv6.ReadDomains(m.Options.Get(dhcpv6.OptionSearch))
	note(e)
	d.ntp, e = dhcpv6.ReadNTP(m.Options.Get(dhcpv6.OptionNTP))
	note(e)
	codes, e := dhcpv6.ReadCodes(m.Options.Get(dhcpv6.OptionORO))
	note(e)
	for _, c := range codes {
		d.ask(c)
	}
	return d, err
}

// readPeer has the peer do so.
func readPeer(b []byte) (d deep, err error) {
	m, err := peer.MessageFromBytes(b)
	if err != nil {
		return d, err
	}
	d.kind = dhcpv6.MessageType(m.MessageType)
	d.id = uint32(m.TransactionID[0])<<16 | uint32(m.TransactionID[1])<<8 | uint32(m.TransactionID[2])
	if c := m.Options.ClientID(); c != nil {
		d.client = string(c.ToBytes())
	}
	status := func(s *peer.OptStatusCode) (to dhcpv6.Status) {
		if s != nil {
			to = dhcpv6.Status{Code: dhcpv6.StatusCode(s.StatusCode), Message: s.StatusMessage}
		}
		return to
	}
	for _, ia := range m.Options.IANA() {
		one := na{id: be(ia.IaId[:]), t1: secs(ia.T1), t2: secs(ia.T2), status: status(ia.Options.Status())}
		for _, a := range ia.Options.Addresses() {
			one.addrs = append(one.addrs, addr{from(a.IPv6Addr), secs(a.PreferredLifetime), secs(a.ValidLifetime)})
		}
		d.nas = append(d.nas, one)
	}
	for _, ia := range m.Options.IAPD() {
		one := pd{id: be(ia.IaId[:]), t1: secs(ia.T1), t2: secs(ia.T2), status: status(ia.Options.Status())}
		for _, p := range ia.Options.Prefixes() {
			to := netip.PrefixFrom(netip.IPv6Unspecified(), 0) // how the peer's nil is written
			if p.Prefix != nil {
				bits, _ := p.Prefix.Mask.Size()
				to = netip.PrefixFrom(from(p.Prefix.IP), bits).Masked()
			}
			one.prefixes = append(one.prefixes, prefix{to, secs(p.PreferredLifetime), secs(p.ValidLifetime)})
		}
		d.pds = append(d.pds, one)
	}
	d.status = status(m.Options.Status())
	for _, a := range m.Options.DNS() {
		d.dns = append(d.dns, from(a))
	}
	if l := m.Options.DomainSearchList(); l != nil {
		d.search = l.Labels
	}
	if o := m.Options.GetOne(peer.OptionNTPServer); o != nil {
		for _, sub := range o.(*peer.OptNTPServer).Suboptions {
			switch sub := sub.(type) {
			case *peer.NTPSuboptionSrvAddr:
				d.ntp.Servers = append(d.ntp.Servers, from(net.IP(*sub)))
			case *peer.NTPSuboptionMCAddr:
				d.ntp.Multicast = append(d.ntp.Multicast, from(net.IP(*sub)))
			case *peer.NTPSuboptionSrvFQDN:
				d.ntp.Names = append(d.ntp.Names, sub.Labels.Labels...)
			}
		}
	}
	for _, c := range m.Options.RequestedOptions() {
		d.ask(uint16(c))
	}
	return d, nil
}

func from(ip net.IP) netip.Addr { return netip.AddrFrom16([16]byte(ip.To16())) }

func be(b []byte) (n uint32) {
	for _, c := range b {
		n = n<<8 | uint32(c)
	}
	return n
}

// random makes a message with anything in it.
func random(r *rand.Rand) (b []byte, d deep) {
	ip := func() netip.Addr {
		a := netip.MustParseAddr("2001:db8::").As16()
		for i := 4; i < 16; i++ {
			a[i] = byte(r.Uint32() & 3)
		}
		return netip.AddrFrom16(a)
	}
	span := func() time.Duration {
		if r.IntN(5) == 0 {
			return dhcpv6.Infinite
		}
		return time.Duration(r.IntN(100000)) * time.Second
	}
	name := func() string { return strings.Repeat("a", 1+r.IntN(63)) + ".b" + strings.Repeat("c", r.IntN(9)) }
	status := func(o *dhcpv6.Options) (s dhcpv6.Status) {
		if r.IntN(3) == 0 {
			s = dhcpv6.Status{Code: dhcpv6.StatusCode(r.IntN(8)), Message: name()}
			o.Add(dhcpv6.OptionStatus, s.Append(nil))
		}
		return s
	}
	d.kind, d.id = dhcpv6.MessageType(1+r.IntN(11)), r.Uint32()&dhcpv6.MaxID
	m := dhcpv6.Message{Type: d.kind, ID: d.id}
	duids := []dhcpv6.DUID{
		dhcpv6.LinkLayerDUID([6]byte{2, 0, 0, 1, 2, 3}), dhcpv6.UUIDDUID([16]byte{1, 2, 3}),
		dhcpv6.LinkLayerTimeDUID([6]byte{2, 0, 0, 1, 2, 3}, time.Unix(1234567890, 0)), dhcpv6.EnterpriseDUID(77, []byte{7}),
	}
	d.client = string(duids[r.IntN(len(duids))])
	m.Options.Add(dhcpv6.OptionClientID, []byte(d.client))
	for range r.IntN(3) {
		ia, one := dhcpv6.IA{ID: r.Uint32(), T1: span(), T2: span()}, na{}
		one.id, one.t1, one.t2 = ia.ID, secs(ia.T1), secs(ia.T2)
		for range r.IntN(3) {
			a := dhcpv6.Address{Addr: ip(), Preferred: span(), Valid: span()}
			one.addrs = append(one.addrs, addr{a.Addr, secs(a.Preferred), secs(a.Valid)})
			ia.Options.Add(dhcpv6.OptionIAAddr, a.Append(nil))
		}
		one.status = status(&ia.Options)
		d.nas = append(d.nas, one)
		m.Options.Add(dhcpv6.OptionIANA, ia.Append(nil))
	}
	for range r.IntN(3) {
		ia, one := dhcpv6.IA{ID: r.Uint32(), T1: span(), T2: span()}, pd{}
		one.id, one.t1, one.t2 = ia.ID, secs(ia.T1), secs(ia.T2)
		for range r.IntN(3) {
			p := dhcpv6.Prefix{Prefix: netip.PrefixFrom(ip(), 33+r.IntN(32)).Masked(), Preferred: span(), Valid: span()}
			one.prefixes = append(one.prefixes, prefix{p.Prefix, secs(p.Preferred), secs(p.Valid)})
			ia.Options.Add(dhcpv6.OptionIAPrefix, p.Append(nil))
		}
		one.status = status(&ia.Options)
		d.pds = append(d.pds, one)
		m.Options.Add(dhcpv6.OptionIAPD, ia.Append(nil))
	}
	d.status = status(&m.Options)
	for range 1 + r.IntN(3) {
		d.dns, d.search = append(d.dns, ip()), append(d.search, name())
		d.ask(uint16(r.IntN(100)))
		d.ntp.Servers, d.ntp.Names = append(d.ntp.Servers, ip()), append(d.ntp.Names, name())
		d.ntp.Multicast = append(d.ntp.Multicast, netip.MustParseAddr("ff05::101"))
	}
	m.Options.Add(dhcpv6.OptionDNS, dhcpv6.AppendAddrs(nil, d.dns))
	m.Options.Add(dhcpv6.OptionSearch, dhcpv6.AppendDomains(nil, d.search))
	m.Options.Add(dhcpv6.OptionNTP, d.ntp.Append(nil))
	m.Options.Add(dhcpv6.OptionORO, dhcpv6.AppendCodes(nil, d.codes))
	return m.Append(nil), d
}

// TestBothWays: what we write the peer reads as we meant it, and what it writes of that we do.
func TestBothWays(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 546))
	for i := range 3000 {
		b, want := random(r)
		ours, err := readOurs(b)
		if err != nil || !reflect.DeepEqual(ours, want) {
			t.Fatalf("%d: ours: %v\n%+v, want\n%+v", i, err, ours, want)
		}
		theirs, err := readPeer(b)
		if err != nil || !reflect.DeepEqual(theirs, want) {
			t.Fatalf("%d: the peer: %v\n%+v, want\n%+v", i, err, theirs, want)
		}
		m, err := peer.FromBytes(b)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readOurs(m.ToBytes()); err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("%d: as the peer writes it: %v\n%+v, want\n%+v", i, err, again, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		b    string
		err  error
	}{
		{"nothing", "", dhcpv6.ErrShort},
		{"half a header", "\x01\x02\x03", dhcpv6.ErrShort},
		{"relay", "\x0c\x00\x00\x00", dhcpv6.ErrRelay},
		{"half an option", "\x01\x02\x03\x04\x00\x01\x00", nil},
		{"a long option", "\x01\x02\x03\x04\x00\x01\x00\x02a", dhcpv6.ErrOption},
		{"too many", "\x01\x02\x03\x04" + strings.Repeat("\x00\x0e\x00\x00", dhcpv6.MaxOptions+1), dhcpv6.ErrOption},
		{"a bare message", "\x01\x02\x03\x04", nil},
		{"as many as there may be", "\x01\x02\x03\x04" + strings.Repeat("\x00\x0e\x00\x00", dhcpv6.MaxOptions), nil},
	} {
		if _, err := dhcpv6.Read([]byte(c.b)); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.name, err, c.err)
		}
	}
	const zero = "\x07\x02\x03\x04\x00\x0e\x00\x00\x00" // as the servers of a cloud end all that they say
	if m, err := dhcpv6.Read([]byte(zero)); err != nil || len(m.Options) != 1 || !m.Options.Has(dhcpv6.OptionRapidCommit) {
		t.Errorf("with a zero behind all: %+v, %v", m, err)
	}
	bad := func(name string, err error) {
		if !errors.Is(err, dhcpv6.ErrOption) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := dhcpv6.ReadIA(make([]byte, 11))
	bad("IA", err)
	_, err = dhcpv6.ReadIA(make([]byte, 13))
	bad("IA with half an option", err)
	_, err = dhcpv6.ReadAddress(make([]byte, 23))
	bad("address", err)
	_, err = dhcpv6.ReadPrefix(make([]byte, 24))
	bad("prefix", err)
	_, err = dhcpv6.ReadPrefix(append(make([]byte, 8), append([]byte{129}, make([]byte, 16)...)...))
	bad("length 129", err)
	_, err = dhcpv6.Options{{Code: dhcpv6.OptionStatus, Data: []byte{1}}}.Status()
	bad("status", err)
	_, err = dhcpv6.ReadAddrs(make([]byte, 17))
	bad("addresses", err)
	_, err = dhcpv6.ReadCodes(make([]byte, 3))
	bad("codes", err)
	for _, s := range []string{"\x00", "\x01a", "\x02a\x00", "\xc0\x00", "\x01.\x00", strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00"} {
		_, err = dhcpv6.ReadDomains([]byte(s))
		bad("domains", err)
	}
	for _, s := range []string{"\x00\x01\x00\x01a", "\x00\x03\x00\x00", "\x00\x01"} {
		_, err = dhcpv6.ReadNTP([]byte(s))
		bad("NTP", err)
	}
}

func TestValues(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "\x00\x00\x00\x00", 1500 * time.Millisecond: "\x00\x00\x00\x01", dhcpv6.Infinite: "\xff\xff\xff\xff",
		2 * dhcpv6.Infinite: "\xff\xff\xff\xff",
	} {
		if got := dhcpv6.AppendSeconds(nil, d); string(got) != want {
			t.Errorf("%s is %x", d, got)
		}
	}
	for d, want := range map[time.Duration]time.Duration{
		-time.Second: 0, 15 * time.Millisecond: 10 * time.Millisecond, time.Hour: 655350 * time.Millisecond,
	} {
		if got, ok := dhcpv6.ReadElapsed(dhcpv6.AppendElapsed(nil, d)); got != want || !ok {
			t.Errorf("%s is %s", d, got)
		}
	}
	if _, ok := dhcpv6.ReadElapsed([]byte{1}); ok {
		t.Error("an elapsed time of one byte")
	}
	if _, ok := dhcpv6.ReadSeconds([]byte{1}); ok {
		t.Error("a time of one byte")
	}
	o := dhcpv6.Options{{dhcpv6.OptionPreference, []byte{255}}, {dhcpv6.OptionRapidCommit, nil}}
	if o.Preference() != 255 || (dhcpv6.Options{}).Preference() != 0 || !o.Has(dhcpv6.OptionRapidCommit) || o.Has(dhcpv6.OptionDNS) {
		t.Error("preference or presence")
	}
	d := dhcpv6.LinkLayerDUID([6]byte{2, 0, 0, 1, 2, 3})
	text, _ := d.MarshalText()
	var again dhcpv6.DUID
	if err := again.UnmarshalText(text); err != nil || !slices.Equal(d, again) || string(text) != "00030001020000010203" || !d.Valid() {
		t.Errorf("%s, %v", text, err)
	}
	if again.UnmarshalText([]byte("0")) == nil || dhcpv6.DUID("ab").Valid() || dhcpv6.DUID(make([]byte, 131)).Valid() {
		t.Error("a DUID that is none")
	}
	names := []string{dhcpv6.Solicit.String(), dhcpv6.InformationRequest.String(), dhcpv6.MessageType(0).String(),
		dhcpv6.MessageType(99).String(), dhcpv6.NoPrefixAvail.String(), dhcpv6.StatusCode(7).String()}
	if got := strings.Join(names, ","); got != "Solicit,Information-request,type 0,type 99,NoPrefixAvail,status 7" {
		t.Error(got)
	}
}

// FuzzRead: what the peer can read we read alike, what we read is written as it was, and
// nothing that is read is longer than what came in.
func FuzzRead(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		b, _ := random(r)
		f.Add(b)
	}
	f.Add([]byte("\x07\x01\x02\x03\x00\x0e\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := dhcpv6.Read(b)
		if err == nil && !bytes.Equal(m.Append(nil), b) {
			t.Fatalf("%x is written as %x", b, m.Append(nil))
		}
		theirs, theirErr := readPeer(b)
		ours, ourErr := readOurs(b)
		if ourErr != nil && theirErr == nil && !lenient(b) {
			t.Fatalf("only the peer reads it: %v: %+v", ourErr, theirs)
		}
		if ourErr == nil && theirErr == nil && !lenient(b) && fmt.Sprint(ours) != fmt.Sprint(theirs) {
			t.Fatalf("ours\n%+v, the peer\n%+v", ours, theirs)
		}
	})
}

// lenient reports whether a message has what the peer reads otherwise, or does not look at: it takes
// compressed names and the root, joins options that are there twice, and reads into lists of more than
// MaxOptions.
func lenient(b []byte) bool {
	m, err := dhcpv6.Read(b)
	if err != nil {
		return errors.Is(err, dhcpv6.ErrOption) && strings.Contains(err.Error(), "more than")
	}
	seen := map[uint16]bool{}
	for _, o := range m.Options {
		if seen[o.Code] {
			return true
		}
		seen[o.Code] = true
	}
	_, search := dhcpv6.ReadDomains(m.Options.Get(dhcpv6.OptionSearch))
	_, ntp := dhcpv6.ReadNTP(m.Options.Get(dhcpv6.OptionNTP))
	return search != nil || ntp != nil
}
