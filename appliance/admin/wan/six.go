package wan

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/discover6"
	"github.com/gatehouse-os/gatehouse/services/wan/run"
)

// print6 writes what the way out is over IPv6, if anybody is asked.
func (r *Report) print6(w io.Writer) {
	if r.IPv6 == nil {
		return
	}
	printFolded(w, r.title6())
	fmt.Fprintln(w)
	cli.Screen(w, r.rows6())
	if len(r.IPv6.Remarks) > 0 {
		fmt.Fprintln(w, "What is said over IPv6 that is not taken as it is:")
		cli.Screen(w, remarkRows(r.IPv6.Remarks))
	}
}

// title6 says the whole in a sentence.
func (r *Report) title6() string {
	six := r.IPv6
	f := six.Facts
	switch {
	case six.Absent:
		return "Over IPv6 nobody is asked: the link is not there, or has no link-local address yet."
	case f == nil:
		return "Over IPv6 nothing is known yet."
	}
	text := "Over IPv6 there is no router"
	if f.Gateway.IsValid() {
		text = "Over IPv6 the router is " + f.Gateway.String()
	} else if silent := silentText(six, r.Up); silent != "" {
		text = "Over IPv6 " + silent
	}
	var prefixes []netip.Prefix
	for _, d := range f.Delegated {
		prefixes = append(prefixes, d.Prefix)
	}
	if len(prefixes) > 0 {
		are := map[bool]string{false: "is", true: "are"}[len(prefixes) > 1]
		text += fmt.Sprintf(", and %s %s delegated", joined(prefixes), are)
	}
	return text + "."
}

// silentText says which router there would be if it answered; "": that is not so.
func silentText(six *run.Status6, up time.Duration) string {
	if six.Discovery != nil {
		if router := six.Discovery.SilentRouter(); router != nil {
			return fmt.Sprintf("router %s has not answered for %s", router.Addr, cli.Span(up-router.Silent))
		}
	}
	return ""
}

// rows6 are routers, addresses, what is delegated, and by whom.
func (r *Report) rows6() (rows [][]string) {
	add := func(label string, lines ...string) {
		for _, line := range lines {
			rows = append(rows, []string{label, line})
			label = ""
		}
	}
	six := r.IPv6
	if d := six.Discovery; d != nil {
		add("router", r.routerLines(d)...)
	}
	f := six.Facts
	if f != nil {
		var addrs, prefixes []string
		for _, a := range f.Addrs {
			addrs = append(addrs, a.String()+r.addressLife(a.Addr()))
		}
		for _, d := range f.Delegated {
			prefixes = append(prefixes, d.Prefix.String()+life(d.Preferred, d.Valid, r.Up))
		}
		add("address", addrs...)
		add("prefix", prefixes...)
	}
	if six.Client != nil {
		add("DHCPv6", r.client6Lines(six.Client)...)
	}
	if f != nil {
		if f.MTU != 0 {
			add("MTU", fmt.Sprint(f.MTU))
		}
		addAll := func(label, text string) {
			if text != "" {
				add(label, text)
			}
		}
		addAll("resolvers", joined(f.DNS))
		addAll("NTP", strings.TrimSpace(joined(f.NTP)+" "+strings.Join(f.NTPNames, " ")))
		addAll("search", strings.Join(f.Search, " "))
	}
	if six.Garbage > 0 {
		add("heard", fmt.Sprintf("%d unreadable messages", six.Garbage))
	}
	return rows
}

// routerLines are the routers upstream, the one in use first.
func (r *Report) routerLines(d *discover6.Status) (lines []string) {
	for _, router := range d.Routers {
		line := router.Addr.String() + ", for another " + cli.Span(router.Until-r.Up)
		if router.Until == wan.Never {
			line = router.Addr.String()
		}
		switch {
		case router.Silent > 0:
			lines = append(lines, line+", has not answered for "+cli.Span(r.Up-router.Silent))
		case router.InUse:
			lines = slices.Insert(lines, 0, line)
		default:
			lines = append(lines, line+", not used")
		}
	}
	if len(lines) == 0 {
		asked := cli.Count(int(d.Solicited), "solicitation", "solicitations")
		lines = append(lines, fmt.Sprintf("none: %s sent, the next %s", asked, when(d.Next, r.Up)))
	}
	return lines
}

// addressLife says how long an address is to be used yet.
func (r *Report) addressLife(a netip.Addr) string {
	if d := r.IPv6.Discovery; d != nil {
		for _, made := range d.Addrs {
			if made.Addr == a {
				return life(made.Preferred, made.Valid, r.Up)
			}
		}
	}
	if c := r.IPv6.Client; c != nil && c.Lease != nil {
		for _, leased := range c.Lease.Addrs {
			if leased.Addr == a {
				return life(leased.Preferred, leased.Valid, r.Up)
			}
		}
	}
	return ""
}

// life says how long something is to be used yet.
func life(preferred, valid, up time.Duration) string {
	switch {
	case valid == wan.Never:
		return ", without an end"
	case preferred <= up:
		return ", not for new conversations, valid for another " + cli.Span(valid-up)
	case preferred >= valid:
		return ", for another " + cli.Span(valid-up)
	}
	return fmt.Sprintf(", preferred for another %s, valid for %s", cli.Span(preferred-up), cli.Span(valid-up))
}

// client6Lines say what the DHCPv6 client does, and what comes next.
func (r *Report) client6Lines(c *client6.Status) []string {
	lines := []string{fmt.Sprintf("%s (%s), for %s", state6Text(c), c.State, cli.Span(r.Up-c.Since))}
	if l := c.Lease; l != nil {
		lines = append(lines, "of server "+l.Server.String())
		if l.Unconfirmed {
			lines = append(lines, "no server has confirmed it since the machine, the client or the link came up")
		}
		for _, t := range []struct {
			name, whom string
			at         time.Duration
		}{{"T1", "its server", l.Renew}, {"T2", "every server", l.Rebind}} {
			if t.at != wan.Never {
				lines = append(lines, t.name+" "+asked(t.at, r.Up, t.whom))
			}
		}
	}
	if c.State != client6.Bound && c.Tries > 0 {
		lines = append(lines, fmt.Sprintf("%s sent without an answer, the next %s",
			cli.Count(c.Tries, "message", "messages"), when(c.Next, r.Up)))
	}
	if c.Heard > 0 {
		lines = append(lines, "heard a server "+r.ago(c.Heard))
	} else if c.Wants {
		lines = append(lines, "heard no server yet")
	}
	return append(lines, "known as "+c.DUID.String())
}

// state6Text says what the client does in its state.
func state6Text(c *client6.Status) string {
	switch c.State {
	case client6.Init:
		if !c.Wants {
			return "asks for no lease"
		}
		return "waits before it looks for a server"
	case client6.Soliciting:
		return "looks for a server"
	case client6.Requesting:
		return "asks a server for what it has offered"
	case client6.Bound:
		return "has a lease"
	case client6.Renewing:
		return "asks its server for more time"
	case client6.Rebinding:
		return "asks every server for more time"
	case client6.Verifying:
		return "asks whether what it has is still so"
	case client6.Declining:
		return "gives back an address that another station has"
	case client6.Releasing:
		return "gives all back"
	}
	return "has given all back, and waits for gatehouse wan renew"
}

// own6Text is what the site itself says of IPv6.
func (r *Report) own6Text() string {
	text := r.Own6.String()
	if r.Gateway6.IsValid() {
		text += " by " + r.Gateway6.String()
	}
	return text + ", the site's own"
}

// A happening is an event of either family.
type happening struct {
	At                time.Duration
	Name, Cause, Text string
}

func (h happening) text() string {
	if h.Cause == "" {
		return h.Text
	}
	return h.Cause + ": " + h.Text
}

// happened are the events of both families, oldest first.
func (r *Report) happened() (all []happening) {
	if r.Service != nil {
		for _, e := range r.Service.Events {
			all = append(all, happening{e.At, string(e.Name), string(e.Cause), e.Text})
		}
	}
	if r.IPv6 != nil {
		for _, e := range r.IPv6.Events {
			all = append(all, happening{e.At, e.Name, e.Cause, e.Text})
		}
	}
	slices.SortStableFunc(all, func(a, b happening) int { return cmp.Compare(a.At, b.At) })
	return all
}
