package admin

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/site"
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
	site    *site.Host
}

// host prints everything about one host, which may be named by a name, an
// address or a MAC.
func host(ctx context.Context, env Env, args []string) error {
	flags := flag.NewFlagSet("host", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	words, err := options(flags, args, 1)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return errUsage
	}
	s, err := env.Site()
	if err != nil {
		return err
	}
	var leases []dhcp.LeaseInfo
	leaseErr := env.ask(ctx, plan.DHCP, "leases", nil, &leases)
	h := findHost(s, leases, words[0])
	if h == nil {
		return fmt.Errorf("%s is no name, address or MAC of a host, neither in the site nor among the leases", words[0])
	}
	if h.site != nil {
		if h.Told, err = told(s, h.Name); err != nil {
			return err
		}
	}
	if *asJSON {
		return printJSON(env.Stdout, h)
	}
	if err := h.print(env, s); err != nil {
		return err
	}
	if leaseErr != nil {
		return fmt.Errorf("what is leased to it is not known: %w", leaseErr)
	}
	return nil
}

// print writes the host as the site has it, then its leases.
func (h *Host) print(env Env, s *site.Site) error {
	if h.site != nil {
		if err := site.PrintHost(env.Stdout, s, *h.site); err != nil {
			return err
		}
		printTold(env.Stdout, h.Told)
	} else {
		fmt.Fprintf(env.Stdout, "%s is in no file of the site.\n", h.Name)
	}
	if len(h.Told) == 0 {
		fmt.Fprintln(env.Stdout)
	}
	return printLeases(env.Stdout, h.Leases, env.Now())
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
