package main

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestSite: the site that is compared is one, with a way out by DHCP.
func TestSite(t *testing.T) {
	t.Chdir("../..")
	dir := t.TempDir() + "/site"
	if err := ourSite(dir); err != nil {
		t.Fatal(err)
	}
	s, err := site.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if s.WAN.DHCP == nil || s.WAN.Interface != wanLink || len(s.LANs) != 1 || s.LANs[0].IPv4.String() != lanAddr {
		t.Errorf("%+v, %+v", s.WAN, s.LANs)
	}
}

// TestReply is the provider's word to what clients ask.
func TestReply(t *testing.T) {
	none := netip.Addr{}
	for name, c := range map[string]struct {
		kind                    packet.MessageType
		server, wanted, renewed netip.Addr
		want                    packet.MessageType // 0: nothing is said
	}{
		"looks for servers":      {packet.Discover, none, none, none, packet.Offer},
		"takes the offer":        {packet.Request, firstUplink.gateway, otherAddress.addr, none, packet.ACK},
		"takes that of another":  {packet.Request, otherAddress.addr, otherAddress.addr, none, 0},
		"starts again":           {packet.Request, none, otherAddress.addr, none, packet.ACK},
		"starts with the old":    {packet.Request, none, firstUplink.addr, none, packet.NAK},
		"renews":                 {packet.Request, none, none, otherAddress.addr, packet.ACK},
		"renews the old":         {packet.Request, none, none, firstUplink.addr, packet.NAK},
		"has found it in use":    {packet.Decline, firstUplink.gateway, otherAddress.addr, none, 0},
		"gives it back":          {packet.Release, firstUplink.gateway, none, otherAddress.addr, 0},
		"asks for settings only": {packet.Inform, none, none, otherAddress.addr, 0},
	} {
		q := &packet.Packet{XID: 7, CIAddr: c.renewed, Options: []packet.Option{{Code: packet.OptionMessageType, Data: []byte{byte(c.kind)}}}}
		for code, a := range map[uint8]netip.Addr{packet.OptionServerID: c.server, packet.OptionRequestedAddr: c.wanted} {
			if a.IsValid() {
				q.Options = append(q.Options, packet.Option{Code: code, Data: a.AsSlice()})
			}
		}
		r := reply(q, otherAddress)
		switch {
		case c.want == 0:
			if r != nil {
				t.Errorf("%s: %s", name, r.Type())
			}
		case r == nil || r.Type() != c.want || r.XID != 7:
			t.Errorf("%s: %+v", name, r)
		case c.want == packet.NAK:
			if r.YIAddr.IsValid() {
				t.Errorf("%s: refused, and given %s", name, r.YIAddr)
			}
		case r.YIAddr != otherAddress.addr || r.Addr(packet.OptionRouter) != otherAddress.gateway:
			t.Errorf("%s: given %s via %s", name, r.YIAddr, r.Addr(packet.OptionRouter))
		}
	}
}

// TestPrint: medians, and the slowest where that is said.
func TestPrint(t *testing.T) {
	m := measured{name: "somebody"}
	for _, ms := range []time.Duration{3, 9, 1} {
		m.rounds = append(m.rounds, times{gateway: ms * time.Millisecond})
	}
	var out strings.Builder
	if err := print(&out, "0.10 0.20 0.30 1/100 4711\n", []measured{m}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"load average before: 0.10 0.20 0.30\n", "ACK with another gateway: first packet by it   3.0\n", "    the slowest of 3                           9.0\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
}

func TestChoose(t *testing.T) {
	var b bench
	if err := b.choose("gatehouse,networkd"); err != nil || len(b.subjects) != 2 {
		t.Errorf("%d subjects, %v", len(b.subjects), err)
	}
	if err := b.choose("nobody"); err == nil {
		t.Error("nobody was found")
	}
}
