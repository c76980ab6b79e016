package admin

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/printable"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/dir"
	"github.com/gatehouse-os/gatehouse/site/target"
	"github.com/gatehouse-os/gatehouse/site/xl"
)

// Host is what `gatehouse host NAME --json` prints: the site's host, or a client
// of the pool that is in no file, and what is leased to it.
type Host struct {
	Name    string            `json:"name"`
	Aliases []string          `json:"aliases,omitempty"`
	Addrs   []netip.Addr      `json:"addresses,omitempty"`
	MACs    []site.MAC        `json:"macs,omitempty"`
	Netboot *site.HostNetboot `json:"netboot,omitempty"`
	Places  []string          `json:"places,omitempty"`
	Told    []dhcp.Preview    `json:"told,omitempty"` // by DHCP, stage by stage
	Leases  []dhcp.LeaseInfo  `json:"leases"`
	// Stations are the IPv6 addresses that it has made.
	Stations []stationfile.Station `json:"stations,omitempty"`
	site     *site.Host
}

// wish is what of a host is to be printed.
type wish struct {
	word   string // a name, an address or a MAC
	asJSON bool
	kind   xl.Type     // "": no Xen domain
	target target.Kind // "": no script for its target
	dir    string      // of a site; "": that of this appliance
}

func parseWish(args []string) (wish, error) {
	var w wish
	flags := flag.NewFlagSet("host", flag.ContinueOnError)
	flags.BoolVar(&w.asJSON, "json", false, "")
	flags.StringVar(&w.dir, "site", "", "")
	flags.BoolFunc("xl", "", func(value string) (err error) {
		if value == "true" { // there is none
			value = string(xl.HVM)
		}
		w.kind, err = xl.ParseType(value)
		return err
	})
	flags.BoolFunc("target", "", func(value string) (err error) {
		if value == "true" {
			value = string(target.TGT)
		}
		w.target, err = target.ParseKind(value)
		return err
	})
	words, err := cli.Options(flags, args, 1)
	if err != nil {
		return w, err
	}
	forms := 0
	for _, wanted := range []bool{w.asJSON, w.kind != "", w.target != ""} {
		if wanted {
			forms++
		}
	}
	if len(words) == 0 || forms > 1 {
		return w, cli.ErrUsage
	}
	w.word = words[0]
	return w, nil
}

// host prints everything about one host, or the Xen domain that it makes, or what makes its target. A site
// directory can stand in for the appliance, which then is not asked for leases.
func host(ctx context.Context, env Env, args []string) error {
	w, err := parseWish(args)
	if err != nil {
		return err
	}
	load := env.Site
	if w.dir != "" {
		load = func() (*site.Site, error) { return dir.Load(w.dir) }
	}
	s, err := load()
	if err != nil {
		return err
	}
	if w.kind != "" {
		return printXL(env.Stdout, s, w.word, w.kind)
	}
	if w.target != "" {
		return printTarget(env.Stdout, s, w.word, w.target)
	}
	var leases []dhcp.LeaseInfo
	var leaseErr error
	if w.dir == "" {
		leaseErr = env.ask(ctx, roster.DHCP, "leases", nil, &leases)
	}
	h := findHost(s, leases, w.word)
	if h == nil {
		return fmt.Errorf("%s is no name, address or MAC of a host, neither in the site nor among the leases",
			w.word)
	}
	if h.site != nil {
		if h.Told, err = env.told(s, w, h.Name); err != nil {
			return err
		}
	}
	var stationErr error
	if w.dir == "" && slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		stationErr = h.askStations(ctx, env)
	}
	switch {
	case w.asJSON:
		return cli.JSON(env.Stdout, h)
	case w.dir != "":
		return h.printSite(env.Stdout, s)
	}
	if err := h.print(env, s); err != nil {
		return err
	}
	if leaseErr != nil {
		return fmt.Errorf("what is leased to it is not known: %w", leaseErr)
	}
	if stationErr != nil { // the rest was worth asking for
		fmt.Fprintf(printable.Writer(env.Stderr), "Which IPv6 addresses it has made is not known: %v\n",
			stationErr)
	}
	return nil
}

// told is what a host of the site is told.
func (e Env) told(s *site.Site, w wish, name string) ([]dhcp.Preview, error) {
	if w.dir != "" {
		return told(plan.Make(s, plan.Learned{}), name) // of a directory nobody has learned anything
	}
	p, err := e.plan(s)
	if err != nil {
		return nil, err
	}
	return told(p, name)
}

// printXL writes the Xen domain of a host that boots from the network. Named by
// a MAC, the host gets that card.
func printXL(w io.Writer, s *site.Site, word string, kind xl.Type) error {
	h := findHost(s, nil, word)
	if h == nil {
		return fmt.Errorf("%s is no name, address or MAC of a host of the site", word)
	}
	var mac site.MAC
	_ = mac.UnmarshalText([]byte(word)) // or it stays zero: whichever there is
	text, err := xl.Netboot(s, *h.site, mac, kind)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// printTarget writes the commands that make the iSCSI target of a host.
func printTarget(w io.Writer, s *site.Site, word string, kind target.Kind) error {
	h := findHost(s, nil, word)
	if h == nil {
		return fmt.Errorf("%s is no name, address or MAC of a host of the site", word)
	}
	text, err := target.Script(s, *h.site, kind)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text)
	return err
}

// print writes the host as the site has it, then its leases.
func (h *Host) print(env Env, s *site.Site) error {
	if h.site == nil {
		fmt.Fprintf(env.Stdout, "%s is in no file of the site.\n", h.Name)
	} else if err := h.printSite(env.Stdout, s); err != nil {
		return err
	}
	if len(h.Told) == 0 {
		fmt.Fprintln(env.Stdout)
	}
	if err := printLeases(env.Stdout, h.Leases, env.Now()); err != nil {
		return err
	}
	return printStations(env.Stdout, h.Stations, env.Now())
}

// printSite writes the host as the site has it.
func (h *Host) printSite(w io.Writer, s *site.Site) error {
	if err := site.PrintHost(w, s, *h.site); err != nil {
		return err
	}
	printTold(w, h.Told)
	return nil
}

// findHost looks word up in the site and among the leases.
func findHost(s *site.Site, leases []dhcp.LeaseInfo, word string) *Host {
	addr, _ := netip.ParseAddr(word)
	var mac site.MAC
	isMAC := mac.UnmarshalText([]byte(word)) == nil
	i := slices.IndexFunc(s.Hosts, func(h site.Host) bool {
		return h.Name == word || slices.Contains(h.Aliases, word) ||
			slices.Contains(h.Addrs, addr) || isMAC && slices.Contains(h.MACs, mac)
	})
	if i >= 0 {
		sh := &s.Hosts[i]
		return &Host{
			Name: sh.Name, Aliases: sh.Aliases, Addrs: sh.Addrs, MACs: sh.MACs,
			Netboot: sh.Netboot, Places: sh.Places, site: sh,
			Leases: leasesOf(leases, sh.MACs, sh.Name),
		}
	}
	for _, l := range leases {
		if l.Name == word || l.Addr == addr || isMAC && site.MAC(l.MAC) == mac {
			return &Host{
				Name: orDash(l.Name), MACs: []site.MAC{site.MAC(l.MAC)},
				Leases: leasesOf(leases, []site.MAC{site.MAC(l.MAC)}, ""),
			}
		}
	}
	return nil
}

// leasesOf returns the leases of some cards, and those of a host of the site by its
// name, which nobody else can have: it may be known by its port.
func leasesOf(leases []dhcp.LeaseInfo, macs []site.MAC, host string) []dhcp.LeaseInfo {
	own := []dhcp.LeaseInfo{}
	for _, l := range leases {
		if slices.Contains(macs, site.MAC(l.MAC)) || host != "" && l.Name == host {
			own = append(own, l)
		}
	}
	return own
}
