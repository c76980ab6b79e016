package netcfg

import (
	"fmt"
	"strings"
)

// An op is a kind of change. Ops happen in their order; between two kinds Apply looks at the kernel again, because one
// change may do more than it says: the last IPv4 address of a link takes the routes with it.
type op uint8

const (
	setSysctl op = iota
	delVLAN      // before another may have its name or tag
	addVLAN
	upLink
	changeAddress
	changeRoute
)

// A change is one step towards the plan.
type change struct {
	op
	verb    string // of changeAddress and changeRoute: add, replace or del
	link    Link
	address Address
	route   Route
	sysctl  Sysctl
}

// on is the link that the change is about; "" if it is about none.
func (c change) on() string {
	switch c.op {
	case changeAddress:
		return c.address.Link
	case changeRoute:
		return c.route.Link
	}
	return c.link.Name
}

// String is the command that does the same.
func (c change) String() string {
	switch c.op {
	case setSysctl:
		return fmt.Sprintf("sysctl -w %s=%q", c.sysctl.Key, c.sysctl.Value)
	case delVLAN:
		return "ip link del " + c.link.Name
	case addVLAN:
		return fmt.Sprintf("ip link add link %s name %s type vlan id %d", c.link.Parent, c.link.Name, c.link.VLAN)
	case upLink:
		return fmt.Sprintf("ip link set %s up", c.link.Name)
	case changeAddress:
		line := fmt.Sprintf("ip addr %s %s dev %s", c.verb, c.address.Prefix, c.address.Link)
		if c.verb == "add" && c.address.Prefix.Addr().Is6() {
			line += " nodad"
		}
		return line
	}
	return c.routeString()
}

func (c change) routeString() string {
	words := []string{"ip", "route", c.verb, c.route.To.String()}
	if c.route.To.Addr().Is6() {
		words[0] = "ip -6"
	}
	if c.route.To.Bits() == 0 {
		words[3] = "default"
	}
	if c.route.Via.IsValid() {
		words = append(words, "via", c.route.Via.String())
	}
	return strings.Join(append(words, "dev", c.route.Link), " ")
}
