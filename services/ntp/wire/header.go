// Package wire is NTP version 4 as bytes: the header of RFC 5905 7.3, with its timestamps, and what may
// follow it.
//
// It guarantees that whatever Read accepts has a header and extension fields that end where the packet does
// (RFC 7822); that nothing is allocated; and that eras come and go without notice. It judges nothing: what of
// a packet is believed, its readers say. Authenticators are recognised by their place, and not checked.
package wire

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Size is that of a header, in bytes, and of each packet that this program sends without extension fields.
const Size = 48

// Port is that of NTP over UDP.
const Port = 123

// Version is the one that is spoken, and the versions that are understood.
const (
	Version    = 4
	MinVersion = 1
)

// A Mode says what a packet is (RFC 5905 figure 10).
type Mode uint8

// Modes. Control (6) and private (7) messages are not spoken.
const (
	ModeActive    Mode = 1
	ModePassive   Mode = 2
	ModeClient    Mode = 3
	ModeServer    Mode = 4
	ModeBroadcast Mode = 5
)

// A Leap says what happens at the end of the UTC day, or that nobody knows the time (RFC 5905 figure 9).
type Leap uint8

// Leap indicators.
const (
	LeapNone    Leap = 0
	LeapInsert  Leap = 1 // the last minute has 61 seconds
	LeapDelete  Leap = 2 // it has 59
	LeapUnknown Leap = 3 // not synchronised
)

// Strata (RFC 5905 figure 11).
const (
	StratumKiss = 0  // a kiss-o'-death: RefID has its code
	MaxStratum  = 15 // of a server that is synchronised
	// StratumNone is that of a server that is not. On the wire it is 16 or, by most, 0 with a leap indicator
	// of LeapUnknown.
	StratumNone = 16
)

// A RefID says what a server is synchronised to: an IPv4 address, the first bytes of the MD5 of an IPv6 one,
// or at stratum 1 and in a kiss-o'-death four letters.
type RefID [4]byte

// String returns letters, or four numbers where there are none.
func (r RefID) String() string {
	n := len(r)
	for n > 0 && r[n-1] == 0 {
		n--
	}
	for _, c := range r[:n] {
		if c <= ' ' || c > '~' {
			return fmt.Sprintf("%d.%d.%d.%d", r[0], r[1], r[2], r[3])
		}
	}
	return string(r[:n])
}

// RefIDOf is how a server is called by those that are synchronised to it (RFC 5905 7.3): by its IPv4 address,
// or by the first four bytes of the MD5 of its IPv6 address.
func RefIDOf(a netip.Addr) RefID {
	if a.Is4() {
		return a.As4()
	}
	b := a.As16()
	sum := md5.Sum(b[:])
	return RefID(sum[:4])
}

// Codes of a kiss-o'-death that are obeyed (RFC 5905 7.4); of others it is only known that they are no time.
var (
	KissRate = RefID{'R', 'A', 'T', 'E'} // asked too often
	KissDeny = RefID{'D', 'E', 'N', 'Y'} // not served
	KissRstr = RefID{'R', 'S', 'T', 'R'} // neither
	KissNTSN = RefID{'N', 'T', 'S', 'N'} // cookies of NTS are unknown (RFC 8915)
)

// A Header is the part that every packet has (RFC 5905 figure 8).
type Header struct {
	Leap      Leap
	Version   uint8 // 0 to 7
	Mode      Mode
	Stratum   uint8
	Poll      int8 // log2 of seconds
	Precision int8 // log2 of seconds
	// RootDelay and RootDispersion are those to the reference clock.
	RootDelay, RootDispersion Short
	RefID                     RefID
	Reference                 Timestamp // when the server's clock was last set
	Origin                    Timestamp // of the question, as it was in Transmit
	Receive                   Timestamp // when the question came
	Transmit                  Timestamp // when this was sent
}

// Unsynchronised tells whether the sender says that it does not know the time.
func (h *Header) Unsynchronised() bool {
	return h.Leap == LeapUnknown || h.Stratum == StratumKiss || h.Stratum > MaxStratum
}

// Kiss returns the code of a kiss-o'-death, and whether it is one: an answer of stratum 0 with letters as
// RefID.
func (h *Header) Kiss() (RefID, bool) {
	for _, c := range h.RefID {
		if c < ' ' || c > '~' {
			return RefID{}, false
		}
	}
	return h.RefID, h.Stratum == StratumKiss && (h.Mode == ModeServer || h.Mode == ModeBroadcast)
}

// Append appends a header, Size bytes. What of a field has no place in its bits is cut off.
func (h *Header) Append(b []byte) []byte {
	b = append(b, byte(h.Leap)<<6|h.Version&7<<3|byte(h.Mode)&7, h.Stratum, byte(h.Poll), byte(h.Precision))
	b = binary.BigEndian.AppendUint32(b, uint32(h.RootDelay))
	b = binary.BigEndian.AppendUint32(b, uint32(h.RootDispersion))
	b = append(b, h.RefID[:]...)
	for _, t := range [...]Timestamp{h.Reference, h.Origin, h.Receive, h.Transmit} {
		b = binary.BigEndian.AppendUint64(b, uint64(t))
	}
	return b
}

// What Read refuses.
var (
	ErrShort     = errors.New("shorter than the header of NTP, 48 bytes")
	ErrVersion   = errors.New("a version of NTP that is not 1 to 4")
	ErrExtension = errors.New("what follows the header is no extension field and no authenticator (RFC 7822)")
)

// Read reads a packet. rest is what follows the header, checked for its form.
func Read(b []byte) (h Header, rest []byte, err error) {
	if len(b) < Size {
		return h, nil, ErrShort
	}
	h = Header{
		Leap: Leap(b[0] >> 6), Version: b[0] >> 3 & 7, Mode: Mode(b[0] & 7),
		Stratum: b[1], Poll: int8(b[2]), Precision: int8(b[3]),
		RootDelay:      Short(binary.BigEndian.Uint32(b[4:])),
		RootDispersion: Short(binary.BigEndian.Uint32(b[8:])),
		RefID:          RefID(b[12:16]),
		Reference:      Timestamp(binary.BigEndian.Uint64(b[16:])),
		Origin:         Timestamp(binary.BigEndian.Uint64(b[24:])),
		Receive:        Timestamp(binary.BigEndian.Uint64(b[32:])),
		Transmit:       Timestamp(binary.BigEndian.Uint64(b[40:])),
	}
	rest = b[Size:]
	switch {
	case h.Version < MinVersion || h.Version > Version:
		return h, nil, ErrVersion
	case h.Version < Version && !authenticator(len(rest)):
		return h, nil, ErrExtension // versions before 4 have no extension fields
	case h.Version == Version && !extensions(rest):
		return h, nil, ErrExtension
	}
	return h, rest, nil
}

// PollInterval is the interval that a header speaks of, between 1 s and 36 h.
func (h *Header) PollInterval() time.Duration {
	return time.Second << max(0, min(h.Poll, 17))
}
