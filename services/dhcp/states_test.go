package dhcp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestRequestStates is RFC 2131 4.3.2, state by state. The server knows web1 and
// printer by reservation, and stranger has 192.168.32.100 from the pool.
func TestRequestStates(t *testing.T) {
	const us, other = "192.168.32.1", "192.168.32.3"
	request := func(m lease.MAC, mods ...dhcpv4.Modifier) []byte { return ask(m, dhcpv4.MessageTypeRequest, mods...) }
	for _, tc := range []struct {
		name   string
		msg    []byte
		state  RequestState
		reply  packet.MessageType // 0: silence
		drop   Drop
		reason string
	}{
		{"selecting its reservation", request(web1, wanted("192.168.32.11"), from(us)), Selecting, packet.ACK, 0, "reserved for this card"},
		{"selecting what was offered to nobody", request(visitor, wanted("192.168.32.150"), from(us)), Selecting, packet.ACK, 0, "from the pool"},
		{"selecting another server", request(visitor, wanted("192.168.32.150"), from(other)), Selecting, 0, DropOtherServer, "another server"},
		{"selecting another's reservation", request(visitor, wanted("192.168.32.11"), from(us)), Selecting, packet.NAK, 0, "reserved for another host"},
		{"selecting a lease of another", request(visitor, wanted("192.168.32.100"), from(us)), Selecting, packet.NAK, 0, "leased to another card"},
		{"selecting our own address", request(visitor, wanted(us), from(us)), Selecting, packet.NAK, 0, "neither in the pool"},
		{"selecting the broadcast address", request(visitor, wanted("192.168.32.255"), from(us)), Selecting, packet.NAK, 0, "neither in the pool"},
		{"selecting the pool despite a reservation", request(web1, wanted("192.168.32.150"), from(us)), Selecting, packet.NAK, 0, "another address is reserved"},
		{"selecting nothing", request(visitor, from(us)), Selecting, 0, DropMalformed, "no address"},

		{"init-reboot with its lease", request(stranger, wanted("192.168.32.100")), InitReboot, packet.ACK, 0, "from the pool"},
		{"init-reboot with its reservation, never seen", request(printer, wanted("192.168.32.20")), InitReboot, packet.ACK, 0, "reserved for this card"},
		{"init-reboot with a wrong address", request(stranger, wanted("192.168.32.20")), InitReboot, packet.NAK, 0, "reserved for another host"},
		{"init-reboot from another network", request(stranger, wanted("198.51.100.7")), InitReboot, packet.NAK, 0, "not an address of this network"},
		{"init-reboot from another network, unknown", request(visitor, wanted("198.51.100.7")), InitReboot, packet.NAK, 0, "not an address of this network"},
		{"init-reboot, unknown", request(visitor, wanted("192.168.32.150")), InitReboot, 0, DropNoRecord, "nothing is known"},
		{"init-reboot with nothing", request(stranger), InitReboot, 0, DropMalformed, "no address"},

		{"renewing its lease", request(stranger, having("192.168.32.100")), Renewing, packet.ACK, 0, "from the pool"},
		{"renewing, and repeating the address", request(stranger, having("192.168.32.100"), wanted("192.168.32.100")), Renewing, packet.ACK, 0, "from the pool"},
		{"renewing, and naming us", request(stranger, having("192.168.32.100"), from(us)), Renewing, packet.ACK, 0, "from the pool"},
		{"renewing, and naming another server", request(stranger, having("192.168.32.100"), from(other)), Renewing, packet.ACK, 0, "from the pool"},
		{"renewing, 54 of zeros", request(stranger, having("192.168.32.100"), from("0.0.0.0")), Renewing, packet.ACK, 0, "from the pool"},
		{"init-reboot, with a ciaddr that is another", request(stranger, having("192.168.32.150"), wanted("192.168.32.100")), InitReboot, packet.ACK, 0, "from the pool"},
		{"init-reboot with another's, ciaddr its own", request(stranger, having("192.168.32.100"), wanted("192.168.32.20")), InitReboot, packet.NAK, 0, "reserved for another host"},
		{"renewing another's", request(visitor, having("192.168.32.100")), Renewing, packet.NAK, 0, "leased to another card"},
		{"renewing on another network", request(stranger, having("198.51.100.7")), Renewing, packet.NAK, 0, "not an address of this network"},
		{"renewing what we forgot but is free", request(visitor, having("192.168.32.150")), Renewing, packet.ACK, 0, "from the pool"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, home())
			if a := dora(t, s, t0, stranger); a != ip("192.168.32.100") {
				t.Fatalf("stranger has %s", a)
			}
			out, p := handle(t, s, t0.Add(time.Minute), tc.msg)
			if out.State != tc.state || out.ReplyType != tc.reply || out.Drop != tc.drop || !strings.Contains(out.Reason, tc.reason) {
				t.Fatalf("%s: reply %s, drop %q, %q", out.State, out.ReplyType, out.Drop, out.Reason)
			}
			switch {
			case tc.reply == packet.ACK:
				if len(out.Records) != 1 || out.Records[0].Addr != out.Asked || out.Records[0].MAC != out.MAC {
					t.Errorf("records %v", out.Records)
				}
			case len(out.Records) > 0:
				t.Errorf("a refusal stores %v", out.Records)
			case tc.reply == packet.NAK:
				if !p.YourIPAddr.IsUnspecified() || p.IPAddressLeaseTime(0) != 0 || p.Message() != out.Reason {
					t.Errorf("the NAK says %s", p.Summary())
				}
			}
		})
	}
}

func TestRenewalProlongs(t *testing.T) {
	s := newServer(t, home())
	a := dora(t, s, t0, visitor)
	out, p := handle(t, s, t0.Add(6*time.Hour), ask(visitor, dhcpv4.MessageTypeRequest, having(a.String())))
	if p.ClientIPAddr.String() != a.String() || p.YourIPAddr.String() != a.String() || !out.Records[0].Until.Equal(t0.Add(18*time.Hour)) {
		t.Errorf("%s %v", p.Summary(), out.Records)
	}
}

func TestReleaseAndReturn(t *testing.T) {
	s := newServer(t, home())
	a := dora(t, s, t0, visitor)
	release := ask(visitor, dhcpv4.MessageTypeRelease, having(a.String()), from("192.168.32.1"))
	out, p := handle(t, s, t0.Add(time.Minute), release)
	if p != nil || out.Drop != 0 || len(out.Records) != 1 || out.Records[0].State != lease.Free {
		t.Fatalf("%+v", out)
	}
	if out, _ := handle(t, s, t0.Add(time.Minute), release); out.Drop != DropNotHeld {
		t.Errorf("a second time: %+v", out)
	}
	if b := dora(t, s, t0.Add(time.Hour), stranger); b == a {
		t.Error("the address was given away while others were unused")
	}
	if b := dora(t, s, t0.Add(2*time.Hour), visitor); b != a {
		t.Errorf("came back to %s, had %s", b, a)
	}
}

func TestDecline(t *testing.T) {
	s := newServer(t, home())
	a := dora(t, s, t0, visitor)
	decline := ask(visitor, dhcpv4.MessageTypeDecline, wanted(a.String()), from("192.168.32.1"))
	if out, _ := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDecline, wanted(a.String()), from("192.168.32.1"))); out.Drop != DropNotHeld {
		t.Errorf("a stranger's: %+v", out)
	}
	if out, _ := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDecline, wanted(a.String()), from("192.168.32.3"))); out.Drop != DropOtherServer {
		t.Errorf("another server's: %+v", out)
	}
	out, p := handle(t, s, t0, decline)
	if p != nil || len(out.Records) != 1 || out.Records[0].State != lease.Declined || !out.Records[0].Until.Equal(t0.Add(Quarantine)) {
		t.Fatalf("%+v", out)
	}
	if b := dora(t, s, t0, visitor); b == a {
		t.Error("got the declined address again")
	}
}

func TestInform(t *testing.T) {
	s := newServer(t, home())
	out, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeInform, having("192.168.32.77")))
	if p.MessageType() != dhcpv4.MessageTypeAck || !p.YourIPAddr.IsUnspecified() || p.Options[51] != nil || p.Options[58] != nil ||
		p.ClientIPAddr.String() != "192.168.32.77" || len(p.DNS()) != 1 || len(out.Records) != 0 {
		t.Errorf("%s %v", p.Summary(), out.Records)
	}
	if out, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeInform, having("198.51.100.7"))); p != nil || out.Drop != DropMalformed {
		t.Errorf("foreign: %+v", out)
	}
}

func TestPoolExhausted(t *testing.T) {
	conf := home()
	conf.Subnets[0].Pool[0].Last = ip("192.168.32.100")
	s := newServer(t, conf)
	dora(t, s, t0, visitor)
	if out, p := handle(t, s, t0, ask(stranger, dhcpv4.MessageTypeDiscover)); p != nil || out.Drop != DropExhausted {
		t.Errorf("%+v", out)
	}
	dora(t, s, t0, web1) // reservations do not care
	conf.Subnets[0].Pool = nil
	if out, _ := handle(t, newServer(t, conf), t0, ask(stranger, dhcpv4.MessageTypeDiscover)); out.Drop != DropNoPool {
		t.Errorf("without a pool: %+v", out)
	}
	dora(t, s, t0.Add(12*time.Hour), stranger)
}

// TestOneCardAllStages: whatever identifier a card's programs send, the address stays.
func TestOneCardAllStages(t *testing.T) {
	s := newServer(t, home())
	a := dora(t, s, t0, visitor, opt(61, "\x00uuid-of-the-firmware"))
	for i, id := range []string{"\x01" + string(visitor[:]), "\xff\x00\x00\x00\x01duid", "name"} {
		if b := dora(t, s, t0.Add(time.Duration(i)*time.Minute), visitor, opt(61, id)); b != a {
			t.Errorf("as %q it got %s, before %s", id, b, a)
		}
	}
	if b := dora(t, s, t0, stranger, opt(61, "\xff\x00\x00\x00\x01duid")); b == a {
		t.Error("a clone with the same identifier got the same address")
	}
}

func TestDrops(t *testing.T) {
	change := func(f func(b []byte)) []byte {
		b := ask(visitor, dhcpv4.MessageTypeDiscover)
		f(b)
		return b
	}
	for want, msgs := range map[Drop][][]byte{
		DropMalformed:  {nil, make([]byte, 239), make([]byte, 300), change(func(b []byte) { b[241] = 200 })},
		DropNotRequest: {change(func(b []byte) { b[0] = 2 }), change(func(b []byte) { b[0] = 0 })},
		DropHardware: {change(func(b []byte) { b[1] = 32 }), change(func(b []byte) { b[2] = 16 }), change(func(b []byte) { b[28] |= 1 }),
			change(func(b []byte) { clear(b[28:34]) })},
		DropType: {change(func(b []byte) { b[242] = byte(packet.Offer) }), change(func(b []byte) { b[242] = byte(packet.ACK) }),
			change(func(b []byte) { b[242] = 99 }), change(func(b []byte) { b[242] = 0 }), change(func(b []byte) { b[240] = 60 })},
		DropRelay: {change(func(b []byte) { copy(b[24:], []byte{198, 51, 100, 1}) })},
	} {
		for i, msg := range msgs {
			out, p := handle(t, newServer(t, home()), t0, msg)
			if p != nil || out.Drop != want || out.Reason == "" {
				t.Errorf("%s %d: %q (%s)", want, i, out.Drop, out.Reason)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for sent, want := range map[string]string{
		"Tablet": "tablet", "tablet\x00": "tablet", "tablet.home.example": "tablet", "TABLET.HOME.EXAMPLE": "tablet",
		"tablet.other.example": "", "home.example": "", ".home.example": "", "": "", "\x00": "", "-tablet": "", "tablet-": "",
		"ESP_0A1B2C": "esp-0a1b2c", "tab_let.home.example": "tab-let", "_tablet": "", "tablet_": "", "fire_wall": "fire-wall", "tab let": "", "täblet": "", "*": "", "a\nb": "", strings.Repeat("x", 64): "", strings.Repeat("x", 63): strings.Repeat("x", 63),
		"tablet.home.example.": "tablet", "tablet.local": "tablet", "Tablet.LOCAL.": "tablet", "local": "local", ".local": "",
		"tablet.local.home.example": "", "tablet.home.example.local": "", "tablet..": "",
		"web1": "", "WEB1": "", "firewall": "", "gateway": "", "localhost": "", "wpad": "", "isatap": "", "laptop": "",
	} {
		s := newServer(t, home())
		dora(t, s, t0, visitor, opt(12, sent))
		if got := s.Leases(t0)[0].Name; got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
	}
	s := newServer(t, home())
	name := func(i int) string { return s.Leases(t0)[i].Name }
	dora(t, s, t0, visitor, opt(12, "tablet"))
	dora(t, s, t0, visitor, opt(12, "tablet"))
	dora(t, s, t0, stranger, opt(12, "tablet"))
	if name(0) != "tablet" || name(1) != "" {
		t.Errorf("two cards with one name have %q and %q", name(0), name(1))
	}
	dora(t, s, t0, laptop, opt(12, "toaster"))
	if name(2) != "laptop" {
		t.Errorf("a card that the site knows is called %q", name(2))
	}
	dora(t, s, t0.Add(12*time.Hour), stranger, opt(12, "tablet"))
	if name(1) != "tablet" {
		t.Errorf("when the name was free again the other got %q", name(1))
	}
	if _, p := handle(t, s, t0, ask(visitor, dhcpv4.MessageTypeDiscover, opt(12, "tablet"))); p.Options[12] != nil {
		t.Error("a client was told its own name")
	}
	if _, p := handle(t, s, t0, ask(laptop, dhcpv4.MessageTypeDiscover)); p.HostName() != "laptop" {
		t.Errorf("the laptop was told to be %q", p.HostName())
	}
}

// TestNamesInFQDN: option 81 names a client that sends no option 12 which is a name here (RFC 4702 2).
func TestNamesInFQDN(t *testing.T) {
	for _, tt := range []struct{ fqdn, host, want string }{
		{"\x00\x00\x00Tablet.home.example", "", "tablet"},
		{"\x00\x00\x00tablet.home.example.\x00", "", "tablet"},
		{"\x05\xff\xff\x06Tablet\x04home\x07example\x00", "", "tablet"},
		{"\x04\x00\x00\x06tablet", "", "tablet"}, // a partial name has no end
		{"\x04\x00\x00\x07tablet", "", ""},       // the length says that more comes
		{"\x04\x00\x00\x06tablet\x00", "", "tablet"},
		{"\x04\x00\x00\x06tablet\x05local\x00", "", "tablet"},
		{"\x04\x00\x00\x13tablet.home.example\x00", "", ""}, // dots within a label
		{"\x04\x00\x00\xc0\x03", "", ""},                    // a pointer
		{"\x04\x00\x00\x00", "", ""},
		{"\x00\x00\x00", "", ""}, {"\x00", "", ""}, {"", "", ""},
		{"\x00\x00\x00tablet.other.example", "", ""},
		{"\x00\x00\x00web1.home.example", "", ""},
		{"\x00\x00\x00other.home.example", "tablet", "tablet"},
		{"\x00\x00\x00tablet", "my tablet", "tablet"},
		{"\x00\x00\x00tablet", "my_tablet", "my-tablet"},
	} {
		s := newServer(t, home())
		dora(t, s, t0, visitor, opt(81, tt.fqdn), opt(12, tt.host))
		if got := s.Leases(t0)[0].Name; got != tt.want {
			t.Errorf("%q beside %q became %q, want %q", tt.fqdn, tt.host, got, tt.want)
		}
	}
}

func TestRestoreAfterTheSiteChanged(t *testing.T) {
	conf := home()
	s := newServer(t, conf)
	dora(t, s, t0, visitor, opt(12, "newhost"))
	dora(t, s, t0, stranger, opt(12, "tablet"))
	stored := slices.Collect(s.All(t0))
	stored = append(stored, lease.Lease{Addr: ip("198.51.100.7"), MAC: printer, State: lease.Bound, Until: t0.Add(time.Hour)})

	conf.Hosts = append(conf.Hosts, Host{Name: "newhost", Addrs: []netip.Addr{ip("192.168.32.101")}})
	again := newServer(t, conf)
	for _, l := range stored {
		again.Restore(l)
	}
	all := again.Leases(t0)
	if len(all) != 2 || all[0].MAC != visitor || all[0].Name != "" || all[1].Name != "tablet" {
		t.Fatalf("%+v", all)
	}
	// stranger's address is now newhost's: he may not renew, and gets another.
	if out, _ := handle(t, again, t0, ask(stranger, dhcpv4.MessageTypeRequest, having("192.168.32.101"))); out.ReplyType != packet.NAK {
		t.Errorf("%+v", out)
	}
	if a := dora(t, again, t0, stranger); a == ip("192.168.32.101") {
		t.Error("a host's address was given away")
	}
}
