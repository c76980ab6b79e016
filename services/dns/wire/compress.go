package wire

import "encoding/binary"

// maxLabels is how many places of names are remembered, to point to. Beyond that, names are written out.
const maxLabels = 64

// maxPointer is the first offset that a pointer cannot say (RFC 1035 4.1.4).
const maxPointer = 1 << 14

// A compressor writes records behind a header and a question, each name as a pointer to where it or the end
// of it was written before.
type compressor struct {
	out    []byte // the message that is written
	base   int    // where its records begin
	labels []uint16
}

// start begins a message with the question of q.
func (c *compressor) start(q *Query) {
	c.out = q.begin(c.out[:0])
	c.base = len(c.out)
	c.labels = c.labels[:0]
	if q.questionLen > 0 {
		c.remember(headerSize, int(q.Name.n))
	}
}

// remember remembers the labels of the name that is written at off and n bytes long, its last zero aside.
func (c *compressor) remember(off, n int) {
	for end := off + n; off < end && c.out[off] > 0 && c.out[off] <= maxLabel; off += 1 + int(c.out[off]) {
		if len(c.labels) == maxLabels || off >= maxPointer {
			return
		}
		c.labels = append(c.labels, uint16(off))
	}
}

// write writes a record of msg with another TTL, and returns where that is. ok is false if it is malformed.
func (c *compressor) write(msg []byte, r *record, ttl uint32) (at int, ok bool) {
	if _, ok := c.name(msg, r.owner, true); !ok {
		return 0, false
	}
	c.out = binary.BigEndian.AppendUint16(c.out, r.typ)
	c.out = binary.BigEndian.AppendUint16(c.out, r.class)
	at = len(c.out)
	c.out = binary.BigEndian.AppendUint32(c.out, ttl)
	c.out = append(c.out, 0, 0)
	data := len(c.out)
	if !c.rdata(msg[:r.end], r.typ, r.data) || len(c.out)-data >= 1<<16 {
		return 0, false
	}
	binary.BigEndian.PutUint16(c.out[data-2:], uint16(len(c.out)-data))
	return at, true
}

// rdata writes the data of a record, which is from off to the end of msg. It is false if it is malformed.
func (c *compressor) rdata(msg []byte, typ uint16, off int) bool {
	f := formOf(typ)
	if typ == TypeNAPTR {
		f = form{prefix: naptrPrefix(msg[off:]), names: 1}
		if f.prefix == 0 {
			return false
		}
	}
	if off+f.prefix > len(msg) {
		return false
	}
	c.out = append(c.out, msg[off:off+f.prefix]...)
	off += f.prefix
	for range f.names {
		var ok bool
		if off, ok = c.name(msg, off, f.compress); !ok {
			return false
		}
	}
	if f.rest != anyRest && len(msg)-off != f.rest {
		return false
	}
	c.out = append(c.out, msg[off:]...)
	return true
}

// name writes the name at off of msg, and returns where it ends there. ok is false if it is malformed.
func (c *compressor) name(msg []byte, off int, compress bool) (next int, ok bool) {
	var name [MaxName]byte
	n, next := expand(&name, msg, off)
	if n == 0 {
		return 0, false
	}
	at := len(c.out)
	for i := 0; compress && i < n-1; i += 1 + int(name[i]) {
		if to := c.find(name[i:n]); to > 0 {
			c.out = append(append(c.out, name[:i]...), byte(0xc0|to>>8), byte(to))
			c.remember(at, i)
			return next, true
		}
	}
	c.out = append(c.out, name[:n]...)
	if compress {
		c.remember(at, n-1)
	}
	return next, true
}

// find returns where an uncompressed name was written before, 0 if it was not.
func (c *compressor) find(name []byte) int {
	for _, at := range c.labels {
		if c.same(int(at), name) {
			return int(at)
		}
	}
	return 0
}

// same says whether the name at off of what is written is an uncompressed one. What is written has only names
// that end, and pointers that lead back.
func (c *compressor) same(off int, name []byte) bool {
	for {
		l := int(c.out[off])
		if l >= 0xc0 {
			off = (l&0x3f)<<8 | int(c.out[off+1])
			continue
		}
		if int(name[0]) != l {
			return false
		}
		if l == 0 {
			return true
		}
		if !equalFold(c.out[off:off+1+l], name[:1+l]) {
			return false
		}
		off, name = off+1+l, name[1+l:]
	}
}
