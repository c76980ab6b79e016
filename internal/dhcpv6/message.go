// Package dhcpv6 is DHCPv6 as bytes, for both ends: the client of the way out and the server
// of the LANs. It has the messages between them and the options that they use (RFC 8415 7.3,
// 8, 21), and no relay messages.
//
// What it reads is anybody's: it is bounded by its length and by MaxOptions, shares the
// memory of what it was given, and is refused when it cannot be read without guessing. What a
// message must have, and what it means, is for others: RFC 8415 16.
package dhcpv6

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MessageType is the type of a message.
type MessageType uint8

// Message types, RFC 8415 7.3.
const (
	Solicit MessageType = 1 + iota
	Advertise
	Request
	Confirm
	Renew
	Rebind
	Reply
	Release
	Decline
	Reconfigure
	InformationRequest
	relayForward
	relayReply
)

// Message types of RFC 9686 5.
const (
	AddrRegInform MessageType = 36 + iota
	AddrRegReply
)

// String returns the name that RFC 8415 uses.
func (t MessageType) String() string {
	names := [...]string{
		"", "Solicit", "Advertise", "Request", "Confirm", "Renew", "Rebind", "Reply", "Release", "Decline",
		"Reconfigure", "Information-request", "Relay-forward", "Relay-reply",
	}
	switch {
	case t == AddrRegInform:
		return "ADDR-REG-INFORM"
	case t == AddrRegReply:
		return "ADDR-REG-REPLY"
	case int(t) < len(names) && t != 0:
		return names[t]
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// MaxID is the largest transaction id: it has 24 bits.
const MaxID = 1<<24 - 1

// A Message is one between a client and a server.
type Message struct {
	Type    MessageType
	ID      uint32 // of the transaction, at most MaxID
	Options Options
}

const headerLen = 4

// Reasons to refuse bytes.
var (
	ErrShort  = errors.New("shorter than the header of a DHCPv6 message")
	ErrRelay  = errors.New("a message between relay agents")
	ErrOption = errors.New("an option that cannot be read")
)

// Read reads a message. The errors are ErrShort, ErrRelay and ErrOption.
func Read(b []byte) (Message, error) {
	if len(b) < headerLen {
		return Message{}, ErrShort
	}
	m := Message{Type: MessageType(b[0]), ID: binary.BigEndian.Uint32(b) & MaxID}
	if m.Type == relayForward || m.Type == relayReply {
		return Message{}, ErrRelay
	}
	var err error
	// Servers with a zero behind all that they say are found in the field. Nothing can be meant with so few
	// bytes.
	m.Options, _, err = readOptions(b[headerLen:])
	return m, err
}

// Append appends the message.
func (m *Message) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(m.Type)<<24|m.ID&MaxID)
	return m.Options.Append(b)
}
