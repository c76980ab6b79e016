package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Service is what a name stands for in the firewall.
type Service struct {
	Name  string
	Flows []Flow // any of them
}

// Flow is one kind of packet that starts a conversation.
type Flow struct {
	Proto       string // "tcp", "udp", "sctp", "icmp", "icmpv6", "esp", "ah", "gre" or "ipv6" (protocol 41)
	First, Last uint16 // destination ports of the first three, both 0 for all of them; types of the next two
}

// String returns the form that site.toml has, "tcp/9100-9102".
func (f Flow) String() string {
	switch {
	case f.First == 0 && f.Last == 0:
		return f.Proto
	case f.First == f.Last:
		return fmt.Sprintf("%s/%d", f.Proto, f.First)
	}
	return fmt.Sprintf("%s/%d-%d", f.Proto, f.First, f.Last)
}

// FlowsText writes the flows of a service as site.toml has them.
func FlowsText(s Service) string {
	var texts []string
	for _, f := range s.Flows {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, " ")
}

// serviceTable is the services that need no definition, by IANA's names where it has one.
const serviceTable = `
6in4 ipv6
dhcp udp/67
dhcpv6 udp/547
dns udp/53 tcp/53
dns-over-tls tcp/853
ftp tcp/21
git tcp/9418
gre gre
http tcp/80
https tcp/443 udp/443
imap tcp/143
imaps tcp/993
ipp tcp/631
ipsec udp/500 udp/4500 esp ah
iscsi tcp/3260
jetdirect tcp/9100
ldap tcp/389 udp/389
ldaps tcp/636
mqtt tcp/1883
mysql tcp/3306
nfs tcp/2049
ntp udp/123
openvpn udp/1194 tcp/1194
ping icmp/8 icmpv6/128
postgresql tcp/5432
pptp tcp/1723
rdp tcp/3389 udp/3389
router-solicit icmpv6/133
sip udp/5060 tcp/5060-5061
smb tcp/445
smtp tcp/25
snmp udp/161
ssh tcp/22
submission tcp/587 tcp/465
syslog udp/514 tcp/514
tftp udp/69
traceroute udp/33434-33534
vnc tcp/5900-5999
wireguard udp/51820
xmpp tcp/5222 tcp/5269
`

// Services returns the services that need no definition, sorted by name.
func Services() []Service {
	var all []Service
	for line := range strings.Lines(strings.TrimSpace(serviceTable)) {
		words := strings.Fields(line)
		s := Service{Name: words[0]}
		for _, word := range words[1:] {
			f, _ := ReadFlow(word)
			s.Flows = append(s.Flows, f)
		}
		all = append(all, s)
	}
	return all
}

// ReadFlow reads a flow as site.toml has it. The reason is "", or why s is none, and continues a sentence
// that starts with it.
func ReadFlow(s string) (f Flow, reason string) {
	const expected = `; expected one such as "tcp/8080", "udp/5000-5999", "icmp/8" or "gre"`
	proto, ports, given := strings.Cut(s, "/")
	f.Proto = proto
	switch proto {
	case "tcp", "udp", "sctp":
		if !given {
			return f, ""
		}
		var ok bool
		if f.First, f.Last, ok = ReadPorts(ports); !ok {
			return f, "has no port from 1 to 65535 or range of such" + expected
		}
	case "icmp", "icmpv6":
		n, err := strconv.ParseUint(ports, 10, 8)
		if err != nil || n == 0 {
			return f, "has no type of " + proto + " from 1 to 255" + expected
		}
		f.First, f.Last = uint16(n), uint16(n)
	case "esp", "ah", "gre", "ipv6":
		if given {
			return f, "is about a protocol without ports" + expected
		}
	default:
		return f, "is no protocol with a port" + expected
	}
	return f, ""
}

// ReadPorts reads "443" or "5000-5999".
func ReadPorts(s string) (first, last uint16, ok bool) {
	lo, hi, isRange := strings.Cut(s, "-")
	if !isRange {
		hi = lo
	}
	a, errA := strconv.ParseUint(lo, 10, 16)
	b, errB := strconv.ParseUint(hi, 10, 16)
	return uint16(a), uint16(b), errA == nil && errB == nil && a > 0 && a <= b
}

// Covers reports whether every packet of g is one of some flows.
func Covers(flows []Flow, g Flow) bool {
	for at := int(g.First); ; {
		i := slices.IndexFunc(flows, func(f Flow) bool {
			return f.Proto == g.Proto && (f.First == 0 || int(f.First) <= at && at <= int(f.Last))
		})
		if i < 0 {
			return false
		}
		if f := flows[i]; f.First == 0 || f.Last >= g.Last {
			return g.First != 0 || f.First == 0
		}
		at = int(flows[i].Last) + 1
	}
}

// In reports whether there are packets of f in a family, IPv4 or IPv6.
func (f Flow) In(is4 bool) bool {
	switch f.Proto {
	case "icmp", "ipv6":
		return is4
	case "icmpv6":
		return !is4
	}
	return true
}

// Overlaps reports whether a packet can be of both f and g.
func (f Flow) Overlaps(g Flow) bool {
	return f.Proto == g.Proto && (f.First == 0 || g.First == 0 || f.First <= g.Last && g.First <= f.Last)
}
