// Package pcap reads and writes recorded packets: pcap files of both byte orders, in microseconds and
// nanoseconds (pcap-savefile(5)), and reads pcapng (draft-ietf-opsawg-pcapng) of one or more links of the
// same kind.
//
// A file is bounded by nothing but its end, a packet by MaxPacket. What packets are is left to others.
package pcap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxPacket is the longest packet that a file may have, in bytes.
const MaxPacket = 256 << 10

// Link types: what packets of a file begin with.
const (
	Ethernet uint32 = 1
	Raw      uint32 = 101
	SLL      uint32 = 113
	IPv4     uint32 = 228
	IPv6     uint32 = 229
	SLL2     uint32 = 276
)

// A Packet is one as it was recorded.
type Packet struct {
	Time   time.Time
	Length int    // on the wire
	Data   []byte // what was kept; of a Reader until its next Read
}

// Magic numbers of the first bytes.
const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d
	magicNext  = 0x0a0d0d0a // of both byte orders
)

// A Reader reads a file.
type Reader struct {
	Link uint32 // known after NewReader
	Snap uint32 // longest packet that was kept, as the file says

	r       *bufio.Reader
	order   binary.ByteOrder
	buffer  []byte
	nano    bool
	next    *nextGen // of pcapng
	pending *Packet
}

// NewReader reads the beginning of a file.
func NewReader(r io.Reader) (*Reader, error) {
	f := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	var head [24]byte
	if err := f.full(head[:4]); err != nil {
		return nil, fmt.Errorf("no file of packets: %w", err)
	}
	magic := binary.LittleEndian.Uint32(head[:])
	if magic == magicNext {
		f.next = &nextGen{}
		return f, f.startNext()
	}
	f.order = binary.LittleEndian
	if swapped := binary.BigEndian.Uint32(head[:]); swapped == magicMicro || swapped == magicNano {
		magic, f.order = swapped, binary.BigEndian
	}
	if magic != magicMicro && magic != magicNano {
		return nil, fmt.Errorf("no file of packets: it begins with %#08x", magic)
	}
	f.nano = magic == magicNano
	if err := f.full(head[4:]); err != nil {
		return nil, fmt.Errorf("cut in its header: %w", err)
	}
	if major := f.order.Uint16(head[4:]); major != 2 {
		return nil, fmt.Errorf("version %d of the format, expected 2", major)
	}
	f.Snap = f.order.Uint32(head[16:])
	f.Link = f.order.Uint32(head[20:]) & 0xffff
	return f, nil
}

// full fills p. A file that ends within it is cut.
func (f *Reader) full(p []byte) error {
	_, err := io.ReadFull(f.r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is cut")
	}
	return err
}

// Read reads the next packet; after the last the error is io.EOF.
func (f *Reader) Read() (Packet, error) {
	if f.next != nil {
		return f.readNext()
	}
	var head [16]byte
	if err := f.full(head[:]); err != nil {
		return Packet{}, err
	}
	kept, length := f.order.Uint32(head[8:]), f.order.Uint32(head[12:])
	if kept > MaxPacket || length > 1<<30 {
		return Packet{}, fmt.Errorf("a packet of %d bytes, of %d: expected %d at most", kept, length,
			MaxPacket)
	}
	b, err := f.take(int(kept))
	if err != nil {
		return Packet{}, err
	}
	part := int64(f.order.Uint32(head[4:]))
	if !f.nano {
		part *= 1000
	}
	return Packet{time.Unix(int64(f.order.Uint32(head[:])), part), int(length), b}, nil
}

// take reads n bytes into the buffer.
func (f *Reader) take(n int) ([]byte, error) {
	if cap(f.buffer) < n {
		f.buffer = make([]byte, n)
	}
	b := f.buffer[:n]
	if err := f.full(b); err != nil {
		return nil, errors.New("it is cut within a packet")
	}
	return b, nil
}

// A Writer writes a pcap file in the byte order of x86, in microseconds.
type Writer struct{ w io.Writer }

// NewWriter writes the beginning of a file. snap is the longest packet that will be kept.
func NewWriter(w io.Writer, link, snap uint32) (*Writer, error) {
	b := binary.LittleEndian.AppendUint32(nil, magicMicro)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, snap)
	b = binary.LittleEndian.AppendUint32(b, link)
	_, err := w.Write(b)
	return &Writer{w}, err
}

// Write writes a packet.
func (w *Writer) Write(p Packet) error {
	b := make([]byte, 0, 16+len(p.Data))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Time.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Time.Nanosecond()/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(p.Length))
	_, err := w.w.Write(append(b, p.Data...))
	return err
}
