// Package packet is the wire form of DHCPv4 messages: RFC 2131 section 2, the
// options of RFC 2132, long options by RFC 3396, overload by RFC 2132 9.3.
//
// Unmarshal takes bytes from anybody: it is bounded by their length, shares their memory, and guesses
// nothing. It takes what deployed programs send: an option that runs past its field ends the field, and is
// named, not read; an option that is longer than its type, as one that was sent twice, has the value that
// comes first. Append writes options in the order given, the first ones first into the room there is, so a
// caller orders them by importance. What options mean is for others, but for 52.
//
// It serves both ends, the server of the LANs and the client of the way out. It is
// our own because a server needs what libraries lack: control of order and size,
// overload, clients that leave out the End option, and no garbage per packet.
package packet

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Op codes: the direction of a message (RFC 2131 section 2).
const (
	BootRequest uint8 = 1 // to a server
	BootReply   uint8 = 2 // to a client
)

// Ethernet is the hardware type of cards with six-byte addresses.
const Ethernet uint8 = 1

// FlagBroadcast asks for a broadcast reply, for want of an address (RFC 2131 4.1).
const FlagBroadcast uint16 = 0x8000

// Sizes in bytes.
const (
	headerLen = 236
	snameOff  = 44
	snameLen  = 64
	fileOff   = 108
	fileLen   = 128
	// MinLen is what every message is padded to: older BOOTP relays and the Linux
	// kernel's own client drop shorter ones.
	MinLen = 300
	// MinMax is the largest message that every client takes (RFC 2131 section 2:
	// 312 bytes of options).
	MinMax = headerLen + 312
	// MaxFile is the longest file name that fits into the header.
	MaxFile = fileLen - 1
)

var cookie = [4]byte{99, 130, 83, 99}

// A Packet is one message. An absent address is 0.0.0.0; when writing, the zero
// Addr is too.
type Packet struct {
	Op     uint8
	HType  uint8
	HLen   uint8
	Hops   uint8
	XID    uint32
	Secs   uint16
	Flags  uint16
	CIAddr netip.Addr // the address a client has and answers ARP for
	YIAddr netip.Addr // the address it is given
	SIAddr netip.Addr // the server to fetch File from
	GIAddr netip.Addr // the relay the message came through
	CHAddr [16]byte   // the hardware address, HLen bytes of it
	SName  []byte     // server host name; nil when it holds options
	File   []byte     // boot file name; nil when it holds options
	// Options has every code once, in the order of first appearance.
	Options []Option
	// Last is how many of them, from the end, Append keeps room for; at most 64.
	Last int
	// Cut is the code of an option that runs past the end of its field, 0 if there is none. Neither it nor
	// what is behind it in that field is among the Options. dnsmasq reads such messages so, too.
	Cut uint8
}

// An Option is one option; its value may be longer than 255 bytes.
type Option struct {
	Code uint8
	Data []byte
}

// Reasons to refuse a packet.
var (
	ErrShort  = errors.New("shorter than the fixed part of a DHCP message")
	ErrCookie = errors.New("no DHCP magic cookie: a BOOTP message")
)

// Unmarshal reads b into p, which may be used again and again. Byte slices in p
// share b's memory. A missing End option is taken to stand at the end. The errors
// are ErrShort and ErrCookie.
func (p *Packet) Unmarshal(b []byte) error {
	if len(b) < headerLen+len(cookie) {
		return ErrShort
	}
	if [4]byte(b[headerLen:]) != cookie {
		return ErrCookie
	}
	p.Op, p.HType, p.HLen, p.Hops = b[0], b[1], b[2], b[3]
	p.XID = binary.BigEndian.Uint32(b[4:])
	p.Secs = binary.BigEndian.Uint16(b[8:])
	p.Flags = binary.BigEndian.Uint16(b[10:])
	p.CIAddr = netip.AddrFrom4([4]byte(b[12:]))
	p.YIAddr = netip.AddrFrom4([4]byte(b[16:]))
	p.SIAddr = netip.AddrFrom4([4]byte(b[20:]))
	p.GIAddr = netip.AddrFrom4([4]byte(b[24:]))
	p.CHAddr = [16]byte(b[28:])
	p.Options, p.Cut = p.Options[:0], 0
	p.read(b[headerLen+len(cookie):])
	sname, file := b[snameOff:fileOff:fileOff], b[fileOff:headerLen:headerLen]
	overload, _ := p.Uint8(OptionOverload)
	p.SName, p.File = nil, nil
	// RFC 3396 section 5: first the options field, then file, then sname.
	if overload&1 != 0 {
		p.read(file)
	} else {
		p.File = text(file)
	}
	if overload&2 != 0 {
		p.read(sname)
	} else {
		p.SName = text(sname)
	}
	return nil
}

// read adds the options of one field.
func (p *Packet) read(b []byte) {
	for len(b) > 0 && b[0] != OptionEnd {
		if b[0] == OptionPad {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			p.Cut = b[0]
			return
		}
		n := 2 + int(b[1])
		p.add(b[0], b[2:n:n])
		b = b[n:]
	}
}

// add appends data to the option, RFC 3396 section 7: "concatenate the contents".
func (p *Packet) add(code uint8, data []byte) {
	for i := range p.Options {
		if o := &p.Options[i]; o.Code == code {
			o.Data = append(o.Data, data...) // its capacity is its length: b is not written to
			return
		}
	}
	p.Options = append(p.Options, Option{code, data})
}

// text returns b up to the first zero.
func text(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i:i]
		}
	}
	return b
}

// Option returns the value of an option, nil if it is absent. An empty option
// has a value that is not nil.
func (p *Packet) Option(code uint8) []byte {
	for i := range p.Options {
		if p.Options[i].Code == code {
			return p.Options[i].Data
		}
	}
	return nil
}

// fixed returns the first n bytes of an option whose value has n of them, nil if it is absent or shorter.
// Servers and clients that send such an option twice are found in the field, and put together (RFC 3396) it
// has no length of its own; ISC's programs and dnsmasq take the first as well.
func (p *Packet) fixed(code uint8, n int) []byte {
	if b := p.Option(code); len(b) >= n {
		return b[:n]
	}
	return nil
}

// Addr returns the value of an option that is one address, the first if there are more, and the zero Addr if
// the option is absent or shorter.
func (p *Packet) Addr(code uint8) netip.Addr {
	if b := p.fixed(code, 4); b != nil {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.Addr{}
}

// Uint8 returns the value of an option that is a number of one byte, and whether it is there. Of a longer
// one, as of those of the next two, the first bytes count.
func (p *Packet) Uint8(code uint8) (n uint8, ok bool) {
	if b := p.fixed(code, 1); b != nil {
		return b[0], true
	}
	return 0, false
}

// Uint16 is Uint8 of two bytes.
func (p *Packet) Uint16(code uint8) (n uint16, ok bool) {
	if b := p.fixed(code, 2); b != nil {
		return binary.BigEndian.Uint16(b), true
	}
	return 0, false
}

// Uint32 is Uint8 of four bytes.
func (p *Packet) Uint32(code uint8) (n uint32, ok bool) {
	if b := p.fixed(code, 4); b != nil {
		return binary.BigEndian.Uint32(b), true
	}
	return 0, false
}

// Type returns the message type, 0 if the packet has none.
func (p *Packet) Type() MessageType {
	n, _ := p.Uint8(OptionMessageType)
	return MessageType(n)
}
