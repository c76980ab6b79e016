package inet

import (
	"context"
	"net/netip"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/probe"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/resolve"
)

// echoes is the echoConn of a raw socket.
type echoes struct {
	*probe.Socket
	target netip.Addr
	data   []byte
}

func (e echoes) send(seq uint16) error { return resolve.Reason(e.Send(seq, e.data)) }

func (e echoes) receive(ctx context.Context, answers chan<- answer) {
	e.Receive(ctx, func(a probe.Arrival) {
		if !concerns(a, e.target, e.ID) {
			return
		}
		select {
		case answers <- answer{seq: a.To, at: a.At, from: a.From, size: a.Size, ttl: a.TTL,
			problem: a.Problem()}:
		case <-ctx.Done():
		}
	})
}

// concerns reports whether a message is an echo reply of target, or an error about a request to it, of the
// run with the identifier id: a raw socket gets everybody's.
func concerns(a probe.Arrival, target netip.Addr, id uint16) bool {
	if a.Message.From != id || a.Protocol != probe.ICMP && a.Protocol != probe.ICMPv6 {
		return false
	}
	if a.Kind == probe.Reply {
		return mayAnswer(a.From, target)
	}
	return a.Target == target.WithZone("") // a quote has no zone
}

// mayAnswer reports whether from may answer a request to target: itself, or a
// member of the group when target is one. What ends in .255 may be the broadcast
// address of a network; the interface's mask is not known here.
func mayAnswer(from, target netip.Addr) bool {
	return from.WithZone("") == target.WithZone("") || target.IsMulticast() || target.Is4() &&
		target.As4()[3] == 255
}
