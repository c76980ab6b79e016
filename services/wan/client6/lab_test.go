package client6

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	peer "github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }

// ours is a house that wants a /56.
func ours() wan.Config {
	return wan.Config{
		Link: "eth0", MAC: wan.MAC{0, 0x16, 0x3e, 0, 0, 1},
		IPv6: wan.IPv6{
			Delegation: &wan.Wish{Length: 56, IAID: 7}, Address: true,
			LANs: []wan.LAN{{Name: "lan", Network: prefix("2001:db8:7:1::/64"), Address: ip("2001:db8:7:1::1")}},
		},
	}
}

var (
	ourDUID   = dhcpv6.LinkLayerDUID([6]byte{0, 0x16, 0x3e, 0, 0, 1})
	someDUID  = dhcpv6.UUIDDUID([16]byte{1})
	otherDUID = dhcpv6.UUIDDUID([16]byte{2})
)

// A provider is a server that gives what it is told to.
type provider struct {
	duid       dhcpv6.DUID
	preference int // below 0: none is said
	pd         []dhcpv6.Prefix
	na         []dhcpv6.Address
	t1, t2     time.Duration
	pdStatus   dhcpv6.StatusCode
	naStatus   dhcpv6.StatusCode
	status     dhcpv6.StatusCode
	more       dhcpv6.Options
	mute       bool
	deaf       []dhcpv6.MessageType // to these it says nothing
}

func lent(p string, preferred, valid time.Duration) dhcpv6.Prefix {
	return dhcpv6.Prefix{Prefix: prefix(p), Preferred: preferred, Valid: valid}
}

// ntp is a value of option 56 with a name, and addresses.
func ntp(name string, addrs ...string) []byte {
	n := dhcpv6.NTP{Names: []string{name}}
	for _, a := range addrs {
		n.Servers = append(n.Servers, ip(a))
	}
	return n.Append(nil)
}

// usual is what most providers are like.
func usual() *provider {
	return &provider{
		duid: someDUID, preference: -1, pd: []dhcpv6.Prefix{lent("2001:db8:100::/56", time.Hour, 2*time.Hour)},
		na: []dhcpv6.Address{{Addr: ip("2001:db8:ff::5"), Preferred: time.Hour, Valid: 2 * time.Hour}},
		more: dhcpv6.Options{
			{Code: dhcpv6.OptionDNS, Data: dhcpv6.AppendAddrs(nil, []netip.Addr{ip("2001:db8:ff::53")})},
			{Code: dhcpv6.OptionSearch, Data: dhcpv6.AppendDomains(nil, []string{"isp.example"})},
			{Code: dhcpv6.OptionNTP, Data: ntp("time.isp.example", "2001:db8:ff::123")},
			{Code: dhcpv6.OptionNTP, Data: ntp("time2.isp.example")},
			{Code: dhcpv6.OptionSNTP, Data: dhcpv6.AppendAddrs(nil, []netip.Addr{ip("2001:db8:ff::124")})},
		},
	}
}

// answer is what it says to a message; nil: nothing.
func (p *provider) answer(m *dhcpv6.Message) *dhcpv6.Message {
	if to := m.Options.Get(dhcpv6.OptionServerID); p.mute || slices.Contains(p.deaf, m.Type) || to != nil && !bytes.Equal(to, p.duid) {
		return nil
	}
	r := &dhcpv6.Message{Type: dhcpv6.Reply, ID: m.ID}
	if m.Type == dhcpv6.Solicit {
		r.Type = dhcpv6.Advertise
	}
	r.Options.Add(dhcpv6.OptionClientID, m.Options.Get(dhcpv6.OptionClientID))
	r.Options.Add(dhcpv6.OptionServerID, p.duid)
	if p.preference >= 0 {
		r.Options.Add(dhcpv6.OptionPreference, []byte{byte(p.preference)})
	}
	add := func(o *dhcpv6.Options, code dhcpv6.StatusCode) {
		if code != dhcpv6.Success {
			s := dhcpv6.Status{Code: code, Message: "so says the provider"}
			o.Add(dhcpv6.OptionStatus, s.Append(nil))
		}
	}
	add(&r.Options, p.status)
	for data := range m.Options.All(dhcpv6.OptionIAPD) {
		asked, _ := dhcpv6.ReadIA(data)
		ia := dhcpv6.IA{ID: asked.ID, T1: p.t1, T2: p.t2}
		add(&ia.Options, p.pdStatus)
		for _, one := range p.pd {
			if p.pdStatus == dhcpv6.Success {
				ia.Options.Add(dhcpv6.OptionIAPrefix, one.Append(nil))
			}
		}
		r.Options.Add(dhcpv6.OptionIAPD, ia.Append(nil))
	}
	for data := range m.Options.All(dhcpv6.OptionIANA) {
		asked, _ := dhcpv6.ReadIA(data)
		ia := dhcpv6.IA{ID: asked.ID, T1: p.t1, T2: p.t2}
		add(&ia.Options, p.naStatus)
		for _, one := range p.na {
			if p.naStatus == dhcpv6.Success {
				ia.Options.Add(dhcpv6.OptionIAAddr, one.Append(nil))
			}
		}
		r.Options.Add(dhcpv6.OptionIANA, ia.Append(nil))
	}
	r.Options = append(r.Options, p.more...)
	return r
}

// A sent message.
type sent struct {
	at time.Duration
	dhcpv6.Message
}

// pd are the prefixes that it asks for.
func (s *sent) pd(t *testing.T) (all []netip.Prefix) {
	t.Helper()
	ia, err := dhcpv6.ReadIA(s.Options.Get(dhcpv6.OptionIAPD))
	if err != nil {
		t.Fatalf("%s without an IA_PD: %v", s.Type, err)
	}
	for data := range ia.Options.All(dhcpv6.OptionIAPrefix) {
		p, err := dhcpv6.ReadPrefix(data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Prefix)
	}
	return all
}

// A lab is a client with its servers, under a time of its own.
type lab struct {
	t       *testing.T
	c       *Client
	conf    wan.Config
	want    Want
	r       *rand.Rand
	now     time.Duration
	wall    time.Time // that now 0 is; zero: not known
	boot    string
	servers []*provider
	delay   time.Duration
	queue   []arrival
	sent    []sent
	events  []Event
	kept    *Lease
}

// An arrival is a message that servers see, and answer, at a time.
type arrival struct {
	at time.Duration
	m  dhcpv6.Message
}

func newLab(t *testing.T, servers ...*provider) *lab {
	return &lab{
		t: t, conf: ours(), r: rand.New(rand.NewPCG(1, 6)), now: time.Minute, boot: "one", servers: servers,
		wall: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), delay: 5 * time.Millisecond,
	}
}

func (l *lab) moment() Now {
	n := Now{Up: l.now}
	if !l.wall.IsZero() {
		n.Wall = l.wall.Add(l.now)
	}
	return n
}

// start starts the client, again perhaps, with what is kept.
func (l *lab) start() *lab {
	l.t.Helper()
	c, err := New(l.conf, ourDUID, l.boot, l.r.Uint64)
	if err != nil {
		l.t.Fatal(err)
	}
	l.c, l.queue = c, nil
	l.do(c.Start(l.moment(), l.kept, true, l.want))
	return l
}

func (l *lab) do(actions []Action) {
	l.t.Helper()
	for _, a := range actions {
		switch a := a.(type) {
		case Send:
			l.send(a)
		case Store:
			l.kept = a.Lease.clone()
		case Forget:
			l.kept = nil
		case Event:
			l.events = append(l.events, a)
		}
	}
}

// send has the peer judge what is sent, and the servers answer.
func (l *lab) send(s Send) {
	l.t.Helper()
	judged, err := peer.MessageFromBytes(s.Message)
	if err != nil || judged.MessageType.String() == "" || judged.Options.ClientID() == nil {
		l.t.Fatalf("the peer says of %s: %v", s.Type, err)
	}
	m, err := dhcpv6.Read(s.Message)
	if err != nil || m.Type != s.Type {
		l.t.Fatalf("%s: %v", s.Type, err)
	}
	l.sent = append(l.sent, sent{l.now, m})
	l.queue = append(l.queue, arrival{l.now + l.delay, m})
}

// next is when something happens.
func (l *lab) next() time.Duration {
	if len(l.queue) > 0 {
		return min(l.queue[0].at, l.c.Next())
	}
	return l.c.Next()
}

// step has the next thing happen.
func (l *lab) step() {
	l.t.Helper()
	at := l.next()
	if at < l.now {
		l.t.Fatalf("at %s: called for %s", l.now, at)
	}
	l.now = at
	if len(l.queue) == 0 || l.queue[0].at > at {
		l.do(l.c.Tick(l.moment()))
		return
	}
	m := l.queue[0].m
	l.queue = l.queue[1:]
	for _, p := range l.servers {
		r := p.answer(&m)
		if r == nil {
			continue
		}
		b := r.Append(nil)
		read, err := dhcpv6.Read(b)
		if err != nil {
			l.t.Fatal(err)
		}
		l.do(l.c.Receive(l.moment(), &read))
		for i := range b { // nothing of it may be kept
			b[i] = 0xff
		}
	}
}

// run lets time pass.
func (l *lab) run(d time.Duration) *lab {
	l.t.Helper()
	until := l.now + d
	for l.next() <= until {
		l.step()
	}
	l.now = until
	return l
}

// in runs until the client is in a state.
func (l *lab) in(s State, most time.Duration) *lab {
	l.t.Helper()
	for until := l.now + most; l.c.state != s; l.step() {
		if l.next() > until {
			l.t.Fatalf("never %s: %s", s, l.log())
		}
	}
	return l
}

// delegated are the prefixes that hold.
func (l *lab) delegated() string {
	var all []string
	for _, d := range l.c.Said().Delegated {
		all = append(all, d.Prefix.String())
	}
	return strings.Join(all, " ")
}

func (l *lab) holds(want string) *lab {
	l.t.Helper()
	if got := l.delegated(); got != want {
		l.t.Fatalf("at %s %q is delegated, want %q\n%s", l.now, got, want, l.log())
	}
	return l
}

// clear forgets what was sent and told.
func (l *lab) clear() *lab {
	l.sent, l.events = nil, nil
	return l
}

// told checks the names and causes of the events.
func (l *lab) told(want ...string) *lab {
	l.t.Helper()
	var got []string
	for _, e := range l.events {
		got = append(got, string(e.Name)+" "+string(e.Cause))
	}
	if !slices.Equal(got, want) {
		l.t.Fatalf("told %q, want %q\n%s", got, want, l.log())
	}
	l.events = nil
	return l
}

// types are those of what was sent.
func (l *lab) types() string {
	var all []string
	for _, s := range l.sent {
		all = append(all, s.Type.String())
	}
	return strings.Join(all, " ")
}

// said checks what was sent.
func (l *lab) said(want string) *lab {
	l.t.Helper()
	if got := l.types(); got != want {
		l.t.Fatalf("sent %s, want %s\n%s", got, want, l.log())
	}
	l.sent = nil
	return l
}

func (l *lab) log() string {
	b := &strings.Builder{}
	for _, s := range l.sent {
		fmt.Fprintf(b, "%12s sent %s\n", s.at, s.Type)
	}
	for _, e := range l.events {
		fmt.Fprintf(b, "%12s %s %s: %s %v\n", e.At, e.Name, e.Cause, e.Text, e.Remarks)
	}
	fmt.Fprintf(b, "%12s %+v", l.now, l.c.Status(l.moment()))
	return b.String()
}
