package run

import (
	"github.com/gatehouse-os/gatehouse/services/radvd"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations/keep"
)

// stationsOf are the LANs with the prefixes of which their hosts are to have addresses: those that are to be
// used no more are none of them, however long hosts hold them.
func stationsOf(c *radvd.Config) (conf keep.Config) {
	for _, l := range c.Links {
		lan := keep.LAN{Network: l.Network, Link: l.Name}
		for _, p := range l.Prefixes {
			if p.Preferred > 0 && p.Valid > 0 {
				lan.Prefixes = append(lan.Prefixes, p.Prefix)
			}
		}
		conf.LANs = append(conf.LANs, lan)
	}
	return conf
}
