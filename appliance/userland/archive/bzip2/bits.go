package bzip2

import "io"

// bits writes bits, the highest first. An error stays.
type bits struct {
	w      io.Writer
	buffer []byte
	value  uint64
	count  uint // bits of value that are not in the buffer yet: under 8 between calls
	err    error
}

// write writes the lowest n of v, at most 48.
func (b *bits) write(n uint, v uint64) {
	b.value = b.value<<n | v&(1<<n-1)
	for b.count += n; b.count >= 8; b.count -= 8 {
		b.buffer = append(b.buffer, byte(b.value>>(b.count-8)))
	}
	const enough = 32 << 10
	if len(b.buffer) >= enough {
		b.empty()
	}
}

// flush writes the last byte too, filled up with zeros.
func (b *bits) flush() {
	if b.count > 0 {
		b.write(8-b.count, 0)
	}
	b.empty()
}

func (b *bits) empty() {
	if b.err == nil {
		_, b.err = b.w.Write(b.buffer)
	}
	b.buffer = b.buffer[:0]
}
