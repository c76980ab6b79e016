package pcap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Blocks of pcapng. Others are skipped.
const (
	blockInterface = 1
	blockSimple    = 3
	blockPacket    = 6
	optionTick     = 9 // if_tsresol
)

// maxInterfaces is how many links a file may have.
const maxInterfaces = 4096

type nextGen struct {
	links []nextLink
}

type nextLink struct {
	kind uint32
	snap uint32
	tick uint64 // parts of a second that times count
}

// startNext reads the section header, whose first four bytes are read, and blocks up to the first link or
// packet.
func (f *Reader) startNext() error {
	if err := f.section(); err != nil {
		return err
	}
	p, err := f.readNext()
	switch {
	case err == nil:
		p.Data = append([]byte(nil), p.Data...)
		f.pending = &p
	case !errors.Is(err, io.EOF):
		return err
	}
	if len(f.next.links) == 0 {
		return errors.New("a pcapng without a link")
	}
	f.Link, f.Snap = f.next.links[0].kind, f.next.links[0].snap
	return nil
}

// section reads a section header behind its type; the byte order is known from it.
func (f *Reader) section() error {
	var head [8]byte
	if err := f.full(head[:]); err != nil {
		return fmt.Errorf("no section header: %w", err)
	}
	f.order = binary.LittleEndian
	switch {
	case binary.LittleEndian.Uint32(head[4:]) == 0x1a2b3c4d:
	case binary.BigEndian.Uint32(head[4:]) == 0x1a2b3c4d:
		f.order = binary.BigEndian
	default:
		return errors.New("a section header without its byte order")
	}
	f.next.links = nil
	_, err := f.body(f.order.Uint32(head[:]), 12)
	return err
}

// body reads what is left of a block of size bytes, of which some were read, without the size at its end.
func (f *Reader) body(size, read uint32) ([]byte, error) {
	if size < read+4 || size%4 != 0 || size > MaxPacket+1<<16 {
		return nil, fmt.Errorf("a block of %d bytes", size)
	}
	b, err := f.take(int(size - read))
	if err != nil {
		return nil, err
	}
	return b[:len(b)-4], nil
}

// readNext reads blocks up to the next packet.
func (f *Reader) readNext() (Packet, error) {
	if p := f.pending; p != nil {
		f.pending = nil
		return *p, nil
	}
	for {
		var head [8]byte
		if err := f.full(head[:4]); err != nil {
			return Packet{}, err
		}
		kind := f.order.Uint32(head[:])
		if kind == magicNext {
			if err := f.section(); err != nil {
				return Packet{}, err
			}
			continue
		}
		if err := f.full(head[4:]); err != nil {
			return Packet{}, errors.New("it is cut within a block")
		}
		b, err := f.body(f.order.Uint32(head[4:]), 8)
		if err != nil {
			return Packet{}, err
		}
		switch kind {
		case blockInterface:
			if err := f.link(b); err != nil {
				return Packet{}, err
			}
		case blockPacket:
			return f.packet(b)
		case blockSimple:
			return f.simple(b)
		}
	}
}

// link reads the description of a link.
func (f *Reader) link(b []byte) error {
	if len(b) < 8 || len(f.next.links) == maxInterfaces {
		return errors.New("a description of a link that is too short, or one too many")
	}
	l := nextLink{uint32(f.order.Uint16(b)), f.order.Uint32(b[4:]), 1_000_000}
	for b = b[8:]; len(b) >= 4; {
		code, size := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
		padded := (size + 3) &^ 3
		if code == 0 || len(b) < 4+padded {
			break
		}
		if code == optionTick && size == 1 {
			l.tick = ticks(b[4])
		}
		b = b[4+padded:]
	}
	if l.tick == 0 || len(f.next.links) > 0 && f.next.links[0].kind != l.kind {
		return errors.New("links of several kinds, or times that count less than a nanosecond")
	}
	f.next.links = append(f.next.links, l)
	return nil
}

// ticks are how many parts of a second a resolution means; 0: too many.
func ticks(b byte) uint64 {
	n := uint64(1)
	factor, power := uint64(10), b
	if b&0x80 != 0 {
		factor, power = 2, b&0x7f
	}
	for range power {
		if n *= factor; n > 1<<30 {
			return 0
		}
	}
	return n
}

func (f *Reader) packet(b []byte) (Packet, error) {
	if len(b) < 20 {
		return Packet{}, errors.New("a block that is too short for a packet")
	}
	i, kept, length := f.order.Uint32(b), f.order.Uint32(b[12:]), f.order.Uint32(b[16:])
	if int64(i) >= int64(len(f.next.links)) || int64(kept) > int64(len(b)-20) || kept > MaxPacket ||
		length > 1<<30 {
		return Packet{}, errors.New("a packet of no link, or longer than its block")
	}
	tick := f.next.links[i].tick
	n := uint64(f.order.Uint32(b[4:]))<<32 | uint64(f.order.Uint32(b[8:]))
	at := time.Unix(int64(n/tick), int64(n%tick*1_000_000_000/tick))
	return Packet{at, int(length), b[20 : 20+kept]}, nil
}

// simple reads a packet without a time.
func (f *Reader) simple(b []byte) (Packet, error) {
	if len(b) < 4 || len(f.next.links) == 0 || f.order.Uint32(b) > 1<<30 {
		return Packet{}, errors.New("a packet of no link")
	}
	length := int(f.order.Uint32(b))
	return Packet{time.Unix(0, 0), length, b[4 : 4+min(length, len(b)-4)]}, nil
}
