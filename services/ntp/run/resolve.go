package run

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// resolveTime is how long a name may take to be resolved.
const resolveTime = 10 * time.Second

// lookup resolves names by the appliance's own DNS service, and nobody else: it has an answer while the clock
// is wrong too, since what it asks upstream does not depend on dates until then. Nothing that this machine
// has in files counts.
func lookup(server netip.AddrPort) func(context.Context, string) ([]netip.Addr, error) {
	r := &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, server.String())
		},
	}
	return func(ctx context.Context, name string) ([]netip.Addr, error) {
		ctx, cancel := context.WithTimeout(ctx, resolveTime)
		defer cancel()
		all, err := r.LookupNetIP(ctx, "ip", strings.TrimSuffix(name, ".")+".")
		if err != nil {
			return nil, err
		}
		return usable(name, all)
	}
}

// usable are those addresses that can be a server's, the first so many.
func usable(name string, all []netip.Addr) (some []netip.Addr, err error) {
	for _, a := range all {
		a = a.Unmap().WithZone("")
		good := !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
		if good && len(some) < ntp.MaxAddrs {
			some = append(some, a)
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("%s has no address that a server can have", name)
	}
	return some, nil
}
