package admin

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

const indent = "    "

func (q *question) print(answers []Why, word string) error {
	w := printable.Writer(q.env.Stdout)
	if addr, err := netip.ParseAddr(word); err == nil {
		fmt.Fprintf(w, "%s %s.\n", addr, addressNote(q.site, addr))
		if len(answers) == 0 {
			fmt.Fprintln(w, "Nobody asked for it lately.")
			return nil
		}
		fmt.Fprintln(w)
	}
	for i, a := range answers {
		if i > 0 {
			fmt.Fprintln(w)
		}
		q.printClient(w, a)
	}
	return nil
}

// printClient writes who it is, what it has, what was said, and what to do.
func (q *question) printClient(w io.Writer, a Why) {
	fmt.Fprintln(w, strings.Join(nonEmpty(a.Name, a.MAC.String(), whose(a)), "   "))
	for _, l := range a.Leases {
		fmt.Fprintf(w, "%s %s on %s: %s\n", map[bool]string{true: "has", false: "had"}[l.State == "bound"],
			l.Addr, l.Subnet, leaseState(l, q.env.Now()))
	}
	if len(a.Leases) == 0 {
		fmt.Fprintln(w, "has no lease, and had none")
	}
	if len(a.Exchanges) == 0 {
		fmt.Fprintln(w)
		q.printSilence(w)
		return
	}
	last := a.Exchanges[len(a.Exchanges)-1]
	if last.Calls != "" && !strings.EqualFold(last.Calls, a.Name) {
		fmt.Fprintf(w, "calls itself \"%s\", which is not its name here\n", last.Calls)
	}
	fmt.Fprintln(w)
	for _, x := range collapse(a.Exchanges) {
		q.printExchange(w, x)
	}
	if hint := q.hint(last); hint != "" {
		fmt.Fprintf(w, "\n%s\n", hint)
	}
}

func whose(a Why) string {
	if len(a.Places) > 0 {
		return "a host of the site (" + strings.Join(a.Places, " ") + ")"
	}
	return "in no file of the site"
}

func nonEmpty(words ...string) []string {
	var all []string
	for _, w := range words {
		if w != "" {
			all = append(all, w)
		}
	}
	return all
}

// printSilence says what it means that nothing was heard.
func (q *question) printSilence(w io.Writer) {
	fmt.Fprintf(w, "Nothing was heard since DHCP started, %s ago.\n",
		cli.Span(q.env.Now().Sub(q.status.Started)))
	var links []string
	for _, s := range q.status.Subnets {
		if s.Interface != "" {
			links = append(links, fmt.Sprintf("%s (%s)", s.Name, s.Interface))
		}
	}
	fmt.Fprintf(w, "DHCP listens on %s: is it on one of these?\n", strings.Join(links, ", "))
	fmt.Fprintf(w, "The last messages are remembered of %d cards that are known, and of %d others.\n",
		run.MaxKnown, run.MaxStrangers)
}

// repeated is an exchange, and when it came again.
type repeated struct {
	run.Exchange
	again []time.Time
}

// collapse puts exchanges together that follow one another and differ in their time
// alone: a client that gets nothing asks on and on.
func collapse(all []run.Exchange) []repeated {
	var out []repeated
	for _, x := range all {
		if n := len(out); n > 0 && same(out[n-1].Exchange, x) {
			out[n-1].again = append(out[n-1].again, x.Time)
			continue
		}
		out = append(out, repeated{Exchange: x})
	}
	return out
}

func same(a, b run.Exchange) bool {
	return a.MAC == b.MAC && a.Type == b.Type && a.State == b.State && a.Stage == b.Stage &&
		a.Arch == b.Arch && a.Class == b.Class &&
		a.Asked == b.Asked && a.Server == b.Server && a.Agent == b.Agent && a.Reply == b.Reply &&
		a.Addr == b.Addr && a.Life == b.Life &&
		a.File == b.File && a.Drop == b.Drop && a.Reason == b.Reason
}

// printExchange writes what was asked, and below it what came of it.
func (q *question) printExchange(w io.Writer, x repeated) {
	fmt.Fprintf(w, "%s  %s %s\n", x.Time.UTC().Format(cli.TimeFormat), takenFor(x.Exchange),
		asked(x.Exchange))
	if x.Agent.IsValid() {
		fmt.Fprintf(w, "%sthrough the relay agent %s%s\n", indent, x.Agent, portText(x.Port))
	}
	if x.From != (lease.MAC{}) {
		fmt.Fprintf(w, "%sin a frame of the card %s\n", indent, x.From)
	}
	if q.verbose {
		for _, line := range x.Says {
			fmt.Fprintf(w, "%s%ssays %s\n", indent, indent, line)
		}
	}
	fmt.Fprintf(w, "%s%s\n", indent, got(x.Exchange))
	if x.File != "" {
		fmt.Fprintf(w, "%sboot file %s\n", indent, x.File)
	}
	if q.verbose {
		for _, line := range x.Told {
			fmt.Fprintf(w, "%s%stold %s\n", indent, indent, line)
		}
	}
	if n := len(x.again); n > 0 {
		fmt.Fprintf(w, "%sand again %s, until %s\n", indent, cli.Count(n, "time", "times"),
			x.again[n-1].UTC().Format(cli.TimeFormat))
	}
}

func portText(p dhcp.Port) string {
	if text := site.Port(p).String(); text != "" {
		return ", port " + text
	}
	return ""
}

// takenFor says what the sender was taken for.
func takenFor(x run.Exchange) string {
	switch {
	case x.Type == unreadable:
		return "somebody"
	case x.Arch != "":
		return x.Stage + " (" + x.Arch + ")"
	case x.Class != "":
		return x.Stage + " (" + shorten(x.Class) + ")"
	}
	return x.Stage
}

// shorten keeps a vendor class on its line.
func shorten(s string) string {
	const most = 40
	if len(s) > most {
		return `"` + s[:most] + `…"`
	}
	return `"` + s + `"`
}

// unreadable is the type of what is no DHCP message.
const unreadable = "type 0"

// asked says what a message wants.
func asked(x run.Exchange) string {
	wish := ""
	if x.Asked.IsValid() {
		wish = ", if it may " + x.Asked.String()
	}
	switch what := x.Type + " " + x.State; strings.TrimSpace(what) {
	case "DISCOVER":
		return "asks for an address" + wish + " (DISCOVER)"
	case "REQUEST SELECTING":
		if x.Drop == dhcp.DropOtherServer.String() {
			return fmt.Sprintf("takes the offer of another server, %s (REQUEST)", x.Server)
		}
		return fmt.Sprintf("takes %s (REQUEST)", x.Asked)
	case "REQUEST INIT-REBOOT":
		return fmt.Sprintf("wants %s again, which it had (REQUEST)", x.Asked)
	case "REQUEST RENEWING":
		return fmt.Sprintf("renews %s (REQUEST)", x.Asked)
	case "DECLINE":
		return fmt.Sprintf("found %s in use (DECLINE)", x.Asked)
	case "RELEASE":
		return fmt.Sprintf("gives %s back (RELEASE)", x.Asked)
	case "INFORM":
		return fmt.Sprintf("has %s and asks for the rest (INFORM)", x.Asked)
	case unreadable:
		if x.Addr.IsValid() && x.Drop == "" {
			return fmt.Sprintf("answered at %s without having asked for it", x.Addr)
		}
		return "sent what cannot be read"
	}
	return "sent a message (" + x.Type + ")"
}

// got says what became of a message, and why.
func got(x run.Exchange) string {
	switch {
	case x.Drop != "":
		return "gets nothing: " + x.Reason
	case x.Reply == "NAK":
		return "is refused (NAK): " + x.Reason
	case x.Type == "INFORM":
		return "is told (ACK): " + x.Reason
	case x.Reply == "OFFER":
		return fmt.Sprintf("is offered %s for %s (OFFER): %s", x.Addr, cli.Span(x.Life), x.Reason)
	case x.Reply == "ACK":
		return fmt.Sprintf("has %s for %s (ACK): %s", x.Addr, cli.Span(x.Life), x.Reason)
	}
	return "taken note of: " + x.Reason
}

// hint says what a person can do about the last message.
func (q *question) hint(x run.Exchange) string {
	const own = "give it an address in hosts and its MAC in ethers"
	switch x.Drop {
	case dhcp.DropExhausted.String():
		return strings.TrimSpace(fmt.Sprintf("The pool of %s is full: widen it in site.toml, shorten its lease-time, or %s. %s",
			x.Subnet, own, x.Filled))
	case dhcp.DropKept.String():
		return strings.TrimSpace(fmt.Sprintf("The pool of %s is nearly full. %s If it is a repeater with so many hosts, widen the pool in site.toml, or %s.",
			x.Subnet, x.Filled, own))
	case dhcp.DropNoPool.String():
		return fmt.Sprintf("%s has no pool: %s.", x.Subnet, own)
	case dhcp.DropOtherServer.String():
		return fmt.Sprintf("There is another DHCP server on %s, %s: who it is, ip neigh can tell.", x.Subnet,
			x.Server)
	case dhcp.DropRelay.String():
		return fmt.Sprintf("The network of the relay agent %s is not served: it takes a [[relayed]] in site.toml.", x.Agent)
	case dhcp.DropNotStored.String(), dhcp.DropNotSent.String():
		return "What is wrong, gatehouse status says."
	}
	return ""
}

// addressNote says what an address is to DHCP.
func addressNote(s *site.Site, a netip.Addr) string {
	in := func(ranges []site.AddrRange) bool {
		for _, r := range ranges {
			if r.Contains(a) {
				return true
			}
		}
		return false
	}
	for _, h := range s.Hosts {
		for _, own := range h.Addrs {
			if own == a {
				return "belongs to " + h.Name
			}
		}
	}
	for _, n := range s.Subnets() {
		switch {
		case !n.Network.Contains(a):
		case a == n.Router:
			return "is the router of " + n.Name
		case in(n.Exclude):
			return "is excluded from the pool of " + n.Name
		case in(n.Pool):
			return "is in the pool of " + n.Name
		default:
			return "is on " + n.Name + ", but not in its pool, and no host's"
		}
	}
	return "is on no network that DHCP serves"
}
