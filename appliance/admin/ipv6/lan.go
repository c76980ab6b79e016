package ipv6

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/advert"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

// print writes what the LAN has, and what its hosts are told.
func (l *LAN) print(w io.Writer, up time.Duration) {
	fmt.Fprintf(w, "LAN %s on %s\n", l.Name, l.Link)
	if rows := l.prefixRows(); len(rows) > 0 {
		cli.Screen(w, append([][]string{{"PREFIX", "FROM", "PREFERRED", "VALID"}}, rows...))
	} else {
		fmt.Fprintf(w, "It has no network: gatehouse ipv6 why %s\n\n", l.Name)
	}
	cli.Screen(w, l.toldRows(up))
}

// prefixRows are the LAN's networks with the lifetimes that hosts are told, then those that are gone.
func (l *LAN) prefixRows() (rows [][]string) {
	for _, n := range l.Networks {
		from := string(n.From)
		if from == "" {
			from = "site"
		}
		preferred, valid := "-", "not told"
		if l.Told == nil {
			valid = "not known"
		}
		if p, ok := l.advertised(n.Prefix); ok {
			preferred, valid = lifetime(p.Preferred), lifetime(p.Valid)
		}
		rows = append(rows, []string{n.Prefix.String(), from, preferred, valid})
	}
	if l.Told != nil {
		for _, old := range l.Told.Old {
			rows = append(rows, []string{old.Prefix.String(), "gone", "no",
				"no; held up to " + cli.Span(old.Left)})
		}
	}
	return rows
}

// advertised is what hosts are told of a network.
func (l *LAN) advertised(network netip.Prefix) (advert.Prefix, bool) {
	if l.Told != nil {
		for _, a := range l.Told.Advertised {
			for _, p := range a.Prefixes {
				if p.Prefix == network {
					return p, true
				}
			}
		}
	}
	return advert.Prefix{}, false
}

// toldRows are what else hosts are told, who else tells them something, and how many have made addresses.
func (l *LAN) toldRows(up time.Duration) (rows [][]string) {
	add := func(label string, lines ...string) {
		for _, line := range lines {
			rows = append(rows, []string{label, line})
			label = ""
		}
	}
	switch t := l.Told; {
	case t == nil:
		add("router", "what hosts are told is not known")
		return rows
	case !t.Up:
		add("router", "nothing is advertised"+notUp(t))
	default:
		add("router", routerText(t, up))
		for i := range t.Advertised {
			rows = append(rows, optionRows(&t.Advertised[i])...)
		}
	}
	for i := range l.Told.Others {
		o := &l.Told.Others[i]
		add("another", otherText(o, up))
	}
	for i := len(rows) - 1; i > 0; i-- { // what is gone of a kind stands below what there is
		if rows[i][0] == rows[i-1][0] {
			rows[i][0] = ""
		}
	}
	if l.Hosts > 0 {
		add("hosts", fmt.Sprintf("%d with %s of their own: gatehouse ipv6 hosts", l.Hosts,
			cli.Count(l.Addresses, "address", "addresses")))
	} else {
		add("hosts", "none with an address of its own yet")
	}
	return rows
}

// notUp says why nothing is advertised, if that is known.
func notUp(t *radvd.LANStatus) string {
	switch s := t.State; {
	case !s.Known:
		return ": the link is not there"
	case s.Duplicate:
		return ": another station has the link-local address of the appliance"
	case !s.Carrier:
		return ": there is no carrier"
	case s.Trouble != "":
		return ": of a link-local address, " + s.Trouble
	}
	return ""
}

// routerText says what hosts take the appliance for, and when they are told.
func routerText(t *radvd.LANStatus, up time.Duration) string {
	text := "no default router"
	if len(t.Advertised) > 0 && t.Advertised[0].Lifetime > 0 {
		text = "default router for " + cli.Span(t.Advertised[0].Lifetime)
	}
	if t.Last != radvd.Never {
		text += "; told to all " + cli.Span(up-t.Last) + " ago"
	}
	if t.Next != radvd.Never {
		text += ", next in " + cli.Span(t.Next-up)
	}
	return text
}

// optionRows are what an advertisement has beside prefixes.
func optionRows(a *advert.Advertisement) (rows [][]string) {
	add := func(label, text string, life time.Duration) {
		switch {
		case text == "":
			return
		case life == 0:
			text += ", no more"
		}
		rows = append(rows, []string{label, text})
	}
	for _, r := range a.Resolvers {
		add("resolvers", joined(r.Servers), r.Lifetime)
	}
	for _, s := range a.Search {
		add("search", strings.Join(s.Domains, " "), s.Lifetime)
	}
	label := "routes"
	for _, r := range a.Routes {
		add(label, r.Prefix.String(), r.Lifetime)
		label = ""
	}
	if a.MTU != 0 {
		add("MTU", fmt.Sprint(a.MTU), 1)
	}
	add("portal", a.CaptivePortal, 1)
	for _, n := range a.NAT64 {
		add("NAT64", n.Prefix.String(), n.Lifetime)
	}
	return rows
}

// otherText says who another router is, and what it says.
func otherText(o *radvd.Other, up time.Duration) string {
	who := o.From.String()
	if o.MAC != (ethernet.MAC{}) {
		who += " (" + o.MAC.String() + ")"
	}
	says := []string{"no default router"}
	if o.Lifetime > 0 {
		says[0] = "default router for " + cli.Span(o.Lifetime)
	}
	if len(o.Prefixes) > 0 {
		says = append(says, "prefix "+joined(o.Prefixes))
	}
	says = append(says, o.Contradicts...)
	return fmt.Sprintf("%s, %s ago: %s", who, cli.Span(up-o.Last), strings.Join(says, "; "))
}
