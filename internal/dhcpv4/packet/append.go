package packet

import (
	"encoding/binary"
	"net/netip"
)

// Append appends the message to b: at most limit bytes, which must be MinMax or
// more, and at least MinLen. Options that do not fit into the options field go
// into the file and sname fields if these are free (RFC 2132 9.3); left lists the
// codes of those for which there was no room at all. The last p.Last options get
// their room in the options field before all but the first two, which say what the
// message is; the very last before the others.
func (p *Packet) Append(b []byte, limit int) (out []byte, left []uint8) {
	start := len(b)
	b = p.appendHeader(b)
	size := 1 // End
	for _, o := range p.Options {
		size += encodedLen(o)
	}
	if headerLen+len(cookie)+size <= limit {
		for _, o := range p.Options {
			b = appendOption(b, o)
		}
	} else {
		b, left = p.appendOverloaded(b, start, limit)
	}
	b = append(b, OptionEnd)
	for len(b)-start < MinLen {
		b = append(b, 0)
	}
	return b, left
}

func (p *Packet) appendHeader(b []byte) []byte {
	b = append(b, p.Op, p.HType, p.HLen, p.Hops)
	b = binary.BigEndian.AppendUint32(b, p.XID)
	b = binary.BigEndian.AppendUint16(b, p.Secs)
	b = binary.BigEndian.AppendUint16(b, p.Flags)
	for _, a := range [...]netip.Addr{p.CIAddr, p.YIAddr, p.SIAddr, p.GIAddr} {
		a4 := [4]byte{}
		if a.Is4() {
			a4 = a.As4()
		}
		b = append(b, a4[:]...)
	}
	b = append(b, p.CHAddr[:]...)
	var names [snameLen + fileLen]byte
	copy(names[:snameLen-1], p.SName)
	copy(names[snameLen:len(names)-1], p.File)
	b = append(b, names[:]...)
	return append(b, cookie[:]...)
}

// appendOverloaded writes the options field of the message that begins at
// b[start], without End, and puts what does not fit into file and sname.
func (p *Packet) appendOverloaded(b []byte, start, limit int) (_ []byte, left []uint8) {
	const endLen, overloadLen = 1, 3
	end := start + limit - endLen - overloadLen
	// The room in a field is its length without End; none if it is in use.
	fields := [2]struct{ at, room int }{{at: start + fileOff}, {at: start + snameOff}}
	if len(p.File) == 0 {
		fields[0].room = fileLen - endLen
	}
	if len(p.SName) == 0 {
		fields[1].room = snameLen - endLen
	}
	var used byte
	kept, isKept := p.keep(end - len(b))
next:
	for i, o := range p.Options {
		n := encodedLen(o)
		if isKept(i) {
			kept -= n
		}
		if len(b)+n <= end-kept {
			b = appendOption(b, o)
			continue
		}
		for i := range fields {
			if f := &fields[i]; n <= f.room {
				appendOption(b[:f.at], o)
				f.at += n
				f.room -= n
				b[f.at] = OptionEnd
				used |= 1 << i
				continue next
			}
		}
		left = append(left, o.Code)
	}
	if used != 0 {
		b = append(b, OptionOverload, 1, used)
	}
	return b, left
}

// keep returns how much of the room is kept for the last options, and for which.
func (p *Packet) keep(room int) (kept int, isKept func(i int) bool) {
	var which uint64
	for i := 0; i < min(2, len(p.Options)); i++ {
		room -= encodedLen(p.Options[i])
	}
	for n := range p.Last {
		if size := encodedLen(p.Options[len(p.Options)-1-n]); kept+size <= room {
			kept += size
			which |= 1 << n
		}
	}
	return kept, func(i int) bool { return which>>(len(p.Options)-1-i)&1 != 0 }
}

// encodedLen returns the length of o on the wire.
func encodedLen(o Option) int { return len(o.Data) + 2*max(1, (len(o.Data)+254)/255) }

// appendOption writes o, in pieces if it is long (RFC 3396 section 6).
func appendOption(b []byte, o Option) []byte {
	for data := o.Data; ; {
		n := min(len(data), 255)
		b = append(b, o.Code, byte(n))
		b = append(b, data[:n]...)
		if data = data[n:]; len(data) == 0 {
			return b
		}
	}
}
