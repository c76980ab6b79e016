package admin

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

// Why is what `gatehouse dhcp why WHO --json` prints, for each card.
type Why struct {
	MAC       lease.MAC        `json:"mac"`
	Name      string           `json:"name,omitempty"`   // of the site, or of its lease
	Places    []string         `json:"places,omitempty"` // where the site speaks of it
	Leases    []dhcp.LeaseInfo `json:"leases"`
	Exchanges []run.Exchange   `json:"exchanges"` // oldest first
}

// latest is how many exchanges are shown when nobody is named.
const latest = 20

// dhcpWhy prints the last exchanges with one client, who may be named by a name, an
// address or a MAC, or the last of all: what was asked, what it was taken for, what
// it got, and why this address or why nothing.
func dhcpWhy(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("why", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	verbose := flags.Bool("v", false, "")
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return err
	}
	q := question{env: env, verbose: *verbose}
	if q.site, err = env.Site(); err != nil {
		return err
	}
	if err := errors.Join(env.ask(ctx, roster.DHCP, "status", nil, &q.status),
		env.ask(ctx, roster.DHCP, "leases", nil, &q.leases)); err != nil {
		return err
	}
	if len(words) == 0 {
		return q.everybody(ctx, *asJSON)
	}
	answers, err := q.about(ctx, words[0])
	switch {
	case err != nil:
		return err
	case *asJSON:
		return cli.JSON(env.Stdout, answers)
	}
	return q.print(answers, words[0])
}

// question is what is known before the exchanges are asked for.
type question struct {
	env     Env
	verbose bool
	site    *site.Site
	status  run.Status
	leases  []dhcp.LeaseInfo
}

// about finds the cards that word stands for, and their exchanges.
func (q *question) about(ctx context.Context, word string) ([]Why, error) {
	addr, err := netip.ParseAddr(word)
	isAddr := err == nil
	macs := q.cards(word, addr)
	answers := []Why{}
	add := func(mac lease.MAC, which run.Which) error {
		exchanges, err := q.recent(ctx, which)
		answers = append(answers, q.answer(mac, exchanges))
		return err
	}
	for _, mac := range macs {
		if err := add(mac, run.Which{MAC: &mac}); err != nil {
			return nil, err
		}
	}
	if len(macs) > 0 && !isAddr {
		return answers, nil
	}
	// Others may have asked for the address, or call themselves so, and got nothing.
	which := run.Which{Addr: addr}
	if !isAddr {
		which.Name = word
	}
	others, err := q.recent(ctx, which)
	if err != nil {
		return nil, err
	}
	for _, x := range others {
		if slices.ContainsFunc(answers, func(a Why) bool { return a.MAC == x.MAC }) {
			continue
		}
		if err := add(x.MAC, run.Which{MAC: &x.MAC, Addr: addr}); err != nil {
			return nil, err
		}
	}
	if len(answers) == 0 && !isAddr {
		return nil, fmt.Errorf("%s is no name of a host or client, no address and no MAC", word)
	}
	return answers, nil
}

func (q *question) recent(ctx context.Context, which run.Which) ([]run.Exchange, error) {
	all := []run.Exchange{}
	err := q.env.ask(ctx, roster.DHCP, "recent", which, &all)
	return all, err
}

// cards returns the cards that have, had or should have a name or address, or the one
// that word itself is.
func (q *question) cards(word string, addr netip.Addr) []lease.MAC {
	var mac lease.MAC
	if mac.UnmarshalText([]byte(word)) == nil {
		return []lease.MAC{mac}
	}
	var macs []lease.MAC
	add := func(m lease.MAC) {
		if !slices.Contains(macs, m) {
			macs = append(macs, m)
		}
	}
	h, known := q.site.Host(word)
	if i := slices.IndexFunc(q.site.Hosts, func(h site.Host) bool {
		return slices.Contains(h.Addrs, addr)
	}); i >= 0 {
		h, known = q.site.Hosts[i], true
	}
	for _, m := range h.MACs {
		add(lease.MAC(m))
	}
	for _, l := range q.leases {
		if l.Addr == addr || known && l.Name == h.Name || !known && l.Name != "" &&
			strings.EqualFold(l.Name, word) {
			add(l.MAC)
		}
	}
	return macs
}

func (q *question) answer(mac lease.MAC, exchanges []run.Exchange) Why {
	a := Why{MAC: mac, Leases: leasesOf(q.leases, []site.MAC{site.MAC(mac)}, ""), Exchanges: exchanges}
	for _, l := range a.Leases {
		a.Name = l.Name
	}
	i := slices.IndexFunc(q.site.Hosts, func(h site.Host) bool {
		// the latter by its port
		return slices.Contains(h.MACs, site.MAC(mac)) || a.Name != "" && h.Name == a.Name
	})
	if i >= 0 {
		a.Name, a.Places = q.site.Hosts[i].Name, q.site.Hosts[i].Places
	}
	return a
}

// everybody prints the latest exchanges of all.
func (q *question) everybody(ctx context.Context, asJSON bool) error {
	all, err := q.recent(ctx, run.Which{})
	if err != nil {
		return err
	}
	all = all[max(0, len(all)-latest):]
	if asJSON {
		return cli.JSON(q.env.Stdout, all)
	}
	w := printable.Writer(q.env.Stdout)
	if len(all) == 0 {
		q.printSilence(w)
	}
	for _, told := range collapse(all) {
		fmt.Fprintf(w, "%s\n", told.MAC)
		q.printExchange(w, told)
	}
	return nil
}
