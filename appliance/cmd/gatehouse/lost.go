package main

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/sockdiag"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
)

// afterLoss is how long what went through an address may hang after it has gone. A site that is taken back
// brings the address back, and whoever sent it is connected by that; and to look through the kernel's table
// takes a processor for up to a tenth of a second, just when another address is asked for.
const afterLoss = 2 * time.Second

// lost ends what went through addresses that the box has no more, for it would hang: first the connections of
// its own services, so that none of them begins a conversation again, then the conversations of all. Those
// through an address that is back by then go on.
func (p *process1) lost(addrs []netip.Addr) {
	time.Sleep(afterLoss)
	if addrs = withoutOwn(addrs); len(addrs) == 0 {
		return
	}
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
	p.log.Event(networkName, "the box has lost %s: %d conversations ended, and %d of its own connections",
		strings.Join(texts, ", "), n, own)
}

// withoutOwn are those of addrs that the box does not have now.
func withoutOwn(addrs []netip.Addr) []netip.Addr {
	own, _ := net.InterfaceAddrs() // none: they are gone, as was said
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool {
		return slices.ContainsFunc(own, func(o net.Addr) bool {
			p, err := netip.ParsePrefix(o.String())
			return err == nil && p.Addr() == a
		})
	})
}
