package radvd

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

var (
	card  = ethernet.MAC{2, 0, 0, 0, 0, 1}
	local = netip.MustParseAddr("fe80::1")
	host  = netip.MustParseAddr("fe80::20")
)

func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0, byte(i >> 8), byte(i)}), 64)
}

// steady is a prefix without an end of its own.
func steady(i int) Prefix {
	return Prefix{Prefix: network(i), OnLink: true, Autonomous: true, Preferred: DefaultPreferred, Valid: DefaultValid,
		PreferredUntil: Never, ValidUntil: Never}
}

func lan(prefixes ...Prefix) Link {
	return Link{Name: "lan0", Network: "lan", Lifetime: DefaultLifetime, HopLimit: 64, MTU: 1480, Prefixes: prefixes,
		Resolvers: []netip.Addr{netip.MustParseAddr("fd00::1")}, Search: []string{"home.arpa"}}
}

// A heard is what hosts heard.
type heard struct {
	at  time.Duration
	to  netip.Addr
	set *Set
}

// A lab is a House with its LAN, in a time of its own, and what the disk has. It fails the test when
// something is advertised that was not stored before, or goes to everybody too soon.
type lab struct {
	t     *testing.T
	house *House
	conf  Config
	now   time.Duration
	disk  []Kept
	all   []heard
	last  time.Duration // to everybody
	seed  *rand.Rand
	fail  bool // what is sent to one host does not go
}

func newLab(t *testing.T, links ...Link) *lab {
	l := &lab{t: t, now: time.Hour, last: Never, seed: rand.New(rand.NewPCG(1, 2))}
	l.conf = Config{Links: links}
	if err := l.conf.Check(); err != nil {
		t.Fatal(err)
	}
	l.start()
	return l
}

// start starts the service: what it knows is what the disk has.
func (l *lab) start() {
	l.house = New(l.now, l.conf, l.disk, l.seed.Uint64)
	for _, c := range l.conf.Links {
		l.house.Up(l.now, c.Network, card, local)
	}
}

func (l *lab) reconfigure(links ...Link) {
	l.t.Helper()
	l.conf = Config{Links: links}
	if err := l.conf.Check(); err != nil {
		l.t.Fatal(err)
	}
	l.house.Reconfigure(l.now, l.conf)
}

// run has time pass.
func (l *lab) run(d time.Duration) {
	l.t.Helper()
	end := l.now + d
	for {
		next := l.house.Next(l.now)
		if next > end {
			break
		}
		if next < l.now {
			l.t.Fatalf("at %s Next is %s", l.now, next)
		}
		l.now = next
		l.do(l.house.Tick(l.now))
	}
	l.now = end
}

// step is one moment in which nothing but what is due happens.
func (l *lab) step() { l.t.Helper(); l.run(0) }

func (l *lab) do(actions []Action) {
	l.t.Helper()
	for _, a := range actions {
		switch a := a.(type) {
		case Keep:
			b, err := json.Marshal(l.house.Kept(l.now))
			if err != nil {
				l.t.Fatal(err)
			}
			l.disk = nil
			if err := json.Unmarshal(b, &l.disk); err != nil {
				l.t.Fatal(err)
			}
		case Send:
			l.send(a)
		}
	}
}

func (l *lab) send(s Send) {
	l.t.Helper()
	if s.To.IsValid() && l.fail {
		l.house.Unanswered(l.now, s.LAN)
		return
	}
	if !s.To.IsValid() {
		if l.last != Never && l.now-l.last < minGap {
			l.t.Fatalf("at %s everybody is told again after %s", l.now, l.now-l.last)
		}
		l.last = l.now
	}
	for _, a := range s.Set.Adverts {
		for _, p := range a.Prefixes {
			i := slices.IndexFunc(l.disk, func(k Kept) bool { return k.Prefix == p.Prefix && k.Network == s.LAN })
			if p.Valid > 0 && (i < 0 || l.disk[i].Hold < p.Valid) {
				l.t.Fatalf("at %s %s is promised for %s, the disk has %+v", l.now, p.Prefix, p.Valid, l.disk)
			}
		}
		if size := 16 + 8 + 8 + prefixSize*len(a.Prefixes); size > roomOf {
			l.t.Fatalf("an advertisement of %d octets", size)
		}
	}
	l.all = append(l.all, heard{l.now, s.To, s.Set})
}

// take returns what was heard since the last call.
func (l *lab) take() []heard {
	all := l.all
	l.all = nil
	return all
}

// one returns the only thing that was heard.
func (l *lab) one(what string) heard {
	l.t.Helper()
	all := l.take()
	if len(all) != 1 {
		l.t.Fatalf("%s: %d were sent: %+v", what, len(all), all)
	}
	return all[0]
}

func (h heard) first() *advert.Advertisement { return &h.set.Adverts[0] }

// prefix returns what is said of a prefix, in whichever of them.
func (h heard) prefix(p netip.Prefix) *advert.Prefix {
	for _, a := range h.set.Adverts {
		for i := range a.Prefixes {
			if a.Prefixes[i].Prefix == p {
				return &a.Prefixes[i]
			}
		}
	}
	return nil
}

// A hostModel is what a host holds that hears all that it is awake for: RFC 4862 5.5.3, without any mercy for
// those who take back.
type hostModel map[netip.Prefix]time.Duration

func (m hostModel) hear(h heard) {
	for _, a := range h.set.Adverts {
		for _, p := range a.Prefixes {
			end := h.at + p.Valid
			if left := m[p.Prefix] - h.at; p.Valid > 2*time.Hour || p.Valid > left {
				m[p.Prefix] = end
			} else if left > 2*time.Hour {
				m[p.Prefix] = h.at + 2*time.Hour
			}
		}
	}
}

// TestWeek is a week of chance: prefixes come, go, are counted down; the service is started again, the
// machine loses power and has another clock; hosts ask, sleep and come back. Whatever a host holds is
// advertised, or said to be gone, and each answer comes in time.
func TestWeek(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { week(t, seed) })
	}
}

func week(t *testing.T, seed uint64) {
	chance := rand.New(rand.NewPCG(seed, 7))
	l := newLab(t, lan(steady(1)))
	l.seed = rand.New(rand.NewPCG(seed, 8))
	hosts := make([]hostModel, 3)
	for i := range hosts {
		hosts[i] = hostModel{}
	}
	gather := func() {
		for _, h := range l.take() {
			for i, m := range hosts {
				if i == 0 || chance.IntN(3) > 0 { // the first never sleeps
					m.hear(h)
				}
			}
		}
	}
	for end := l.now + 7*24*time.Hour; l.now < end; {
		l.run(time.Duration(chance.Int64N(int64(40 * time.Minute))))
		gather()
		switch chance.IntN(6) {
		case 0, 1:
			l.reconfigure(lan(someOf(chance, l.now)...))
		case 2: // the process, or the power, is cut; the clock begins where it likes
			ahead := time.Duration(chance.Int64N(int64(30 * time.Minute)))
			shift := time.Duration(chance.Int64N(int64(time.Hour))) - l.now - ahead
			for _, m := range hosts {
				for p := range m {
					m[p] += shift
				}
			}
			end, l.now, l.last = end+shift, l.now+ahead+shift, Never
			if chance.IntN(2) == 0 {
				l.conf = Config{Links: []Link{lan(someOf(chance, l.now)...)}}
			} else {
				for i := range l.conf.Links[0].Prefixes {
					l.conf.Links[0].Prefixes[i] = steady(int(l.conf.Links[0].Prefixes[i].Prefix.Addr().As16()[7]))
				}
			}
			l.start()
			l.step()
		default:
			ask(l, chance, gather)
		}
		gather()
		all := l.house.lans["lan"].current(l.now)
		for i, m := range hosts {
			maps.DeleteFunc(m, func(_ netip.Prefix, until time.Duration) bool { return until <= l.now })
			for p, until := range m {
				if (heard{set: all}).prefix(p) == nil {
					t.Fatalf("at %s host %d holds %s for %s, and nobody speaks of it", l.now, i, p, until-l.now)
				}
			}
		}
	}
}

// someOf are up to three of six prefixes, with and without ends.
func someOf(chance *rand.Rand, now time.Duration) (all []Prefix) {
	for _, i := range chance.Perm(6)[:chance.IntN(4)] {
		p := steady(i)
		if chance.IntN(2) == 0 {
			p.ValidUntil = now + 1 + time.Duration(chance.Int64N(int64(2*time.Hour)))
			p.PreferredUntil = p.ValidUntil/2 + 1
		}
		all = append(all, p)
	}
	return all
}

// ask has hosts ask, and fails the test unless each hears something in time.
func ask(l *lab, chance *rand.Rand, gather func()) {
	l.t.Helper()
	gather()
	for range 1 + chance.IntN(20) {
		from := netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(chance.IntN(4))})
		if chance.IntN(3) == 0 {
			from = netip.IPv6Unspecified()
		}
		l.fail = chance.IntN(5) == 0
		asked := l.now
		l.do(l.house.Solicited(l.now, "lan", from))
		free := asked
		if l.last != Never {
			free = max(asked, l.last+minGap)
		}
		l.run(free - asked + maxDelay)
		if !slices.ContainsFunc(l.all, func(h heard) bool { return h.at >= asked && (!h.to.IsValid() || h.to == from) }) {
			l.t.Fatalf("%s asked at %s, and has heard nothing at %s", from, asked, l.now)
		}
		gather()
	}
	l.fail = false
}

// TestRoundTrip: a Config is the same after JSON.
func TestRoundTrip(t *testing.T) {
	c := Config{Links: []Link{lan(steady(1), Prefix{Prefix: network(2), Valid: time.Second, PreferredUntil: 5, ValidUntil: math.MaxInt64})}}
	c.Links[0].Routes = []Route{{Prefix: network(3), Lifetime: time.Hour}}
	c.Links[0].NAT64 = netip.MustParsePrefix("64:ff9b::/96")
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Config
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("%v\n%+v\n%+v", err, c, again)
	}
}
