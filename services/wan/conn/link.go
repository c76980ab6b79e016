package conn

import (
	"fmt"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// A Link is a link as it was when it was found.
type Link struct {
	Name  string
	Index int
	MAC   ethernet.MAC // that it sends from
	// Priority is that of all that is sent (SO_PRIORITY): a VLAN link makes a priority of
	// 802.1p of it by its egress map, queues look at it.
	Priority int
}

// Find finds a link. Without it the error is links.ErrAbsent.
func Find(name string) (Link, error) {
	iface, err := links.Named(name)
	if err != nil {
		return Link{}, err
	}
	if len(iface.HardwareAddr) != len(ethernet.MAC{}) {
		return Link{}, fmt.Errorf("link %s is no Ethernet link: it has no hardware address of six bytes",
			name)
	}
	return Link{Name: name, Index: iface.Index, MAC: ethernet.MAC(iface.HardwareAddr)}, nil
}

// Check reports whether the link is still there under its name, with the hardware address
// that it had. If not, the error is links.ErrAbsent.
func (l Link) Check() error {
	now, err := Find(l.Name)
	switch {
	case err != nil:
		return err
	case now.Index != l.Index:
		return fmt.Errorf("link %s is another one now, the former is %w", l.Name, links.ErrAbsent)
	case now.MAC != l.MAC:
		return fmt.Errorf("link %s has another hardware address now, %s is %w", l.Name, l.MAC,
			links.ErrAbsent)
	}
	return nil
}

// open opens a packet socket on the link.
func (l Link) open(what string, o rawsocket.Options) (*rawsocket.Packet, error) {
	o.Name, o.Priority = what+" on "+l.Name, l.Priority
	s, err := rawsocket.Open(l.Index, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, links.On(l.Name, err))
	}
	return s, nil
}
