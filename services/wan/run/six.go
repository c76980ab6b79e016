package run

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/discover6"
)

const (
	// pendingFor is how long after the start nothing is told of IPv6 before a router was heard.
	pendingFor = 10 * time.Second
	// lookForDuplicates is how often, a second apart, the kernel is asked whether others have a new address.
	lookForDuplicates = 8
)

// six is the IPv6 of a service. All of it is the owner's.
//
//	advertisements ─► discover6 ─ Managed, Other, new router ─┐
//	                      │                                   ▼
//	                      │            messages ─────────► client6 ─► /perm/wan/lease6
//	                      └── what is said ─► Judge6 ◄────────┘
//	                                            └─► Facts6 ─► Report
type six struct {
	s       *Service
	links   *links.Keeper[Conn6]
	conn    Conn6 // nil: the link, or its link-local address, is not there
	carrier bool  // as the engines know it
	mac     wan.MAC
	host    *discover6.Host // nil, as client: the link has not been there yet, or IPv6 is off
	client  *client6.Client

	told       Six
	remarks    []wan.Remark
	pending    time.Duration // until then what is known is not all there is
	history    history6
	garbage    uint64
	kept       error // why something could not be kept, nil if it could
	duplicates struct {
		at   time.Duration // of the next look
		left int
	}
}

// isWanted reports whether anything is asked for.
func isWanted(conf *wan.Config) bool {
	v := &conf.IPv6
	return v.RouterDiscovery || v.Delegation != nil || v.Address
}

func (v *six) openings(conf wan.Config) []links.Opening[Conn6] {
	if !isWanted(&conf) {
		return nil
	}
	link := conf.Link
	return []links.Opening[Conn6]{{
		Key: link, Name: link + " (IPv6)", Open: func() (Conn6, error) { return v.s.o.Open6(link) },
	}}
}

// took has the owner use the sockets of the link, or none.
func (v *six) took(_ links.Opening[Conn6], k Conn6, _ error) {
	v.s.hand(func() {
		v.conn = k
		if !v.s.started {
			return
		}
		if k != nil {
			v.attach()
		}
		v.lookAtCarrier()
	})
}

// start begins with what is there.
func (v *six) start() {
	v.pending = v.s.o.Uptime()
	if v.s.conf.IPv6.RouterDiscovery {
		v.pending += pendingFor
	}
	if v.conn != nil {
		v.attach()
	}
	v.tell()
}

// attach reads from the sockets, and has engines go on with their card.
func (v *six) attach() {
	v.read(v.conn)
	if mac := v.conn.Card(); v.host == nil || v.mac != mac {
		v.mac = mac
		v.begin()
	}
}

// adopt goes on with another configuration, on the same link or another one.
func (v *six) adopt(sameLink bool) {
	if !sameLink {
		v.conn, v.carrier = nil, false
	}
	was := v.host != nil
	v.host, v.client = nil, nil
	if v.conn != nil && isWanted(&v.s.conf) {
		if was && v.s.conf.IPv6.RouterDiscovery { // routers have yet to say again what they said
			v.pending = v.s.o.Uptime() + pendingFor
		}
		v.begin()
	}
	v.tell()
}

// begin makes engines for a card.
func (v *six) begin() {
	conf := v.s.conf.On(v.mac)
	host, err := discover6.New(conf, v.secret(), v.s.o.Rand)
	if err == nil {
		v.client, err = client6.New(conf, v.duid(), v.s.o.Boot, v.s.o.Rand)
	}
	if err != nil { // conf was checked, and a card has an address
		v.s.log.Error("no IPv6 on the link", "link", conf.Link, "cause", err)
		v.client = nil
		return
	}
	v.host = host
	if conf.IPv6.RouterDiscovery {
		v.carryOutHost(host.Start(v.s.o.Uptime(), v.carrier))
	}
	v.carryOut(v.client.Start(v.now(), v.readLease(), v.carrier, v.want()))
	v.tell()
}

// want is what is asked of DHCPv6, as routers say.
func (v *six) want() client6.Want {
	if !v.s.conf.IPv6.RouterDiscovery {
		return client6.Want{Address: true}
	}
	w := v.host.What()
	// With both flags O is redundant (RFC 4861 4.2), unless no server gives an address.
	return client6.Want{Address: w.Managed, Information: w.Other}
}

// lookAtCarrier tells the engines when the link can be used, or can be no longer.
func (v *six) lookAtCarrier() {
	up := v.s.up && v.conn != nil
	if up == v.carrier {
		return
	}
	v.carrier = up
	if v.client == nil {
		return
	}
	if v.s.conf.IPv6.RouterDiscovery {
		v.carryOutHost(v.host.Carrier(v.s.o.Uptime(), up))
	}
	v.carryOut(v.client.Carrier(v.now(), up))
}

// hear hands an advertisement to router discovery.
func (v *six) hear(from netip.Addr, a *advert.Advertisement) {
	if v.host == nil || !v.s.conf.IPv6.RouterDiscovery {
		return
	}
	before := v.host.What().Said.Gateway
	v.carryOutHost(v.host.Hear(v.s.o.Uptime(), from, a))
	if v.client == nil {
		return
	}
	if v.pending > v.s.o.Uptime() {
		v.pending = v.s.o.Uptime()
		v.tell()
	}
	v.ask(before)
}

// answered tells router discovery that a station has answered.
func (v *six) answered(by netip.Addr) {
	if v.client == nil || !v.s.conf.IPv6.RouterDiscovery {
		return
	}
	before := v.host.What().Said.Gateway
	v.carryOutHost(v.host.Answered(v.s.o.Uptime(), by))
	v.ask(before)
}

// ask has the DHCPv6 client ask as routers say, and soon if there is another router than before.
func (v *six) ask(before netip.Addr) {
	v.carryOut(v.client.Want(v.now(), v.want()))
	if now := v.host.What().Said.Gateway; now.IsValid() && now != before {
		v.carryOut(v.client.Look(v.now()))
	}
}

// next is when tick wants to be called.
func (v *six) next() time.Duration {
	at := time.Duration(wan.Never)
	if v.client != nil {
		at = min(v.client.Next(), v.host.Next())
	}
	if v.told.Pending6 {
		at = min(at, v.pending)
	}
	if v.duplicates.left > 0 {
		at = min(at, v.duplicates.at)
	}
	return at
}

// tick does what is due.
func (v *six) tick() {
	now := v.s.o.Uptime()
	if v.client != nil && v.host.Next() <= now {
		v.carryOutHost(v.host.Tick(now))
	}
	if v.client != nil && v.client.Next() <= now {
		v.carryOut(v.client.Tick(v.now()))
	}
	if v.told.Pending6 && v.pending <= now {
		v.tell()
	}
	if v.duplicates.left > 0 && v.duplicates.at <= now {
		v.lookForDuplicates()
	}
}

// wish carries out what a person wants: all anew, or all given back.
func (v *six) wish(renew bool) {
	switch {
	case v.client == nil:
	case renew:
		if v.s.conf.IPv6.RouterDiscovery {
			v.carryOutHost(v.host.Look(v.s.o.Uptime()))
		}
		v.carryOut(v.client.Renew(v.now()))
	default:
		v.carryOut(v.client.Release(v.now()))
	}
}

// said is what routers and servers say, the servers first (RFC 8106 5.3.1).
func (v *six) said() (all wan.Said6) {
	if v.client == nil {
		return all
	}
	by, leased := v.host.What().Said, v.client.Said()
	return wan.Said6{
		Gateway: by.Gateway, MTU: by.MTU, Addrs: slices.Concat(leased.Addrs, by.Addrs),
		DNS: slices.Concat(leased.DNS, by.DNS), NTP: leased.NTP, NTPNames: leased.NTPNames,
		Search: slices.Concat(leased.Search, by.Search), Delegated: leased.Delegated,
	}
}

// tell reports what holds, if it is something else than before.
func (v *six) tell() {
	var is Six
	said := v.said()
	facts, remarks := v.s.conf.Judge6(&said)
	if !facts.IsZero() {
		is.Facts6 = &facts
	}
	is.Pending6 = isWanted(&v.s.conf) && v.pending > v.s.o.Uptime()
	is.Decided6 = v.client != nil && v.client.Decided()
	if !slices.Equal(remarks, v.remarks) {
		v.remarks = remarks
		for _, r := range remarks {
			v.s.log.Warn("not believed", "about", string(r.About), "text", r.Text)
		}
	}
	was := v.told
	if is.Pending6 == was.Pending6 && is.Decided6 == was.Decided6 &&
		(is.Facts6 == nil) == (was.Facts6 == nil) &&
		(is.Facts6 == nil || is.Facts6.Equal(was.Facts6)) {
		return
	}
	v.told = is
	v.s.reports.set6(is)
	if is.Facts6 != nil && (was.Facts6 == nil || !slices.Equal(is.Facts6.Addrs, was.Facts6.Addrs)) {
		v.duplicates.left, v.duplicates.at = lookForDuplicates, v.s.o.Uptime()+time.Second
	}
}

// lookForDuplicates tells the engines which of our addresses others have.
func (v *six) lookForDuplicates() {
	v.duplicates.left--
	v.duplicates.at = v.s.o.Uptime() + time.Second
	if v.conn == nil || v.told.Facts6 == nil || v.client == nil {
		return
	}
	var ours []netip.Addr
	for _, p := range v.told.Facts6.Addrs {
		ours = append(ours, p.Addr())
	}
	found, err := v.conn.Duplicates(ours)
	if err != nil {
		v.s.log.Warn("who else has our addresses is not known", "cause", err)
	}
	for _, addr := range found {
		v.carryOutHost(v.host.Duplicate(v.s.o.Uptime(), addr))
		v.carryOut(v.client.Duplicate(v.now(), addr))
	}
}

// split has all who watch links be told that they may have changed.
func (s *Service) split(ctx context.Context) (to [2]chan struct{}) {
	for i := range to {
		to[i] = make(chan struct{}, 1)
	}
	s.attending.Go(func() {
		for {
			select {
			case <-s.o.Changed:
			case <-ctx.Done():
				return
			}
			for _, c := range to {
				select {
				case c <- struct{}{}:
				default:
				}
			}
		}
	})
	return to
}
