package zone

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// The values of RFC 6303 3 for zones with nothing in them, and of RFC 1912 2.2 for
// those of the house. Nobody transfers either, so only the TTLs matter.
const (
	emptyTTL   = 10800
	soaRefresh = 3600
	soaRetry   = 1200
	soaExpire  = 604800
)

// A soa is what an SOA record says, apart from its timers.
type soa struct {
	mname, rname []byte // in wire form; mname nil: the name of the zone
	serial, ttl  uint32
	negative     uint32
}

// A zoneName is a zone to be.
type zoneName struct {
	wire []byte
	zone zoneOf
	soa  *soa // nil: others answer for it
}

// addZones makes the zones of the house, those that are special and those that are
// elsewhere. Of one name the first wins, and a zone lies within a shorter one.
func (b *builder) addZones() {
	house, empty, root := b.soas()
	b.zones = []zoneOf{
		zoneOthers: {size: -1},
		zoneRoot:   {size: 1, rule: emptied, soa: b.negative(root)},
		zoneAlone:  {rule: emptied, soa: b.negative(house)},
	}
	all := append(b.houseZones(house), b.elsewhereZones()...)
	all = append(all, specialZones(empty, root)...)
	slices.SortStableFunc(all, func(x, y zoneName) int { return len(x.wire) - len(y.wire) })
	if len(all) > maxZones {
		b.bad("%d zones: want at most %d; the networks have too many parts", len(all), maxZones)
		return
	}
	for i := range all {
		b.addZone(&all[i])
	}
	b.addNode(b.wire)
	b.domainHash = b.m.hash[0]
	b.suffix = "." + strings.ToLower(b.c.Domain)
	b.addLoopback()
}

// maxZones is what fits into a node. A network has at most 128 zones.
const maxZones = 1<<16 - 1 - zoneAlone

// soas returns what is said of the house's zones, of empty ones, and of the root.
func (b *builder) soas() (house, empty, root *soa) {
	router := b.c.Router.Name
	mname, ok := appendName(nil, router, b.wire)
	if !ok || !isHostName(router) {
		b.bad("router %q: want a host name", router)
		mname = b.wire
	}
	rname := append([]byte("\x0ahostmaster"), b.wire...)
	nobody := []byte("\x06nobody\x07invalid\x00")
	negative := orDefault(b.c.NegativeTTL, DefaultNegativeTTL)
	return &soa{mname, rname, b.c.Serial, orDefault(b.c.TTL, DefaultTTL), negative},
		&soa{nil, nobody, 1, emptyTTL, emptyTTL},
		&soa{[]byte{0}, nobody, 1, negative, negative}
}

// houseZones returns the zones of the domain and of the networks.
func (b *builder) houseZones(s *soa) []zoneName {
	for _, taken := range []string{"localhost", "invalid", "onion", "alt", "in-addr.arpa", "ip6.arpa",
		"resolver.arpa", "ipv4only.arpa"} {
		if d := "." + strings.ToLower(b.c.Domain); strings.HasSuffix(d, "."+taken) {
			b.bad("domain %s: names in %s are nobody's", b.c.Domain, taken)
		}
	}
	all := []zoneName{{b.wire, zoneOf{rule: inHouse}, s}}
	for i, p := range b.c.Networks {
		if !p.IsValid() || p != p.Masked() || p.Bits() < 8 || p.Addr().Is4In6() {
			b.bad("network %s: want the first address of a network, and a length of 8 or more", p)
			continue
		}
		for _, other := range b.c.Networks[:i] {
			if p.Overlaps(other) {
				b.bad("networks %s and %s overlap", other, p)
			}
		}
		for _, z := range reverseZones(p) {
			all = append(all, zoneName{appendReverse(nil, z.Addr(), z.Bits()), zoneOf{rule: inHouse}, s})
		}
	}
	return all
}

func (b *builder) elsewhereZones() []zoneName {
	var all []zoneName
	for _, s := range b.c.Elsewhere {
		wire, ok := appendName(nil, s, b.wire)
		switch {
		case !ok || !isRecordName(s, false):
			b.bad("elsewhere %q: want a domain name", s)
		case strings.EqualFold(display(wire), display(b.wire)):
			b.bad("elsewhere %s: it is the domain of the house", s)
		default:
			all = append(all, zoneName{wire: wire})
		}
	}
	return all
}

// specialZones returns those of the table of special names.
func specialZones(empty, root *soa) []zoneName {
	var all []zoneName
	for _, row := range specials() {
		z := zoneName{soa: empty, zone: zoneOf{rule: emptied, parent: row.parent}}
		z.wire, _ = appendName(nil, row.name+".", nil)
		switch row.how {
		case asUsual:
			continue
		case asNothing:
			z.soa, z.zone.rule = root, noName
		case asLoopback:
			z.zone.rule = loopback
		}
		all = append(all, z)
	}
	return all
}

// addZone makes a zone, unless there is one of its name.
func (b *builder) addZone(z *zoneName) {
	n := b.addNode(z.wire)
	if old := &b.zones[b.nodes[n].zone]; old.size == len(z.wire) {
		if z.soa == nil && old.soa != nil {
			b.bad("elsewhere %s: its addresses are on a network of the house", display(z.wire))
		}
		old.parent = old.parent || z.zone.parent && old.soa != nil
		return
	}
	z.zone.size = len(z.wire)
	if z.zone.rule == noName {
		z.zone.size = b.zones[zoneRoot].size
		b.nodes[n].flags |= void
	}
	if z.soa != nil {
		z.zone.soa = b.negative(z.soa)
		if z.zone.rule != noName {
			b.addSOA(n, z.soa, z.soa.ttl)
			b.addNS(n, z.soa)
		}
	}
	b.nodes[n].zone = uint16(len(b.zones))
	b.zones = append(b.zones, z.zone)
}

// negative makes the SOA of negative answers: it says how long they may be kept
// (RFC 2308 3).
func (b *builder) negative(s *soa) []byte {
	b.addSOA(0, s, min(s.ttl, s.negative))
	r := b.records[len(b.records)-1]
	b.records = b.records[:len(b.records)-1]
	return slices.Clone(b.data[r.at:])
}

func (b *builder) addSOA(n uint32, s *soa, ttl uint32) {
	b.begin(n, typeSOA, ttl)
	b.data = s.appendName(b.data)
	b.data = append(b.data, s.rname...)
	for _, v := range [5]uint32{s.serial, soaRefresh, soaRetry, soaExpire, s.negative} {
		b.data = binary.BigEndian.AppendUint32(b.data, v)
	}
	b.end()
}

func (b *builder) addNS(n uint32, s *soa) {
	b.begin(n, typeNS, s.ttl)
	b.data = s.appendName(b.data)
	b.end()
}

// appendName appends the primary server's name. A zone that has none but itself is
// only found by its own name, which the question then has.
func (s *soa) appendName(b []byte) []byte {
	if s.mname == nil {
		return binary.BigEndian.AppendUint16(b, pointer|headerLen)
	}
	return append(b, s.mname...)
}

// addLoopback adds what special names have beside SOA and NS.
func (b *builder) addLoopback() {
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	local := b.addNode([]byte("\x09localhost\x00"))
	for _, n := range []uint32{local, b.addNode([]byte("\x01*\x09localhost\x00"))} {
		b.addAddr(n, v4, emptyTTL)
		b.addAddr(n, v6, emptyTTL)
	}
	b.locate(v4, local)
	b.locate(v6, local)
	discovery := b.addNode([]byte("\x08ipv4only\x04arpa\x00"))
	b.addAddr(discovery, netip.AddrFrom4([4]byte{192, 0, 0, 170}), emptyTTL)
	b.addAddr(discovery, netip.AddrFrom4([4]byte{192, 0, 0, 171}), emptyTTL)
}

func (b *builder) addAddr(n uint32, a netip.Addr, ttl uint32) {
	typ := uint16(typeAAAA)
	if a.Is4() {
		typ = typeA
	}
	b.begin(n, typ, ttl)
	b.data = append(b.data, a.AsSlice()...)
	b.end()
}
