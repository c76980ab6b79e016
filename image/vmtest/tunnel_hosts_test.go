package vmtest

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// serveWeb has web1 serve two ports, of which one is forwarded to it.
func (h *tunnelled) serveWeb() {
	h.Helper()
	listen(h.T, h.web1, "[::]:443")
	listen(h.T, h.web1, "[::]:22")
}

// hosts looks at hosts of the LAN, whose network is one that the broker routes: they make addresses in it,
// have the appliance for their router, and one with a suffix in the file hosts has its name and its forward
// there.
func (h *tunnelled) hosts(ctx context.Context, network string) {
	h.Helper()
	own := makes6(h.T, h.laptop, network+"/64", true)
	advertised6(h.T, h.laptop, true)
	web1 := netip.MustParseAddr(network + "11")
	if got := makes6(h.T, h.web1, network+"/64", true); got != web1 {
		h.Errorf("web1 has %s, want %s", got, web1)
	}
	box := network + "1"
	for question, want := range map[string]string{
		"web1.home.example": web1.String(), "firewall.home.example": box,
	} {
		if got := dig(ctx, h.T, h.laptop, box, question, "AAAA", "+short"); got != want {
			h.Errorf("%s is %q, want %s", question, got, want)
		}
	}
	h.laptop.Run("ping", "-c1", "-w30", server6)
	begin := time.Now() // it has an address that it made itself, and used just now
	testnet.Eventually(h.T, Guard, "that of the laptop has its name", func() bool {
		return dig(ctx, h.T, h.laptop, box, "laptop.home.example", "AAAA", "+short") == own.String()
	})
	h.Logf("an address that a host made has its name %v after it was used", time.Since(begin).Round(time.Millisecond))
	if seen, err := ask(ctx, h.wan, net.JoinHostPort(web1.String(), "443")); err != nil || seen == "" {
		h.Errorf("the forward to web1: %v", err)
	}
	if err := dial(ctx, h.laptop, net.JoinHostPort(web1.String(), "22")); err != nil {
		h.Errorf("what web1 serves in its LAN: %v", err)
	}
	if err := dial(ctx, h.wan, net.JoinHostPort(web1.String(), "22")); err == nil {
		h.Error("what is not forwarded is reached from outside")
	}
}

// dies has the broker's end die and come back. The appliance knows of it by its probes: down with the fourth
// that comes in vain, when it has waited a second for an answer to the third, and up with the answer to the
// second.
func (h *tunnelled) dies(ctx context.Context) {
	h.Helper()
	told := newJournal(h.T, h.laptop, "route")
	h.laptop.Run("rdisc6", "-1", "-q", eth0) // its journal is read
	before := time.Now()
	h.end.dead.Store(true)
	gone := told.when(h.T, before, "Deleted default", "proto ra")
	advertised6(h.T, h.laptop, false)
	h.Logf("the far end dies: no default route after %v, which is %v after the tunnel is down",
		gone.Sub(before).Round(time.Millisecond), gone.Sub(h.end.probe(before, 4)).Round(time.Millisecond))
	h.state(ctx, "down")
	out, _ := h.run(ctx, "gatehouse tunnel")
	saysAll(h.T, "tunnel", out, "is down", "protocol 41")
	out, _ = h.run(ctx, "gatehouse status")
	saysAll(h.T, "status", out, "The tunnel for IPv6 is down")

	before = time.Now()
	h.end.dead.Store(false)
	back := told.when(h.T, before, "default via fe80", "proto ra")
	up := h.end.probe(before, 2)
	if free := gone.Add(3 * time.Second); free.After(up) { // all hosts were told something (RFC 4861 10, MIN_DELAY_BETWEEN_RAS)
		up = free
	}
	h.Logf("it is back: a default route after %v, which is %v after the tunnel is up and hosts may be told",
		back.Sub(before).Round(time.Millisecond), back.Sub(up).Round(time.Millisecond))
	h.state(ctx, "up")
}

// renumbered has the broker route another network. Hosts begin nothing with the old one any more.
func (h *tunnelled) renumbered(ctx context.Context) {
	h.Helper()
	told := newJournal(h.T, h.laptop, "address")
	h.change(h.T, "site.toml", `routed = ["`+routed64+`", "`+routed48+`"]`, `routed = ["`+routed64+`"]`)
	before := time.Now()
	h.mustPush(ctx, h.T)
	old := told.when(h.T, before, "2001:db8:abcd:", "deprecated")
	makes6(h.T, h.laptop, "2001:db8:abcd::/64", false)
	h.Logf("routed is another: the old network is deprecated %v after the push began", old.Sub(before).Round(time.Millisecond))
	h.hosts(ctx, "2001:db8:1f0b:1::")
}
