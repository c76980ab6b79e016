package main

import (
	"slices"

	dnsrun "github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// A stationList is the IPv6 addresses of hosts as the DNS service reads them. That and the service that has
// them do not know each other.
type stationList struct {
	*stationfile.Follower
	temporary bool
}

func followStations(dir string, temporary bool) dnsrun.Stations {
	return stationList{stationfile.Follow(dir), temporary}
}

// Poll implements dnsrun.Stations.
func (l stationList) Poll() (all []zone.Station, changed bool, err error) {
	list, changed, err := l.Follower.Poll()
	slices.SortStableFunc(list, func(x, y stationfile.Station) int { return x.First.Compare(y.First) })
	for _, s := range list {
		if s.Current && (l.temporary || s.Kind != stations.Other) {
			all = append(all, zone.Station{Addr: s.Addr, Client: s.MAC.String()})
		}
	}
	return all, changed, err
}
