package run

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// neighbours is a Prober whose network is the test.
type neighbours struct {
	mu      sync.Mutex
	at      map[netip.Addr]lease.MAC // who has which address
	asked   []netip.Addr
	fail    error
	answers chan answer
	once    *sync.Once
	closed  chan struct{}
}

func newNeighbours() neighbours {
	return neighbours{at: map[netip.Addr]lease.MAC{}, answers: make(chan answer, 5000), once: new(sync.Once), closed: make(chan struct{})}
}

func (n *neighbours) Probe(addr netip.Addr) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, addr)
	if mac, ok := n.at[addr]; ok {
		n.answers <- answer{addr, mac}
	}
	return n.fail
}

func (n *neighbours) Answer() (netip.Addr, lease.MAC, error) {
	select {
	case a := <-n.answers:
		return a.addr, a.by, nil
	case <-n.closed:
		return netip.Addr{}, lease.MAC{}, net.ErrClosed
	}
}

func (n *neighbours) Close() error { n.once.Do(func() { close(n.closed) }); return nil }

func (n *neighbours) set(addr string, mac lease.MAC) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at[netip.MustParseAddr(addr)] = mac
}

// An answer is who has an address.
type answer struct {
	addr netip.Addr
	by   lease.MAC
}

const wait = 300 * time.Millisecond

func probing() dhcp.Config {
	conf := config()
	conf.Subnets[0].Probe = wait
	return conf
}

// TestProbing: an address is looked for before it is offered; a client that comes
// back, and everybody else meanwhile, does not wait.
func TestProbing(t *testing.T) {
	squatter := lease.MAC{0, 0, 0x5e, 0, 0x53, 1}
	disk := new(leasefiletest.Disk)
	inBubble(t, probing(), disk, nil, func(r *rig) {
		r.neighbours.set("10.1.0.0", squatter)
		r.neighbours.set("10.1.0.1", squatter)
		discover := ask(1, dhcpv4.MessageTypeDiscover)
		if got := r.say(discover); len(got) > 0 {
			t.Fatalf("offered %s unprobed", got[0].YourIPAddr)
		}
		if got := r.say(discover); len(got) > 0 { // the client asks again
			t.Fatalf("offered %s unprobed", got[0].YourIPAddr)
		}
		time.Sleep(wait)
		synctest.Wait()
		offers := r.replies()
		if len(offers) != 1 || offers[0].YourIPAddr.String() != "10.1.0.2" {
			t.Fatalf("offers %v", offers)
		}
		if got := r.say(ask(1, dhcpv4.MessageTypeRequest, selecting("10.1.0.2")...)); len(got) != 1 || got[0].MessageType() != dhcpv4.MessageTypeAck {
			t.Fatalf("request: %v", got)
		}
		r.neighbours.set("10.1.0.2", lease.MAC(card(1))) // it uses it
		if got := r.say(discover); len(got) != 1 || got[0].YourIPAddr.String() != "10.1.0.2" {
			t.Errorf("a client that comes back: %v", got)
		}
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if p := st.Subnets[0].Probes; p != (ProbeCounts{Sent: 3, InUse: 2}) || st.Subnets[0].Declined != 2 || r.log.count("in use") != 2 {
			t.Errorf("%+v %+v", p, st.Subnets[0])
		}
		if found := must[map[string]lease.Lease](t)(durable(disk)); found["10.1.0.0"].State != lease.Declined || found["10.1.0.0"].MAC != squatter {
			t.Errorf("on disk: %v", found)
		}
		if all := must[[]Exchange](t)(r.s.Recent(r.t.Context(), &squatter)); len(all) != 2 {
			t.Errorf("of the stranger: %v", all)
		}
	})
}

// TestProbeAnsweredByTheClient: its own old address is nobody's.
func TestProbeAnsweredByTheClient(t *testing.T) {
	inBubble(t, probing(), new(leasefiletest.Disk), nil, func(r *rig) {
		r.neighbours.set("10.1.0.0", lease.MAC(card(1)))
		if got := r.say(ask(1, dhcpv4.MessageTypeDiscover)); len(got) != 1 || got[0].YourIPAddr.String() != "10.1.0.0" {
			t.Errorf("%v", got)
		}
	})
}

// TestManyProbes: those beyond the bound are answered at once, the others in time;
// and probes under way do not hold up the end.
func TestManyProbes(t *testing.T) {
	inBubble(t, probing(), new(leasefiletest.Disk), nil, func(r *rig) {
		for n := range 2 * maxProbes {
			r.cable.in <- ask(n, dhcpv4.MessageTypeDiscover)
		}
		synctest.Wait()
		if got := len(r.replies()); got != maxProbes {
			t.Errorf("%d were answered at once", got)
		}
		time.Sleep(wait)
		synctest.Wait()
		if got := len(r.replies()); got != maxProbes {
			t.Errorf("%d were answered afterwards", got)
		}
		if p := must[Status](t)(r.s.Status(r.t.Context())).Subnets[0].Probes; p != (ProbeCounts{Sent: maxProbes, Skipped: maxProbes}) {
			t.Errorf("%+v", p)
		}
		r.neighbours.fail = errDisk
		if got := r.say(ask(9999, dhcpv4.MessageTypeDiscover)); len(got) != 1 {
			t.Error("a link that cannot be probed gives no addresses")
		}
		r.neighbours.fail = nil
		for n := range 10 {
			r.cable.in <- ask(20000+n, dhcpv4.MessageTypeDiscover)
		}
		synctest.Wait()
	})
}

// TestRelayedSubnet: it has no socket of its own, and its counts are its own.
func TestRelayedSubnet(t *testing.T) {
	conf := config()
	ip := netip.MustParseAddr
	conf.Subnets = append(conf.Subnets, dhcp.Subnet{
		Name: "shop", Relayed: true, Prefix: netip.MustParsePrefix("192.168.40.0/24"), LeaseTime: time.Hour, Probe: wait,
		Pool: []lease.Range{{First: ip("192.168.40.100"), Last: ip("192.168.40.199")}},
	})
	inBubble(t, conf, new(leasefiletest.Disk), nil, func(r *rig) {
		r.neighbours.set("192.168.40.100", lease.MAC{})
		relayed := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = net.IPv4(192, 168, 40, 1) }
		r.say(ask(1, dhcpv4.MessageTypeDiscover, relayed))
		time.Sleep(wait)
		synctest.Wait()
		got := r.replies()
		if len(got) != 1 || got[0].YourIPAddr.String() != "192.168.40.101" || got[0].ServerIdentifier().String() != "10.0.0.1" {
			t.Fatalf("%v", got)
		}
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if st.Subnets[0].Received["DISCOVER"] != 0 || st.Subnets[1].Received["DISCOVER"] != 1 || st.Subnets[1].Probes.InUse != 1 {
			t.Errorf("%+v", st.Subnets)
		}
	})
}
