package conn

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// link finds wan0 of the box.
func (n *network) link() (l Link) {
	n.t.Helper()
	n.in(func() (err error) { l, err = Find("wan0"); return err })
	return l
}

func (n *network) probe(l Link, a, gateway netip.Addr, long time.Duration) (f Finding) {
	n.t.Helper()
	n.in(func() (err error) { f, err = l.Probe(n.t.Context(), a, gateway, long); return err })
	return f
}

// arp writes an ARP message to everybody, as of some card.
func (w *wire) arp(operation uint16, card ethernet.MAC, from, target string) {
	w.t.Helper()
	a := ethernet.ARP{Operation: operation, SenderMAC: card, Sender: addr(from), Target: addr(target)}
	w.write(ethernet.Everybody(), nil, unix.ETH_P_ARP, a.Append(nil))
}

// TestProbe has the kernel of the provider as the neighbour.
func TestProbe(t *testing.T) {
	n := newNetwork(t)
	l, isp := n.link(), ethernet.MAC(n.isp.MAC("eth0"))
	seen := sniff(t, n.isp, "eth0", "arp")
	start := time.Now()
	if f := n.probe(l, addr("192.0.2.100"), addr("192.0.2.9"), 300*time.Millisecond); f != (Finding{}) {
		t.Errorf("a free address, with a gateway that is not there: %+v", f)
	}
	if took := time.Since(start); took < 300*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	if f := n.probe(l, addr("192.0.2.1"), netip.Addr{}, time.Minute); f != (Finding{Conflict: isp}) {
		t.Errorf("an address of another: %+v", f)
	}
	const probe = "Request who-has 192.0.2.100 tell 0.0.0.0, length 46"
	testnet.Eventually(t, 10*time.Second, "three probes are seen, and the answer that came last", func() bool {
		return strings.Count(seen(), probe) == 3 && strings.Contains(seen(), "Reply 192.0.2.1 is-at")
	})
	for a, times := range map[string]int{"192.0.2.1": 1, "192.0.2.9": 3} {
		if got := strings.Count(seen(), "Request who-has "+a+" tell 0.0.0.0, length 46"); got != times {
			t.Errorf("asked for %s %d times:\n%s", a, got, seen())
		}
	}
	if !strings.Contains(seen(), l.MAC.String()+" > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 60") {
		t.Errorf("seen:\n%s", seen())
	}
}

// TestProbeIsOverSooner where the gateway has answered: there is another probe, and who has the address is
// heard all the same.
func TestProbeIsOverSooner(t *testing.T) {
	n := newNetwork(t)
	l, isp := n.link(), ethernet.MAC(n.isp.MAC("eth0"))
	seen := sniff(t, n.isp, "eth0", "arp")
	start := time.Now()
	if f := n.probe(l, addr("192.0.2.100"), addr("192.0.2.1"), time.Minute); f != (Finding{Gateway: isp}) {
		t.Errorf("%+v", f)
	}
	if took := time.Since(start); took < answerLeast || took > 30*time.Second {
		t.Errorf("it took %s", took)
	}
	testnet.Eventually(t, 10*time.Second, "two probes are seen", func() bool {
		return strings.Count(seen(), "Request who-has 192.0.2.100 tell 0.0.0.0, length 46") == 2
	})
	n.isp.AddAddr("eth0", "192.0.2.100/24")
	if f := n.probe(l, addr("192.0.2.100"), addr("192.0.2.1"), time.Minute); f.Conflict != isp {
		t.Errorf("%+v", f)
	}
}

// TestProbeHears writes what another station says while an address is looked for.
func TestProbeHears(t *testing.T) {
	other := ethernet.MAC{2, 9, 9, 9, 9, 9}
	for name, tc := range map[string]struct {
		operation    uint16
		from, target string
		loop         bool // it is our own, that came back
		want         ethernet.MAC
	}{
		"answers":                 {ethernet.ARPReply, "192.0.2.100", "192.0.2.1", false, other},
		"asks for another":        {ethernet.ARPRequest, "192.0.2.100", "192.0.2.1", false, other},
		"announces":               {ethernet.ARPRequest, "192.0.2.100", "192.0.2.100", false, other},
		"probes, too":             {ethernet.ARPRequest, "0.0.0.0", "192.0.2.100", false, other},
		"probes for another":      {ethernet.ARPRequest, "0.0.0.0", "192.0.2.101", false, ethernet.MAC{}},
		"asks for ours":           {ethernet.ARPRequest, "192.0.2.7", "192.0.2.100", false, ethernet.MAC{}},
		"our own probe, returned": {ethernet.ARPRequest, "0.0.0.0", "192.0.2.100", true, ethernet.MAC{}},
		"our own, as an answer":   {ethernet.ARPReply, "192.0.2.100", "192.0.2.100", true, ethernet.MAC{}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t)
			l, w := n.link(), n.wire()
			seen := sniff(t, n.isp, "eth0", "arp")
			long := time.Minute // it is over when it has heard
			if tc.want == (ethernet.MAC{}) {
				long = 3 * time.Second
			}
			found := make(chan Finding)
			go func() { found <- n.probe(l, addr("192.0.2.100"), netip.Addr{}, long) }()
			testnet.Eventually(t, 10*time.Second, "a probe is seen", func() bool {
				return strings.Contains(seen(), "who-has 192.0.2.100")
			})
			card := other
			if tc.loop {
				card = l.MAC
			}
			w.arp(tc.operation, card, tc.from, tc.target)
			if f := <-found; f != (Finding{Conflict: tc.want}) {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestBothProbe: two that want the same address notice each other (RFC 5227 2.1.1), whoever
// was first.
func TestBothProbe(t *testing.T) {
	n := newNetwork(t)
	var theirs Link
	if err := n.isp.Do(func() (err error) { theirs, err = Find("eth0"); return err }); err != nil {
		t.Fatal(err)
	}
	ours := n.link()
	var got Finding
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = n.isp.Do(func() (err error) {
			got, err = theirs.Probe(t.Context(), addr("192.0.2.50"), netip.Addr{}, 3*time.Second)
			return err
		})
	})
	f := n.probe(ours, addr("192.0.2.50"), netip.Addr{}, 3*time.Second)
	wg.Wait()
	none := ethernet.MAC{} // who hears the other before its own first probe asks no more
	if f.Conflict != theirs.MAC && f.Conflict != none || got.Conflict != ours.MAC && got.Conflict != none ||
		f.Conflict == got.Conflict {
		t.Errorf("ours: %+v, theirs: %+v", f, got)
	}
}

// TestProbeEnds: with its context, and with a link that goes down.
func TestProbeEnds(t *testing.T) {
	n := newNetwork(t)
	l := n.link()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	n.in(func() error {
		_, err := l.Probe(ctx, addr("192.0.2.100"), netip.Addr{}, time.Hour)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Probe: %v", err)
		}
		if _, err := l.Seek(ctx, Question{Target: addr("192.0.2.100")}); !errors.Is(err, context.Canceled) {
			t.Errorf("Seek: %v", err)
		}
		return nil
	})
	n.box.Down("wan0")
	n.in(func() error {
		_, err := l.Probe(t.Context(), addr("192.0.2.100"), netip.Addr{}, time.Minute)
		if !errors.Is(err, unix.ENETDOWN) {
			t.Errorf("Probe on a link that is down: %v", err)
		}
		return nil
	})
}

// TestAnnounce has another kernel take the announcement: its entry of the address changes.
func TestAnnounce(t *testing.T) {
	n := newNetwork(t)
	l := n.link()
	n.isp.Run("ip", "neigh", "add", "192.0.2.100", "lladdr", "02:09:09:09:09:09", "dev", "eth0", "nud", "stale")
	seen := sniff(t, n.isp, "eth0", "arp")
	start := time.Now()
	n.in(func() error { return l.Announce(t.Context(), addr("192.0.2.100"), 2) })
	if took := time.Since(start); took < announceInterval {
		t.Errorf("two announcements within %s", took)
	}
	testnet.Eventually(t, 10*time.Second, "two announcements are seen", func() bool {
		return strings.Count(seen(), "Request who-has 192.0.2.100 tell 192.0.2.100, length 46") == 2 ||
			strings.Count(seen(), "Announcement 192.0.2.100, length 46") == 2
	})
	if out := n.isp.Run("ip", "neigh", "show", "192.0.2.100"); !strings.Contains(out, l.MAC.String()) {
		t.Error(out)
	}
}

// TestSeek asks everybody, and one alone.
func TestSeek(t *testing.T) {
	n := newNetwork(t)
	l, isp := n.link(), ethernet.MAC(n.isp.MAC("eth0"))
	n.box.AddAddr("wan0", "192.0.2.100/24")
	seen := sniff(t, n.isp, "eth0", "arp and arp[6:2] == 1")
	seek := func(q Question, want ethernet.MAC, wantErr error) {
		t.Helper()
		n.in(func() error {
			a, err := l.Seek(t.Context(), q)
			timed := err != nil || a.Took > 0 && a.Took <= seekEvery
			if a.MAC != want || !errors.Is(err, wantErr) || !timed {
				t.Errorf("%+v: %+v, %v", q, a, err)
			}
			return nil
		})
	}
	sent := func(to string, times int) {
		t.Helper()
		what := l.MAC.String() + " > " + to
		testnet.Eventually(t, 10*time.Second, what+" is seen", func() bool {
			return strings.Count(seen(), what) == times
		})
	}
	q := Question{Target: addr("192.0.2.1"), From: addr("192.0.2.100")}
	seek(q, isp, nil)
	sent("ff:ff:ff:ff:ff:ff", 1)
	q.MAC = isp
	seek(q, isp, nil)
	sent(isp.String(), 1)
	q.MAC = ethernet.MAC{2, 9, 9, 9, 9, 9} // who had it is gone: everybody is asked
	seek(q, isp, nil)
	sent("ff:ff:ff:ff:ff:ff", 2)
	seek(Question{Target: addr("192.0.2.1")}, isp, nil)
	seek(Question{Target: addr("192.0.2.9")}, ethernet.MAC{}, ErrSilent)
	sent("ff:ff:ff:ff:ff:ff", 6)
	for from, times := range map[string]int{"192.0.2.100": 4, "0.0.0.0": 1} {
		if n := strings.Count(seen(), "who-has 192.0.2.1 tell "+from+", length 46"); n != times {
			t.Errorf("asked as %s %d times:\n%s", from, n, seen())
		}
	}
}

// TestWatch tells of others that have our address, and not of ourselves.
func TestWatch(t *testing.T) {
	n := newNetwork(t)
	l, w := n.link(), n.wire()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan ethernet.MAC, 10)
	ended := make(chan error)
	go func() {
		ended <- n.box.Do(func() error {
			return l.Watch(ctx, addr("192.0.2.100"), func(by ethernet.MAC) { told <- by })
		})
	}()
	other := ethernet.MAC{2, 9, 9, 9, 9, 9}
	testnet.Eventually(t, 10*time.Second, "a conflict is told", func() bool {
		w.arp(ethernet.ARPRequest, l.MAC, "192.0.2.100", "192.0.2.100")
		w.arp(ethernet.ARPRequest, other, "192.0.2.7", "192.0.2.100")
		w.arp(ethernet.ARPRequest, other, "192.0.2.100", "192.0.2.1")
		return len(told) > 0
	})
	start := time.Now()
	for i := 0; len(told) < 3; i++ {
		w.arp(ethernet.ARPReply, other, "192.0.2.100", "192.0.2.1")
		time.Sleep(5 * time.Millisecond)
	}
	if took := time.Since(start); took < watchEvery {
		t.Errorf("told of two more within %s", took)
	}
	for len(told) > 0 {
		if by := <-told; by != other {
			t.Errorf("told of %s", by)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
