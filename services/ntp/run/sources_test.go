package run

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// near waits until the service's clock is right, but for so much: the first answers of a machine that is busy
// may be late by more, which is slewed away.
func (l *lab) near(limit time.Duration) {
	l.t.Helper()
	testnet.Eventually(l.t, 90*time.Second, "the clock is right by "+limit.String(), func() bool {
		return l.test(order{}).Ahead.Abs() <= limit
	})
}

// TestDeadClocks: whatever the clock says at first, it is right at once, and is set only once.
func TestDeadClocks(t *testing.T) {
	for name, at := range map[string]time.Time{"1970": time.Unix(90, 0), "2099": time.Date(2099, 6, 1, 0, 0, 0, 0, time.UTC)} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, time.Until(at))
			conf := l.upstream()
			l.serve(conf)
			began := time.Now()
			l.synchronised()
			t.Logf("synchronised after %v", time.Since(began).Round(10*time.Millisecond))
			l.near(5 * time.Millisecond)
			steps := l.test(order{}).Steps
			if name == "1970" && len(steps) != 2 || name == "2099" && len(steps) != 1 {
				t.Errorf("steps: %v", steps)
			}
			if k := l.status().Kept; time.Since(k.Time).Abs() > time.Minute {
				t.Errorf("kept at once: %+v", k)
			}
			l.stop()
			var kept Kept
			text, err := os.ReadFile(filepath.Join(l.dir, "state/clock"))
			if err == nil {
				err = json.Unmarshal(text, &kept)
			}
			if err != nil || time.Since(kept.Time).Abs() > time.Minute {
				t.Errorf("kept %s, %v", text, err)
			}
			// A clock that is lost altogether begins with what is kept, without any source.
			l.role.Ahead = -40 * 365 * 24 * time.Hour
			l.serve(ntp.Config{Links: []string{"lan"}})
			if off := l.test(order{}).Ahead; off > 0 || off < -time.Minute {
				t.Errorf("after a restart the clock is wrong by %v", off)
			}
			if st := l.status(); st.Synchronised || st.Stratum != 0 {
				t.Errorf("%+v", st)
			}
		})
	}
}

// TestBadCompany: three good servers, chronyd; one whose answers take 200 ms longer than its questions; a
// liar, a dead one, and one that is not synchronised. The liar jumps.
func TestBadCompany(t *testing.T) {
	l := newLab(t, 30*time.Second)
	var good []netip.Addr
	for i, name := range []string{"one", "two", "three"} {
		good = append(good, l.chronyd(name, byte(10+i), "local stratum 2"))
	}
	far := l.relay("far", 19, good[0])
	unsynchronised := l.chronyd("unsynced", 20)
	process, liar := l.liar("liar", 21, 3*time.Second)
	dead := netip.MustParseAddr("198.51.100.22")
	l.serve(follow(append(good, far, unsynchronised, liar, dead)...))
	l.synchronised()
	why := func(want map[netip.Addr]string) func() bool {
		return func() bool {
			for _, s := range call[Sources](l, "sources", nil).Servers {
				if w := want[netip.MustParseAddr(s.Addr)]; w != "" && !strings.Contains(s.Why, w) {
					return false
				}
			}
			return true
		}
	}
	want := map[netip.Addr]string{
		unsynchronised: "not synchronised", liar: "contradicts the majority", dead: "does not answer", good[0]: "is followed",
		good[1]: "is followed", good[2]: "is followed", far: "much less exact",
	}
	delete(want, dead) // it may still be asked for the first time
	testnet.Eventually(t, 30*time.Second, "each is seen for what it is", why(want))
	l.near(10 * time.Millisecond)
	// The liar jumps by 400 s, and so does the clock by a minute, so that all are asked anew.
	process.Signal(syscall.SIGHUP)
	l.test(order{Jump: -time.Minute})
	delete(want, unsynchronised)
	testnet.Eventually(t, 30*time.Second, "it is right again", func() bool {
		return l.test(order{}).Ahead.Abs() < 10*time.Millisecond && l.status().Synchronised && why(want)()
	})
	if steps := l.test(order{}).Steps; len(steps) != 2 {
		t.Errorf("steps: %v", steps)
	}
	if st := l.status(); st.Stratum != 3 {
		t.Errorf("%+v", st)
	}
}

// TestNoMajority: of two that disagree, none is followed; LANs are told that there is no time.
func TestNoMajority(t *testing.T) {
	l := newLab(t, 0)
	_, liar := l.liar("liar", 21, time.Hour)
	conf := follow(l.chronyd("one", 10, "local stratum 2"), liar)
	l.serve(conf)
	testnet.Eventually(t, 20*time.Second, "both are heard", func() bool {
		return strings.Contains(call[Sources](l, "sources", nil).State, "disagree")
	})
	if st := l.status(); st.Synchronised || st.Stratum != 0 || len(l.test(order{}).Steps) > 0 {
		t.Errorf("%+v", st)
	}
	// The site says which: the other is asked no more.
	conf.Sources = conf.Sources[:1]
	l.test(order{Config: &conf})
	l.synchronised()
	l.near(5 * time.Millisecond)
	// And without any, LANs are told the clock's own time, if the site says so.
	l.test(order{Config: &ntp.Config{Links: []string{"lan"}, LocalStratum: 8}})
	testnet.Eventually(t, 10*time.Second, "LANs are told", func() bool { return l.status().Stratum > 0 })
}

// TestClockIsSet by others: it is noticed, measured anew, and put right.
func TestClockIsSet(t *testing.T) {
	l := newLab(t, 0)
	l.serve(l.upstream())
	l.synchronised()
	began := time.Now()
	l.test(order{Jump: -10 * time.Minute})
	testnet.Eventually(t, 30*time.Second, "it is right again", func() bool {
		return l.status().Synchronised && l.test(order{}).Ahead.Abs() < 10*time.Millisecond
	})
	t.Logf("right after %v", time.Since(began).Round(10*time.Millisecond))
	if steps := l.test(order{}).Steps; len(steps) != 1 || (steps[0]-10*time.Minute).Abs() > time.Second {
		t.Errorf("steps: %v", steps)
	}
}

// TestRestored: who tells of a restore has LANs told that the time is not known, until it is measured anew.
func TestRestored(t *testing.T) {
	l := newLab(t, 0)
	l.serve(l.upstream())
	l.synchronised()
	l.router.Down("wan") // so that it is not measured before somebody has asked
	call[struct{}](l, MethodRestored, nil)
	if out, err := l.ntpdig("192.0.2.1"); err == nil || !strings.Contains(out, "192.0.2.1: Response dropped: stratum 0") {
		t.Errorf("LANs are told: %v: %s", err, out)
	}
	l.router.Up("wan")
	testnet.Eventually(t, 90*time.Second, "it is measured anew", func() bool { return l.status().Synchronised })
	if steps := l.test(order{}).Steps; len(steps) != 0 {
		t.Errorf("a clock that was right is set: %v", steps)
	}
}

// TestNames are resolved by the resolver of the appliance, which may come later than this service.
func TestNames(t *testing.T) {
	l := newLab(t, 0)
	addr := l.chronyd("up", 9, "local stratum 2")
	l.role.Resolver = netip.MustParseAddrPort("127.0.0.1:5353")
	conf := ntp.Config{Links: []string{"lan"}, Sources: []ntp.Source{{Name: "time.example", Pool: true}}}
	l.serve(conf)
	testnet.Eventually(t, 20*time.Second, "it says why there is no time", func() bool {
		return strings.Contains(strings.Join(l.status().Problems, "\n"), "time.example")
	})
	listener := make(chan net.PacketConn, 1)
	err := l.router.Do(func() error {
		c, err := net.ListenPacket("udp4", "127.0.0.1:5353")
		listener <- c
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &dns.Server{PacketConn: <-listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Name == "time.example." && q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: addr.AsSlice()}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = d.ActivateAndServe() }()
	t.Cleanup(func() { _ = d.Shutdown() })
	l.synchronised()
	if s := call[Sources](l, "sources", nil).Servers; len(s) != 1 || s[0].Name != "time.example" || s[0].Addr != addr.String() {
		t.Errorf("%+v", s)
	}
	if p := l.status().Problems; len(p) > 0 {
		t.Errorf("problems: %q", p)
	}
}
