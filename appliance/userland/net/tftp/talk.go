package tftp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// How often, and after what time, a packet is sent again.
const (
	firstWait = 100 * time.Millisecond // half as much more each time
	mostWait  = 2 * time.Second
	tries     = 12
)

// A wire is the way to a server. What it answers from is its port from then on.
type wire struct {
	conn   *net.UDPConn
	server netip.AddrPort
	met    bool
}

// talk runs a session. The end of ctx ends it.
func (w *wire) talk(ctx context.Context, t *session) error {
	defer context.AfterFunc(ctx, func() { _ = w.conn.SetReadDeadline(time.Unix(1, 0)) })()
	buf := make([]byte, mostBlock+5)
	out := t.begin()
	for wait, left := firstWait, tries; ; {
		if err := w.send(out); err != nil {
			return err
		}
		_ = w.conn.SetReadDeadline(time.Now().Add(wait))
		next, done, err := w.await(ctx, t, buf)
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case errors.Is(err, os.ErrDeadlineExceeded):
			if left--; left == 0 {
				return errors.New("timeout")
			}
			wait = min(mostWait, wait+wait/2)
			continue
		case err != nil:
			return err
		case done && next != nil:
			return w.send(next)
		case done:
			return nil
		}
		out, wait, left = next, firstWait, tries
	}
}

// await takes what comes until something is to be said, or it is too late.
func (w *wire) await(ctx context.Context, t *session, buf []byte) (next []byte, done bool, err error) {
	for ctx.Err() == nil {
		in, from, err := w.hear(buf)
		if err != nil {
			return nil, false, err
		}
		next, done, err = t.take(in)
		if next != nil || done || err != nil {
			w.server, w.met = from, true
		}
		var r refusal
		if errors.As(err, &r) {
			_ = w.send(r.packet) // politeness: the reason is the error
		}
		if next != nil || done || err != nil {
			return next, done, err
		}
	}
	return nil, false, ctx.Err()
}

func (w *wire) send(b []byte) error {
	_, err := w.conn.WriteToUDPAddrPort(b, w.server)
	return resolve.Reason(err)
}

// hear waits for a packet of the server: of its address, and once it is known of its port.
func (w *wire) hear(buf []byte) ([]byte, netip.AddrPort, error) {
	for {
		n, from, err := w.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return nil, from, err
		}
		from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(w.server.Addr().Zone()), from.Port())
		if from == w.server || !w.met && from.Addr() == w.server.Addr() {
			return buf[:n], from, nil
		}
	}
}
