package run

import (
	"context"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client"
	"github.com/gatehouse-os/gatehouse/services/wan/conn"
)

// sockets are those of package conn, in the words of the engine.
type sockets struct{ *conn.Conn }

func openSockets(link string) (Conn, error) {
	c, err := conn.Open(link, 0)
	if err != nil {
		return nil, err
	}
	return sockets{c}, nil
}

// Read implements Conn.
func (s sockets) Read() (Message, error) {
	m, err := s.Conn.Read()
	return Message(m), err
}

// Send implements Conn.
func (s sockets) Send(ctx context.Context, m client.Send, by Way) error {
	return s.Conn.Send(ctx, conn.Way{
		To: m.To, From: m.From, Network: by.Network, Gateway: by.Gateway, MAC: by.MAC,
	}, m.Message)
}

// Probe implements Conn.
func (s sockets) Probe(ctx context.Context, p client.Probe) (client.Finding, error) {
	f, err := s.Conn.Probe(ctx, p.Addr, p.Gateway, p.For)
	return client.Finding{
		Conflict: f.Conflict.IsUnicast(), MAC: f.Conflict, Gateway: f.Gateway.IsUnicast(),
	}, err
}

// Seek implements Conn.
func (s sockets) Seek(ctx context.Context, q client.Seek) error {
	_, err := s.Conn.Seek(ctx, conn.Question{Target: q.Gateway, From: q.From})
	return err
}

// Announce implements Conn.
func (s sockets) Announce(ctx context.Context, addr netip.Addr, times int) error {
	return s.Conn.Announce(ctx, addr, times)
}

// MAC implements Conn.
func (s sockets) MAC() wan.MAC { return s.Link.MAC }
