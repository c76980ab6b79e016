package wan

import (
	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// Line says in a line for `gatehouse status` how the way out is, as Ask has it.
func Line(st run.Status) string {
	c := st.Client
	switch {
	case st.Static4:
		return line6(st)
	case c == nil || !c.Held && st.Absent:
		return "dhcp, no address: the link is not there"
	case !c.Held && !c.Carrier:
		return "dhcp, no address: there is no carrier"
	case !c.Held:
		return "dhcp, no address: " + stateText(c.State)
	}
	text := "dhcp, lease without an end"
	if c.Term.End != wan.Never {
		text = "dhcp, lease for another " + cli.Span(c.Term.End-st.Up)
	}
	if c.Term.Unconfirmed {
		text += ", unconfirmed"
	}
	if len(c.Facts.Addrs) > 0 {
		if kind := wan.KindOf(c.Facts.Addrs[0].Addr()); kind != wan.Public {
			text += "; " + kind.Brief()
		}
	}
	return text
}

// line6 is of a way out where the site says all of IPv4.
func line6(st run.Status) string {
	switch six := st.IPv6; {
	case six == nil:
		return "as the site says"
	case six.Absent:
		return "over IPv6 nothing: the link is not there, or has no link-local address yet"
	case silentText(six, st.Up) != "":
		return "over IPv6 nothing: " + silentText(six, st.Up)
	case six.Facts == nil || !six.Facts.Gateway.IsValid():
		return "over IPv6 no router has been heard"
	default:
		return "over IPv6 by router " + six.Facts.Gateway.String()
	}
}
