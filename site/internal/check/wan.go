package check

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
	"github.com/gatehouse-os/gatehouse/site/internal/toml"
)

const (
	byDHCP  = "dhcp" // an address that the provider gives
	idMAC   = "mac"  // the client identifier of most clients
	idDUID  = "duid" // that of RFC 4361
	inHex   = "hex:" // before bytes
	maxWAN4 = 16     // own addresses upstream

	minWANMTU   = 576  // RFC 791 3.1
	maxWANMTU   = 9216 // what cards and switches commonly have
	maxPriority = 7

	minClientID = 2 // RFC 2132 9.14
	maxSaid     = 255
	maxRequest  = 64
	maxSent     = 16 // further options of a client
	maxSentSize = 512
)

func (l *loader) checkWAN() {
	raw, wan := l.raw.WAN, &l.site.WAN
	wan.Interface, wan.VLAN = l.link(raw.Interface, raw.VLAN)
	wan.Priority = l.priority(raw)
	wan.MAC = l.wanMAC(raw.MAC)
	l.wanIPv4(raw.IPv4)
	l.wanIPv6(raw)
	wan.MTU = l.wanMTU(raw)
	l.dhcpClient(raw)
	l.connect(whatWAN, wan.IPv6, raw.IPv6.At)
}

// wanIPv4 reads the own addresses upstream: one or several, DHCP's first.
func (l *loader) wanIPv4(v toml.Many) {
	wan := &l.site.WAN
	seen := map[netip.Addr]source.Span{}
	for i, item := range v.Items {
		switch {
		case i == maxWAN4:
			l.At(item.At, "ipv4 has %d addresses; expected at most %d", len(v.Items), maxWAN4)
			return
		case item.Text == byDHCP && i > 0:
			l.At(item.At, `ipv4 has "dhcp" behind another; `+
				`expected it first: of that address connections begin`)
			continue
		case item.Text == byDHCP:
			wan.DHCP = &model.DHCPClient{}
			continue
		}
		p := l.ownAddress("ipv4", item, netip.Addr.Is4, exampleWAN4)
		if !p.IsValid() {
			continue
		}
		if first, twice := seen[p.Addr()]; twice {
			l.Against(item.At, first, "ipv4 %s is here a second time; expected it once", p.Addr())
			continue
		}
		seen[p.Addr()] = item.At
		if l.connect(whatWAN, p, item.At); wan.DHCP == nil && !wan.IPv4.IsValid() {
			wan.IPv4 = p
		} else {
			wan.Beside = append(wan.Beside, p)
		}
	}
	if v.OK() && len(v.Items) == 0 {
		l.At(v.At, `ipv4 is empty; expected an address such as %q, "dhcp", or no such line`, exampleWAN4)
	}
}

func (l *loader) priority(raw toml.WAN) uint8 {
	v := raw.Priority
	switch {
	case !v.OK():
	case v.Value < 0 || v.Value > maxPriority:
		l.At(v.At, "priority %d is out of range; expected 0 to %d (IEEE 802.1p)", v.Value, maxPriority)
	case !raw.VLAN.OK() && l.parsed:
		l.At(v.At, "priority without a VLAN, in whose tag it would be; expected the key vlan too")
	default:
		return uint8(v.Value)
	}
	return 0
}

func (l *loader) wanMAC(v toml.Str) model.MAC {
	if !v.OK() {
		return model.MAC{}
	}
	m, reason := model.ParseMAC(v.Text)
	switch {
	case reason != "":
		l.At(v.At, "mac %q %s", v.Text, reason)
	case m == model.MAC{} || m[0]&1 != 0:
		l.At(v.At, "mac %s is the address of no card; expected one whose first octet is even", m)
		return model.MAC{}
	}
	return m
}

func (l *loader) wanMTU(raw toml.WAN) uint16 {
	v := raw.MTU
	switch {
	case !v.OK():
	case v.Value < minWANMTU || v.Value > maxWANMTU:
		l.At(v.At, "mtu %d is out of range; expected %d to %d", v.Value, minWANMTU, maxWANMTU)
	case v.Value < minMTU6 && raw.IPv6.OK():
		l.Against(v.At, raw.IPv6.At, "mtu %d is too small for IPv6; expected at least %d (RFC 8200 5)",
			v.Value, minMTU6)
	default:
		return uint16(v.Value)
	}
	return 0
}

// dhcpClient reads what a provider is told, and refuses to say it to nobody.
func (l *loader) dhcpClient(raw toml.WAN) {
	c := l.site.WAN.DHCP
	if c == nil {
		l.noClient(raw)
		return
	}
	c.ID = l.clientID(raw.ClientID)
	c.VendorClass = l.vendorClass(raw.VendorClass)
	if v := raw.HostName; v.OK() {
		if reason := model.NotName(v.Text); reason != "" {
			l.At(v.At, "hostname %q %s", v.Text, reason)
		}
		c.HostName = v.Text
	}
	c.Request = l.request(raw.Request)
	c.Options = l.sentOptions(raw.Options)
	c.Broadcast = raw.Broadcast.Value
}

// noClient refuses what only a DHCP client would say.
func (l *loader) noClient(raw toml.WAN) {
	if !l.parsed {
		return
	}
	const told = "is what a provider is told that gives addresses by DHCP"
	for _, k := range []struct {
		name, what string
		at         source.Span
	}{
		{"client-id", told, raw.ClientID.At}, {"vendor-class", told, raw.VendorClass.At},
		{"hostname", told, raw.HostName.At}, {"request", told, raw.Request.At},
		{"options", told, raw.Options.At},
		{"broadcast", told, raw.Broadcast.At},
		{"hooks", "run when a provider gives an address by DHCP", raw.Hooks.At},
	} {
		const expected = `%s %s; expected ipv4 = "dhcp"`
		switch {
		case !k.at.OK():
		case raw.IPv4.OK():
			l.Against(k.at, raw.IPv4.At, expected+", or no such line", k.name, k.what)
		default:
			l.At(k.at, expected+" too", k.name, k.what)
		}
	}
}

func (l *loader) clientID(v toml.Str) model.ClientID {
	switch v.Text {
	case "", idMAC:
		if !v.OK() || v.Text == idMAC {
			return model.ClientID{}
		}
	case idDUID:
		return model.ClientID{DUID: true}
	}
	var id option.Bytes
	err := id.UnmarshalText([]byte(v.Text))
	switch {
	case err != nil:
		l.At(v.At, "client-id %s", err)
	case len(id) < minClientID || len(id) > maxSaid:
		l.At(v.At, "client-id has %d bytes; expected %d to %d (RFC 2132 9.14)", len(id), minClientID, maxSaid)
	case !strings.HasPrefix(v.Text, inHex) && !isPrintable(v.Text):
		l.At(v.At, `client-id %q is no printable ASCII; expected the bytes, as in "hex:01:00:16:3e:00:00:99"`,
			v.Text)
	}
	return model.ClientID{Bytes: id}
}

func (l *loader) vendorClass(v toml.Str) string {
	switch {
	case !v.OK():
	case v.Text == "" || len(v.Text) > maxSaid:
		l.At(v.At, "vendor-class has %d bytes; expected 1 to %d", len(v.Text), maxSaid)
	case !isPrintable(v.Text):
		l.At(v.At, "vendor-class %q is no printable ASCII; expected a text such as \"isp-router\"", v.Text)
	}
	return v.Text
}

// isPrintable reports whether s is visible ASCII and blanks.
func isPrintable(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) < 0
}

// request reads the options that are asked for beside the usual ones.
func (l *loader) request(v toml.List) []uint8 {
	var all []uint8
	seen := map[uint8]source.Span{}
	for i, item := range v.Items {
		d, known := option.Define(item.Text)
		first, twice := seen[d.Code]
		switch {
		case i == maxRequest:
			l.At(item.At, "request has %d options; expected at most %d", len(v.Items), maxRequest)
			return all
		case !known:
			l.At(item.At, "request: %s", unknownOption(item.Text))
		case option.ServersOwn(d.Code) && d.Code != 58 && d.Code != 59:
			l.At(item.At, "request: option %s is part of each message; expected another", item.Text)
		case twice:
			l.Against(item.At, first, "request: option %s is here a second time; expected it once", item.Text)
		default:
			seen[d.Code] = item.At
			all = append(all, d.Code)
		}
	}
	if v.OK() && len(v.Items) == 0 {
		l.At(v.At, "request is empty; expected options, or no such line")
	}
	slices.Sort(all)
	return all
}

// sentOptions reads the options that a provider is sent.
func (l *loader) sentOptions(t toml.Options) []model.Option {
	all := l.options(t, toml.Options{}, wanKeys())
	size := 0
	for _, o := range all {
		size += len(o.Data)
	}
	if len(all) > maxSent || size > maxSentSize {
		l.At(t.At, "options has %d options of %d bytes; expected at most %d of %d",
			len(all), size, maxSent, maxSentSize)
	}
	return all
}

// wanKeys are the options that a provider is told otherwise.
func wanKeys() map[uint8]string {
	keys := map[uint8]string{}
	for code := range 256 {
		if option.ServersOwn(uint8(code)) {
			keys[uint8(code)] = "another, for this one is part of the messages themselves"
		}
	}
	keys[12], keys[55] = "the key hostname", "the key request"
	keys[60], keys[61] = "the key vendor-class", "the key client-id"
	return keys
}
