package conn

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// linkNamed finds a link; without one the error is ErrAbsent.
func linkNamed(name string) (net.Interface, error) {
	all, err := net.Interfaces() // InterfaceByName does not tell "no such link" from others
	if err != nil {
		return net.Interface{}, fmt.Errorf("link %s: %w", name, err)
	}
	i := slices.IndexFunc(all, func(l net.Interface) bool { return l.Name == name })
	if i < 0 {
		return net.Interface{}, fmt.Errorf("link %s is %w", name, ErrAbsent)
	}
	return all[i], nil
}

// hasAddress reports, as ErrAbsent, that a link does not have an address yet: who
// got a lease there could not reach us.
func hasAddress(link net.Interface, addr netip.Addr) error {
	all, err := link.Addrs()
	if err != nil {
		return onLink(link.Name, err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(addr.AsSlice()) {
			return nil
		}
	}
	return fmt.Errorf("link %s: the address %s is %w", link.Name, addr, ErrAbsent)
}

// onLink says where an error comes from. That a link went meanwhile is ErrAbsent.
func onLink(name string, err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("link %s is %w: %w", name, ErrAbsent, err)
	}
	return fmt.Errorf("link %s: %w", name, err)
}
