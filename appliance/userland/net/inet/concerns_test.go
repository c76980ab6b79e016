package inet

import (
	"net/netip"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
)

// A raw socket gets everybody's messages: which are about a run.
func TestConcerns(t *testing.T) {
	const id = 7
	reply := probe.Message{Kind: probe.Reply, Protocol: probe.ICMP, From: id}
	refused := probe.Message{Kind: probe.Unreachable, Protocol: probe.ICMP, From: id, Target: netip.MustParseAddr("192.0.2.7")}
	with := func(m probe.Message, change func(*probe.Message)) probe.Message {
		change(&m)
		return m
	}
	for _, c := range []struct {
		name         string
		m            probe.Message
		from, target string
		want         bool
	}{
		{"a reply", reply, "192.0.2.7", "192.0.2.7", true},
		{"somebody else's", with(reply, func(m *probe.Message) { m.From = 8 }), "192.0.2.7", "192.0.2.7", false},
		{"from another", reply, "192.0.2.1", "192.0.2.7", false},
		{"to a group", reply, "fe80::1%eth0", "ff02::1%eth0", true},
		{"of a neighbour", reply, "fe80::1%eth0", "fe80::1%2", true},
		{"to a broadcast", reply, "192.0.2.1", "192.0.2.255", true},
		{"an error", refused, "192.0.2.1", "192.0.2.7", true},
		{"about another host", refused, "192.0.2.1", "192.0.2.8", false},
		{"about UDP", with(refused, func(m *probe.Message) { m.Protocol = probe.UDP }), "192.0.2.1", "192.0.2.7", false},
	} {
		a := probe.Arrival{Message: c.m, From: netip.MustParseAddr(c.from)}
		if got := concerns(a, netip.MustParseAddr(c.target), id); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
