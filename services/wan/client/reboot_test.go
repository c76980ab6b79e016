package client

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// stopped is a lab whose client has ended with a lease of an hour, a minute ago.
func stopped(t *testing.T, changes ...change) *lab {
	t.Helper()
	l := newLab(t)
	l.bind("198.18.7.20", changes...)
	b, err := json.Marshal(l.kept)
	if err != nil {
		t.Fatal(err)
	}
	l.kept = new(Lease)
	if err := json.Unmarshal(b, l.kept); err != nil {
		t.Fatal(err)
	}
	l.used = ""
	l.now.Up += time.Minute
	l.now.Wall = l.now.Wall.Add(time.Minute)
	return l
}

// TestRestart: the process is started again, and its lease still runs.
func TestRestart(t *testing.T) {
	l := stopped(t)
	end := l.kept.Term.End
	l.now.Wall = time.Time{} // the time of day does not matter
	l.again("boot-1")
	l.start()
	l.want("bound restarted 198.18.7.20/24 via 198.18.7.1", "seek 198.18.7.1 from 198.18.7.20", "REQUEST asks 198.18.7.20")
	if l.event.Term.End != end || !l.event.Term.Unconfirmed {
		t.Errorf("%+v", l.event.Term)
	}
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("renew extended 198.18.7.20/24 via 198.18.7.1")
	if l.event.Changed || l.event.Term.Unconfirmed {
		t.Errorf("%+v", l.event)
	}
	// One that ended meanwhile is not used; its address is asked for.
	l = stopped(t)
	l.now.Up += time.Hour
	l.again("boot-1")
	l.start()
	l.want("DISCOVER asks 198.18.7.20")
}

// boot starts the machine again after it was off.
func (l *lab) boot(off time.Duration, change ...func(*wan.Config)) {
	l.now = Now{Up: 20 * time.Second, Wall: l.now.Wall.Add(off)}
	l.again("boot-2", change...)
}

func TestReboot(t *testing.T) {
	ask := "REQUEST asks 198.18.7.20"
	used := "bound silent 198.18.7.20/24 via 198.18.7.1"
	look := "probe 198.18.7.20 and gateway 198.18.7.1"
	l := stopped(t)
	l.boot(10 * time.Minute)
	l.start()
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want(ask, "bound acknowledged 198.18.7.20/24 via 198.18.7.1", "announce 198.18.7.20")

	// Nobody answers: the lease is used for what is left of it, and asked for.
	l = stopped(t)
	l.boot(10 * time.Minute)
	l.start()
	l.pass(12 * time.Second)
	l.want(ask, ask, look, ask)
	l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Gateway: true}))
	l.want(used, "announce 198.18.7.20")
	if left := l.event.Term.End - l.now.Up; left != 49*time.Minute-12*time.Second || !l.event.Term.Unconfirmed || l.kept.Boot != "boot-2" {
		t.Errorf("%s is left; %+v", left, l.kept)
	}
	l.pass(40 * time.Minute)
	if n := len(l.log); n < 36 || n > 40 {
		t.Errorf("asked %d times in 40 minutes", n)
	}
	l.log = nil
	l.pass(9 * time.Minute)
	if text := strings.Join(l.log, ", "); !strings.Contains(text, "deconfig expired 198.18.7.20/24, DISCOVER asks 198.18.7.20") || l.used != "" {
		t.Errorf("%s", text)
	}

	// Its gateway is not there, or somebody else is.
	for finding, want := range map[Finding]string{{}: "gateway-silent", {Conflict: true, MAC: other, Gateway: true}: "in-use"} {
		l = stopped(t)
		l.boot(10 * time.Minute)
		l.start()
		l.pass(13 * time.Second)
		l.log = nil
		l.do(l.c.Probed(l.now, ip("198.18.7.20"), finding))
		l.want("leasefail " + want)
		l.pass(4 * time.Second)
		l.want(map[bool]string{true: "DISCOVER", false: "DISCOVER asks 198.18.7.20"}[finding.Conflict])
	}
}

// TestRebootClocks: how old is a lease, when the machine was off?
func TestRebootClocks(t *testing.T) {
	for _, tc := range []struct {
		name    string
		changes []change
		wall    time.Time // at the start
		before  time.Time // when it was stored; zero: t0
		first   string    // what is asked
		used    bool      // without an answer
	}{
		{"59 minutes", nil, t0.Add(58 * time.Minute), t0, "REQUEST asks 198.18.7.20", true},
		{"61 minutes", nil, t0.Add(61 * time.Minute), t0, "DISCOVER asks 198.18.7.20", false},
		{"the clock is not known", nil, time.Time{}, t0, "REQUEST asks 198.18.7.20", false},
		{"the clock is at 1970", nil, time.Unix(30, 0), t0, "REQUEST asks 198.18.7.20", false},
		{"it was at 1970 both times", nil, time.Unix(90, 0), time.Unix(30, 0), "REQUEST asks 198.18.7.20", false},
		{"it was at 1970 before", nil, t0, time.Unix(30, 0), "REQUEST asks 198.18.7.20", false},
		{"it went back", nil, t0.Add(-time.Second), t0, "REQUEST asks 198.18.7.20", false},
		{"an infinite lease, 1970", []change{lifetime(51, infinity)}, time.Unix(30, 0), t0, "REQUEST asks 198.18.7.20", true},
	} {
		l := stopped(t, tc.changes...)
		l.kept.Wall = tc.before
		l.boot(0)
		l.now.Wall = tc.wall
		l.start()
		l.want(tc.first)
		l.pass(13 * time.Second)
		l.do(l.c.Probed(l.now, ip("198.18.7.20"), Finding{Gateway: true}))
		if got := l.used != ""; got != tc.used {
			t.Errorf("%s: used %t\n %s", tc.name, got, strings.Join(l.log, "\n "))
		}
	}
}

// TestKeptIsNotOurs: another's lease, one that the site does not allow any more, one
// that was damaged.
func TestKeptIsNotOurs(t *testing.T) {
	for want, change := range map[string]func(*Lease){
		"foreign link":          func(l *Lease) { l.Link = "eth7" },
		"foreign card":          func(l *Lease) { l.MAC[5]++ },
		"foreign id":            func(l *Lease) { l.ClientID = nil },
		"not-believed lan":      func(l *Lease) { l.Said.Addr = ip("192.168.32.9") },
		"not-believed order":    func(l *Lease) { l.Term.Renew = l.Term.End + 1 },
		"not-believed overflow": func(l *Lease) { l.Term.End = wan.Never - 1 },
		"not-believed empty":    func(l *Lease) { *l = Lease{} },
	} {
		l := stopped(t)
		change(l.kept)
		l.again("boot-1")
		l.start()
		cause, _, _ := strings.Cut(want, " ")
		l.want("forget", "leasefail "+cause, "DISCOVER")
	}
}

// TestNAKInInitReboot: of the lease's own server, of another, of another while the own
// says yes.
func TestNAKInInitReboot(t *testing.T) {
	l := stopped(t)
	l.boot(0)
	l.start()
	l.answer(packet.NAK, server, "")
	l.pass(2 * time.Second)
	l.want("REQUEST asks 198.18.7.20", "nak refused", "forget", "DISCOVER")

	l = stopped(t)
	l.again("boot-1")
	l.start()
	l.log = nil
	l.answer(packet.NAK, rogue, "")
	l.pass(time.Second)
	l.want()
	l.answer(packet.ACK, server, "198.18.7.20")
	l.pass(time.Minute)
	l.want("renew extended 198.18.7.20/24 via 198.18.7.1")

	l = stopped(t)
	l.again("boot-1")
	l.start()
	l.answer(packet.NAK, "198.18.99.1", "")
	l.pass(4 * time.Second)
	l.want("bound restarted 198.18.7.20/24 via 198.18.7.1", "seek 198.18.7.1 from 198.18.7.20", "REQUEST asks 198.18.7.20", "nak refused", "deconfig refused 198.18.7.20/24", "forget", "DISCOVER")
}

// TestCarrier: an address survives a flap, and is asked for within a second of carrier;
// a link that flaps on and on is no storm.
func TestCarrier(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20")
	l.pass(10 * time.Second)
	l.do(l.c.Carrier(l.now, false))
	l.pass(10 * time.Minute)
	l.want()
	if s := l.c.Status(l.now); !s.Held || !s.Term.Unconfirmed {
		t.Errorf("%+v", s)
	}
	l.do(l.c.Carrier(l.now, true))
	l.want("seek 198.18.7.1 from 198.18.7.20", "REQUEST asks 198.18.7.20")
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("renew extended 198.18.7.20/24 via 198.18.7.1")
	// T1 passes without carrier: nothing is sent; the end is the end.
	l.do(l.c.Carrier(l.now, false))
	l.pass(59 * time.Minute)
	l.want()
	l.pass(time.Minute)
	l.want("deconfig expired 198.18.7.20/24")
	l.do(l.c.Carrier(l.now, true))
	l.want("DISCOVER asks 198.18.7.20")

	l = newLab(t)
	l.bind("198.18.7.20")
	n := len(l.sent)
	for range 36000 {
		l.do(l.c.Carrier(l.now, false))
		l.pass(50 * time.Millisecond)
		l.do(l.c.Carrier(l.now, true))
		l.pass(50 * time.Millisecond)
		if len(l.sent) > n && len(l.sent)%7 == 0 && l.c.state == Rebooting {
			l.answer(packet.ACK, server, "198.18.7.20")
		}
	}
	if n := len(l.sent) - n; n < 300 || n > 370 || l.used == "" {
		t.Errorf("%d messages in an hour of ten flaps a second; %q is used", n, l.used)
	}
}
