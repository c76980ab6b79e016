package main

import (
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// A scripted is a box whose provider says what a test has it say. What is of interest here is what the kernel
// does, and what people are told: what the client makes of times, silence, clocks and damaged messages is
// shown under virtual time, in services/wan/client.
type scripted struct {
	*wiring
	server  *wantest.Server
	monitor *testnet.Process // ip-monitor(8) of the box
	mark    int
	read    int // how much of what the monitor says
}

func newScripted(t *testing.T, script wantest.Script) *scripted {
	w := &scripted{wiring: newWiring(t)}
	w.plugLAN()
	w.plugWAN()
	w.server = wantest.Serve(t, w.wan, script)
	w.startByDHCP()
	w.is("at first", script.Lease, script.Router)
	testnet.Eventually(t, patience, "the kernel has looked for its IPv6 addresses", func() bool {
		return w.Run("ip", "-6", "addr", "show", "tentative") == ""
	})
	w.monitor = w.Start(exec.Command("ip", "monitor", "link", "address", "route"))
	return w
}

// is waits until the box has the address and the default route, and no other.
func (w *scripted) is(when string, lease netip.Prefix, router netip.Addr) {
	w.t.Helper()
	way := ""
	if router.IsValid() {
		way = "default via " + router.String() + " "
	}
	testnet.Eventually(w.t, patience, fmt.Sprintf("%s the box has %s by %s", when, lease, router), func() bool {
		addresses := slices.DeleteFunc(w.Addrs("eth0"), func(a string) bool { return strings.Contains(a, ":") })
		routes := w.Run("ip", "-4", "route", "show", "default")
		return slices.Equal(addresses, []string{lease.String()}) && strings.Count(routes, "\n") == min(1, len(way)) &&
			strings.HasPrefix(routes, way)
	})
}

// said is what the monitor has said since the last call of kernel: for each message a line, without what
// belongs to no one of them.
func (w *scripted) said() string {
	var text strings.Builder
	for line := range strings.Lines(w.monitor.Output()[w.read:]) {
		if m := linkLine.FindStringSubmatch(line); m != nil {
			line = m[1] + " mtu " + m[2] + "\n"
		}
		if line = strings.Join(strings.Fields(line), " "); !strings.HasPrefix(line, "link/") && !strings.HasPrefix(line, "valid_lft") {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}

var linkLine = regexp.MustCompile(`^\d+: (\w+)@.* mtu (\d+) .*state UP `)

// kernel returns what the kernel has done since it was last called, as the monitor says it.
func (w *scripted) kernel() (all []string) {
	w.t.Helper()
	w.mark++
	mark := fmt.Sprintf("203.0.113.%d", w.mark)
	testnet.Eventually(w.t, patience, "ip monitor", func() bool { // it may not have listened yet
		w.Run("ip", "route", "add", "blackhole", mark)
		w.Run("ip", "route", "del", "blackhole", mark)
		return strings.Contains(w.said(), "Deleted blackhole "+mark)
	})
	for line := range strings.Lines(w.said()) {
		if !strings.Contains(line, "blackhole 203.0.113.") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	w.read = len(w.monitor.Output())
	return all
}

// renew has the box ask for its lease, and returns what the command says.
func (w *scripted) renew(when string) {
	w.t.Helper()
	if out := w.gatehouse("wan", "renew"); !strings.Contains(out, "renew: server ") && !strings.Contains(out, "bound: ") {
		w.t.Errorf("%s: asked to renew:\n%s", when, out)
	}
}

// replug pulls the cable out, has the provider play other scripts, and puts it in again.
func (w *scripted) replug(scripts ...wantest.Script) {
	w.t.Helper()
	w.wan.Down("eth0")
	testnet.Eventually(w.t, patience, "the box has no carrier", func() bool {
		return strings.Contains(w.gatehouse("wan"), "there is no carrier on the link")
	})
	w.server.Plays(scripts...)
	w.server.Heard()
	w.wan.Up("eth0")
}

// reaches has a host of the LAN reach an address upstream, through the box.
func (w *scripted) reaches(when string, router netip.Addr) {
	w.t.Helper()
	if out, err := w.lan.Try("ping", "-c1", "-w10", router.String()); err != nil {
		w.t.Errorf("%s: the LAN does not reach %s: %v\n%s\n%s", when, router, err, out, w.Run("ip", "route"))
	}
}

// told are messages as text.
func told(all []wantest.Message) (lines []string) {
	for _, m := range all {
		lines = append(lines, m.String())
	}
	return lines
}

// elsewhere is a lease of a server that is in no network of the box.
func elsewhere() wantest.Script {
	return wantest.Script{ID: addr("10.99.0.1"), Lease: prefix("192.0.2.20/24"), Router: addr("192.0.2.1")}
}

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// TestRenewals: of a renewal the kernel sees what is new, and of one that says the same, nothing at all. It
// leaves by the WAN to a server that is elsewhere, though the kernel's route to it leads into nothing.
func TestRenewals(t *testing.T) {
	t.Parallel()
	w := newScripted(t, elsewhere())
	w.Run("ip", "route", "add", "blackhole", "10.99.0.0/16")
	w.wan.Run("ip", "addr", "add", "192.0.2.2/32", "dev", "eth0")
	s := elsewhere()
	for _, turn := range []struct {
		name   string
		change func()
		want   string // of the kernel
	}{
		{"the same", func() {}, ""},
		{"the same once more", func() {}, ""},
		{"another router", func() { s.Router = addr("192.0.2.2") }, "default via 192.0.2.2 dev eth0 proto 71"},
		{"another MTU", func() { s.Options = mtu(1400) }, "eth0 mtu 1400"},
		{"no MTU any more", func() { s.Options = nil }, "eth0 mtu 1500"},
	} {
		turn.change()
		w.server.Plays(s)
		w.server.Heard()
		w.kernel()
		w.renew(turn.name)
		testnet.Eventually(t, patience, turn.name+": the kernel has "+turn.want, func() bool {
			return strings.Contains(w.said(), turn.want)
		})
		if got, want := w.kernel(), turn.want; strings.Join(got, ", ") != want {
			t.Errorf("%s: the kernel says %q, want %q", turn.name, got, want)
		}
		w.is(turn.name, s.Lease, s.Router)
		if got, want := told(w.server.Heard()), "REQUEST 192.0.2.20 from 192.0.2.20 to 10.99.0.1"; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: the server heard %q, want %q", turn.name, got, want)
		}
	}
	w.movesTo(s)
	w.refuses(s)
	w.gatehouse("wan", "release")
	testnet.Eventually(t, patience, "the lease is given back", func() bool {
		return slices.Equal(told(w.server.Heard()), []string{"RELEASE 192.0.2.22 from 192.0.2.22 to 10.99.0.1"})
	})
}

// movesTo has the server give another address in place of the one of s: it comes before the one that was
// there goes, for with the last one would go the default route, without a word of the kernel.
func (w *scripted) movesTo(s wantest.Script) {
	w.t.Helper()
	s.Lease, s.Moves = prefix("192.0.2.21/24"), true
	w.server.Plays(s)
	w.kernel()
	w.renew("another address")
	w.is("another address", s.Lease, s.Router)
	said := strings.Join(w.kernel(), "\n") + "\n"
	come, gone := strings.Index(said, ": eth0 inet 192.0.2.21/24 "), strings.Index(said, ": eth0 inet 192.0.2.20/24 ")
	if come < 0 || gone < come || strings.Contains(said, "default") {
		w.t.Errorf("another address: the kernel says\n%s", said)
	}
}

// refuses has the server say no to the address that it gave by movesTo, which goes; then it is asked for
// another.
func (w *scripted) refuses(s wantest.Script) {
	w.t.Helper()
	s.Lease = prefix("192.0.2.22/24")
	w.server.Plays(s)
	w.server.Heard()
	w.renew("refused")
	w.is("refused", s.Lease, s.Router)
	want := []string{"REQUEST 192.0.2.21 from 192.0.2.21 to 10.99.0.1", "DISCOVER", "REQUEST 192.0.2.22"}
	if got := told(w.server.Heard()); !slices.Equal(got, want) {
		w.t.Errorf("refused: the server heard %q, want %q", got, want)
	}
}

func mtu(n uint16) []packet.Option {
	return []packet.Option{{Code: packet.OptionMTU, Data: []byte{byte(n >> 8), byte(n)}}}
}

// TestKindsOfLeases: the box and the house behind it use whatever a provider gives, each in place of the one
// before, and people are told what it means. Its address is asked for as soon as the cable is in again.
func TestKindsOfLeases(t *testing.T) {
	t.Parallel()
	w := newScripted(t, elsewhere())
	udhcpc := testnet.Need(t, "udhcpc", "udhcpc")
	w.lan.Run(udhcpc, "-f", "-q", "-n", "-i", "eth0", "-T1", "-A1", "-t30", "-s", w.dir+"/script")
	before := "REQUEST 192.0.2.20"
	for i, turn := range []struct {
		name, lease, router string
		says, status        []string // by `gatehouse wan`, its why, and by `gatehouse status`
	}{
		{"/32, router off the link", "203.0.113.7/32", "198.51.100.1", nil, []string{"special address"}},
		{"/31", "203.0.113.8/31", "203.0.113.9", nil, []string{"special address"}},
		{"CGNAT", "100.64.3.4/10", "100.64.0.1", []string{"100.64.3.4/10, cgnat", "Forwards are not reached"},
			[]string{"cgnat address, so forwards and a 6in4 tunnel do not work"}},
		{"private", "10.7.0.2/24", "10.7.0.1", []string{"10.7.0.2/24, private", "only if that one forwards too"},
			[]string{"private address, so forwards and a 6in4 tunnel depend on another router"}},
		{"no router", "192.0.2.20/24", "", []string{"no router is sent that can be used: there is no default route"},
			[]string{"! wan: no router was sent that can be used, and no route: nothing leads out by eth0"}},
	} {
		s := wantest.Script{ID: addr(fmt.Sprintf("10.99.0.%d", 2+i)), Lease: prefix(turn.lease), Moves: true} // and another server
		ours := s.Lease.Addr().String()
		if turn.router != "" {
			s.Router = addr(turn.router)
			w.wan.Run("ip", "addr", "add", turn.router+"/32", "dev", "eth0")
		}
		w.replug(s)
		plugged := time.Now()
		w.is(turn.name, s.Lease, s.Router)
		heard := w.server.Heard()
		if got := told(heard)[0]; got != before {
			t.Errorf("%s: first the server heard %q, want %q", turn.name, got, before)
		}
		t.Logf("%s: asked for %v after the cable was in again", turn.name, heard[0].At.Sub(plugged).Round(time.Millisecond))
		before = "REQUEST " + ours
		w.wan.Run("ip", "route", "replace", ours+"/32", "dev", "eth0")
		if turn.router != "" {
			w.reaches(turn.name, s.Router)
		}
		saysAll(t, turn.name, unfolded(w.gatehouse("wan")), append(turn.says, "lease of server "+s.ID.String()+",")...)
		saysAll(t, turn.name, unfolded(w.gatehouse("wan", "why")), turn.says...)
		saysAll(t, turn.name, unfolded(w.gatehouse("status")), turn.status...)
	}
}

// unfolded is text on one line.
func unfolded(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestBadCompany: an address that another station has is given back, and a server that is faster than the
// provider's neither takes an address away nor gives one.
func TestBadCompany(t *testing.T) {
	t.Parallel()
	w := &scripted{wiring: newWiring(t)}
	w.plugLAN()
	w.plugWAN()
	w.wan.AddAddr("eth0", "192.0.2.30/32") // whose it is already
	own := wantest.Script{ID: addr("192.0.2.1"), Lease: prefix("192.0.2.30/24"), Router: addr("192.0.2.1"), After: 300 * time.Millisecond}
	w.server = wantest.Serve(t, w.wan, own)
	w.startByDHCP()
	var heard []string
	testnet.Eventually(t, patience, "the address is given back", func() bool {
		heard = append(heard, told(w.server.Heard())...)
		return slices.Contains(heard, "DECLINE 192.0.2.30")
	})
	saysAll(t, "declined", w.gatehouse("wan"), "station "+w.wan.MAC("eth0").String()+" has the address 192.0.2.30")
	own.Lease = prefix("192.0.2.20/24")
	w.server.Plays(own)
	w.is("another one", own.Lease, own.Router)
	w.monitor = w.Start(exec.Command("ip", "monitor", "address", "route"))

	rogue := wantest.Script{ID: addr("192.0.2.66"), Lease: prefix("192.0.2.99/24"), Router: addr("192.0.2.66")}
	w.kernel()
	w.replug(rogue, own)
	testnet.Eventually(t, patience, "the lease is renewed", func() bool {
		return strings.Contains(w.gatehouse("wan", "why"), "server 192.0.2.1 renewed 192.0.2.20/24")
	})
	if got := w.kernel(); slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "inet 192.0.2.") }) {
		t.Errorf("a no of %s: the kernel says %q", rogue.ID, got)
	}

	own.Lease = prefix("192.0.2.21/24") // now it says no as well, later
	w.replug(rogue, own)
	w.is("renumbered", own.Lease, own.Router)
	for _, m := range w.server.Heard() {
		if id := m.Addr(packet.OptionServerID); id == rogue.ID {
			t.Errorf("%s asks %s", &m, id)
		}
	}
}
