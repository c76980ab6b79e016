package sshadmin

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Bounds of what somebody may send who has not logged in, in bytes.
const (
	// maxClearPacket is the most that a packet may have before there are keys: RFC 4253 section 6.1 demands
	// that 35000 are taken. The library takes 256 kB, and makes room for them when they are announced.
	maxClearPacket = 35000
	// maxBeforeLogin is the most in all. A login with six keys of RSA, the longest that there are, has 20 kB.
	maxBeforeLogin = 64 << 10
)

// newKeys is the message after which a client encrypts what it sends (RFC 4253 section 7.3).
const newKeys = 21

// A doorstep watches what a client sends before it has logged in. In clear it sees the length of each packet
//
//	lines, "SSH-…" the last ──► packet, packet, … ──► NEWKEYS ──► encrypted: only counted
//	                              │ too long                        │ too much, like all before
//	                              └──────► refused ◄────────────────┘
//
// and refuses what is too long before the library makes room for it.
type doorstep struct {
	total int
	phase phase
	head  []byte // of the line or the packet: as much as is needed
	skip  int    // bytes of the packet that are still to come
}

type phase int

const (
	inLines phase = iota
	inPackets
	inSecret
)

// The head of a packet: its length, the length of its padding, and the message's number.
const packetHead = 4 + 1 + 1

// longestLine is how much of a line is looked at; one of RFC 4253 section 4.2 has at most 255 bytes.
const longestLine = 4

// pass looks at the next bytes, and says why the client may send no more.
func (d *doorstep) pass(data []byte) error {
	if d.total += len(data); d.total > maxBeforeLogin {
		return fmt.Errorf("more than %d bytes before a login", maxBeforeLogin)
	}
	for len(data) > 0 && d.phase != inSecret {
		var err error
		if d.phase == inLines {
			data = d.line(data)
		} else if data, err = d.packet(data); err != nil {
			return err
		}
	}
	return nil
}

// line looks for the end of a line. The one that begins with SSH- is the last.
func (d *doorstep) line(data []byte) (rest []byte) {
	end := bytes.IndexByte(data, '\n')
	piece := data
	if end >= 0 {
		piece = data[:end]
	}
	d.head = append(d.head, piece[:min(len(piece), longestLine-len(d.head))]...)
	if end < 0 {
		return nil
	}
	if string(d.head) == "SSH-" {
		d.phase = inPackets
	}
	d.head = d.head[:0]
	return data[end+1:]
}

// packet looks at the head of a packet, and skips the rest of it (RFC 4253 section 6).
func (d *doorstep) packet(data []byte) (rest []byte, err error) {
	if n := min(d.skip, len(data)); n > 0 {
		d.skip -= n
		return data[n:], nil
	}
	n := min(packetHead-len(d.head), len(data))
	d.head = append(d.head, data[:n]...)
	if len(d.head) >= 4 {
		if length := binary.BigEndian.Uint32(d.head); length > maxClearPacket {
			return nil, fmt.Errorf("a packet of %d bytes before there are keys", length)
		}
	}
	if len(d.head) < packetHead {
		return nil, nil
	}
	// A packet is never shorter: there are four bytes of padding at least. Of a shorter one the library ends
	// the connection.
	d.skip = max(0, int(binary.BigEndian.Uint32(d.head))-(packetHead-4))
	if d.head[packetHead-1] == newKeys {
		d.phase = inSecret
	}
	d.head = d.head[:0]
	return data[n:], nil
}
