package main

import (
	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	dhcprun "github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// neighboursOf is the kernel's table in the words of the DHCP service, which knows no kernel.
func neighboursOf(table *neighbours.IPv4) func() ([]dhcprun.Neighbour, error) {
	return func() ([]dhcprun.Neighbour, error) {
		entries, err := table.List()
		all := make([]dhcprun.Neighbour, len(entries))
		for i, e := range entries {
			all[i] = dhcprun.Neighbour{Addr: e.Addr, MAC: lease.MAC(e.MAC), Confirmed: e.Confirmed}
		}
		return all, err
	}
}
