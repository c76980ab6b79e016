package client

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

var update = flag.Bool("update", false, "write testdata/messages.txt anew")

// show writes a message as tcpdump -v -X does: who to whom, what it says, its bytes.
func show(s *Send) string {
	var b strings.Builder
	from, to := "0.0.0.0", "255.255.255.255"
	if s.From.IsValid() {
		from = s.From.String()
	}
	if s.To.IsValid() {
		to = s.To.String()
	}
	var p packet.Packet
	if err := p.Unmarshal(s.Message); err != nil {
		return err.Error()
	}
	fmt.Fprintf(&b, "%s.68 > %s.67: BOOTP/DHCP, Request from %s, length %d, xid 0x%x, secs %d, Flags [0x%04x]\n",
		from, to, wan.MAC(p.CHAddr[:6]), len(s.Message), p.XID, p.Secs, p.Flags)
	if !p.CIAddr.IsUnspecified() {
		fmt.Fprintf(&b, "\t  Client-IP %s\n", p.CIAddr)
	}
	for _, o := range p.Options {
		d, _ := option.Define(fmt.Sprint(o.Code))
		fmt.Fprintf(&b, "\t    %s (%d), length %d: %s\n", d.Name, o.Code, len(o.Data), d.Format(o.Data))
	}
	for line := range strings.Lines(hex.Dump(bytes.TrimRight(s.Message, "\x00"))) {
		if !strings.Contains(line, strings.Repeat(" 00", 8)+" "+strings.Repeat(" 00", 8)) {
			b.WriteString("\t" + line)
		}
	}
	return b.String()
}

// TestMessages has every message that the client sends, byte for byte.
func TestMessages(t *testing.T) {
	l := newLab(t, probing, func(c *wan.Config) {
		c.HostName, c.VendorClass = "gatehouse", "isp-box"
		c.Options = []wan.Option{{Code: 77, Data: option.Bytes("\x04FSVDSL")}}
		c.Ask = []uint8{120}
	})
	l.start()
	l.pass(4 * time.Second)
	l.lease("198.18.7.20")
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Conflict: true, MAC: other}))
	l.pass(15 * time.Second)
	l.lease("198.18.7.21")
	l.do(l.c.Probed(l.now, ip("198.18.7.21"), Finding{}))
	l.pass(30 * time.Minute) // T1
	l.pass(24 * time.Minute) // T2
	l.do(l.c.Release(l.now))
	last := len(l.sends) - 1
	all := []struct {
		name string
		send *Send
	}{
		{"DISCOVER", &l.sends[0]}, {"DISCOVER, again", &l.sends[1]}, {"REQUEST, SELECTING", &l.sends[2]}, {"DECLINE", &l.sends[3]},
		{"REQUEST, RENEWING", &l.sends[6]}, {"REQUEST, REBINDING", &l.sends[last-1]}, {"RELEASE", &l.sends[last]},
	}
	plain := stopped(t)
	plain.boot(0, func(c *wan.Config) {
		c.Broadcast = true
		c.ClientID = wan.NodeID(7, wan.LinkLayerDUID(card))
	})
	plain.kept.ClientID = wan.NodeID(7, wan.LinkLayerDUID(card))
	plain.start()
	all = append(all, struct {
		name string
		send *Send
	}{"REQUEST, INIT-REBOOT, to be answered by broadcast, identified by RFC 4361", &plain.sends[len(plain.sends)-1]})
	var b strings.Builder
	for _, m := range all {
		fmt.Fprintf(&b, "# %s\n%s\n", m.name, show(m.send))
	}
	const golden = "testdata/messages.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		t.Errorf("%v; the messages are (-update writes them):\n%s", err, b.String())
	}
}

// TestTable5 holds RFC 2131 table 5 against every message.
func TestTable5(t *testing.T) {
	const must, mustNot = 1, 2
	type rule struct{ requested, serverID, ciaddr int }
	rules := map[string]rule{
		"DISCOVER": {0, mustNot, mustNot}, "SELECTING": {must, must, mustNot}, "INIT-REBOOT": {must, mustNot, mustNot},
		"RENEWING": {mustNot, mustNot, must}, "DECLINE": {must, must, mustNot}, "RELEASE": {mustNot, must, must},
	}
	seen := map[string]int{}
	check := func(l *lab) {
		for _, s := range l.sends {
			var p packet.Packet
			_ = p.Unmarshal(s.Message)
			name := p.Type().String()
			if p.Type() == packet.Request {
				name = map[bool]string{true: "SELECTING", false: "INIT-REBOOT"}[p.Option(packet.OptionServerID) != nil]
				if !p.CIAddr.IsUnspecified() {
					name = "RENEWING"
				}
			}
			seen[name]++
			holds := func(rule int, has bool) bool { return rule == 0 || has == (rule == must) }
			r := rules[name]
			giving := p.Type() == packet.Decline || p.Type() == packet.Release
			if !holds(r.requested, p.Option(packet.OptionRequestedAddr) != nil) || !holds(r.serverID, p.Option(packet.OptionServerID) != nil) ||
				!holds(r.ciaddr, !p.CIAddr.IsUnspecified()) || p.Option(packet.OptionLeaseTime) != nil ||
				giving && (p.Secs != 0 || p.Flags != 0 || p.Option(packet.OptionRequestList) != nil || p.Option(packet.OptionMaxSize) != nil || p.Option(packet.OptionVendorClass) != nil) ||
				!giving && (p.Option(packet.OptionRequestList) == nil || p.Option(packet.OptionMaxSize) == nil) || len(s.Message) < packet.MinLen {
				t.Errorf("%s: %s", name, show(&s))
			}
		}
	}
	l := newLab(t, probing, func(c *wan.Config) { c.VendorClass, c.Broadcast = "x", true })
	l.start()
	l.lease("198.18.7.20")
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Conflict: true, MAC: other}))
	l.pass(15 * time.Second)
	l.lease("198.18.7.21")
	l.do(l.c.Probed(l.now, ip("198.18.7.21"), Finding{}))
	l.pass(59 * time.Minute)
	l.do(l.c.Carrier(l.now, false))
	l.do(l.c.Carrier(l.now, true))
	l.do(l.c.Release(l.now))
	check(l)
	for name := range rules {
		if seen[name] == 0 {
			t.Errorf("there was no %s", name)
		}
	}
}
