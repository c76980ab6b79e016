package conn

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/mdlayher/ndp"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// TestNeighbour: a kernel answers a solicitation, and its answer is read; a router's socket reads none.
func TestNeighbour(t *testing.T) {
	a, b := newNetwork(t)
	router, host := open(t, a, Router), open(t, b, Host)
	asked, heard := listen(router), listen(host)
	for _, from := range []ethernet.MAC{host.MAC(), {}} {
		ns, err := NeighbourSolicitation(router.Local(), from)
		if err != nil {
			t.Fatal(err)
		}
		if err := host.Send(ns, router.Local()); err != nil {
			t.Fatal(err)
		}
		// The kernel may ask by itself first, for the card.
		if m := next(t, heard); m.Kind != IsNeighbour || m.Target != router.Local() || m.From != router.Local() || !m.Solicited {
			t.Errorf("%+v", m)
		}
	}
	rs, _ := Solicitation(host.MAC())
	if err := host.Send(rs, AllRouters); err != nil {
		t.Fatal(err)
	}
	if m := next(t, asked); m.Kind != IsSolicitation {
		t.Errorf("a router's socket reads %+v", m)
	}
	if n := host.Refused() + router.Refused(); n > 0 {
		t.Errorf("%d were refused", n)
	}
	if _, err := NeighbourSolicitation(netip.MustParseAddr("192.0.2.1"), host.MAC()); err == nil {
		t.Error("an IPv4 address is asked for")
	}
}

// TestNeighbourChecks are RFC 4861 7.1.2.
func TestNeighbourChecks(t *testing.T) {
	na, err := ndp.MarshalMessage(&ndp.NeighborAdvertisement{Solicited: true, TargetAddress: local,
		Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: mac[:]}}})
	if err != nil {
		t.Fatal(err)
	}
	unsolicited := bytes.Clone(na)
	unsolicited[4] &^= flagSolicited
	group := bytes.Clone(na)
	group[8] = 0xff
	noLength := bytes.Clone(na)
	noLength[neighbourLen+1] = 0
	code := bytes.Clone(na)
	code[1] = 1
	us := netip.MustParseAddr("fe80::2")
	for _, c := range []struct {
		what      string
		h         header
		b         []byte
		ok        bool
		solicited bool
	}{
		{"an answer", header{local, us, 255}, na, true, true},
		{"without options", header{local, us, 255}, na[:neighbourLen], true, true},
		{"unsolicited", header{local, AllNodes, 255}, unsolicited, true, false},
		{"an answer to a group", header{local, AllNodes, 255}, na, false, false},
		{"about a group", header{local, us, 255}, group, false, false},
		{"from beyond a router", header{local, us, 254}, na, false, false},
		{"of code 1", header{local, us, 255}, code, false, false},
		{"too short", header{local, us, 255}, na[:neighbourLen-1], false, false},
		{"an option without a length", header{local, us, 255}, noLength, false, false},
	} {
		m, err := parse(c.h, c.b)
		if (err == nil) != c.ok || c.ok && (m.Kind != IsNeighbour || m.Target != local || m.Solicited != c.solicited) {
			t.Errorf("%s: %v, %+v", c.what, err, m)
		}
	}
}
