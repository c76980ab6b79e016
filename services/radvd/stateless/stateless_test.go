package stateless

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	peer "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

var server = dhcpv6.LinkLayerDUID([6]byte{2, 0, 0, 0, 0, 1})

func lan() *radvd.Link {
	return &radvd.Link{
		Name: "lan0", Network: "home", Other: true, Resolvers: []netip.Addr{netip.MustParseAddr("fd00::1")},
		Search: []string{"home.arpa"}, NTP: []netip.Addr{netip.MustParseAddr("fd00::2")}, CaptivePortal: "https://portal.example/api",
	}
}

// request is another's message.
func request(t *testing.T, change ...peer.Modifier) []byte {
	t.Helper()
	m, err := peer.NewMessage(append([]peer.Modifier{peer.WithClientID(&peer.DUIDLL{
		HWType: 1, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 2},
	})}, change...)...)
	if err != nil {
		t.Fatal(err)
	}
	m.MessageType = peer.MessageTypeInformationRequest
	return m.ToBytes()
}

// TestAnswer: another's client reads what it has asked for, and nothing else.
func TestAnswer(t *testing.T) {
	all := []peer.OptionCode{peer.OptionDNSRecursiveNameServer, peer.OptionDomainSearchList, peer.OptionNTPServer,
		peer.OptionInformationRefreshTime, peer.OptionSolMaxRT, peer.OptionInfMaxRT, peer.OptionCode(dhcpv6.OptionSNTP), peer.OptionCode(dhcpv6.OptionCaptivePortal)}
	asks := request(t, peer.WithRequestedOptions(all...))
	m, err := peer.MessageFromBytes(Answer(lan(), server, asks))
	if err != nil {
		t.Fatal(err)
	}
	question, _ := peer.MessageFromBytes(asks)
	if m.MessageType != peer.MessageTypeReply || m.TransactionID != question.TransactionID || !m.Options.ClientID().Equal(question.Options.ClientID()) ||
		!slices.Equal(m.Options.ServerID().ToBytes(), server) || len(m.Options.Options) != 2+len(all) {
		t.Errorf("%s", m.Summary())
	}
	if dns := m.Options.DNS(); len(dns) != 1 || dns[0].String() != "fd00::1" || m.Options.DomainSearchList().Labels[0] != "home.arpa" ||
		m.Options.NTPServers()[0].String() != "fd00::2" || m.Options.InformationRefreshTime(0) != refresh {
		t.Errorf("%s", m.Summary())
	}
	m, err = peer.MessageFromBytes(Answer(lan(), server, request(t)))
	if err != nil || len(m.Options.DNS()) != 1 || m.Options.NTPServers() != nil {
		t.Errorf("who asks for nothing: %v, %v", m, err)
	}
	m, err = peer.MessageFromBytes(Answer(lan(), server, request(t, peer.WithRequestedOptions(peer.OptionDNSRecursiveNameServer))))
	if err != nil || m.Options.InformationRefreshTime(0) != refresh || len(m.Options.Options) != 4 {
		t.Errorf("who does not ask when to ask again: %v, %v", m, err)
	}
}

// TestRefresh: hosts that hear no advertisements keep an address that may go for ten minutes at most.
func TestRefresh(t *testing.T) {
	delegated, fixed := netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("2001:db8:2::/64")
	resolver := func(a string) func(l *radvd.Link) {
		return func(l *radvd.Link) { l.Resolvers = []netip.Addr{netip.MustParseAddr(a)} }
	}
	for what, c := range map[string]struct {
		change func(l *radvd.Link)
		want   time.Duration
	}{
		"a local resolver":            {func(*radvd.Link) {}, time.Hour},
		"a fixed resolver":            {resolver("2001:db8:2::1"), time.Hour},
		"a resolver outside":          {resolver("2001:db8:9::1"), time.Hour},
		"a delegated resolver":        {resolver("2001:db8:1::1"), 600 * time.Second},
		"a delegated time server":     {func(l *radvd.Link) { l.NTP = []netip.Addr{netip.MustParseAddr("2001:db8:1::2")} }, 600 * time.Second},
		"nothing delegated yet":       {func(l *radvd.Link) { l.Awaited, l.Resolvers = true, nil }, 600 * time.Second},
		"a delegation without an end": {func(l *radvd.Link) { l.Prefixes[0].ValidUntil = radvd.Never; resolver("2001:db8:1::1")(l) }, time.Hour},
	} {
		l := lan()
		l.Prefixes = []radvd.Prefix{{Prefix: delegated, ValidUntil: time.Hour}, {Prefix: fixed, ValidUntil: radvd.Never}}
		c.change(l)
		m, err := peer.MessageFromBytes(Answer(l, server, request(t)))
		if err != nil || m.Options.InformationRefreshTime(0) != c.want {
			t.Errorf("%s: %v, %v", what, m, err)
		}
	}
}

// TestSilence: what is not to be answered.
func TestSilence(t *testing.T) {
	other := &peer.DUIDLL{HWType: 1, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}}
	solicit := request(t)
	solicit[0] = byte(dhcpv6.Solicit)
	for what, message := range map[string][]byte{
		"nothing": nil, "half a message": request(t)[:9], "a Solicit": solicit,
		"another server's": request(t, peer.WithServerID(other)),
		"with an address":  request(t, peer.WithIANA()),
	} {
		if got := Answer(lan(), server, message); got != nil {
			t.Errorf("%s is answered: %x", what, got)
		}
	}
	quiet := lan()
	quiet.Other = false
	if got := Answer(quiet, server, request(t)); got != nil {
		t.Errorf("a LAN without it answers: %x", got)
	}
}

// FuzzAnswer: whatever comes, an answer is one that another reads.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{11, 1, 2, 3, 0, 6, 0, 4, 0, 23, 0, 56})
	f.Fuzz(func(t *testing.T, b []byte) {
		reply := Answer(lan(), server, b)
		if reply == nil {
			return
		}
		if m, err := dhcpv6.Read(reply); err != nil || m.Type != dhcpv6.Reply || len(reply) > 1000+len(b) {
			t.Fatalf("%d octets: %v", len(reply), err)
		}
	})
}
