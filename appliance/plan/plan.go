// Package plan says what a site means for the appliance: one Config per service,
// the network of the box and the policy of its firewall.
//
// Make is a pure function of the validated site. It reads nothing, decides
// nothing twice and cannot fail: what cannot work was refused by package site.
// Making the world equal to the plan is the work of others: netcfg, firewall/nft
// and the services.
package plan

import (
	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/site"
)

// Plan is the whole appliance, but for what /perm remembers.
type Plan struct {
	HostName      string // one label
	ConsoleLocked bool
	Network       netcfg.Config
	Firewall      firewall.Policy
	Services      []Service // in the order in which they are started
}

// Service is one service that this site needs.
type Service struct {
	Name   string
	Config any // survives a round trip through JSON
}

// Make returns what s means.
func Make(s *site.Site) Plan {
	return Plan{
		HostName:      s.Name,
		ConsoleLocked: s.Console.Locked,
		Network:       network(s),
		Firewall:      policy(s),
		Services: []Service{
			{Name: roster.NFLog, Config: nflog.Config{Group: firewall.LogGroup}},
			{Name: roster.DHCP, Config: dhcpConfig(s)},
			{Name: roster.SSH, Config: sshConfig(s)},
		},
	}
}
