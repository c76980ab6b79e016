package zone

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// model is the zone as one would explain it to a colleague: maps of names as text,
// and every question answered by looking at all of them.
type model struct {
	c       Config
	domain  string
	records map[string][]dns.RR // by name in lower case
	alone   map[string]bool     // names that are answered for wherever they are
	zones   map[string]string   // "house", "empty", "nothing", "localhost", "elsewhere"
	parents map[string]bool     // zones of which others are asked for type DS
	clients map[string][]string // of hosts that take addresses of leases
	cnames  map[string]string   // what a host's alias is an alias of
	there   map[string]bool     // every name, and those above it
	leases  []Lease             // in the order of their coming, the name a label
	waited  map[netip.Addr]int  // since when an address has its name
	turn    int
	holders map[string]string // whose a name is
}

func newModel(c Config) *model {
	m := &model{c: c, domain: strings.ToLower(c.Domain) + ".", records: map[string][]dns.RR{}, alone: map[string]bool{},
		zones: map[string]string{}, parents: map[string]bool{}, clients: map[string][]string{}, cnames: map[string]string{},
		waited: map[netip.Addr]int{}, holders: map[string]string{}}
	m.addZones()
	for _, h := range append([]Host{c.Router}, c.Hosts...) {
		m.addHost(h)
	}
	for _, r := range c.Records {
		m.addRecord(r)
	}
	for _, s := range c.Services {
		m.addService(s)
	}
	return m
}

func (m *model) ttl() uint32 { return orDefault(m.c.TTL, DefaultTTL) }

// whole returns a name of the Config in full and in lower case.
func (m *model) whole(s string) string {
	switch {
	case s == "@":
		return m.domain
	case !strings.HasSuffix(s, "."):
		s += "." + m.domain
	}
	return strings.ToLower(s)
}

func (m *model) add(format string, args ...any) {
	rr, err := dns.NewRR(fmt.Sprintf(format, args...))
	if err != nil || rr == nil {
		panic(fmt.Sprintf(format, args...))
	}
	rr = asRead(rr)
	name := strings.ToLower(rr.Header().Name)
	m.records[name] = append(m.records[name], rr)
}

// asRead writes and reads a record, so that its names have one spelling.
func asRead(rr dns.RR) dns.RR {
	buf := make([]byte, 4096)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic(err)
	}
	rr, _, err = dns.UnpackRR(buf[:n], 0)
	if err != nil {
		panic(err)
	}
	return rr
}

// own notes a name that is answered for although its zone is not of the house.
func (m *model) own(name string) {
	if m.zones[m.zoneOf(name)] != "house" {
		m.alone[name] = true
	}
}

func (m *model) addZones() {
	for _, row := range specials() {
		kind := map[treatment]string{asEmpty: "empty", asNothing: "nothing", asLoopback: "localhost", asLoopbackReverse: "empty",
			asDiscovery: "empty"}[row.how]
		if kind != "" {
			m.zones[row.name+"."], m.parents[row.name+"."] = kind, row.parent
		}
	}
	for _, s := range m.c.Elsewhere {
		m.zones[m.whole(s)] = "elsewhere"
	}
	m.zones[m.domain] = "house"
	for _, p := range m.c.Networks {
		// Address by address: a zone is the shortest name of which all addresses are
		// the network's, or nobody else's.
		width := 4
		if p.Addr().Is4() {
			width = 8
		}
		bits := (p.Bits() + width - 1) / width * width
		if p.Addr().IsPrivate() && bits == p.Addr().BitLen() {
			bits -= width
		}
		a := p.Masked().Addr()
		for p.Contains(a) {
			labels := strings.SplitAfter(arpa(a), ".")
			m.zones[strings.Join(labels[(a.BitLen()-bits)/width:], "")] = "house"
			raw := a.AsSlice()
			for i := (bits - 1) / 8; i >= 0; i-- { // the next of that size
				step := 1
				if i == (bits-1)/8 {
					step = 1 << ((8 - bits%8) % 8)
				}
				sum := int(raw[i]) + step
				raw[i] = byte(sum)
				if sum < 256 {
					break
				}
			}
			a, _ = netip.AddrFromSlice(raw)
		}
	}
	serial, router := m.c.Serial, m.whole(m.c.Router.Name)
	for z, kind := range m.zones {
		switch kind {
		case "house":
			m.add("%s %d SOA %s hostmaster.%s %d 3600 1200 604800 %d", z, m.ttl(), router, m.domain, serial, m.negative())
			m.add("%s %d NS %s", z, m.ttl(), router)
		case "empty", "localhost":
			m.add("%s 10800 SOA %s nobody.invalid. 1 3600 1200 604800 10800", z, z)
			m.add("%s 10800 NS %s", z, z)
		}
	}
	if m.zones["ipv4only.arpa."] == "empty" {
		m.add("ipv4only.arpa. 10800 A 192.0.0.170")
		m.add("ipv4only.arpa. 10800 A 192.0.0.171")
	}
	for _, name := range []string{"localhost.", "*.localhost."} {
		m.add("%s 10800 A 127.0.0.1", name)
		m.add("%s 10800 AAAA ::1", name)
	}
	m.add("1.0.0.127.in-addr.arpa. 10800 PTR localhost.")
	m.add("%s 10800 PTR localhost.", arpa(addr("::1")))
}

func (m *model) negative() uint32 { return orDefault(m.c.NegativeTTL, DefaultNegativeTTL) }

func arpa(a netip.Addr) string {
	s, _ := dns.ReverseAddr(a.String())
	return s
}

func (m *model) addAddr(name string, a netip.Addr, ttl uint32) {
	typ := "AAAA"
	if a.Is4() {
		typ = "A"
	}
	m.add("%s %d %s %s", name, ttl, typ, a)
}

func (m *model) addHost(h Host) {
	for i, name := range append([]string{h.Name}, h.Aliases...) {
		name = m.whole(name)
		m.own(name)
		if len(h.Clients) > 0 {
			m.cnames[name] = m.whole(h.Name)
		}
		for _, a := range h.Addrs {
			m.addAddr(name, a, m.ttl())
			if i == 0 {
				m.add("%s %d PTR %s", arpa(a), m.ttl(), name)
				if z := m.zones[m.zoneOf(arpa(a))]; z == "" || z == "elsewhere" {
					m.alone[arpa(a)] = true
				}
			}
		}
	}
	if len(h.Clients) > 0 {
		m.clients[m.whole(h.Name)] = h.Clients
	}
}

func (m *model) addRecord(r Record) {
	name, ttl := m.whole(r.Name), orDefault(r.TTL, m.ttl())
	m.own(name)
	for _, a := range r.Addrs {
		m.addAddr(name, a, ttl)
	}
	if r.CNAME != "" {
		m.add("%s %d CNAME %s", name, ttl, m.whole(r.CNAME))
	}
	for _, v := range r.SRV {
		m.add("%s %d SRV %d %d %d %s", name, ttl, v.Priority, v.Weight, v.Port, m.whole(v.Target))
	}
	for _, v := range r.MX {
		m.add("%s %d MX %d %s", name, ttl, v.Preference, m.whole(v.Host))
	}
	for _, v := range r.TXT {
		text := ""
		for len(v) > 255 {
			text, v = text+fmt.Sprintf("%q ", v[:255]), v[255:]
		}
		m.add("%s %d TXT %s%q", name, ttl, text, v)
	}
	for _, v := range r.CAA {
		m.add("%s %d CAA %d %s %q", name, ttl, v.Flags, v.Tag, v.Value)
	}
}

func (m *model) addService(s Service) {
	name := m.whole(s.Type)
	srv := fmt.Sprintf("SRV %d %d %d %s", s.Priority, s.Weight, s.Port, m.whole(s.Host))
	m.addOnce("%s %d %s", name, m.ttl(), srv)
	if s.Instance == "" {
		return
	}
	instance := strings.NewReplacer(" ", `\032`, ".", `\.`).Replace(s.Instance) + "." + name
	m.add("%s %d PTR %s", name, m.ttl(), instance)
	m.add("%s %d %s", instance, m.ttl(), srv)
	text := `""`
	if len(s.Text) > 0 {
		text = fmt.Sprintf("%q", s.Text)
		text = text[1 : len(text)-1]
	}
	m.add("%s %d TXT %s", instance, m.ttl(), text)
	domains := []string{m.domain}
	for _, p := range m.c.Networks {
		domains = append(domains, arpa(p.Addr()))
	}
	for _, d := range domains {
		m.addOnce("b._dns-sd._udp.%s %d PTR %s", d, m.ttl(), m.domain)
		m.addOnce("lb._dns-sd._udp.%s %d PTR %s", d, m.ttl(), m.domain)
	}
	m.addOnce("_services._dns-sd._udp.%s %d PTR %s", m.domain, m.ttl(), name)
}

// addOnce adds a record unless it is there.
func (m *model) addOnce(format string, args ...any) {
	rr, _ := dns.NewRR(fmt.Sprintf(format, args...))
	if !slices.ContainsFunc(m.records[strings.ToLower(rr.Header().Name)], func(x dns.RR) bool { return dns.IsDuplicate(x, rr) }) {
		m.add(format, args...)
	}
}

// ends returns the ends of a name that start with a label: the name itself first.
func ends(name string) []string {
	all := []string{name}
	for i, end := dns.NextLabel(name, 0); !end; i, end = dns.NextLabel(name, i) {
		all = append(all, name[i:])
	}
	return all
}

func (m *model) zoneOf(name string) string {
	for _, end := range ends(name) {
		if m.zones[end] != "" {
			return end
		}
	}
	return ""
}

// exists reports whether a name has records, or one below it has, or it is a host's.
func (m *model) exists(name string) bool {
	if m.there == nil {
		m.there = map[string]bool{}
		for other := range m.records {
			m.note(other)
		}
		for other := range m.cnames {
			m.note(other)
		}
		for other := range m.zones {
			m.note(other)
		}
	}
	return m.there[name]
}

func (m *model) note(name string) {
	for _, end := range ends(name) {
		m.there[end] = true
	}
}

// take takes a lease as With does.
func (m *model) take(l Lease, ended bool) {
	l.Name = strings.ToLower(l.Name)
	if label, cut := strings.CutSuffix(l.Name, "."+strings.TrimSuffix(m.domain, ".")); cut {
		l.Name = label
	}
	since, left := m.turn, ""
	m.turn++
	defer func() { m.settle(l.Name); m.settle(left) }()
	for i, old := range m.leases {
		if old.Addr == l.Addr {
			if old.Name == l.Name && old.Client == l.Client {
				since = m.waited[l.Addr]
			}
			left = old.Name
			m.leases = slices.Delete(m.leases, i, i+1)
			break
		}
	}
	if ended || !m.may(l) {
		return
	}
	m.waited[l.Addr] = since
	m.leases = append(m.leases, l)
}

func (m *model) may(l Lease) bool {
	ok := slices.ContainsFunc(m.c.Networks, func(p netip.Prefix) bool { return p.Contains(l.Addr) })
	for _, c := range l.Name {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	name := l.Name + "." + m.domain
	taken := ok && m.exists(name) && !slices.Contains(m.clients[name], l.Client)
	for _, rr := range m.records[arpa(l.Addr)] {
		taken = taken || rr.Header().Rrtype == dns.TypePTR
	}
	return ok && !taken && l.Name != "" && len(l.Name) < 64 && l.Name[0] != '-' && l.Name[len(l.Name)-1] != '-' &&
		l.Name != "wpad" && l.Name != "isatap" && l.Name != "localhost"
}

// settle says whose a name is after a change.
func (m *model) settle(label string) {
	client, since := "", 0
	for _, l := range m.leases {
		if l.Name == label && l.Client == m.holders[label] {
			return
		}
		if l.Name == label && (client == "" || m.waited[l.Addr] < since) {
			client, since = l.Client, m.waited[l.Addr]
		}
	}
	m.holders[label] = client
}

// holder returns the leases of the client that has a name, newest first.
func (m *model) holder(label string) []Lease {
	var own []Lease
	for _, l := range slices.Backward(m.leases) {
		if l.Name == label && l.Client == m.holders[label] {
			own = append(own, l)
		}
	}
	return own
}

// leased returns the records that leases give a label.
func (m *model) leased(owner, label string) (all []dns.RR) {
	has4, shown := false, 0
	for _, l := range m.holder(label) {
		typ := "AAAA"
		if l.Addr.Is4() {
			typ = "A"
		}
		if l.Addr.Is4() && has4 || shown == maxShown {
			continue
		}
		has4, shown = has4 || l.Addr.Is4(), shown+1
		rr, _ := dns.NewRR(fmt.Sprintf("%s %d %s %s", owner, orDefault(m.c.LeaseTTL, DefaultLeaseTTL), typ, l.Addr))
		all = append(all, rr)
	}
	return all
}
