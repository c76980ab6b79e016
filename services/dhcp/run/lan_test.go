package run

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// slots are the cards of a machine, by the names of their links.
type slots struct {
	changed chan struct{}

	mu     sync.Mutex
	cards  map[string]*cable
	broken error // why no sockets can be opened, though there is a card
	opened int   // how often it was tried
}

// twoLANs are a Config with lan on eth1 and guests on eth2, and the cards for it.
func twoLANs() (dhcp.Config, *slots) {
	conf := config()
	guests, ip := conf.Subnets[0], netip.MustParseAddr
	guests.Name, guests.Interface, guests.Address, guests.Router = "guests", "eth2", ip("192.168.33.1"), ip("192.168.33.1")
	guests.Prefix = netip.MustParsePrefix("192.168.33.0/24")
	guests.Pool = []lease.Range{{First: ip("192.168.33.100"), Last: ip("192.168.33.199")}}
	conf.Subnets = append(conf.Subnets, guests)
	return conf, &slots{cards: map[string]*cable{}}
}

// use has the service find the cards, two of them at first.
func (s *slots) use(r *rig, o *Options) {
	s.changed = make(chan struct{}, 1) // in the bubble
	s.in("eth1", r.cable)
	s.in("eth2", newCable())
	o.Listen, o.Changed = s.listen, s.changed
}

func (s *slots) listen(link string, _ netip.Addr) (Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	switch c := s.cards[link]; {
	case c == nil:
		return nil, fmt.Errorf("link %s is %w", link, links.ErrAbsent)
	case s.broken != nil:
		return nil, s.broken
	default:
		return c, nil
	}
}

// in puts a card in, in place of one that may be there; nil takes that out.
func (s *slots) in(link string, c *cable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.cards[link]; old != nil {
		old.mu.Lock()
		old.gone = fmt.Errorf("link %s is %w", link, links.ErrAbsent)
		old.mu.Unlock()
	}
	delete(s.cards, link)
	if c != nil {
		s.cards[link] = c
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

func (s *slots) set(broken error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// tries returns how often sockets were opened since the last time.
func (s *slots) tries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.opened
	s.opened = 0
	return n
}

func settle() {
	time.Sleep(2 * links.Settle) // another look may have been under way
	synctest.Wait()
}

func isClosed(c *cable) bool {
	select {
	case <-c.closed:
		return true
	default:
		return false
	}
}

// problems are those that status shows.
func (r *rig) problems() string {
	return strings.Join(must[Status](r.t)(r.s.Status(r.t.Context())).Problems, "\n")
}

// on is the rig with another cable to speak by.
func (r *rig) on(c *cable) *rig { return &rig{t: r.t, s: r.s, log: r.log, cable: c} }

// TestLinkGoesAndComes: the other LAN is served all the while.
func TestLinkGoesAndComes(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		guests := r.on(s.cards["eth2"])
		addr := guests.dora(1)
		for i := 1; i <= 3; i++ {
			s.in("eth2", nil)
			settle()
			if !isClosed(guests.cable) {
				t.Error("the sockets of the link that is gone are open")
			}
			if got := r.problems(); got != "No leases for guests: link eth2 is not there." {
				t.Errorf("problems: %q", got)
			}
			if r.dora(10+i) == "" {
				t.Error("the other LAN is not served")
			}
			s.tries()
			time.Sleep(time.Hour)
			if n := s.tries(); n > 0 {
				t.Errorf("opened %d times while no link changed", n)
			}
			guests = r.on(newCable())
			s.in("eth2", guests.cable)
			settle()
			if got := guests.dora(1); got != addr {
				t.Errorf("before %s, now %q", addr, got)
			}
			if got := r.problems(); got != "" {
				t.Errorf("problems: %q", got)
			}
			if gone, back := r.log.count("not served until its link is there"), r.log.count("msg=served name=guests"); gone != i || back != 1+i {
				t.Errorf("logged %d times that it is gone, %d times that it is back:\n%s", gone, back, r.log.b.String())
			}
		}
		if isClosed(r.cable) {
			t.Error("the other LAN's sockets were opened anew")
		}
	})
}

// TestLinkIsReplaced: nobody saw it missing.
func TestLinkIsReplaced(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		before := s.cards["eth2"]
		guests := r.on(newCable())
		s.in("eth2", guests.cable)
		settle()
		if !isClosed(before) || guests.dora(1) == "" {
			t.Error("the new link is not served")
		}
		if r.log.count("not served") != 1 || r.log.count("msg=served") != 3 {
			t.Error(r.log.b.String())
		}
	})
}

// TestStartWithoutLinks: not one of them is there.
func TestStartWithoutLinks(t *testing.T) {
	conf, s := twoLANs()
	conf.Subnets[1].Probe = wait
	prepare := func(r *rig, o *Options) {
		s.use(r, o)
		s.in("eth1", nil)
		s.in("eth2", nil)
	}
	inBubbleWith(t, conf, new(leasefiletest.Disk), prepare, func(r *rig) {
		settle()
		if n := strings.Count(r.problems(), "No leases for "); n != 2 || r.log.count("not served") != 2 {
			t.Errorf("%d problems\n%s", n, r.log.b.String())
		}
		guests := r.on(newCable())
		s.in("eth2", guests.cable)
		settle()
		if got := r.problems(); got != "No leases for lan: link eth1 is not there." {
			t.Errorf("problems: %q", got)
		}
		guests.say(ask(1, dhcpv4.MessageTypeDiscover))
		time.Sleep(wait)
		synctest.Wait()
		if len(guests.replies()) != 1 {
			t.Error("no offer")
		}
	})
}

// TestSocketsCannotBeOpened: with growing pauses, said once, and in the end they can.
func TestSocketsCannotBeOpened(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		s.set(errors.New("address in use"))
		guests := r.on(newCable())
		s.in("eth2", guests.cable)
		s.tries()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.tries(); n < 60 || n > 70 {
			t.Errorf("tried %d times in an hour", n)
		}
		if got := r.problems(); got != "No leases for guests: address in use." || r.log.count("address in use") != 1 {
			t.Errorf("problems: %q\n%s", got, r.log.b.String())
		}
		s.set(nil)
		time.Sleep(links.LastRetry)
		synctest.Wait()
		if guests.dora(1) == "" || r.problems() != "" {
			t.Error("it is not served")
		}
	})
}

// TestLinkGoesWhileSomebodyWaits: a client whose address is being looked for is lost
// with the link, and nothing else.
func TestLinkGoesWhileSomebodyWaits(t *testing.T) {
	conf, s := twoLANs()
	conf.Subnets[1].Probe = time.Second
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		s.cards["eth2"].in <- ask(1, dhcpv4.MessageTypeDiscover)
		synctest.Wait()
		s.in("eth2", nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		st := must[Status](t)(r.s.Status(r.t.Context()))
		if st.Subnets[1].Dropped["not-sent"] != 1 || st.Subnets[1].Absent == "" || r.log.count("reply not sent") != 1 {
			t.Errorf("%+v\n%s", st.Subnets[1], r.log.b.String())
		}
		if r.dora(2) == "" {
			t.Error("the other LAN is not served")
		}
	})
}

// TestStormOfLinks: however often links change, they are looked at ten times a second
// at most.
func TestStormOfLinks(t *testing.T) {
	conf, s := twoLANs()
	inBubbleWith(t, conf, new(leasefiletest.Disk), s.use, func(r *rig) {
		s.tries()
		var guests *rig
		for range 6000 {
			guests = r.on(newCable())
			s.in("eth2", guests.cable)
			time.Sleep(time.Millisecond)
		}
		settle()
		if n := s.tries(); n > 62 {
			t.Errorf("opened %d times in six seconds", n)
		}
		if guests.dora(1) == "" {
			t.Error("the last link is not served")
		}
	})
}
