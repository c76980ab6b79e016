package trace

import (
	"context"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// names are those of routers. Once the resolver has been waited for in vain it is not asked again: what does
// not work may be the way to it.
type names struct {
	known map[netip.Addr]string
	deaf  bool
}

func (n *names) of(ctx context.Context, addr netip.Addr) string {
	if name, ok := n.known[addr]; ok {
		return name
	}
	name := addr.String()
	if !n.deaf {
		var answered bool
		name, answered = resolve.Name(ctx, addr)
		n.deaf = !answered
	}
	if n.known == nil {
		n.known = map[netip.Addr]string{}
	}
	n.known[addr] = name
	return name
}
