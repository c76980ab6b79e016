package client_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/client"
	"github.com/gatehouse-os/gatehouse/services/ntp/ntptest"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// prefixes of a list.
func prefixes(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// whys of all servers, in their order.
func whys(w *ntptest.World) (all []client.Why) {
	for _, s := range w.Client.Status(w.Now().Free).Servers {
		all = append(all, s.Why)
	}
	return all
}

// Who has the time from this machine is not followed, whatever address of it they use, and if they are many.
func TestLoop(t *testing.T) {
	own := prefixes("192.168.1.1/24", "203.0.113.7/24", "2001:db8:1::1/64", "fe80::1/64", "10.0.0.1/24")
	for _, c := range []struct {
		name, source, follows string
		stratum               uint8
		want                  client.Why
	}{
		{"on a LAN, by its address", "192.168.1.20", "192.168.1.1", 3, client.Loop},
		{"on a LAN, by that of another", "192.168.1.20", "10.0.0.1", 3, client.Loop},
		{"on a LAN, over IPv6", "2001:db8:1::20", "2001:db8:1::1", 3, client.Loop},
		{"asked over IPv6, follows over IPv4", "2001:db8:1::20", "192.168.1.1", 3, client.Loop},
		{"by a link-local address", "fe80::20", "fe80::1", 3, client.Loop},
		{"behind a router of the house", "10.9.0.20", "192.168.1.1", 3, client.Loop},
		{"by a public address", "198.51.100.9", "203.0.113.7", 3, client.Loop},
		{"itself", "192.168.1.1", "192.0.2.1", 3, client.Loop},
		{"itself, by a name", "127.0.0.1", "192.0.2.1", 3, client.Loop},
		{"at stratum 2", "192.168.1.20", "192.168.1.1", 2, client.Loop},
		// A public server that has its time from its own 192.168.1.1.
		{"a private address of others", "198.51.100.9", "192.168.1.1", 2, client.Used},
		{"a link-local address of others", "2001:db8:9::9", "fe80::1", 2, client.Used},
		{"its clock is called like an address", "192.168.1.20", "192.168.1.1", 1, client.Used},
		{"somebody else", "192.168.1.20", "192.168.1.2", 3, client.Used},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := at(c.source)
			s.Stratum, s.RefID = c.stratum, wire.RefIDOf(addr(c.follows))
			w := world(t, ntp.Config{Sources: []ntp.Source{{Addrs: []netip.Addr{s.Addr}}}}, nil, s)
			for _, a := range w.Client.Own(w.Now().Free, own) {
				w.Act(a)
			}
			w.Run(time.Minute)
			if got := whys(w); !slices.Equal(got, []client.Why{c.want}) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if got := w.Discipline.Report(w.Now()).Synchronised; got != (c.want == client.Used) {
				t.Errorf("synchronised: %v", got)
			}
		})
	}
}

// An address that comes later makes a server one that follows us, and takes its vote: of three, two lie alike
// since they follow us.
func TestLoopVotes(t *testing.T) {
	good, one, two := at("192.0.2.1"), at("192.168.1.20"), at("192.168.1.21")
	for _, s := range []*ntptest.Server{one, two} {
		s.Offset = func(time.Duration) time.Duration { return time.Second }
		s.Stratum, s.RefID = 3, wire.RefIDOf(addr("192.168.1.1"))
	}
	conf := ntp.Config{}
	for _, s := range []*ntptest.Server{good, one, two} {
		conf.Sources = append(conf.Sources, ntp.Source{Addrs: []netip.Addr{s.Addr}})
	}
	w := world(t, conf, nil, good, one, two)
	w.Run(20 * time.Second)
	if got := whys(w); got[0] != client.Falseticker {
		t.Fatalf("without our addresses %v, the test is of no use", got)
	}
	for _, a := range w.Client.Own(w.Now().Free, prefixes("192.168.1.1/24")) {
		w.Act(a)
	}
	w.Run(10 * time.Minute)
	if got := whys(w); got[1] != client.Loop || got[2] != client.Loop {
		t.Errorf("%v", got)
	}
}
