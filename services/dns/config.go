// Package dns is the configuration of the DNS service, for those who make one and serve nothing. Its rooms
// are the service:
//
//	zone      the names of the house
//	wire      DNS as bytes: questions, replies, the cache
//	resolver  a question's way from one to the other, and to those who are asked
//	chain     the full server, CoreDNS, for what is no plain question and for what must be asked
//	upstream  asks resolvers of others
//	front     sockets
//	run       the process
package dns

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// Config is what the DNS service is told. It survives a round trip through JSON, and none of its parts is
// ever changed, only replaced.
type Config struct {
	// Links are served: queries that come in by them are answered, from the address that was asked. The
	// loopback always is.
	Links []string
	// House is what is answered without asking anybody.
	House zone.Config
	// Upstream says who is asked for all else.
	Upstream servers.Config
	// Private are domains outside whose answers may have private addresses: "plex.direct". Those of
	// Upstream.Forward are among them.
	Private []string `json:",omitempty"`
	// Leases is the directory of the journal of the DHCP service; "": there is none.
	Leases string `json:",omitempty"`
	// Stations is the directory of the file of IPv6 addresses that hosts made themselves; "": these have no
	// names.
	Stations string `json:",omitempty"`
	// Temporary: also those addresses have names of which it is not known that their host keeps them.
	Temporary bool `json:",omitempty"`
	// Own are the appliance's addresses, which cannot be asked: that would be a loop.
	Own []netip.Addr `json:",omitempty"`
	// Timed: the clock is kept by others. Until they have set it, certificates' dates that are against it do
	// not count.
	Timed bool `json:",omitempty"`
	// CacheBytes is the memory of the cache; 0: DefaultCacheBytes.
	CacheBytes int `json:",omitempty"`
}

// DefaultCacheBytes has room for about 20,000 answers.
const DefaultCacheBytes = 4 << 20

// Check reports everything that is wrong with c.
func (c Config) Check() error {
	_, err := c.Table()
	return err
}

// Table returns the names of the house without any lease, if nothing is wrong with c. Its error is that of
// Check: what is checked of a house is found while its table is made.
func (c Config) Table() (*zone.Table, error) {
	table, err := zone.Build(c.House)
	errs := []error{err, c.Upstream.Check()}
	own := map[netip.Addr]bool{}
	for _, a := range c.Own {
		own[a] = true
	}
	asked := c.Upstream.Servers
	for _, f := range c.Upstream.Forward {
		asked = append(asked[:len(asked):len(asked)], f.Servers...)
	}
	for _, s := range asked {
		if own[s.Address] || s.Address.IsLoopback() {
			errs = append(errs, fmt.Errorf("upstream %s is the appliance itself", s))
		}
	}
	for _, p := range c.Private {
		if _, err := servers.WireName(p); err != nil {
			errs = append(errs, fmt.Errorf("domain %s, which may have private addresses: %w", p, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return table, nil
}
