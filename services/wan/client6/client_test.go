package client6

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

func TestObtained(t *testing.T) {
	l := newLab(t, usual())
	l.want.Address = true
	l.start().in(Bound, 5*time.Second)
	l.said("Solicit Request").told("bound6 answered").holds("2001:db8:100::/56")
	s := l.c.Said()
	if !slices.Equal(s.Addrs, []netip.Prefix{prefix("2001:db8:ff::5/128")}) || !slices.Equal(s.DNS, []netip.Addr{ip("2001:db8:ff::53")}) ||
		!slices.Equal(s.Search, []string{"isp.example"}) || s.Delegated[0].Valid-s.Delegated[0].Preferred != time.Hour {
		t.Errorf("said %+v", s)
	}
	if !slices.Equal(s.NTP, []netip.Addr{ip("2001:db8:ff::123"), ip("2001:db8:ff::124")}) ||
		!slices.Equal(s.NTPNames, []string{"time.isp.example", "time2.isp.example"}) {
		t.Errorf("time servers %v %v", s.NTP, s.NTPNames)
	}
	// T1 is half of the preferred lifetime, and a server that is there is asked once each.
	l.run(3 * time.Hour).said("Renew Renew Renew Renew Renew Renew").told(slices.Repeat([]string{"updated6 extended"}, 6)...)
	if k := l.kept; k == nil || k.Renew != l.c.lease.Renew {
		t.Errorf("kept %+v", k)
	}
}

func TestHintsOfSolicit(t *testing.T) {
	l := newLab(t).start().run(time.Second)
	if got := l.sent[0].pd(t); len(got) != 1 || got[0] != prefix("::/56") {
		t.Errorf("asked for %v", got)
	}
	if l.sent[0].Options.Has(dhcpv6.OptionIANA) {
		t.Error("an address is asked for, and no router said that there are any")
	}
	ask, _ := dhcpv6.ReadCodes(l.sent[0].Options.Get(dhcpv6.OptionORO))
	if !slices.Contains(ask, dhcpv6.OptionSolMaxRT) || l.sent[0].Options.Has(dhcpv6.OptionReconfigureAccept) {
		t.Errorf("options asked for: %v", ask)
	}
}

func TestChoice(t *testing.T) {
	second := usual()
	second.duid, second.pd = otherDUID, []dhcpv6.Prefix{lent("2001:db8:200::/56", time.Hour, 2*time.Hour)}
	none := usual()
	none.duid, none.pdStatus, none.preference = dhcpv6.UUIDDUID([16]byte{3}), dhcpv6.NoPrefixAvail, 255
	for _, c := range []struct {
		name         string
		first, other int
		want         string
		fast         bool
	}{
		{"the first of equals", -1, 0, "2001:db8:100::/56", false},
		{"the better one", 3, 7, "2001:db8:200::/56", false},
		{"255 at once", 3, 255, "2001:db8:200::/56", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := usual(), *second
			a.preference, b.preference = c.first, c.other
			l := newLab(t, none, a, &b).start().in(Bound, 5*time.Second).holds(c.want)
			if waited := l.sent[1].at - l.sent[0].at; (waited < 900*time.Millisecond) != c.fast || !c.fast && waited < time.Second {
				t.Errorf("chosen after %s", waited)
			}
		})
	}
}

// TestLateOffer: an offer that comes late is taken at once.
func TestLateOffer(t *testing.T) {
	p := usual()
	p.mute = true
	l := newLab(t, p).start().run(20 * time.Second)
	p.mute = false
	n := len(l.sent)
	l.in(Bound, time.Minute)
	if l.sent[n].Type != dhcpv6.Solicit || l.sent[n+1].Type != dhcpv6.Request || l.sent[n+1].at-l.sent[n].at > 50*time.Millisecond {
		t.Error(l.log())
	}
}

// TestZeroLifetimes: a Reply that gives lifetimes of 0 takes the prefix back at once (openwrt/odhcp6c#61).
func TestZeroLifetimes(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	p.pd = []dhcpv6.Prefix{lent("2001:db8:100::/56", 0, 0)}
	l.run(31 * time.Minute).holds("")
	if l.events[0].Name != Unbound6 || l.events[0].Cause != Withdrawn || len(l.sent) > 40 {
		t.Fatal(l.log())
	}
	p.pd = usual().pd
	l.in(Bound, 15*time.Minute).holds("2001:db8:100::/56")
	// With another one beside it nothing is lost in between.
	l.clear()
	p.pd = []dhcpv6.Prefix{lent("2001:db8:100::/56", 0, 0), lent("2001:db8:300::/56", time.Hour, 2*time.Hour)}
	l.run(31 * time.Minute).said("Renew").told("updated6 extended").holds("2001:db8:300::/56")
}

// TestNewPrefixBesideTheOld: the old one is valid until it ends, and is not renewed by our
// asking for it (opnsense/dhcp6c#37).
func TestNewPrefixBesideTheOld(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second)
	old := l.c.Said().Delegated[0]
	p.pd = []dhcpv6.Prefix{lent("2001:db8:300::/56", time.Hour, 2*time.Hour)}
	l.run(31 * time.Minute).holds("2001:db8:300::/56 2001:db8:100::/56")
	if got := l.c.Said().Delegated[1]; got != old {
		t.Errorf("the old one is %+v, was %+v", got, old)
	}
	l.run(old.Valid - l.now - time.Second).holds("2001:db8:300::/56 2001:db8:100::/56")
	l.clear().run(time.Second).holds("2001:db8:300::/56").told("updated6 expired")
}

// TestNoBinding: a server that has forgotten us is asked anew for the same (systemd#15455).
func TestNoBinding(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	p.pdStatus = dhcpv6.NoBinding
	l.in(Requesting, time.Hour).holds("2001:db8:100::/56")
	p.pdStatus = dhcpv6.Success
	l.in(Bound, 10*time.Second).holds("2001:db8:100::/56")
	last := l.sent[len(l.sent)-1]
	if last.Type != dhcpv6.Request || !slices.Equal(last.pd(t), []netip.Prefix{prefix("2001:db8:100::/56")}) {
		t.Error(l.log())
	}
	l.told("updated6 answered")
	// And if it has none any more, it is gone.
	p.pdStatus = dhcpv6.NoBinding
	l.in(Requesting, time.Hour)
	p.pdStatus = dhcpv6.NoPrefixAvail
	l.run(time.Minute).holds("")
	if l.events[0].Cause != Refused || l.events[0].Name != Unbound6 {
		t.Error(l.log())
	}
	p.pdStatus = dhcpv6.Success
	l.in(Bound, 5*time.Minute).holds("2001:db8:100::/56")
	// In the status of the whole it means the same.
	p.status = dhcpv6.NoBinding
	l.in(Requesting, time.Hour)
}

// TestNotExtended: NoPrefixAvail in a Reply to Renew ends nothing before its time.
func TestNotExtended(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	p.pdStatus = dhcpv6.NoPrefixAvail
	l.run(110 * time.Minute).holds("2001:db8:100::/56")
	if n := len(l.sent); n > 40 || !strings.Contains(l.types(), "Renew Rebind") || !strings.Contains(l.types(), "Rebind Solicit") {
		t.Error(l.log())
	}
	l.run(11 * time.Minute).holds("")
	if l.events[0].Cause != Expired {
		t.Error(l.log())
	}
}

// TestSameAgain: who was released, and who starts again, asks for the prefix of before (dhcpcd#489).
func TestSameAgain(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	l.do(l.c.Release(l.moment()))
	l.holds("").told("unbound6 by-hand").run(time.Minute).said("Release")
	if l.kept != nil || l.c.state != Released {
		t.Error(l.log())
	}
	l.do(l.c.Renew(l.moment()))
	l.run(time.Second)
	if got := l.sent[0]; got.Type != dhcpv6.Solicit || !slices.Equal(got.pd(t), []netip.Prefix{prefix("2001:db8:100::/56")}) {
		t.Error(l.log(), got.pd(t))
	}
	l.in(Bound, 5*time.Second)
	// Days later, with the power off in between.
	l.boot, l.now, l.wall = "two", time.Minute, l.wall.AddDate(0, 0, 7)
	p.mute = true
	l.clear().start().run(time.Minute).holds("")
	for _, s := range l.sent {
		if s.Type != dhcpv6.Solicit || !slices.Equal(s.pd(t), []netip.Prefix{prefix("2001:db8:100::/56")}) {
			t.Errorf("%s for %v", s.Type, s.pd(t))
		}
	}
	// Another length is no reason to ask for it.
	l.conf.IPv6.Delegation = &wan.Wish{Length: 48, IAID: 7}
	l.clear().start().run(time.Second)
	if got := l.sent[0].pd(t); !slices.Equal(got, []netip.Prefix{prefix("::/48")}) {
		t.Errorf("asked for %v", got)
	}
}

func TestRestart(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(l *lab)
		at      string // what holds at once
		silent  string // after half a minute without an answer
		message dhcpv6.MessageType
	}{
		{"the process", func(*lab) {}, "2001:db8:100::/56", "2001:db8:100::/56", dhcpv6.Rebind},
		{"the machine", func(l *lab) { l.boot, l.wall = "two", l.wall.Add(10*time.Minute) }, "", "2001:db8:100::/56", dhcpv6.Rebind},
		{"the machine, without a clock", func(l *lab) { l.boot, l.wall = "two", time.Time{} }, "", "", dhcpv6.Rebind},
		{"after its end", func(l *lab) { l.boot, l.wall = "two", l.wall.Add(3*time.Hour) }, "", "", dhcpv6.Solicit},
		{"another link", func(l *lab) { l.conf.Link = "eth1" }, "", "", dhcpv6.Solicit},
		{"a lan that has it now", func(l *lab) {
			l.conf.IPv6.LANs = []wan.LAN{{Name: "x", Network: prefix("2001:db8:100:9::/64"), Address: ip("2001:db8:100:9::1")}}
		}, "", "", dhcpv6.Solicit},
		{"damaged", func(l *lab) { l.kept.Renew = wan.Never }, "", "", dhcpv6.Solicit},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := usual()
			l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
			p.mute = true
			c.change(l)
			l.start().holds(c.at).run(2 * time.Second)
			if len(l.sent) == 0 || l.sent[0].Type != c.message {
				t.Error(l.log())
			}
			l.run(28 * time.Second).holds(c.silent)
			if c.silent != "" && !l.c.lease.Unconfirmed {
				t.Error("nobody confirmed it")
			}
			p.mute = false
			if c.name == "a lan that has it now" {
				l.run(2 * time.Minute).holds("")
			} else {
				l.in(Bound, 2*time.Minute)
			}
		})
	}
}

// TestDecided: whoever waits for what was leased before the start learns that it is ours, that it is not, or
// that nobody says so; what a server says that cannot answer now decides nothing.
func TestDecided(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(l *lab, p *provider)
		soon   bool // within two seconds
		holds  string
	}{
		{"the same run", func(l *lab, p *provider) { l.boot, p.mute = "one", true }, true, "2001:db8:100::/56"},
		{"the same prefix", func(*lab, *provider) {}, true, "2001:db8:100::/56"},
		{"another", func(_ *lab, p *provider) { p.pd[0] = lent("2001:db8:200::/56", time.Hour, 2*time.Hour) }, true, "2001:db8:200::/56"},
		{"taken back", func(_ *lab, p *provider) { p.pd[0] = lent("2001:db8:100::/56", 0, 0) }, true, ""},
		{"another link", func(_ *lab, p *provider) { p.status = dhcpv6.NotOnLink }, true, ""},
		{"it cannot answer now", func(_ *lab, p *provider) { p.status = dhcpv6.UnspecFail }, false, ""},
		{"nobody", func(_ *lab, p *provider) { p.mute = true }, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := usual()
			l := newLab(t, p)
			if l.start(); l.c.Decided() {
				t.Error("decided before anybody was asked")
			}
			l.in(Bound, 5*time.Second)
			l.boot = "two"
			c.change(l, p)
			l.start().run(2 * time.Second).holds(c.holds)
			if l.c.Decided() != c.soon {
				t.Errorf("decided: %v\n%s", l.c.Decided(), l.log())
			}
			if l.run(time.Minute); c.name == "nobody" && !l.c.Decided() {
				t.Error("what is known of before the start is used, and not decided")
			}
		})
	}
}

// TestFlap: after the link came back everybody is asked whether all is as it was.
func TestFlap(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	l.do(l.c.Carrier(l.moment(), false))
	l.run(time.Minute).said("").holds("2001:db8:100::/56")
	l.do(l.c.Carrier(l.moment(), true))
	l.in(Bound, 2*time.Second).said("Rebind").told("updated6 extended")
	// Onto another link, whose server knows better.
	p.status = dhcpv6.NotOnLink
	l.do(l.c.Carrier(l.moment(), false))
	l.do(l.c.Carrier(l.moment(), true))
	l.run(2 * time.Second).holds("")
	// A link that flaps all the time has no more sent than any.
	p.status = dhcpv6.Success
	l.in(Bound, time.Minute).clear()
	for range 1000 {
		l.do(l.c.Carrier(l.moment(), false))
		l.do(l.c.Carrier(l.moment(), true))
		l.run(300 * time.Millisecond)
	}
	if n := len(l.sent); n > 300+messageBurst || n == 0 {
		t.Errorf("%d messages in 5 minutes", n)
	}
}

// TestSilence: nobody answers any more. The lease holds to its end, and whoever has forgotten us is found.
func TestSilence(t *testing.T) {
	p := usual()
	p.pd[0].Valid = 30 * 24 * time.Hour
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	p.deaf = []dhcpv6.MessageType{dhcpv6.Renew, dhcpv6.Rebind}
	l.run(time.Hour).holds("2001:db8:100::/56")
	if got := l.types(); !strings.HasSuffix(got, "Rebind Solicit Request") || l.c.state != Bound && l.c.state != Renewing {
		t.Error(l.log())
	}
}

// TestRenewedByHand: once its own server is asked, then all are.
func TestRenewedByHand(t *testing.T) {
	p := usual()
	l := newLab(t, p).start().in(Bound, 5*time.Second).clear()
	l.do(l.c.Renew(l.moment()))
	l.in(Bound, time.Second).said("Renew")
	p.duid = otherDUID
	l.do(l.c.Renew(l.moment()))
	l.run(time.Second)
	l.do(l.c.Renew(l.moment()))
	l.in(Bound, 2*time.Second).said("Renew Rebind").holds("2001:db8:100::/56")
}

func TestWaits(t *testing.T) {
	l := newLab(t).start().run(48 * time.Hour)
	longest := time.Duration(0)
	for i := 1; i < len(l.sent); i++ {
		longest = max(longest, l.sent[i].at-l.sent[i-1].at)
	}
	if n := len(l.sent); n < 48 || n > 80 || longest < 54*time.Minute || longest > 66*time.Minute {
		t.Errorf("%d messages, the longest wait is %s", n, longest)
	}
	// A server shortens it, also by an Advertise that gives nothing (RFC 8415 18.2.9).
	p := usual()
	p.pdStatus = dhcpv6.NoPrefixAvail
	p.more.Add(dhcpv6.OptionSolMaxRT, dhcpv6.AppendSeconds(nil, 2*time.Minute))
	l = newLab(t, p).start().run(time.Hour)
	if n := len(l.sent); n < 27 || n > 45 || !strings.Contains(l.c.Status(l.moment()).Text, "NoPrefixAvail, \"so says the provider\"") {
		t.Errorf("%d messages: %s", n, l.c.Status(l.moment()).Text)
	}
	// A sign of life has it asked soon.
	l = newLab(t).start().run(10 * time.Hour).clear()
	l.do(l.c.Look(l.moment()))
	if l.run(2 * time.Second); len(l.sent) == 0 {
		t.Error(l.log())
	}
}

func TestTimes(t *testing.T) {
	h := time.Hour
	for _, c := range []struct {
		name                     string
		t1, t2, preferred, valid time.Duration
		renew, rebind            time.Duration // after it was asked
		remark                   string
		nothing                  bool
	}{
		{"chosen by us", 0, 0, 10 * h, 20 * h, 5 * h, 8 * h, "", false},
		{"the server's", h, 2 * h, 10 * h, 20 * h, h, 2 * h, "", false},
		{"T2 alone", 0, 2 * h, 10 * h, 20 * h, 2 * h, 2 * h, "", false},
		{"T1 alone", 9 * h, 0, 10 * h, 20 * h, 9 * h, 9 * h, "", false},
		{"infinite", dhcpv6.Infinite, dhcpv6.Infinite, dhcpv6.Infinite, dhcpv6.Infinite, wan.Never, wan.Never, "", false},
		{"infinite, T1 chosen", 0, 0, dhcpv6.Infinite, dhcpv6.Infinite, wan.Never, wan.Never, "", false},
		{"deprecated", 0, 0, 0, 20 * h, 10 * h, 16 * h, "", false},
		{"too late", 30 * h, 40 * h, 10 * h, 20 * h, 5 * h, 8 * h, "do not fit", false},
		{"too soon", time.Second, 2 * time.Second, 10 * h, 20 * h, time.Minute, time.Minute, "", false},
		{"short", 0, 0, 20 * time.Second, 20 * time.Second, 10 * time.Second, 16 * time.Second, "", false},
		{"T1 behind T2", 2 * h, h, 10 * h, 20 * h, 0, 0, "T1 is 2h and T2 1h", true},
		{"preferred for longer than valid", 0, 0, 20 * h, 10 * h, 0, 0, "preferred for 20h", true},
		{"too short", 0, 0, 5 * time.Second, 5 * time.Second, 0, 0, "too short", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := usual()
			p.t1, p.t2, p.pd = c.t1, c.t2, []dhcpv6.Prefix{lent("2001:db8:100::/56", c.preferred, c.valid)}
			l := newLab(t, p).start().run(5 * time.Second)
			if c.nothing {
				if text := l.c.Status(l.moment()).Text; l.c.lease != nil || !strings.Contains(text, c.remark) {
					t.Error(text)
				}
				return
			}
			if l.c.lease == nil {
				t.Fatal(l.log())
			}
			asked := l.sent[1].at
			since := func(at time.Duration) time.Duration {
				if at == wan.Never {
					return at
				}
				return at - asked
			}
			if r, b := since(l.c.lease.Renew), since(l.c.lease.Rebind); r != c.renew || b != c.rebind {
				t.Errorf("T1 %s T2 %s", r, b)
			}
			if all := l.events[0].Remarks; (c.remark == "") != (len(all) == 0) || c.remark != "" && !strings.Contains(all[0].Text, c.remark) {
				t.Errorf("remarks %v", all)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []dhcpv6.StatusCode{dhcpv6.UnspecFail, dhcpv6.UseMulticast} {
		p := usual()
		l := newLab(t, p).start().in(Requesting, 5*time.Second)
		p.status = c
		l.run(time.Minute).holds("")
		if n := len(l.sent); n > 20 || n < 5 {
			t.Errorf("%s: %d messages in a minute\n%s", c, n, l.log())
		}
		p.status = dhcpv6.Success
		l.in(Bound, time.Minute).clear()
		p.status = c
		l.run(40 * time.Minute).holds("2001:db8:100::/56")
		if n := len(l.sent); n > 15 || n < 3 {
			t.Errorf("%s: %d messages for a renewal\n%s", c, n, l.log())
		}
	}
	// What was offered is not given: others come first for a while.
	a, b := usual(), usual()
	a.preference, b.duid, b.pd = 200, otherDUID, []dhcpv6.Prefix{lent("2001:db8:200::/56", time.Hour, 2*time.Hour)}
	l := newLab(t, a, b).start().in(Requesting, 5*time.Second)
	a.deaf = []dhcpv6.MessageType{dhcpv6.Request}
	l.in(Bound, 5*time.Minute).holds("2001:db8:200::/56")
	l.told("fail6 no-reply", "bound6 answered")
	// Refused again and again, it is asked for less and less.
	p := usual()
	l = newLab(t, p).start()
	for range 200 {
		p.pdStatus = dhcpv6.Success
		l.in(Requesting, 20*time.Minute)
		p.pdStatus = dhcpv6.NoPrefixAvail
		l.run(time.Second)
	}
	if since := l.now; since < 20*time.Hour {
		t.Errorf("200 attempts in %s", since)
	}
}

// TestNotBelieved: what cannot be the house's is not taken, and what can be is.
func TestNotBelieved(t *testing.T) {
	for _, c := range []string{"fe80::/56", "ff00::/56", "2002:102:304::/56", "2001:db8:7::/48", "2001:db8:7:1::/64", "2001:db8:100::/72", "2000::/3", "::/0"} {
		p := usual()
		p.pd = []dhcpv6.Prefix{lent(c, time.Hour, 2*time.Hour)}
		l := newLab(t, p).start().run(time.Minute).holds("")
		if text := l.c.Status(l.moment()).Text; !strings.Contains(text, "not used") || strings.Contains(l.types(), "Request") {
			t.Errorf("%s: %s", c, text)
		}
		p.pd = append(p.pd, usual().pd...)
		l.in(Bound, 2*time.Minute).holds("2001:db8:100::/56")
		if e := l.events[len(l.events)-1]; len(e.Remarks) != 1 {
			t.Errorf("%s: %v", c, e.Remarks)
		}
	}
	p := usual()
	p.pd = []dhcpv6.Prefix{lent("fd12:3456:789a::/56", time.Hour, 2*time.Hour), lent("2001:db8:100:80::/60", time.Hour, time.Hour)}
	newLab(t, p).start().in(Bound, 5*time.Second).holds("fd12:3456:789a::/56 2001:db8:100:80::/60")
}

func TestDecline(t *testing.T) {
	p := usual()
	l := newLab(t, p)
	l.want.Address = true
	l.start().in(Bound, 5*time.Second).clear()
	l.do(l.c.Duplicate(l.moment(), ip("2001:db8:ff::99")))
	l.do(l.c.Duplicate(l.moment(), ip("2001:db8:ff::5")))
	l.run(time.Second).said("Decline").told("updated6 in-use").holds("2001:db8:100::/56")
	if len(l.c.Said().Addrs) > 0 || l.c.state != Bound {
		t.Error(l.log())
	}
	p.na[0].Addr = ip("2001:db8:ff::6")
	l.clear().run(15 * time.Second)
	if got := l.c.Said().Addrs; !slices.Equal(got, []netip.Prefix{prefix("2001:db8:ff::6/128")}) || l.types() != "Renew" {
		t.Errorf("%v\n%s", got, l.log())
	}
	// Without a prefix beside it, and nobody who answers.
	l = newLab(t, p)
	l.conf.IPv6.Delegation, l.want.Address = nil, true
	l.start().in(Bound, 5*time.Second).clear()
	p.deaf = []dhcpv6.MessageType{dhcpv6.Decline}
	l.do(l.c.Duplicate(l.moment(), ip("2001:db8:ff::6")))
	l.told("unbound6 in-use").in(Bound, time.Minute)
	if got := l.types(); got != "Decline Decline Decline Decline Solicit Request" {
		t.Error(l.log())
	}
}

// TestNoPrefixYet: with an address alone the prefix is asked for again before T1, less and less.
func TestNoPrefixYet(t *testing.T) {
	p := usual()
	p.pdStatus, p.na[0].Preferred, p.na[0].Valid = dhcpv6.NoPrefixAvail, 20*time.Hour, 24*time.Hour
	l := newLab(t, p)
	l.want.Address = true
	l.start().in(Bound, 5*time.Second).holds("").clear().run(5 * time.Hour)
	if n := len(l.sent); n < 6 || n > 12 || strings.Contains(l.types(), "Solicit") {
		t.Error(l.log())
	}
	if text := l.c.Status(l.moment()).Text; !strings.Contains(text, "NoPrefixAvail") {
		t.Error(text)
	}
	p.pdStatus = dhcpv6.Success
	l.run(time.Hour).holds("2001:db8:100::/56")
}

func TestInformation(t *testing.T) {
	p := usual()
	p.pd, p.na = nil, nil
	p.pdStatus = dhcpv6.NoPrefixAvail
	p.more.Add(dhcpv6.OptionRefreshTime, dhcpv6.AppendSeconds(nil, time.Hour))
	l := newLab(t, p)
	l.conf.IPv6.Delegation = nil
	l.start().run(time.Hour).said("")
	l.want.Information = true
	l.do(l.c.Want(l.moment(), l.want))
	l.run(time.Minute).said("Information-request").told("informed6 answered")
	if s := l.c.Said(); len(s.DNS) != 1 || len(s.Search) != 1 {
		t.Errorf("said %+v", s)
	}
	l.run(time.Hour).said("Information-request").told("informed6 answered")
	// With a prefix or an address that is not given, resolvers are known all the same.
	for _, want := range []Want{{Information: true}, {Address: true, Information: true}} {
		l = newLab(t, p)
		l.want = want
		if l.start().run(time.Minute); len(l.c.Said().DNS) != 1 || !strings.Contains(l.types(), "Information-request") {
			t.Errorf("%+v: %s", want, l.log())
		}
	}
	// With one that is given nobody asks.
	l = newLab(t, usual())
	l.want.Information = true
	l.start().run(10 * time.Minute).said("Solicit Request")
}

// TestDropped: what is not for us, not asked for, or of somebody else has no effect.
func TestDropped(t *testing.T) {
	p := usual()
	l := newLab(t).start().run(time.Second)
	offer := p.answer(&l.sent[0].Message)
	set := func(code uint16, data []byte) func(m *dhcpv6.Message) {
		return func(m *dhcpv6.Message) {
			m.Options = slices.DeleteFunc(slices.Clone(m.Options), func(o dhcpv6.Option) bool { return o.Code == code })
			if data != nil {
				m.Options.Add(code, data)
			}
		}
	}
	for name, change := range map[string]func(m *dhcpv6.Message){
		"not-ours":      set(dhcpv6.OptionClientID, otherDUID),
		"no-server":     set(dhcpv6.OptionServerID, nil),
		"not-asked":     func(m *dhcpv6.Message) { m.ID++ },
		"not-a-reply":   func(m *dhcpv6.Message) { m.Type = dhcpv6.Reconfigure },
		"nothing-in-it": set(dhcpv6.OptionIAPD, nil),
	} {
		m := *offer
		change(&m)
		before := l.c.Status(l.moment()).Ignored[name]
		l.do(l.c.Receive(l.moment(), &m))
		if after := l.c.Status(l.moment()).Ignored[name]; after != before+1 || l.c.offer != nil {
			t.Errorf("%s: %v", name, l.c.Status(l.moment()).Ignored)
		}
	}
	reply := *offer
	reply.Type = dhcpv6.Reply
	if l.do(l.c.Receive(l.moment(), &reply)); l.c.lease != nil {
		t.Error("a Reply to a Solicit is taken")
	}
	l.do(l.c.Receive(l.moment(), offer))
	l.in(Requesting, 5*time.Second)
	other := *p
	other.duid = otherDUID
	last := l.sent[len(l.sent)-1].Message
	last.Options = slices.DeleteFunc(last.Options, func(o dhcpv6.Option) bool { return o.Code == dhcpv6.OptionServerID })
	l.do(l.c.Receive(l.moment(), other.answer(&last)))
	if n := l.c.Status(l.moment()).Ignored["other-server"]; n != 1 || l.c.lease != nil {
		t.Error("another server answers a Request")
	}
}

// TestKeptIsJSON: what is kept survives.
func TestKeptIsJSON(t *testing.T) {
	l := newLab(t, usual())
	l.want.Address = true
	l.start().in(Bound, 5*time.Second)
	b, err := json.Marshal(l.kept)
	var again Lease
	if err == nil {
		err = json.Unmarshal(b, &again)
	}
	if err != nil || !reflect.DeepEqual(&again, l.kept) {
		t.Errorf("%s: %v", b, err)
	}
	for s := range stateCount {
		var of State
		if text, _ := s.MarshalText(); of.UnmarshalText(text) != nil || of != s {
			t.Errorf("state %s", s)
		}
	}
}
