package dhcp

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An Outcome is what Handle decided about one message. The caller keeps it for
// reuse; its slices are overwritten by the next Handle with the same Outcome.
type Outcome struct {
	Type  packet.MessageType // of the message; 0 if it was unreadable
	State RequestState       // for REQUEST
	// Subnet is the network that it is about, an index of Config.Subnets: not that of
	// the link it came by, if a relay agent sent it.
	Subnet int
	// what the client is known by: its card, or a name that is nobody's if it has none of its own
	MAC  lease.MAC
	Card lease.MAC // that it asks from, and where replies go
	// the host that it says it is, with no card of its own: a repeater's, ipvlan; zero: the card's own
	Behind lease.MAC
	Known  bool // a card of a host of the site, or one that has or had a lease
	XID    uint32
	Stage  Stage
	Arch   Arch       // option 93; BIOS if it has none
	Asked  netip.Addr // the address it asked for, renewed, released or declined; zero: none
	Agent  netip.Addr // the relay agent that it came through; zero: none
	From   lease.MAC  // the card that sent the frame; zero: Card, a router, or not known

	// Shared: it renews what another has got by the same card, and renewed, meanwhile.
	Shared bool

	// Drop is why there is neither reply nor change; 0 otherwise. RELEASE and
	// DECLINE have no reply and are not dropped.
	Drop Drop
	// Records must be on stable storage before Reply leaves, if there is a Reply.
	Records []lease.Lease
	// Probe is an address that must be looked for on the network before it is offered;
	// then there is no Reply yet. Call Probed with the result, and Handle again.
	Probe netip.Addr
	// Reply is the message to send, empty for none, and To is where.
	Reply     []byte
	ReplyType packet.MessageType
	To        Destination

	// Says and Told are options of the message and of the reply, for DescribeOptions.
	Says, Told []byte

	Addr   netip.Addr    // the address offered or leased
	Life   time.Duration // the lease time
	Name   string        // the host name that the lease carries
	File   string        // the boot file it was told of
	Reason string        // why this address, or why nothing: one phrase for people
}

func (o *Outcome) reset() {
	*o = Outcome{Records: o.Records[:0], Reply: o.Reply[:0], Says: o.Says[:0], Told: o.Told[:0]}
}

func (o *Outcome) drop(d Drop, reason string) {
	o.Drop, o.Reason = d, reason
}

// A Destination says how a reply reaches its client: RFC 2131 section 4.1.
type Destination struct {
	Via Via
	IP  netip.Addr // for all but Broadcast
	MAC lease.MAC  // for Direct
}

// Via is a way to a client.
type Via uint8

// Ways to a client. All but Relay go to the client port, 68.
const (
	// Broadcast is a frame to everybody on the link.
	Broadcast Via = iota
	// Direct is a frame to the card and the address it does not have yet: the
	// client does not answer ARP.
	Direct
	// Routed is an ordinary datagram to an address the client has.
	Routed
	// Relay is an ordinary datagram to the server port, 67, of a relay.
	Relay
)

// String returns the name of the way.
func (v Via) String() string {
	return [...]string{"broadcast", "direct", "routed", "relay"}[v&3]
}

// RequestState is the state of a client that sends a REQUEST: RFC 2131 4.3.2.
type RequestState uint8

// The states. Renewing stands for rebinding too: the messages are alike.
const (
	_ RequestState = iota
	Selecting
	InitReboot
	Renewing
)

// String returns the name that the RFC uses.
func (s RequestState) String() string {
	return [...]string{"", "SELECTING", "INIT-REBOOT", "RENEWING"}[s&3]
}

// Drop is why a message had no effect.
type Drop uint8

// The reasons; the last two are for the service around the engine.
const (
	_               Drop = iota
	DropMalformed        // cannot be read, or lacks what its type requires
	DropNotRequest       // a reply, or of another op code
	DropHardware         // not from an Ethernet card's own address
	DropType             // a message that servers send, or of unknown type
	DropRelay            // relayed from a network that is not this one
	DropOtherServer      // for another server
	DropExhausted        // no address is free
	DropNoPool           // unknown, and there is no pool
	DropNoRecord         // confirming an address for an unknown client is not ours to do
	DropNotHeld          // gives back what it does not have
	DropNotBelieved      // declines more than one card may
	DropKept             // it is asked for by a card that has much of the pool: lease.Table.Spares
	DropNotStored        // the lease could not be made durable
	DropNotSent          // the reply could not be sent
	DropCount            // the number of reasons
)

// String returns a key for counters and listings.
func (d Drop) String() string {
	names := [DropCount]string{
		DropMalformed: "malformed", DropNotRequest: "not-a-request", DropHardware: "hardware-address",
		DropType: "message-type", DropRelay: "relay", DropOtherServer: "other-server",
		DropExhausted: "pool-exhausted", DropNoPool: "no-pool", DropNoRecord: "no-record", DropNotHeld: "not-held",
		DropNotBelieved: "not-believed", DropKept: "kept-for-others",
		DropNotStored: "not-stored", DropNotSent: "not-sent",
	}
	if d < DropCount {
		return names[d]
	}
	return "invalid"
}
