package bzip2

// runs collects a block. Of four to 255 equal bytes there are four, and how many more: what sorts the
// rotations of a block did badly with long runs once.
type runs struct {
	block []byte
	limit int
	crc   uint32 // of the bytes as they came
	last  byte
	count int // of last, which are not in the block yet
	table [256]uint32
}

// full reports whether another byte may not fit: what is not yet in the block takes up to five.
func (r *runs) full() bool { return len(r.block)+10 > r.limit }

func (r *runs) add(b byte) {
	const longest = 255
	r.crc = r.crc<<8 ^ r.table[byte(r.crc>>24)^b]
	if r.count > 0 && (b != r.last || r.count == longest) {
		r.end()
	}
	r.last = b
	r.count++
}

// end puts a run into the block.
func (r *runs) end() {
	const shortest = 4
	for range min(r.count, shortest) {
		r.block = append(r.block, r.last)
	}
	if r.count >= shortest {
		r.block = append(r.block, byte(r.count-shortest))
	}
	r.count = 0
}

// take is the block, and the sum of what is in it.
func (r *runs) take() (block []byte, crc uint32) {
	r.end()
	return r.block, ^r.crc
}

func (r *runs) reset() { r.block, r.crc = r.block[:0], ^uint32(0) }

// newRuns makes a table of the sum that bzip2 uses, which is that of Ethernet with the highest bit first:
// hash/crc32 has the other.
func newRuns(limit int) runs {
	const polynomial = 0x04c11db7
	r := runs{limit: limit, crc: ^uint32(0)}
	for i := range r.table {
		crc := uint32(i) << 24
		for range 8 {
			crc = crc<<1 ^ crc>>31*polynomial
		}
		r.table[i] = crc
	}
	return r
}
