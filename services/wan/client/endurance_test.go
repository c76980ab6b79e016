package client

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
)

// serve has the server answer each REQUEST for a while, and returns how many there were. Each message is
// answered by none but the one that it is for.
func (l *lab) serve(d time.Duration, addr string, changes ...change) (requests int) {
	l.t.Helper()
	for end, n := l.now.Up+d, len(l.sends); l.now.Up < end; {
		if len(l.sends) == n {
			l.pass(min(max(l.c.Next()-l.now.Up, time.Millisecond), end-l.now.Up))
			continue
		}
		if n = len(l.sends); l.sends[n-1].Type == packet.Request {
			requests++
			l.answer(packet.ACK, server, addr, changes...)
		}
	}
	return requests
}

// TestHalfAMinute: a lease of 30 seconds is kept for a day, and that costs one message in T1.
func TestHalfAMinute(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20", lifetime(51, 30))
	n := l.serve(24*time.Hour, "198.18.7.20", lifetime(51, 30))
	if n < 24*3600/15 || n > 24*3600/14 {
		t.Errorf("renewed %d times in a day", n)
	}
	if other := slices.DeleteFunc(l.log, func(s string) bool {
		return s == "renew extended 198.18.7.20/24 via 198.18.7.1" || s == "REQUEST to 198.18.7.1 ciaddr 198.18.7.20"
	}); len(other) > 0 {
		t.Errorf("and %q", other)
	}
}

// TestInfinite: a lease without an end is asked for by nobody but a person and after carrier was lost, and
// silence does not end it.
func TestInfinite(t *testing.T) {
	l := newLab(t)
	l.bind("198.18.7.20", lifetime(51, infinity))
	l.pass(1000 * 24 * time.Hour)
	l.want()
	l.do(l.c.Renew(l.now))
	l.pass(10 * time.Minute)
	ask := "REQUEST to 198.18.7.1 ciaddr 198.18.7.20"
	if n := len(l.log); n < 10 || n > 15 || slices.ContainsFunc(l.log, func(s string) bool { return s != ask }) {
		t.Errorf("asked by hand, and nobody answers: %q", l.log)
	}
	l.answer(packet.ACK, server, "198.18.7.20", lifetime(51, infinity))
	l.log = nil
	l.pass(24 * time.Hour)
	l.want()
	l.do(l.c.Carrier(l.now, false))
	l.do(l.c.Carrier(l.now, true))
	l.pass(24 * time.Hour)
	if text := strings.Join(l.log, "\n"); l.used != "198.18.7.20" || strings.Contains(text, "deconfig") || !strings.HasPrefix(text, "seek 198.18.7.1 from 198.18.7.20\nREQUEST asks 198.18.7.20\n") {
		t.Errorf("%q is used\n%s", l.used, text)
	}
}

// TestTwoServers: of two that both would do, the first is taken, the other one learns of it, and its later
// word counts for nothing.
func TestTwoServers(t *testing.T) {
	l := newLab(t)
	l.start()
	l.answer(packet.Offer, server, "198.18.7.20")
	l.want("DISCOVER", "REQUEST asks 198.18.7.20 server 198.18.7.1")
	l.answer(packet.Offer, "198.18.7.2", "198.18.7.30")
	l.answer(packet.NAK, "198.18.7.2", "")
	l.answer(packet.ACK, "198.18.7.2", "198.18.7.30")
	l.want()
	l.answer(packet.ACK, server, "198.18.7.20")
	l.want("bound acknowledged 198.18.7.20/24 via 198.18.7.1", "announce 198.18.7.20")
	// At T2 all are asked, and the other one may renew what both know of.
	l.pass(53 * time.Minute)
	if last := l.log[len(l.log)-1]; last != "REQUEST ciaddr 198.18.7.20" {
		t.Errorf("%q", last)
	}
	l.log = nil
	l.answer(packet.ACK, "198.18.7.2", "198.18.7.20")
	l.want("renew rebound 198.18.7.20/24 via 198.18.7.1")
	if l.event.Changed {
		t.Errorf("%+v", l.event)
	}
}

// TestClockJumps: whatever becomes of the time of day while the client runs, it does the same at the same
// time: bound, renewed, in silence, and at the end of its lease.
func TestClockJumps(t *testing.T) {
	life := func(jump func(*lab, int)) []string {
		l := newLab(t)
		l.bind("198.18.7.20")
		for i := range 90 {
			if jump != nil {
				jump(l, i)
			}
			l.pass(time.Minute)
			if i == 30 {
				l.answer(packet.ACK, server, "198.18.7.20")
			}
			l.note("%s %s", l.now.Up, l.c.Next())
		}
		return l.log
	}
	want := life(nil)
	if text := strings.Join(want, "\n"); !strings.Contains(text, "renew extended") || !strings.Contains(text, "deconfig expired") {
		t.Fatalf("it has no such life:\n%s", text)
	}
	for name, jump := range map[string]func(l *lab, i int){
		"a year on":       func(l *lab, i int) { l.now.Wall = t0.AddDate(i, 0, 0) },
		"a year back":     func(l *lab, i int) { l.now.Wall = t0.AddDate(-i, 0, 0) },
		"to and fro":      func(l *lab, i int) { l.now.Wall = t0.Add(time.Duration(i%2) * time.Hour) },
		"it is not known": func(l *lab, _ int) { l.now.Wall = time.Time{} },
	} {
		if got := life(jump); !slices.Equal(got, want) {
			t.Errorf("%s:\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}
