package run

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// town is a service with a cable to each of its links.
type town struct {
	s      *Service
	cables map[string]*cable
	end    func()
}

// settleIn starts a service in the bubble of t.
func settleIn(t *testing.T, conf dhcp.Config, disk *leasefiletest.Disk) *town {
	w := &town{cables: map[string]*cable{"eth1": newCable(), "eth2": newCable()}}
	var err error
	listen := func(link string, _ netip.Addr) (Conn, error) {
		c := newCable()
		c.in, c.out = w.cables[link].in, w.cables[link].out // a cable outlives the sockets on it
		return c, nil
	}
	w.s, err = Open(conf, Options{FS: disk, Log: slog.New(slog.DiscardHandler), Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.s.Run(ctx, func() error { return nil }, func() error { return nil }) }()
	w.end = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	synctest.Wait()
	return w
}

// say sends a message by a link and returns the replies on that. On a link that is not
// served nobody hears it.
func (w *town) say(link string, msg []byte) (all []*dhcpv4.DHCPv4) {
	w.whisper(link, msg)
	for {
		select {
		case p := <-w.cables[link].out:
			all = append(all, p)
		default:
			return all
		}
	}
}

func (w *town) whisper(link string, msg []byte) {
	c := w.cables[link]
	c.in <- msg
	synctest.Wait()
	for len(c.in) > 0 {
		<-c.in
	}
}

// knows returns what a service says of its leases and its pools.
func (w *town) knows(t *testing.T) string {
	t.Helper()
	leases := must[[]dhcp.LeaseInfo](t)(w.s.Leases(t.Context()))
	b, err := json.MarshalIndent(leases, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range must[Status](t)(w.s.Status(t.Context())).Subnets {
		b = fmt.Appendf(b, "\n%s %s: %d in the pool, %d used, %d free, %d declined, %d leased, %d offered", s.Name,
			s.Interface, s.PoolSize, s.PoolUsed, s.PoolFree, s.Declined, s.Leases, s.Offered)
	}
	return string(b)
}

func show(all []*dhcpv4.DHCPv4) (s string) {
	for _, p := range all {
		s += p.Summary()
	}
	return s
}

const townCards = 9

// randomConfig has some of a few networks, which overlap those of other configurations
// in every way, and some hosts in them, by card or by port.
func randomConfig(r *rand.Rand) (conf dhcp.Config) {
	ip, prefix := netip.MustParseAddr, netip.MustParsePrefix
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	first := dhcp.Subnet{
		Name: pick("lan", "home"), Interface: pick("eth1", "eth2"), Address: ip("10.0.0.1"), Router: ip("10.0.0.1"),
	}
	if first.Prefix = prefix(pick("10.0.0.0/24", "10.0.0.0/27", "10.0.0.0/22")); r.IntN(4) == 0 {
		first.Address = ip("10.0.0.2")
	}
	conf.Subnets = append(conf.Subnets, first)
	if first.Prefix.Bits() > 22 {
		if r.IntN(3) > 0 {
			link := map[string]string{"eth1": "eth2", "eth2": "eth1"}[first.Interface]
			conf.Subnets = append(conf.Subnets, dhcp.Subnet{
				Name: "guests", Interface: link, Address: ip("10.0.1.1"), Prefix: prefix("10.0.1.0/24"),
			})
		}
		if r.IntN(3) > 0 {
			conf.Subnets = append(conf.Subnets, dhcp.Subnet{Name: "shop", Relayed: true, Prefix: prefix("10.0.2.0/24")})
		}
	}
	r.Shuffle(len(conf.Subnets), func(i, j int) { conf.Subnets[i], conf.Subnets[j] = conf.Subnets[j], conf.Subnets[i] })
	for i := range conf.Subnets {
		sub := &conf.Subnets[i]
		sub.LeaseTime = time.Duration(2+r.IntN(60)) * time.Minute
		sub.RapidCommit = r.IntN(2) == 0
		for block := range byte(3) { // of addresses; a pool may have a hole
			base := netip.AddrFrom4([4]byte{10, 0, block, 0})
			if sub.Prefix.Contains(base) && r.IntN(5) > 0 {
				at := byte(8 + r.IntN(6))
				b := base.As4()
				lo, hi := b, b
				lo[3], hi[3] = at, at+byte(r.IntN(6))
				sub.Pool = append(sub.Pool, lease.Range{First: netip.AddrFrom4(lo), Last: netip.AddrFrom4(hi)})
			}
		}
		if r.IntN(3) == 0 {
			sub.Exclude = []lease.Range{{First: ip("10.0.0.10"), Last: ip("10.0.0.11")}}
		}
	}
	taken := map[netip.Addr]bool{}
	for n := range townCards {
		h := dhcp.Host{Name: fmt.Sprintf("host%d", n)}
		if a := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(3)), byte(7 + r.IntN(12))}); !taken[a] {
			h.Addrs, taken[a] = []netip.Addr{a}, true
		}
		switch r.IntN(8) {
		case 0, 1:
			h.MACs = []lease.MAC{lease.MAC(card(n))}
		case 2:
			h.Ports = []dhcp.Port{{Circuit: []byte{byte(n)}}}
		case 3: // an address and a name that are its own, and no DHCP
		default:
			continue
		}
		conf.Hosts = append(conf.Hosts, h)
	}
	return conf
}

// chatter says something random, by a link, of a card that may have had an address before.
func chatter(r *rand.Rand, has map[int]net.IP) (link string, n int, msg []byte) {
	n = r.IntN(townCards)
	var mods []dhcpv4.Modifier
	if r.IntN(3) == 0 {
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptHostName(fmt.Sprintf("host%d", r.IntN(townCards)))))
	}
	if r.IntN(3) == 0 { // by a relay agent
		mods = append(mods, func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = net.IPv4(10, 0, byte(r.IntN(3)), 2) },
			dhcpv4.WithGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 1, byte(r.IntN(townCards))}))
	}
	addr := has[n]
	if addr == nil || r.IntN(5) == 0 {
		addr = net.IPv4(10, 0, byte(r.IntN(3)), byte(7+r.IntN(12)))
	}
	wanted := dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr))
	having := func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = addr }
	kind := dhcpv4.MessageTypeRequest
	switch r.IntN(10) {
	case 0, 1:
		kind = dhcpv4.MessageTypeDiscover
	case 2:
		kind, mods = dhcpv4.MessageTypeDiscover, append(mods, dhcpv4.WithGeneric(dhcpv4.OptionRapidCommit, nil))
	case 3:
		kind, mods = dhcpv4.MessageTypeDiscover, append(mods, wanted)
	case 4:
		mods = append(mods, wanted) // INIT-REBOOT
	case 5, 6:
		mods = append(mods, having) // RENEWING
	case 7, 8:
		mods = append(mods, wanted, dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 1))))
	case 9:
		kind = []dhcpv4.MessageType{dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeDecline}[r.IntN(2)]
		mods = append(mods, having, wanted)
	}
	return []string{"eth1", "eth2"}[r.IntN(2)], n, ask(n, kind, mods...)
}

// TestReconfiguredAsRestarted: whatever was leased under one configuration, a service that
// takes another answers as one that is started with that, and knows the same.
func TestReconfiguredAsRestarted(t *testing.T) {
	acks, differ := 0, 0
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			disk := new(leasefiletest.Disk)
			conf := randomConfig(r)
			w := settleIn(t, conf, disk)
			defer w.end()
			has := map[int]net.IP{}
			for range 2 + r.IntN(3) { // several configurations, one after the other
				for range r.IntN(60) {
					link, n, msg := chatter(r, has)
					for _, p := range w.say(link, msg) {
						has[n] = p.YourIPAddr
						if p.MessageType() == dhcpv4.MessageTypeAck {
							acks++
						}
					}
					time.Sleep(time.Duration(1+r.IntN(90)) * time.Second)
				}
				conf = randomConfig(r)
				if r.IntN(2) == 0 { // with records on their way
					disk.Slow(time.Second)
					for range 1 + r.IntN(5) {
						link, _, msg := chatter(r, has)
						w.whisper(link, msg)
						time.Sleep(time.Millisecond)
					}
				}
				if err := w.s.Reconfigure(conf); err != nil {
					t.Fatal(err)
				}
				disk.Slow(0)
				time.Sleep(dhcp.OfferHold + 10*time.Second) // of offers a restart knows nothing
				synctest.Wait()
				for _, c := range w.cables {
					for len(c.out) > 0 {
						<-c.out
					}
				}
			}
			fresh := settleIn(t, conf, disk.PowerCut(rand.New(rand.NewPCG(0, 0))))
			defer fresh.end()
			if a, b := w.knows(t), fresh.knows(t); a != b {
				t.Fatalf("seed %d: reconfigured it knows\n%s\nstarted\n%s", seed, a, b)
			}
			for step := range 80 {
				link, n, msg := chatter(r, has)
				a, b := w.say(link, msg), fresh.say(link, msg)
				for i := range max(len(a), len(b)) {
					if i >= len(a) || i >= len(b) || !bytes.Equal(a[i].ToBytes(), b[i].ToBytes()) {
						t.Fatalf("seed %d step %d: reconfigured it answers %s, started %s", seed, step, show(a), show(b))
					}
					has[n] = a[i].YourIPAddr
					differ++
				}
				time.Sleep(time.Duration(1+r.IntN(90)) * time.Second)
			}
			if a, b := w.knows(t), fresh.knows(t); a != b {
				t.Fatalf("seed %d: in the end reconfigured it knows\n%s\nstarted\n%s", seed, a, b)
			}
		})
	}
	if acks < 1000 || differ < 3000 {
		t.Errorf("%d acknowledgements before, %d answers after: this shows little", acks, differ)
	}
}
