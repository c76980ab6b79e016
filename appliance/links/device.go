package links

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Named finds a link; without one the error is ErrAbsent.
func Named(name string) (net.Interface, error) {
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

// HasAddress reports, as ErrAbsent, that a link does not have an address yet.
func HasAddress(link net.Interface, addr netip.Addr) error {
	all, err := link.Addrs()
	if err != nil {
		return On(link.Name, err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(addr.AsSlice()) {
			return nil
		}
	}
	return fmt.Errorf("link %s: the address %s is %w", link.Name, addr, ErrAbsent)
}

// Check reports whether the link with that index is still there under its name, as the
// Check of a Socket does.
func Check(name string, index int) error {
	link, err := Named(name)
	if err == nil && link.Index != index {
		return fmt.Errorf("link %s is another one now, the former is %w", name, ErrAbsent)
	}
	return err
}

// On says that an error comes from a link. That it went meanwhile is ErrAbsent.
func On(name string, err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("link %s is %w: %w", name, ErrAbsent, err)
	}
	return fmt.Errorf("link %s: %w", name, err)
}
