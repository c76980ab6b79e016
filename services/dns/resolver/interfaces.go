package resolver

import (
	"context"
	"net/netip"
)

// A Sender is where a message came from, and where its reply goes. It is of who called Respond, and good for
// that long.
type Sender interface {
	// From is the client.
	From() netip.AddrPort
	// Stream reports whether it came over TCP: a reply may have 65,535 bytes, and the address is not forged.
	Stream() bool
	// Later returns what can send the reply when it is there, after Respond has returned.
	Later() Later
}

// A Later sends one reply to a client that waits. Send may be called by any goroutine, and never waits; what
// cannot be sent is lost, as on the wire. Without a reply it is called with nil: a client of TCP is to know
// that there comes nothing.
type Later interface {
	Send(reply []byte)
}

// A Chain is the full server. At most Limits.InFlight of its calls run at a time, each in a goroutine of its
// own.
type Chain interface {
	// Ask asks those outside what a plain question asks, and returns the whole answer, however long it is: a
	// message with the id of the query. It is complete: aliases are followed to their end. Private addresses
	// are not in it if they must not be. The error says who had no answer and why; Outside.Extended may be
	// set then too.
	Ask(ctx context.Context, query []byte) (Outside, error)
	// Serve answers a message of any kind as a server does, within what the client can take: what is no plain
	// question, and names of the house that lead outside. The reply is nil if there is to be none.
	Serve(ctx context.Context, msg []byte, from netip.AddrPort, stream bool) []byte
}

// An Outside is what somebody outside answered.
type Outside struct {
	Message  []byte
	Server   string // who: 192.0.2.53#dns.example; "" if nobody was asked
	Extended uint16 // its extended error (RFC 8914), if it has one
}
