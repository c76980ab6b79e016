package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// modelled is what the model says of a question.
type modelled struct {
	kind    Kind
	rcode   int
	answers []string // as text, sorted
	soa     string   // the owner; "": none
	target  string
}

func (a modelled) String() string {
	return fmt.Sprintf("kind %d %s %q soa %q target %q", a.kind, dns.RcodeToString[a.rcode], a.answers, a.soa, a.target)
}

// status is what the model says of a name.
type status struct {
	local, exists bool
	records       []dns.RR // with the owner that was looked for
	zone          string   // whose SOA is said; "." for names without a dot
}

// answer answers a question in lower case.
func (m *model) answer(name string, typ uint16) (a modelled) {
	switch {
	case typ == dns.TypeAXFR || typ == dns.TypeIXFR:
		return modelled{kind: Local, rcode: dns.RcodeRefused}
	case typ == dns.TypeTKEY || typ == dns.TypeTSIG || typ == dns.TypeMAILA || typ == dns.TypeMAILB:
		return modelled{kind: Local, rcode: dns.RcodeNotImplemented}
	case typ == dns.TypeOPT || typ == 0 || typ == typeNXNAME:
		return modelled{kind: Local, rcode: dns.RcodeFormatError}
	}
	s := m.find(name)
	if dns.CountLabel(name) == 1 && (!s.local || len(s.records) == 0 && m.zones[name] == "") {
		s = m.bare(name, typ)
	}
	if !s.local || typ == dns.TypeDS && s.zone == name && m.parent(name) {
		return modelled{}
	}
	a.kind = Local
	for {
		next := m.add1(&a, s, typ)
		if next == "" {
			slices.Sort(a.answers)
			return a
		}
		if s = m.find(strings.ToLower(next)); !s.local {
			a.kind, a.target = Outside, next
			slices.Sort(a.answers)
			return a
		}
	}
}

// parent reports whether type DS of a zone is asked of others.
func (m *model) parent(zone string) bool { return m.parents[zone] && m.zones[zone] != "elsewhere" }

// add1 adds what there is to say of one name, and returns what it stands for.
func (m *model) add1(a *modelled, s status, typ uint16) (next string) {
	if !s.exists {
		a.rcode, a.soa = dns.RcodeNameError, s.zone
		return ""
	}
	found := false
	for _, rr := range s.records {
		c, isCNAME := rr.(*dns.CNAME)
		if rr.Header().Rrtype == typ || isCNAME {
			a.answers = append(a.answers, strings.ToLower(rr.String()))
			found = true
		}
		if isCNAME && typ != dns.TypeCNAME && typ != dns.TypeANY {
			return c.Target
		}
	}
	if typ == dns.TypeANY && len(s.records) > 0 && !found {
		a.answers = append(a.answers, fmt.Sprintf("%s\t10800\tin\thinfo\t\"rfc8482\" \"\"", s.records[0].Header().Name))
		found = true
	}
	if !found {
		a.soa = s.zone
	}
	return ""
}

// at returns the records of a name for whoever looked for owner.
func (m *model) at(name, owner string) []dns.RR {
	var all []dns.RR
	for _, rr := range m.records[name] {
		rr = dns.Copy(rr)
		rr.Header().Name = owner
		all = append(all, rr)
	}
	if host := m.cnames[name]; host != "" {
		for _, rr := range m.leased(owner, strings.TrimSuffix(host, "."+m.domain)) {
			if !slices.ContainsFunc(m.records[name], func(x dns.RR) bool { return x.Header().Rrtype == rr.Header().Rrtype }) {
				all = append(all, rr)
			}
		}
	}
	return all
}

// find looks for a name among those of the site, of addresses and of leases.
func (m *model) find(name string) status {
	zone := m.zoneOf(name)
	kind := m.zones[zone]
	if rr := m.leasedPTR(name); rr != nil {
		return status{true, true, append(m.at(name, name), rr), zone}
	}
	switch {
	case m.alone[name]:
		return status{true, true, m.at(name, name), name}
	case kind == "nothing" && name == zone:
		return status{local: true, zone: "."}
	case m.exists(name) && (kind == "" || kind == "elsewhere"):
		return status{}
	case m.exists(name):
		if kind == "nothing" {
			zone = "."
		}
		return status{true, true, m.at(name, name), zone}
	}
	label, rest := name, ""
	if i, end := dns.NextLabel(name, 0); !end {
		label, rest = name[:i-1], name[i:]
	}
	if rest == m.domain && len(m.holder(label)) > 0 {
		return status{true, true, m.leased(name, label), zone}
	}
	return m.below(name, zone)
}

// below answers for a name that does not exist: RFC 4592 3.3.1, "closest encloser".
func (m *model) below(name, zone string) status {
	for _, end := range ends(name)[1:] {
		if !m.exists(end) {
			continue
		}
		wild := "*." + end
		if m.exists(wild) {
			if m.alone[wild] {
				zone = name
			}
			return status{true, true, m.at(wild, name), zone}
		}
		break
	}
	switch m.zones[zone] {
	case "", "elsewhere":
		return status{}
	case "nothing":
		return status{local: true, zone: "."}
	case "house":
		return status{local: true, zone: zone, exists: isPart(name)}
	}
	return status{local: true, zone: zone}
}

// isPart reports whether a name spells the first numbers of addresses.
func isPart(name string) bool {
	numbers, v4 := strings.CutSuffix(name, ".in-addr.arpa.")
	if !v4 {
		hex, v6 := strings.CutSuffix(name, ".ip6.arpa.")
		digits := strings.Split(hex, ".")
		return v6 && len(digits) < 32 && !slices.ContainsFunc(digits, func(s string) bool {
			return len(s) != 1 || !strings.Contains("0123456789abcdef", s)
		})
	}
	octets := strings.Split(numbers, ".")
	return len(octets) < 4 && !slices.ContainsFunc(octets, func(s string) bool {
		var n uint8
		_, err := fmt.Sscan(s, &n)
		return err != nil || fmt.Sprint(n) != s
	})
}

func (m *model) leasedPTR(name string) dns.RR {
	for _, l := range m.leases {
		if arpa(l.Addr) != name {
			continue
		}
		for _, own := range m.holder(l.Name) {
			if own.Addr == l.Addr {
				rr, _ := dns.NewRR(fmt.Sprintf("%s %d PTR %s.%s", name, orDefault(m.c.LeaseTTL, DefaultLeaseTTL), l.Name, m.domain))
				return rr
			}
		}
	}
	return nil
}

// bare answers for a name without a dot.
func (m *model) bare(name string, typ uint16) status {
	switch typ {
	case dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeRRSIG, dns.TypeNSEC,
		dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeZONEMD:
		return status{}
	}
	whole := name + m.domain
	s := status{local: true, zone: "."}
	switch kind := m.zones[m.zoneOf(whole)]; {
	case strings.HasPrefix(name, "*") || kind == "elsewhere" && !m.alone[whole]:
	case m.exists(whole):
		s.exists, s.records = true, m.at(whole, name)
	case len(m.holder(strings.TrimSuffix(name, "."))) > 0:
		s.exists, s.records = true, m.leased(name, strings.TrimSuffix(name, "."))
	}
	return s
}
