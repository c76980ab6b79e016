package check

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	maxLinkName = 15 // IFNAMSIZ less the NUL
	maxVLAN     = 4094

	minLANBits = 8
	maxLANBits = 30

	exampleWAN4 = "192.0.2.10/24"
	exampleWAN6 = "2001:db8:0:1::10/64"
	exampleLAN4 = "192.168.32.1/24"
	exampleLAN6 = "2001:db8:0:20::1/64"
)

func (l *loader) checkLANs() {
	if len(l.raw.LANs) == 0 {
		l.settled = false
		if l.parsed && l.raw.LANs == nil {
			l.AtFile(source.SiteTOML, "has no [[lan]]; expected at least one network behind the appliance")
		}
	}
	names := map[string]source.Span{}
	links := map[string]source.Span{}
	if wan := l.site.WAN; wan.Interface != "" {
		links[wan.Link()] = l.raw.WAN.Interface.At
	}
	for _, raw := range l.raw.LANs {
		lan := l.lan(raw)
		if first, taken := names[lan.Name]; taken && lan.Name != "" {
			l.Against(raw.Name.At, first, "lan %q is here a second time; expected another name", lan.Name)
		} else {
			names[lan.Name] = raw.Name.At
		}
		if first, taken := links[lan.Link()]; taken && lan.Interface != "" {
			l.Against(raw.Interface.At, first, "%s is already in use; expected another interface or VLAN",
				lan.Link())
		} else {
			links[lan.Link()] = raw.Interface.At
		}
		l.site.LANs = append(l.site.LANs, lan)
	}
	l.checkSubnets()
	l.standIns()
}

// lan returns what is valid of one [[lan]].
func (l *loader) lan(raw toml.LAN) model.LAN {
	lan := model.LAN{Name: l.networkName("lan", raw.Name)}
	lan.Interface, lan.VLAN = l.link(raw.Interface, raw.VLAN)
	lan.IPv4 = l.ownAddress("ipv4", raw.IPv4, netip.Addr.Is4, exampleLAN4)
	if bits := lan.IPv4.Bits(); lan.IPv4.IsValid() && (bits < minLANBits || bits > maxLANBits) {
		l.At(raw.IPv4.At, "ipv4 %s has the length %d; expected a network with room for clients, /%d to /%d",
			lan.IPv4, bits, minLANBits, maxLANBits)
		lan.IPv4 = netip.Prefix{}
	}
	if !lan.IPv4.IsValid() {
		l.settled = false
	}
	l.connect("lan "+strconv.Quote(raw.Name.Text), lan.IPv4, raw.IPv4.At)
	l.lanIPv6(raw, &lan)
	lan.NAT64 = l.nat64(raw.NAT64, lan)
	lan.Clients = l.clients(raw.Clients, clientNetwork{"lan", lan.IPv4, raw.IPv4.At, lan.HasIPv6()})
	return lan
}

// networkName reads the name of a network of a kind, "lan" or "relayed network".
func (l *loader) networkName(kind string, v toml.Str) string {
	if !v.OK() {
		return ""
	}
	name := strings.ToLower(v.Text)
	if reason := model.NotLabel(name); reason != "" {
		l.At(v.At, "%s name %q %s", kind, v.Text, reason)
		return ""
	}
	// The names of the firewall's zones: two are taken, and all start with a letter.
	switch {
	case name == "wan":
		l.At(v.At, `a %s cannot be called "wan", which is the upstream network; expected another name`, kind)
	case name == "box":
		l.At(v.At, `a %s cannot be called "box", which is the appliance itself in the firewall; expected another name`, kind)
	case name[0] < 'a':
		l.At(v.At, "%s name %q starts with a digit; expected a letter first", kind, v.Text)
	default:
		return name
	}
	return ""
}

// link checks an interface and its VLAN, which together make the name of a link.
func (l *loader) link(iface toml.Str, vlan toml.Int) (string, uint16) {
	var id uint16
	if vlan.OK() {
		if vlan.Value < 1 || vlan.Value > maxVLAN {
			l.At(vlan.At, "vlan %d is out of range; expected 1 to %d (IEEE 802.1Q), or no such line for untagged frames", vlan.Value, maxVLAN)
			return "", 0
		}
		id = uint16(vlan.Value)
	}
	if !iface.OK() {
		return "", 0
	}
	name := model.LinkName(iface.Text, id)
	switch reason := model.NotLinkName(iface.Text); {
	case reason != "":
		l.At(iface.At, "interface %q %s", iface.Text, reason)
		return "", 0
	case len(name) > maxLinkName:
		l.At(iface.At, "interface name %q has %d bytes; the kernel allows %d", name, len(name), maxLinkName)
		return "", 0
	}
	return iface.Text, id
}

// ownAddress reads an address of the appliance with the length of its network. It
// returns the zero Prefix for one that is not there or not valid.
func (l *loader) ownAddress(key string, v toml.Str, family func(netip.Addr) bool,
	example string) netip.Prefix {
	if !v.OK() {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(v.Text)
	reason := ""
	switch {
	case err != nil:
		reason = notPrefix(v.Text, example)
	case !family(p.Addr()) || p.Addr().Is4In6():
		reason = "is an address of the other IP version; expected one such as " + strconv.Quote(example)
	case model.NotUnicast(p.Addr()) != "":
		reason = model.NotUnicast(p.Addr()) + "; expected the appliance's own address"
	case p.Addr().Is6() && p.Addr().IsLinkLocalUnicast():
		reason = "is link-local, which every interface has by itself; expected an address such as " +
			strconv.Quote(example)
	case model.NotForHost(p.Addr(), p) != "":
		reason = model.NotForHost(p.Addr(), p) + "; expected the appliance's own address on it, such as " +
			strconv.Quote(example)
	default:
		return p
	}
	l.At(v.At, "%s %q %s", key, v.Text, reason)
	l.settled = false
	return netip.Prefix{}
}

// notPrefix says why s is no address with a length.
func notPrefix(s, example string) string {
	switch s {
	case "dhcp", "dhcp-pd", "slaac", "tunnel", byProvider:
		word := map[string]string{
			exampleWAN4: `"dhcp" for what the provider gives, `,
			exampleWAN6: `"auto" for what the provider gives, `,
			exampleLAN6: `"delegated" for a part of what the provider delegates, `,
		}[example]
		return "cannot be had here; expected " + word + "a fixed address such as " + strconv.Quote(example) +
			", or no such line"
	case "pppoe", "ppp":
		return "is not spoken by the appliance: leave it to a modem in front of it; expected \"dhcp\", or an address such as " + strconv.Quote(example)
	case "off", "none":
		return "is not known; expected an address such as " + strconv.Quote(example) + ", or no such line"
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return "lacks the length of its network; expected it after a slash, as in " + strconv.Quote(example)
	}
	return "is no address with the length of its network; " +
		orWithLength(s, "expected one such as "+strconv.Quote(example))
}
