package client

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/wan"
)

// An Action is something to be done by who calls: a Send, Probe, Seek, Announce, Store,
// Forget or Event.
type Action interface{ action() }

// Send is a message for port 67 from port 68.
type Send struct {
	Type    packet.MessageType
	Message []byte // the UDP payload
	// To is the server; the zero Addr: everybody on the link, 255.255.255.255. A server may be
	// outside the lease's network, and any route to it may lead elsewhere: the message leaves by the
	// link all the same.
	To   netip.Addr
	From netip.Addr // the address it is sent from; the zero Addr: 0.0.0.0
}

// Probe asks for a look for an address on the link: ARP probes of RFC 5227 2.1.1, spread
// over For. Probed is to be called with the result, at once when a conflict was seen. It
// takes the place of the one before.
type Probe struct {
	Addr netip.Addr
	// Gateway is to be looked for too, by ARP requests from nobody; the zero Addr: none. When
	// it answers, it is known how fast this link is, and the look may end sooner.
	Gateway netip.Addr
	For     time.Duration
}

// Announce asks for ARP announcements of an address, two seconds apart: two of a new one (RFC 5227 2.3), one
// to defend it (2.4).
type Announce struct {
	Addr  netip.Addr
	Times int
	Text  string // a sentence for the log; empty: there is nothing new to say
}

// Seek asks for a look for the gateway, from our address. Its result is for the kernel, which
// finds out by itself that a cable is back, but asks again for a gateway only once a second.
type Seek struct{ Gateway, From netip.Addr }

// Store asks for a lease to be kept. What follows it is to wait until it is on stable
// storage, or is known never to get there.
type Store struct{ Lease Lease }

// Forget asks for the kept lease to be deleted.
type Forget struct{}

func (Send) action()     {}
func (Probe) action()    {}
func (Seek) action()     {}
func (Announce) action() {}
func (Store) action()    {}
func (Forget) action()   {}
func (Event) action()    {}

// Name is the name of an Event, as udhcpc's scripts know them.
type Name string

// The events.
const (
	Deconfig  Name = "deconfig"  // Facts do not hold any more
	BoundTo   Name = "bound"     // Facts hold from now on
	Renewed   Name = "renew"     // Facts hold, longer than before; they may have changed
	NAK       Name = "nak"       // a server refused an address
	LeaseFail Name = "leasefail" // an attempt came to nothing
)

// Cause is why something happened.
type Cause string

// The causes.
const (
	Acknowledged  Cause = "acknowledged"   // a server gave the lease
	Restarted     Cause = "restarted"      // this client was started again; its lease still runs
	Silent        Cause = "silent"         // no server answered: a kept lease is used, or there is none
	Extended      Cause = "extended"       // its server renewed it
	Rebound       Cause = "rebound"        // another server renewed it
	Moved         Cause = "moved"          // a server gave another address
	Refused       Cause = "refused"        // a server said no
	NotBelieved   Cause = "not-believed"   // what a server said cannot be ours
	Expired       Cause = "expired"        // the lease ended
	InUse         Cause = "in-use"         // another station has the address
	ByHand        Cause = "by-hand"        // somebody said so
	NoReply       Cause = "no-reply"       // a server did not answer for what it had offered
	GatewaySilent Cause = "gateway-silent" // a kept lease is not used: its gateway is not there
	Foreign       Cause = "foreign"        // a kept lease is of another link, card or identifier
)

// An Event is reported to whoever applies it.
type Event struct {
	Name  Name          `json:"name"`
	Cause Cause         `json:"cause"`
	Text  string        `json:"text"`  // a sentence for people
	At    time.Duration `json:"at_ns"` // Now.Up
	// Facts are what holds from now on; of Deconfig, what held; of others, nothing.
	Facts wan.Facts `json:"facts"`
	Term  wan.Term  `json:"term"`
	// Changed: Facts are others than those of the event before. If they are not,
	// nothing needs to be touched.
	Changed bool         `json:"changed"`
	Remarks []wan.Remark `json:"remarks"` // what of the server's words was left out
	// Message is what the server said, with BoundTo, Renewed and NAK; nil with others.
	Message *wan.Message `json:"message,omitempty"`
}
