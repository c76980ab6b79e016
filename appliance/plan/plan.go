// Package plan says what a site means for the appliance: one Config per service,
// the network of the box and the policy of its firewall.
//
// Make is a pure function of the validated site and of what the box has learned. It
// reads nothing, decides nothing twice and cannot fail: what cannot work was refused
// by package site. Describe says in words what another site changes.
// Making the world equal to the plan is the work of others: netcfg, firewall/nft
// and the services.
package plan

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// Plan is the whole appliance, but for what /perm remembers.
type Plan struct {
	HostName      string // one label
	ConsoleLocked bool
	Network       netcfg.Config
	Firewall      firewall.Loaded
	Services      []Service // in the order of the roster
	Files         []File
	Hooks         []Hook   // in the order in which they run
	Lacking       []string // sentences: what of the site cannot be had as things are
	Learned       Learned  // of which it was made, beside the site
}

// Service is one service that this site needs.
type Service struct {
	Name   string // of the roster
	Config any    // survives a round trip through JSON
}

// File is a file that the appliance's own commands expect in /etc.
type File struct {
	Name    string // in /etc
	Content string
}

// Hook is a program of the site that runs when the lease of the way out changes.
type Hook struct {
	Name    string // of its file, no directory in it
	Content []byte
}

// Learned is what no file of the site says: what the box knows of its machine and of the networks it is on.
// The zero value knows nothing, and a plan of it works everywhere.
type Learned struct {
	// Memory is that of the machine in bytes; 0: the least that an appliance has.
	Memory uint64 `json:"memory,omitempty"`
	// Shortcut are the devices between which the kernel can take established conversations past the rules.
	Shortcut []string `json:"shortcut,omitempty"`
	// Links are the indexes of those of [Shortcuts] that exist.
	Links map[string]uint32 `json:"links,omitempty"`
	// WAN is what the source of the way out says; nil: nothing yet, or no more. It means nothing to a site
	// that says all of it itself.
	WAN *wan.Facts `json:"wan,omitempty"`
	// WAN6 is what is said of the way out over IPv6; the same.
	WAN6 *wan.Facts6 `json:"wan6,omitempty"`
	// Decided6: what was delegated before the box started is in WAN6, or is to be had no more. While it is
	// not said, the client of the way out asks.
	Decided6 bool `json:"decided6,omitempty"`
	// ULA is the prefix of unique local addresses that the box has made for itself.
	ULA netip.Prefix `json:"ula,omitzero"`
	// Tunnel is how the tunnel for IPv6 is; nil: nothing is known yet.
	Tunnel *Tunnel `json:"tunnel,omitempty"`
}

// Tunnel is whether the other end of the tunnel answers: a default route that does not work is not to be
// advertised.
type Tunnel struct {
	Up bool `json:"up"`
}

// Make returns what s means on a box that has learned l.
func Make(s *site.Site, l Learned) Plan {
	s = Numbered(s, l)
	facts := wayOut(s, l)
	services := []Service{
		{Name: roster.NFLog, Config: nflog.Config{Group: firewall.LogGroup}},
		{Name: roster.DHCP, Config: dhcpConfig(s)},
		{Name: roster.DNS, Config: dnsConfig(s, l)},
	}
	if s.WAN.DHCP != nil || s.WAN.Auto6 {
		services = append(services, Service{Name: roster.WAN, Config: wanConfig(s)})
	}
	lacking := lacking6(s, l)
	if slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
		told, untold := radvdConfig(s, l)
		services = append(services, Service{Name: roster.Radvd, Config: told})
		lacking = append(lacking, untold...)
	}
	if s.Tunnel != nil {
		services = append(services, Service{Name: roster.Tunnel, Config: tunnelConfig(s, facts)})
	}
	if s.NTP.On() {
		services = append(services, Service{Name: roster.NTP, Config: ntpConfig(s, l)})
	}
	return Plan{
		HostName:      s.Name,
		ConsoleLocked: s.Console.Locked,
		Network:       network(s, l),
		Firewall: firewall.Loaded{Policy: policy(s, facts, l),
			Features: firewall.Features{Offload: l.Shortcut, Links: l.Links}},
		Services: append(services, Service{Name: roster.SSH, Config: sshConfig(s, l)}),
		Files:    []File{{"hosts", hosts(s)}, {"resolv.conf", resolvConf(s)}},
		Hooks:    hooks(s),
		Lacking:  lacking,
		Learned:  l,
	}
}

// PolicyOf is the policy of Make, without all else: a configuration for thousands of hosts is megabytes.
func PolicyOf(s *site.Site, l Learned) firewall.Policy {
	s = Numbered(s, l)
	return policy(s, wayOut(s, l), l)
}

// NetworkOf is the network of Make, likewise.
func NetworkOf(s *site.Site, l Learned) netcfg.Config { return network(Numbered(s, l), l) }

// Shortcuts are the devices of s between which the kernel may be able to take conversations past the rules:
// of which [Learned.Shortcut] can be.
func Shortcuts(s *site.Site) []string {
	// what is learned is no device
	return firewall.Policy{Zones: zones(s, wan.Facts{}, Learned{})}.Shortcuts()
}

// Check reports why p cannot work. What site accepts always can; this is the last look before anything is
// touched. What was is a plan without such an error: what p has in common with it is not looked at again, for
// a new address upstream waits meanwhile. The zero Plan has nothing in common with any.
func (p Plan) Check(was Plan) error {
	var errs []error
	if p.Learned.Memory != was.Learned.Memory || p.hosts() != was.hosts() ||
		!reflect.DeepEqual(p.Firewall, was.Firewall) {
		table, err := p.Firewall.Table()
		errs = append(errs, err, fits(table, p.hosts(), p.Learned.Memory))
	}
	for _, s := range p.Services {
		c, ok := s.Config.(interface{ Check() error })
		known := func(is Service) bool { return is.Name == s.Name && reflect.DeepEqual(is.Config, s.Config) }
		if ok && !slices.ContainsFunc(was.Services, known) {
			errs = append(errs, c.Check())
		}
	}
	return errors.Join(errs...)
}
