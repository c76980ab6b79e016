package conn

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/rawsocket"
)

// A Way is how a message goes to whom.
type Way struct {
	// To is the server; the zero Addr: everybody on the link, 255.255.255.255.
	To netip.Addr
	// From is our address; the zero Addr: 0.0.0.0, as long as we have none.
	From netip.Addr
	// Network is what our address is in: who is in it too is on the link. Of a /32 nobody is.
	Network netip.Prefix
	// Gateway is where servers outside of Network are sent to; the zero Addr: they are
	// looked for on the link itself, where a router may answer for them.
	Gateway netip.Addr
	// MAC is the station that messages of To came from; it is sent to when ARP finds
	// nobody. Zero: not known.
	MAC ethernet.MAC
}

// station returns who on the link is asked for by ARP.
func (w *Way) station() netip.Addr {
	if w.Gateway.IsValid() && !w.Network.Contains(w.To) {
		return w.Gateway
	}
	return w.To
}

// Send sends a message from port 68 to port 67. To everybody it never waits. To a server it
// asks for the card of the server, or of the gateway, by ARP first, each time, so that
// nothing is sent to a card that was replaced; that takes SilentAfter at most, or until ctx
// ends. The errors are those of package os, and ErrSilent when nobody is there.
func (c *Conn) Send(ctx context.Context, w Way, message []byte) error {
	to, mac := netip.AddrFrom4([4]byte{255, 255, 255, 255}), ethernet.Everybody()
	if w.To.IsValid() {
		to = w.To
		found, err := c.Seek(ctx, Question{Target: w.station(), From: w.From})
		switch {
		case err == nil:
			mac = found.MAC
		case w.MAC.IsUnicast() && (errors.Is(err, ErrSilent) || ctx.Err() != nil):
			mac = w.MAC
		default:
			return fmt.Errorf("no way to server %s: %w", w.To, err)
		}
	}
	source := w.From
	if !source.IsValid() {
		source = netip.IPv4Unspecified()
	}
	b := ethernet.AppendDatagram(nil,
		netip.AddrPortFrom(source, clientPort), netip.AddrPortFrom(to, serverPort), message)
	if err := c.packet.Send(mac, rawsocket.IPv4, b); err != nil {
		return fmt.Errorf("DHCP: %w", links.On(c.Name, err))
	}
	return nil
}
