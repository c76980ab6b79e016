package print

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/option"
	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// wanAddresses are those that the site gives the link upstream, and who gives others.
func wanAddresses(wan model.WAN) string {
	text := prefixes(append(wan.Static4(), wan.IPv6)...)
	if wan.Auto6 {
		text = strings.TrimSpace(text + " IPv6 by the provider")
	}
	if wan.DHCP != nil {
		text = strings.TrimSpace("by DHCP " + text)
	}
	return cmp.Or(text, "no address")
}

// wanNote says how the site reaches the rest of the world.
func wanNote(wan model.WAN) string {
	var gateways []string
	for _, g := range []netip.Addr{wan.Gateway, wan.Gateway6} {
		if g.IsValid() {
			gateways = append(gateways, g.String())
		}
	}
	if wan.DHCP != nil {
		gateways = append([]string{"whom the provider names"}, gateways...)
	}
	switch {
	case len(gateways) == 0 && (wan.IPv4.IsValid() || wan.IPv6.IsValid()):
		return "no default route"
	case len(gateways) == 0:
		return ""
	}
	return "default route via " + strings.Join(gateways, " and ")
}

// wan writes what the card upstream is like, and what a provider is told.
func (p *printer) wan(wan model.WAN) {
	var rows [][]string
	row := func(cells ...string) { rows = append(rows, cells) }
	if wan.MAC != (model.MAC{}) {
		row("MAC", wan.MAC.String(), "in place of the card's own")
	}
	if wan.MTU != 0 {
		row("MTU", strconv.Itoa(int(wan.MTU)))
	}
	if wan.Priority != 0 {
		row("priority", strconv.Itoa(int(wan.Priority)), "in the VLAN's tag (802.1p)")
	}
	if c := wan.DHCP; c != nil {
		row("client id", clientID(c.ID))
		row("vendor class", source.Printable(c.VendorClass))
		row("host name", c.HostName)
		for _, code := range c.Request {
			row("asks for", optionName(code))
		}
		for _, o := range c.Options {
			row("sends", o.String())
		}
		if c.Broadcast {
			row("is answered", "by broadcast")
		}
		for _, h := range c.Hooks {
			row("hook", h.Name, fmt.Sprintf("%d bytes, SHA-256 %.12x…", len(h.Content),
				sha256.Sum256(h.Content)))
		}
	}
	if len(rows) > 0 {
		p.heading("WAN")
	}
	for _, cells := range rows {
		p.row(cells[0], cells[1:]...)
	}
}

func clientID(id model.ClientID) string {
	switch {
	case id.DUID:
		return "of the hardware address, as RFC 4361 has it"
	case len(id.Bytes) == 0:
		return "the hardware address"
	}
	return id.Bytes.String()
}

// optionName is the number of an option, with its name if it has one.
func optionName(code uint8) string {
	number := strconv.Itoa(int(code))
	if d, ok := option.Define(number); ok && d.Name != number {
		return strings.TrimSpace(number + " " + d.Name)
	}
	return number
}
