package zone

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"strings"
)

// addHosts adds the router and the hosts, and says whose each name and address is.
func (b *builder) addHosts() {
	b.addHost(&b.c.Router, "router")
	for i := range b.c.Hosts {
		b.addHost(&b.c.Hosts[i], "host")
	}
}

func (b *builder) addHost(h *Host, kind string) {
	self := claimant{kind, h.Name}
	n, ok := b.claimHost(h.Name, self)
	if !ok {
		return
	}
	if len(h.Addrs) == 0 && len(h.Clients) == 0 {
		b.bad("%s: no address", self)
	}
	b.addHostAddrs(n, h, self)
	for _, a := range h.Addrs {
		if taken := b.locate(a, n); taken != 0 && taken != n {
			b.bad("%s: address %s is of %s already", self, a, display(b.nodeName(taken)))
		}
	}
	if len(h.Clients) > 0 {
		b.setClients(n, h, self)
	}
	for _, alias := range h.Aliases {
		if a, ok := b.claimHost(alias, claimant{"alias of", h.Name}); ok {
			b.addHostAddrs(a, h, self)
			b.nodes[a].host = b.nodes[n].host
		}
	}
}

func (b *builder) addHostAddrs(n uint32, h *Host, self claimant) {
	for _, a := range h.Addrs {
		if !usable(a) {
			b.bad("%s: %s is no host's address", self, a)
			continue
		}
		b.addAddr(n, a, b.ttl)
	}
}

// usable reports whether a can be a record's address.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsUnspecified() && !a.IsMulticast()
}

// setClients lets a host have addresses of leases.
func (b *builder) setClients(n uint32, h *Host, self claimant) {
	if !isLabel(h.Name) {
		b.bad("%s: it has clients, and leases have a single label for a name", self)
		return
	}
	b.nodes[n].host = n
	for _, c := range h.Clients {
		b.owners = append(b.owners, owner{ref(n), c})
	}
}

// claimHost returns the node of a host's name if it is one and nobody else's.
func (b *builder) claimHost(s string, by claimant) (uint32, bool) {
	wire, ok := appendName(b.scratch[:0], s, b.wire)
	b.scratch = wire[:0]
	if !ok || !isHostName(s) {
		b.bad("%s: name %q: want a host name", by, s)
		return 0, false
	}
	return b.claim(wire, by)
}

// addRecords adds what the site says in records. Several may have one name.
func (b *builder) addRecords() {
	for i := range b.c.Records {
		r := &b.c.Records[i]
		self := claimant{"record", r.Name}
		wire, ok := appendName(nil, r.Name, b.wire)
		if !ok || !isRecordName(r.Name, true) {
			b.bad("%s: want a domain name; a star may be its first label", self)
			continue
		}
		if r.TTL > math.MaxInt32 {
			b.bad("%s: a TTL of %d seconds: want at most %d (RFC 2181 8)", self, r.TTL, math.MaxInt32)
		}
		n, ok := b.claim(wire, self)
		if !ok {
			continue
		}
		before := len(b.records)
		b.addRecord(n, r, self, orDefault(r.TTL, b.ttl))
		if len(b.records) == before {
			b.bad("%s: it says nothing", self)
		}
	}
}

func (b *builder) addRecord(n uint32, r *Record, self claimant, ttl uint32) {
	for _, a := range r.Addrs {
		if !usable(a) {
			b.bad("%s: %s is no host's address", self, a)
			continue
		}
		b.addAddr(n, a, ttl)
	}
	if r.CNAME != "" {
		b.begin(n, typeCNAME, ttl)
		b.target(r.CNAME, self)
		b.end()
	}
	for _, v := range r.SRV {
		b.addSRV(n, v, self, ttl)
	}
	for _, v := range r.MX {
		b.begin(n, typeMX, ttl)
		b.data = binary.BigEndian.AppendUint16(b.data, v.Preference)
		b.target(v.Host, self)
		b.end()
	}
	for _, v := range r.TXT {
		b.begin(n, typeTXT, ttl)
		b.texts(cut(v), self)
		b.end()
	}
	for _, v := range r.CAA {
		if len(v.Tag) == 0 || len(v.Tag) > 15 || !hasOnly(v.Tag, "") {
			b.bad("%s: CAA tag %q: want 1 to 15 letters and digits", self, v.Tag)
			continue
		}
		b.begin(n, typeCAA, ttl)
		b.data = append(b.data, v.Flags, byte(len(v.Tag)))
		b.data = append(append(b.data, v.Tag...), v.Value[:min(len(v.Value), maxSet)]...)
		b.end()
	}
}

func (b *builder) addSRV(n uint32, v SRV, self claimant, ttl uint32) {
	b.begin(n, typeSRV, ttl)
	for _, x := range [3]uint16{v.Priority, v.Weight, v.Port} {
		b.data = binary.BigEndian.AppendUint16(b.data, x)
	}
	b.target(v.Target, self)
	b.end()
}

// target appends a name that a record points to.
func (b *builder) target(s string, self claimant) {
	wire, ok := appendName(b.data, s, b.wire)
	if !ok || s != "." && !isRecordName(s, false) {
		b.bad("%s: target %q: want a domain name", self, s)
		wire = append(b.data, 0)
	}
	b.data = wire
}

// cut cuts a text into strings of 255 bytes.
func cut(s string) []string {
	s = s[:min(len(s), maxSet)]
	parts := []string{}
	for len(s) > 255 {
		parts, s = append(parts, s[:255]), s[255:]
	}
	return append(parts, s)
}

func (b *builder) texts(list []string, self claimant) {
	for _, s := range list {
		if len(s) > 255 {
			b.bad("%s: a text of %d bytes: want at most 255", self, len(s))
			s = s[:255]
		}
		b.data = append(append(b.data, byte(len(s))), s...)
	}
}

// addServices adds an SRV record for each service, and lets people browse those that
// have an instance.
func (b *builder) addServices() {
	var browsed []string
	for i := range b.c.Services {
		s := &b.c.Services[i]
		self := claimant{"service", strings.TrimSpace(s.Type + " " + s.Instance)}
		if !isServiceType(s.Type) {
			b.bad("%s: want a type such as _ntp._udp (RFC 6335 5.1)", self)
			continue
		}
		n := b.join(b.labelsOf(s.Type), claimant{"service", s.Type})
		if s.Port == 0 {
			b.bad("%s: no port", self)
		}
		// Several instances may be behind one port: the queues of a printer.
		again := func(x Service) bool { return x.Instance != s.Instance && x.sameSRV(s) }
		if !slices.ContainsFunc(b.c.Services[:i], again) {
			b.addSRV(n, s.srv(), self, b.ttl)
		}
		if s.Instance == "" {
			if len(s.Text) > 0 {
				b.bad("%s: texts are told of an instance only", self)
			}
			continue
		}
		if len(s.Instance) > 63 {
			b.bad("%s: an instance has at most 63 bytes", self)
			continue
		}
		b.addInstance(n, s, self)
		if !slices.Contains(browsed, strings.ToLower(s.Type)) {
			browsed = append(browsed, strings.ToLower(s.Type))
		}
	}
	if len(browsed) > 0 {
		b.addBrowsing(browsed)
	}
}

func (s *Service) srv() SRV { return SRV{s.Priority, s.Weight, s.Port, s.Host} }

func (s *Service) sameSRV(x *Service) bool {
	return strings.EqualFold(s.Type, x.Type) && strings.EqualFold(s.Host, x.Host) &&
		s.Port == x.Port && s.Priority == x.Priority && s.Weight == x.Weight
}

// isServiceType reports whether s is a service and a protocol.
func isServiceType(s string) bool {
	service, proto, _ := strings.Cut(s, ".")
	proto = strings.ToLower(proto)
	return strings.HasPrefix(service, "_") && isLabel(service[1:]) && len(service) <= 16 &&
		(proto == "_tcp" || proto == "_udp")
}

// labelsOf returns a name of the domain in wire form, in the builder's scratch space.
func (b *builder) labelsOf(s string) []byte {
	wire, _ := appendName(b.scratch[:0], s, b.wire)
	b.scratch = wire[:0]
	return wire
}

// addInstance adds what RFC 6763 4 to 6 want of an instance.
func (b *builder) addInstance(n uint32, s *Service, self claimant) {
	wire := append([]byte{byte(len(s.Instance))}, s.Instance...)
	wire = append(wire, b.labelsOf(s.Type)...)
	if len(wire) > 255 {
		b.bad("%s: its name has %d bytes: want at most 255", self, len(wire))
		return
	}
	b.addPTR(n, wire)
	i, ok := b.claim(wire, self)
	if !ok {
		return
	}
	b.addSRV(i, s.srv(), self, b.ttl)
	b.begin(i, typeTXT, b.ttl)
	if len(s.Text) == 0 {
		b.data = append(b.data, 0) // "a single zero byte": RFC 6763 6.1
	}
	b.texts(s.Text, self)
	b.end()
}

// addBrowsing says that the domain can be browsed (RFC 6763 11), under its own name and
// under those of the networks, and what for (RFC 6763 9).
func (b *builder) addBrowsing(types []string) {
	below := [][]byte{b.wire}
	for _, p := range b.c.Networks {
		below = append(below, appendReverse(nil, p.Addr(), p.Addr().BitLen()))
	}
	by := claimant{"browsing of", b.c.Domain}
	for _, domain := range below {
		for _, browse := range []string{"\x01b", "\x02lb"} {
			wire := append([]byte(browse+"\x07_dns-sd\x04_udp"), domain...)
			if len(wire) <= 255 {
				b.addPTR(b.join(wire, by), b.wire)
			}
		}
	}
	all := b.join(append([]byte("\x09_services\x07_dns-sd\x04_udp"), b.wire...), by)
	for _, t := range types {
		b.addPTR(all, b.labelsOf(t))
	}
}

func (b *builder) addPTR(n uint32, target []byte) {
	b.begin(n, typePTR, b.ttl)
	b.data = append(b.data, target...)
	b.end()
}
