package run

import (
	"net"
	"net/netip"
)

// lookAround has the engine know the addresses that the machine has now: who has the time from one of them is
// not followed. Without them, such a source is found by its stratum, which rises.
func (s *Service) lookAround() {
	own, err := addresses()
	if err != nil {
		s.log.Warn("sources that follow this appliance are not recognised", "cause", err)
		return
	}
	s.act(s.client.Own(s.moment().Free, own))
}

// addresses are those of the machine, with the networks on their links. Those of a loopback are everybody's.
func addresses() (all []netip.Prefix, err error) {
	found, err := net.InterfaceAddrs()
	for _, f := range found {
		p, err := netip.ParsePrefix(f.String())
		if err == nil && !p.Addr().IsLoopback() {
			all = append(all, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
		}
	}
	return all, err
}
