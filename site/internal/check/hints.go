package check

import (
	"cmp"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// withLength returns an address that was written with a netmask in the form that is read, in quotes, "" for
// any other text: "192.168.32.1/24" for "192.168.32.1/255.255.255.0" or the same with a blank.
func withLength(s string) string {
	address, mask, ok := strings.Cut(strings.Join(strings.Fields(strings.Replace(s, "/", " ", 1)), "/"), "/")
	a, err := netip.ParseAddr(address)
	m, err2 := netip.ParseAddr(mask)
	if !ok || err != nil || err2 != nil || !a.Is4() || !m.Is4() {
		return ""
	}
	ones := 0
	for _, octet := range m.As4() {
		ones += bits.OnesCount8(octet)
	}
	p := netip.PrefixFrom(a, ones)
	if netip.PrefixFrom(model.LimitedBroadcast(), ones).Masked().Addr() != m {
		return "" // no mask with all its ones in front
	}
	return strconv.Quote(p.String())
}

// orWithLength is what was expected in place of s: that with its length if s has a mask, else as is.
func orWithLength(s, expected string) string {
	if p := withLength(s); p != "" {
		return "expected the length of the network in place of its mask, " + p
	}
	return expected
}

// asFlow returns what was likely meant with a word that is no service, in quotes, "" if nobody knows: a port
// alone, or a protocol and a port in another order or with another sign between them.
func asFlow(word string) string {
	parts := strings.FieldsFunc(strings.ToLower(word), func(c rune) bool {
		return strings.ContainsRune("/:. ", c)
	})
	if len(parts) == 1 {
		if _, _, ok := model.ReadPorts(parts[0]); ok {
			return strconv.Quote("tcp/"+parts[0]) + " or " + strconv.Quote("udp/"+parts[0])
		}
	}
	if len(parts) != 2 {
		return ""
	}
	for _, text := range []string{parts[0] + "/" + parts[1], parts[1] + "/" + parts[0]} {
		if _, reason := model.ReadFlow(text); reason == "" {
			return strconv.Quote(text)
		}
	}
	return ""
}

// flowReason is why a text is no protocol and port, with what was likely meant.
func flowReason(text, reason string) string {
	if meant := asFlow(text); meant != "" {
		return "is no protocol with a port; did you mean " + meant + "?"
	}
	return reason
}

// portAlone is what was expected in place of a port: it and its protocol apart if s has both, else as is.
func portAlone(s, expected string) string {
	flow := strings.Trim(asFlow(s), `"`)
	if f, reason := model.ReadFlow(flow); flow != "" && reason == "" && f.First > 0 {
		_, port, _ := strings.Cut(flow, "/")
		return "expected port = " + strconv.Quote(port) + " and proto = " + strconv.Quote(f.Proto)
	}
	return expected
}

// meantEnd is what other firewalls call whom a rule is about, "" for what is no such word.
func meantEnd(word string) string {
	switch w := strings.ToLower(word); {
	case slices.Contains(strings.Fields("* all everyone everybody anyone anywhere everything"), w):
		return `"any"`
	case slices.Contains(strings.Fields("internet outside world public external uplink"), w):
		return `"wan"`
	case slices.Contains(strings.Fields("self this me localhost router"), w):
		return `"box"`
	case strings.HasPrefix(w, "!"):
		return "whom it is about; who is not meant stands in a rule before this one"
	}
	if _, ok := readRange(word); ok && strings.Contains(word, "-") {
		return "networks, as in 192.168.32.48/28, or the addresses one by one, in a list"
	}
	return ""
}

// meantService is what other firewalls call services that are here too, "" for what is no such word.
func meantService(word string) string {
	switch strings.ToLower(word) {
	case "any", "all", "*":
		return "no such line, which is every service"
	case "icmp", "icmpv6", "icmp6", "echo", "echo-request":
		return `"ping", or a type such as "icmp/3"`
	case "domain":
		return `"dns"`
	case "www", "web":
		return `"http" or "https"`
	case "quic", "http3":
		return `"https", which is UDP too, or "udp/443"`
	}
	return ""
}

// meantOptions are names that dhcpd and Kea have for options, and people who know no name, with those that
// they have here.
const meantOptions = `
domain-name-servers dns-servers | dns-server
routers gateway default-gateway | router
ntp-servers | ntp-server
interface-mtu | mtu
classless-static-routes rfc3442-classless-static-routes classless-routes static-routes staticroutes | classless-static-route
domain-search-list | domain-search
tftp-server-name | tftp-server
boot-file-name boot-file bootfile filename | bootfile-name
netbios-name-servers wins | netbios-ns
netbios-node-type | netbios-nodetype
time-servers | time-server
log-servers | log-server
vendor-encapsulated-options vendor-specific | vendor-encap
vendor-class-identifier | vendor-class
wpad-url wpad-proxy-url | wpad
broadcast-address | broadcast
v4-captive-portal | captive-portal
v6-only-preferred | ipv6-only
`

func meantOption(name string) string {
	for line := range strings.Lines(strings.TrimSpace(meantOptions)) {
		if names, meant, _ := strings.Cut(strings.TrimSpace(line),
			" | "); slices.Contains(strings.Fields(names), name) {
			return meant
		}
	}
	return ""
}

// asResolver is a resolver with its port as others write it, 192.0.2.53:5300 and dnsmasq's 192.0.2.53#5300,
// in the form that is read, in quotes. It is "" for what is no such.
func asResolver(s string) string {
	address, port, _ := strings.Cut(s, "#")
	if a, err := netip.ParseAddrPort(s); err == nil {
		address, port = a.Addr().String(), strconv.Itoa(int(a.Port()))
	}
	switch {
	case !isAddr(address) || !isPort(port):
		return ""
	case port == "53":
		return strconv.Quote(address)
	}
	return strconv.Quote(address + "@" + port)
}

// meantAddress is what was likely meant with a first word of hosts that is no address, "" if nobody knows.
func meantAddress(word string) string {
	if strings.HasPrefix(word, ";") || strings.HasPrefix(word, "//") || strings.HasPrefix(word, "--") {
		return `"#" before a comment`
	}
	if before, name, has := strings.Cut(word, "\u00a0"); has && isAddr(before) {
		return strconv.Quote(before+" "+name) + ", with a plain blank in place of the no-break space"
	}
	plain := strings.Trim(word, ",;[]\"'“”\u00a0")
	plain, _, _ = strings.Cut(plain, "/")
	if a, err := netip.ParseAddrPort(plain); err == nil {
		plain = a.Addr().String()
	}
	if octets := strings.Split(plain, "."); len(octets) == 4 { // 010 is eight for some, and ten for others
		for i, octet := range octets {
			octets[i] = cmp.Or(strings.TrimLeft(octet, "0"), octet[:min(1, len(octet))])
		}
		plain = strings.Join(octets, ".")
	}
	if a, err := netip.ParseAddr(plain); err != nil || a.Zone() != "" {
		return ""
	}
	return plain
}

// meantEthers is a line of ethers in the form that is read, for one that has a MAC address somewhere else:
// the lines of DHCP servers, dhcp-host=MAC,name and host name { hardware ethernet MAC; …, and of tables of
// neighbours, whose names may be those of links. It is "" for any other.
func meantEthers(words []source.Word) string {
	first := strings.ToLower(words[0].Text)
	if strings.HasPrefix(first, ";") || strings.HasPrefix(first, "//") {
		return `"#" before a comment`
	}
	named := strings.Contains(first, ",") || first == "host"
	var mac, name string
	for _, w := range words {
		for part := range strings.FieldsFuncSeq(w.Text, func(c rune) bool {
			return strings.ContainsRune("=,;{}\"'", c)
		}) {
			switch {
			case isMAC(part):
				mac = cmp.Or(mac, part)
			case named && name == "" && model.NotLabel(part) == "" && part != "host" && part != "dhcp-host":
				name = strings.ToLower(part)
			}
		}
	}
	if mac == "" {
		return ""
	}
	return strconv.Quote(mac + " " + cmp.Or(name, "NAME"))
}
