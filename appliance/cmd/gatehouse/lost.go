package main

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/sockdiag"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
)

// lost ends what went through addresses that the box has no more, for it would hang: first the connections of its
// own services, so that none of them begins a conversation again, then the conversations of all.
func (p *process1) lost(addrs []netip.Addr) {
	own, err := sockdiag.End(addrs)
	say := func() {
		p.log.Event(networkName, "connections of the box itself are not ended with their address: %v", err)
	}
	switch {
	case errors.Is(err, sockdiag.ErrUnsupported):
		p.unended.Do(say) // it will be so each time
	case err != nil:
		say()
	}
	n, err := conntrack.Forget(conntrack.Lost(addrs))
	if err != nil {
		p.log.Event(networkName, "conversations through addresses that are gone could not be ended: %v", err)
	}
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	p.log.Event(networkName, "the box has %s no more: %d conversations ended, and %d of its own connections",
		strings.Join(texts, ", "), n, own)
}
