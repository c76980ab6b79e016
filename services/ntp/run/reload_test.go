package run

import (
	"math"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestReload: with other sources hosts are told the time at every moment, what stays has what was measured of
// it, and what comes is asked.
func TestReload(t *testing.T) {
	l := newLab(t, 0)
	one, two, three := l.chronyd("one", 10, "local stratum 2"), l.chronyd("two", 11, "local stratum 2"), l.chronyd("three", 12, "local stratum 2")
	l.serve(follow(one, two))
	l.synchronised()
	since := l.status().Since
	measured := func(addr string) int {
		for _, s := range call[Sources](l, "sources", nil).Servers {
			if s.Addr == addr {
				return s.Samples
			}
		}
		return 0
	}
	testnet.Eventually(t, 20*time.Second, "three samples of a server", func() bool { return measured(two.String()) >= 3 })
	before := measured(two.String())
	conf := follow(two, three)
	l.test(order{Config: &conf})
	if n := measured(two.String()); n < before || measured(one.String()) != 0 {
		t.Errorf("%d samples of the server that stays, there were %d; %d of the other", n, before, measured(one.String()))
	}
	testnet.Eventually(t, 20*time.Second, "the server that comes is followed", func() bool {
		s := call[Sources](l, "sources", nil).Servers
		return len(s) == 2 && s[1].Addr == three.String() && s[1].Used
	})
	conf = follow(one) // and now none stays
	l.test(order{Config: &conf})
	testnet.Eventually(t, 20*time.Second, "the server that is alone is followed", func() bool {
		s := call[Sources](l, "sources", nil).Servers
		return len(s) == 1 && s[0].Addr == one.String() && s[0].Used
	})
	if st := l.status(); !st.Synchronised || st.Since != since || st.Answers.Unsynchronised > 0 {
		t.Errorf("%+v", st)
	}
}

// TestLoop: a server that has the time from this machine is not followed, by whatever address of it.
func TestLoop(t *testing.T) {
	l := newLab(t, 0)
	up := l.upstream()
	l.serve(up)
	l.synchronised()
	// It asks on the LAN, and is then asked there.
	dir := t.TempDir()
	private(t, dir)
	l.client.Start(peer(t, "chrony", "usr/sbin/chronyd", "-x", "-d", "-u", "root", "allow", "cmdport 0", "bindcmdaddress "+dir+"/chronyd.sock",
		"pidfile "+dir+"/pid", "server 2001:db8::1 iburst minpoll 0 maxpoll 0"))
	conf := up
	conf.Sources = append(conf.Sources, follow(netip.MustParseAddr("192.0.2.10")).Sources...)
	l.test(order{Config: &conf})
	testnet.Eventually(t, 40*time.Second, "it is seen that it has its time from here", func() bool {
		s := call[Sources](l, "sources", nil).Servers
		return len(s) == 2 && strings.Contains(s[1].Why, "has its time from this appliance")
	})
	if !l.status().Synchronised {
		t.Error("not synchronised to the other any more")
	}
}

// TestSlowly: where the site has no clock set that was right, one whose source has jumped takes days; that is
// said.
func TestSlowly(t *testing.T) {
	l := newLab(t, 0)
	process, liar := l.liar("liar", 21, 0)
	conf := follow(liar)
	conf.StepLimit = math.MaxInt64
	l.serve(conf)
	l.synchronised()
	process.Signal(syscall.SIGHUP)
	testnet.Eventually(t, 60*time.Second, "it is said how far it is off", func() bool {
		return strings.Contains(call[Sources](l, "sources", nil).State, "but the clock is still 6m")
	})
	if st := l.status(); st.Synchronised || len(l.test(order{}).Steps) > 0 {
		t.Errorf("%+v", st)
	}
}
