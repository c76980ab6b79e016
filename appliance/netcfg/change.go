package netcfg

import (
	"fmt"
	"strings"
)

// An Op is a kind of change. Ops happen in their order; between two kinds Apply looks at the kernel again,
// because one change may do more than it says: the last IPv4 address of a link takes the routes with it.
type Op uint8

// The kinds of change. What is new comes before what was goes: there is no moment without a way out.
const (
	SetSysctl Op = iota
	DelLink      // before another may have its name or tag
	AddLink
	SetTunnel // its ends, while it is in use
	SetMAC    // before anybody hears of the other
	SetMTU
	UpLink
	ChangeAddress
	ChangeRoute
	AddRule
	DelRule
	LeaveAddress
	LeaveRoute
	DownLink
)

// Priorities is how many kinds of packets the kernel tells apart by what their IP header asks for, each of
// which gets a priority of the VLAN (tc-prio(8)).
const Priorities = 8

// TunnelTTL is that of the packets of a tunnel (RFC 4213 3.3 leaves it to us). It is a number of its own, not
// that of the packet inside, so that the path MTU between the ends can be found (ip-tunnel(8)).
const TunnelTTL = 64

// A Change is one step towards the plan.
type Change struct {
	Op
	Verb    string // of what is about an address or a route: add, replace or del
	Link    Link
	Address Address
	Route   Route
	Rule    Rule
	Sysctl  Sysctl
}

// on is the link that the change is about; "" if it is about none.
func (c Change) on() string {
	switch c.Op {
	case ChangeAddress, LeaveAddress:
		return c.Address.Link
	case ChangeRoute, LeaveRoute:
		return c.Route.Link
	}
	return c.Link.Name
}

// String is the command that does the same.
func (c Change) String() string {
	switch c.Op {
	case SetSysctl:
		return fmt.Sprintf("sysctl -w %s=%q", c.Sysctl.Key, c.Sysctl.Value)
	case DelLink:
		return "ip link del " + c.Link.Name
	case AddLink, SetTunnel:
		if c.Link.isTunnel() {
			return c.tunnelString()
		}
		line := fmt.Sprintf("ip link add link %s name %s type vlan id %d", c.Link.Parent, c.Link.Name,
			c.Link.VLAN)
		if c.Link.Priority != 0 {
			line += " egress-qos-map"
			for of := range Priorities {
				line += fmt.Sprintf(" %d:%d", of, c.Link.Priority)
			}
		}
		return line
	case SetMAC:
		return fmt.Sprintf("ip link set %s address %s", c.Link.Name, c.Link.MAC)
	case SetMTU:
		return fmt.Sprintf("ip link set %s mtu %d", c.Link.Name, c.Link.MTU)
	case UpLink:
		return fmt.Sprintf("ip link set %s up", c.Link.Name)
	case DownLink:
		return fmt.Sprintf("ip link set %s down", c.Link.Name)
	case ChangeAddress, LeaveAddress:
		line := fmt.Sprintf("ip addr %s %s dev %s", c.Verb, c.Address.Prefix, c.Address.Link)
		if c.Verb == "add" && c.Address.Beside {
			line += " scope link"
		}
		if c.Verb == "add" && c.Address.Prefix.Addr().Is6() && !c.Address.Detect {
			line += " nodad"
		}
		return line
	}
	if c.Op == AddRule || c.Op == DelRule {
		return c.ruleString()
	}
	return c.routeString()
}

func (c Change) ruleString() string {
	verb, from := "add", "all"
	if c.Op == DelRule {
		verb = "del"
	}
	if c.Rule.From.IsValid() {
		from = c.Rule.From.String()
	}
	line := fmt.Sprintf("ip -6 rule %s pref %d from %s lookup ", verb, c.Rule.Priority, from)
	if c.Rule.Table == 0 {
		return line + "main suppress_prefixlength 0"
	}
	return line + fmt.Sprint(c.Rule.Table)
}

func (c Change) tunnelString() string {
	verb := "add"
	if c.Op == SetTunnel {
		verb = "change"
	}
	local := "any"
	if c.Link.Local.IsValid() {
		local = c.Link.Local.String()
	}
	return fmt.Sprintf("ip tunnel %s %s mode sit remote %s local %s ttl %d",
		verb, c.Link.Name, c.Link.Remote, local, TunnelTTL)
}

func (c Change) routeString() string {
	words := []string{"ip", "route", c.Verb, c.Route.To.String()}
	if c.Route.To.Addr().Is6() {
		words[0] = "ip -6"
	}
	if c.Route.To.Bits() == 0 {
		words[3] = "default"
	}
	if c.Route.Via.IsValid() {
		words = append(words, "via", c.Route.Via.String())
	}
	if c.Route.Unreachable {
		words[2] += " unreachable"
	} else {
		words = append(words, "dev", c.Route.Link)
	}
	if c.Route.Table != 0 {
		words = append(words, "table", fmt.Sprint(c.Route.Table))
	}
	return strings.Join(words, " ")
}
