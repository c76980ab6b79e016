// Package resolve is how commands that ask the network come to addresses and names: by the box's resolver.
// Names that strangers give their addresses are safe to print.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// Address returns the first address of a host, which may be one itself, of IPv4 a short one too; network is
// "ip", "ip4" or "ip6". An address of a link (fe80::…, ff02::…) that names none gets the one of link, if that
// is not "".
func Address(ctx context.Context, network, host, link string) (netip.Addr, error) {
	if addr, ok := Short(host); ok {
		if network == "ip6" {
			return addr, fmt.Errorf("%s: no address of the wanted family", host)
		}
		return addr, nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return netip.Addr{}, fmt.Errorf("bad address '%s'", printable.String(host))
	case errors.As(err, &dns):
		return netip.Addr{}, fmt.Errorf("%s: Temporary failure in name resolution: %s",
			printable.String(host), dns.Err)
	case err != nil || len(addrs) == 0:
		return netip.Addr{}, fmt.Errorf("%s: no address of the wanted family", printable.String(host))
	}
	addr := addrs[0].Unmap()
	if link != "" && addr.Is6() && addr.Zone() == "" &&
		(addr.IsLinkLocalUnicast() || addr.IsLinkLocalMulticast()) {
		addr = addr.WithZone(link)
	}
	return addr, nil
}

// nameTime is how long a name of an address is waited for.
const nameTime = 2 * time.Second

// Name returns the name of an address; the address as text where there is none. It is not answered where the
// resolver has not said in time that there is none: it may be better not to ask on.
func Name(ctx context.Context, addr netip.Addr) (name string, answered bool) {
	ctx, cancel := context.WithTimeout(ctx, nameTime)
	defer cancel()
	names, err := net.DefaultResolver.LookupAddr(ctx, addr.String())
	var dns *net.DNSError
	if err != nil || len(names) == 0 {
		return addr.String(), err == nil || errors.As(err, &dns) && dns.IsNotFound
	}
	return printable.Cut(strings.TrimSuffix(names[0], "."), 255), true
}

// Reason is why a call of a socket failed, without addresses and the name of the call, which say nothing to a
// person.
func Reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}
