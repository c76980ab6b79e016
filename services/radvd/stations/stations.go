// Package stations knows which machine of the LANs has which IPv6 address, from what is seen of its
// neighbours: hosts make their addresses themselves (RFC 4862), and tell nobody.
//
//	neighbours, seen on a LAN ─► Observe ─┐
//	prefixes of the LANs ──► Reconfigure ─┼─► Table ─► List: address, machine, kind
//	time ─────────────────────────► Tick ─┘
//
// Each address is of one machine, by its hardware address, and has a kind, which says how long its host will
// keep it. That matters since hosts make further, temporary addresses so that they are not recognized
// (RFC 8981): a name for one of these says what its host wants to hide, and is wrong the day after.
//
// The table is bounded, for each machine and in all, and no machine can push out what is known of others by
// having many addresses. That a machine answers for an address that is another's is told (Claim). That
// somebody on a LAN takes another's hardware address it cannot notice: that is not to be told from the
// machine itself. Who had an address before is remembered when its prefix goes, for it may come back.
//
// It is pure: times are those of one clock, CLOCK_BOOTTIME for example, and may be negative.
package stations

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

// A Kind says how long a machine keeps an address.
type Kind uint8

const (
	// Other is not known yet, or temporary.
	Other Kind = iota
	// Stable is kept as long as the prefix is: RFC 7217, or set by hand. That is known of an address that
	// ends as the machine's link-local address does, which no temporary one does, and of one that has been
	// used for longer than temporary ones are.
	Stable
	// EUI64 has the hardware address in it: RFC 4291 appendix A.
	EUI64
)

// kinds are their words, as the published file has them.
func kinds() [3]string { return [3]string{Other: "other", Stable: "stable", EUI64: "eui64"} }

// String returns the kind's word.
func (k Kind) String() string { return kinds()[k] }

// KindOf returns the kind of a word, and whether there is one.
func KindOf(word string) (Kind, bool) {
	for k, w := range kinds() {
		if w == word {
			return Kind(k), true
		}
	}
	return 0, false
}

// MarshalText writes the kind's word.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *Kind) UnmarshalText(text []byte) error {
	kind, known := KindOf(string(text))
	if !known {
		return fmt.Errorf("kind of address %.20q: want one of %q", text, kinds())
	}
	*k = kind
	return nil
}

const (
	// MaxPerMachine bounds the addresses of one machine.
	MaxPerMachine = 16
	// MaxAddresses bounds those of all.
	MaxAddresses = 4096
	// maxMachines bounds machines, of some of which only the link-local address is known.
	maxMachines = MaxAddresses
	// maxLocals bounds the link-local addresses of a machine.
	maxLocals = 4
)

// Times, in the order of their length.
const (
	// hold is how long an address stays with a machine after it was another's.
	hold = time.Minute
	// fight is for how long several changes of its machine make an address a contested one, and how long a
	// machine that is full must not have been seen with an address before that makes room.
	fight = time.Hour
	// maxPause is the longest time between two confirmations that counts as use. The lifetimes of a machine
	// that sleeps stand still.
	maxPause = 2 * time.Hour
	// rotation is TEMP_PREFERRED_LIFETIME of RFC 8981 3.8, a day, and two hours: by then a host that makes
	// temporary addresses has made the next.
	rotation = 26 * time.Hour
	// KeepOther is how long an address is remembered of which it is not known whether its host keeps it, and
	// one of a prefix that is not there. It is longer than hosts keep temporary ones (2 days, RFC 8981 3.8).
	KeepOther = 3 * 24 * time.Hour
	// longest is TEMP_VALID_LIFETIME of RFC 4941 5, a week, and two hours: so long a temporary address is
	// used by conversations that go on, at most.
	longest = 170 * time.Hour
	// Keep is how long a kept address is remembered of a machine that is off.
	Keep = 30 * 24 * time.Hour
)

// Several changes make an address contested; so many addresses in one prefix a machine does not have, unless
// it answers for others (RFC 4389).
const (
	contested = 3
	crowd     = 8
)

// Config is what a Table is told of the LANs.
type Config struct {
	LANs []LAN
}

// A LAN is a link and what it is numbered from.
type LAN struct {
	Network  string         // its name
	Prefixes []netip.Prefix // those of which hosts make addresses now; no two LANs have the same
	Own      []netip.Addr   // of the router itself
}

// A Station is an address and whose it is.
type Station struct {
	Addr    netip.Addr
	MAC     ethernet.MAC
	Network string // the LAN it was seen on
	Kind    Kind
	// Current: it is in a prefix that its LAN has now.
	Current bool
	First   time.Duration // when it was first seen
	Last    time.Duration // when it was last confirmed that its machine has it
	Used    time.Duration // for how long it has been in use, as far as that was seen
}

// An Observation is a neighbour as the router has seen it.
type Observation struct {
	Network string
	MAC     ethernet.MAC
	Addr    netip.Addr
	// Confirmed: it has answered just now (REACHABLE, RFC 4861 7.3.2), and so has the address. Otherwise
	// somebody has said so, or it has been so before.
	Confirmed bool
}

// interfaceID is the latter half of an address of a prefix of 64 bits.
func interfaceID(a netip.Addr) uint64 {
	b := a.As16()
	return binary.BigEndian.Uint64(b[8:])
}

// eui64 is the interface identifier of a hardware address: modified EUI-64.
func eui64(m ethernet.MAC) uint64 {
	return binary.BigEndian.Uint64([]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
}
