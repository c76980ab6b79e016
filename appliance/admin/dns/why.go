package dns

import (
	"context"
	"flag"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
)

// An Explanation is what `gatehouse dns why NAME --json` prints.
type Explanation struct {
	run.Why
	From   netip.Addr       `json:"from,omitzero"`    // who asks
	Site   []string         `json:"site,omitempty"`   // what of the site says so
	Leases []dhcp.LeaseInfo `json:"leases,omitempty"` // of the name or address, also those that have ended
	// Stations are addresses in the answer that hosts have made.
	Stations []stationfile.Station `json:"stations,omitempty"`
	Verdict  string                `json:"verdict"` // what the answer is, for people
	Because  string                `json:"because,omitempty"`
	house    house
}

// Why prints what is answered to a question, and who says so: the site's line, a lease, the cache, or those
// outside, who are asked if the answer is not here, unless --no-ask is said.
func Why(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("dns why", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	noAsk := flags.Bool("no-ask", false, "")
	from := flags.String("from", "", "")
	words, err := cli.Options(flags, args, 2)
	if err != nil {
		return err
	}
	x := Explanation{house: env.house(ctx)}
	name, typ, err := questionFrom(x.house.site, words)
	if err != nil {
		return err
	}
	if *from != "" {
		all, err := x.house.addressesOf(*from)
		if err != nil {
			return err
		}
		x.From = all[0]
	}
	question := run.WhyArgs{Name: name, Type: dns.Type(typ).String(), From: x.From, Ask: !*noAsk}
	if err := env.ask(ctx, "why", question, &x.Why); err != nil {
		return err
	}
	if x.By != byOutside {
		x.Stations = env.stations(ctx, x.Records, addressOf(name))
	}
	x.explain(name, !*noAsk)
	if *asJSON {
		return cli.JSON(env.Stdout, x)
	}
	return x.print(cli.Paragraphs(printable.Writer(env.Stdout)), env.Now())
}

// explain adds what site and leases say of a name, and what the answer means.
func (x *Explanation) explain(name string, asked bool) {
	addr := addressOf(name)
	if x.By != byOutside {
		x.Site = x.house.saying(name, addr)
		x.Leases = x.house.leasesOf(name, addr)
	}
	known := len(x.Site)+len(x.Leases)+len(x.Stations) > 0 || x.house.siteErr != nil ||
		x.house.leaseErr != nil
	if x.By != byOutside && !known && len(x.Records) > 0 { // what else is there that gives names
		x.Site = []string{"what follows from the site, as the names of its networks and services"}
	}
	x.Verdict, x.Because = x.meaning(name, addr, asked)
}

// Who has the answer, as the service says it.
const (
	byHouse   = "house"
	byOutside = "outside"
)

// saying is what of the site gives a name, or the address of a reverse name, its records.
func (h house) saying(name string, addr netip.Addr) (all []string) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if lan := h.routerOn(addr); lan != "" {
		all = append(all, "site.toml: the appliance itself, on "+lan)
	}
	if h.site.Name != "" && name == h.site.Name+"."+h.site.Domain {
		all = append(all, "site.toml: the appliance itself")
	}
	all = append(all, h.records(name)...)
	host, known := h.site.Host(name)
	if !known {
		host, known = h.hostAt(addr)
	}
	if !known {
		return all
	}
	// A line of ethers gives a host no name, but what is leased to it.
	ofEthers := func(place string) bool { return !strings.HasPrefix(place, "hosts:") }
	places := slices.DeleteFunc(slices.Clone(host.Places), ofEthers)
	if len(places) == 0 {
		places = host.Places
	}
	names := append([]string{host.Name}, host.Aliases...)
	return append(all, strings.Join(places, " ")+": "+strings.Join(names, " "))
}

// records are the [[record]] and [[service]] of a name, or the wildcard that gives it what it has.
func (h house) records(name string) (all []string) {
	wild := ""
	for _, r := range h.site.DNS.Records {
		full := strings.ToLower(h.site.FullName(r.Name))
		below, isWild := strings.CutPrefix(full, "*")
		switch {
		case full == name:
			return append(all, r.Place+": [[record]] "+r.Name)
		case isWild && strings.HasSuffix(name, below) && len(below) > len(wild):
			wild = below
			all = []string{r.Place + ": [[record]] " + r.Name}
		}
	}
	for _, s := range h.site.DNS.Services {
		if full := strings.ToLower(s.Type + "." + h.site.Domain); strings.HasSuffix(name, full) {
			all = append(all, s.Place+": [[service]] "+s.Type+" on "+s.Host)
		}
	}
	return all
}

// leasesOf are those of a name of the site's domain, or of an address.
func (h house) leasesOf(name string, addr netip.Addr) (all []dhcp.LeaseInfo) {
	label, ok := strings.CutSuffix(strings.ToLower(name), "."+h.site.Domain+".")
	if host, known := h.site.Host(label); ok && known {
		label = host.Name // the name of its leases
	}
	for _, l := range h.leases {
		if l.Name != "" && (l.Addr == addr || ok && strings.EqualFold(l.Name, label)) {
			all = append(all, l)
		}
	}
	return all
}

// addressOf is the address that a reverse name spells, the zero Addr if it is none.
func addressOf(name string) netip.Addr {
	name = strings.ToLower(name)
	if digits, ok := strings.CutSuffix(name, ".in-addr.arpa."); ok {
		parts := strings.Split(digits, ".")
		slices.Reverse(parts)
		a, _ := netip.ParseAddr(strings.Join(parts, "."))
		return a
	}
	digits, ok := strings.CutSuffix(name, ".ip6.arpa.")
	parts := strings.Split(digits, ".")
	if !ok || len(parts) != 32 || len(digits) != 63 {
		return netip.Addr{}
	}
	slices.Reverse(parts)
	var text strings.Builder
	for i, p := range parts {
		if i > 0 && i%4 == 0 {
			text.WriteByte(':')
		}
		text.WriteString(p)
	}
	a, _ := netip.ParseAddr(text.String())
	return a
}
