package dhcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A message is read by other means than the engine's own: RFC 2131 section 2, byte by
// byte, for tests that judge the engine by what it writes.
type message struct {
	raw     []byte
	options map[byte][]byte
	order   []byte // codes as they come
}

// One that has an option that runs out of its field is read nevertheless, without that, beside the error.
func readMessage(b []byte) (m message, err error) {
	m = message{raw: b, options: map[byte][]byte{}}
	if len(b) < 240 || string(b[236:240]) != "\x63\x82\x53\x63" {
		return message{raw: b}, errors.New("no DHCP message")
	}
	fields := [][]byte{b[240:]}
	for i := 0; i < len(fields); i++ {
		err = errors.Join(err, m.readOptions(fields[i]))
		if overload := m.options[52]; i == 0 && len(overload) > 0 {
			if overload[0]&1 != 0 {
				fields = append(fields, b[108:236])
			}
			if overload[0]&2 != 0 {
				fields = append(fields, b[44:108])
			}
		}
	}
	return m, err
}

func (m *message) readOptions(b []byte) error {
	for len(b) > 0 && b[0] != 255 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return errors.New("an option runs out of its field")
		}
		code, n := b[0], 2+int(b[1])
		m.options[code] = slices.Concat(m.options[code], b[2:n], []byte{})
		m.order = append(m.order, code)
		b = b[n:]
	}
	return nil
}

func (m message) addr(offset int) netip.Addr { return netip.AddrFrom4([4]byte(m.raw[offset:])) }
func (m message) xid() []byte                { return m.raw[4:8] }
func (m message) flags() uint16              { return binary.BigEndian.Uint16(m.raw[10:]) }
func (m message) ciaddr() netip.Addr         { return m.addr(12) }
func (m message) yiaddr() netip.Addr         { return m.addr(16) }
func (m message) siaddr() netip.Addr         { return m.addr(20) }
func (m message) giaddr() netip.Addr         { return m.addr(24) }
func (m message) chaddr() []byte             { return m.raw[28:44] }
func (m message) mac() lease.MAC             { return lease.MAC(m.raw[28:]) }
func (m message) has(code byte) bool         { _, ok := m.options[code]; return ok }
func (m message) is(t packet.MessageType) bool {
	return bytes.HasPrefix(m.options[53], []byte{byte(t)})
}

// number is the value of an option that is an address or a number, the first if it was sent twice; zero and
// false if it is no such thing.
func (m message) number(code byte) (uint32, bool) {
	if b := m.options[code]; len(b) >= 4 {
		return binary.BigEndian.Uint32(b), true
	}
	return 0, false
}

func (m message) optionAddr(code byte) netip.Addr {
	if b := m.options[code]; len(b) >= 4 {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.Addr{}
}

// wellFormed reports whether a reply is one that every client can read: each option
// once (RFC 3396: or in pieces that follow each other) and as long as its type, each field ended by End and
// then zeros, names ended by a zero.
func (m message) wellFormed() bool {
	for code, n := range map[byte]int{1: 4, 28: 4, 51: 4, 53: 1, 54: 4, 58: 4, 59: 4, 108: 4} {
		if m.has(code) && len(m.options[code]) != n {
			return false
		}
	}
	seen := map[byte]bool{}
	for i, code := range m.order {
		if seen[code] && m.order[i-1] != code {
			return false
		}
		seen[code] = true
	}
	overload := byte(0)
	if b := m.options[52]; len(b) == 1 {
		overload = b[0]
	}
	return len(m.options[52]) < 2 && overload < 4 &&
		ends(m.raw[240:]) && (ends(m.raw[108:236]) || overload&1 == 0) && (ends(m.raw[44:108]) || overload&2 == 0) &&
		(m.raw[235] == 0 || overload&1 != 0) && (m.raw[107] == 0 || overload&2 != 0)
}

// ends reports whether a field of options has an End and nothing but zeros after it.
func ends(b []byte) bool {
	for len(b) > 0 && b[0] != 255 {
		if b[0] == 0 || len(b) < 2 || len(b) < 2+int(b[1]) {
			return false
		}
		b = b[2+int(b[1]):]
	}
	return len(b) > 0 && len(bytes.TrimRight(b[1:], "\x00")) == 0
}

// encoded is how many bytes an option takes.
func encoded(b []byte) int { return len(b) + 2*max(1, (len(b)+254)/255) }
