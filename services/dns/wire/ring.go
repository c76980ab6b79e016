package wire

import "sync/atomic"

// A ring is a fixed memory of words that one writer fills with entries, each whole and in one piece, behind
// the newest of them. Where there is no room, it gives up the oldest.
//
//	offset 0            off(head)          off(tail)                end        len(words)
//	│ newest lap ────────►│ room           │ the lap before ─────────►│ left over │
//
// Readers do not lock. They read words that may be overwritten while they do, and ask afterwards, by live,
// whether what they have read was there all the time: the writer moves tail before it writes where an entry
// was. Positions only grow, so an entry is never taken for another.
type ring struct {
	words []atomic.Uint64
	tail  atomic.Uint64 // the position of the oldest entry
	head  uint64        // the position of the next entry; of the writer alone, like end
	end   uint64        // the offset at which the lap before that of head has ended
}

// A position is a lap, from 1, and an offset into words: so it is never 0. At 1,000 entries of 150 bytes a
// second in a memory of 1 MB, laps last for 50 years.
const (
	lapBits    = 24 // 16 M words, 128 MiB
	offsetMask = 1<<lapBits - 1
	posBits    = 52
	posMask    = 1<<posBits - 1
)

// lengthShift is where in its first word the number of words of an entry is.
const lengthShift = 48

func newRing(words int) *ring {
	r := &ring{words: make([]atomic.Uint64, words), head: 1 << lapBits}
	r.tail.Store(r.head)
	return r
}

// at returns the words from a position on. A reader that comes too late may find anything in them.
func (r *ring) at(pos uint64) []atomic.Uint64 { return r.words[pos&offsetMask:] }

// live says whether the entry at pos is still there, and with it whatever was read of it before.
func (r *ring) live(pos uint64) bool { return pos >= r.tail.Load() }

// room says whether n words can be appended.
func (r *ring) room(n int) bool {
	tail, off := r.tail.Load(), int(r.head&offsetMask)
	switch {
	case tail>>lapBits < r.head>>lapBits:
		return off+n <= int(tail&offsetMask)
	case off+n <= len(r.words):
		return true
	case tail == r.head: // all of it is room, from offset 0
		return n <= len(r.words)
	}
	return n <= int(tail&offsetMask)
}

// append writes an entry, for which there has to be room, and returns its position.
func (r *ring) append(entry []uint64) (pos uint64) {
	if off := r.head & offsetMask; int(off)+len(entry) > len(r.words) {
		empty := r.tail.Load() == r.head
		r.end, r.head = off, (r.head>>lapBits+1)<<lapBits
		if empty {
			r.tail.Store(r.head)
		}
	}
	pos = r.head
	words := r.at(pos)[:len(entry)]
	for i, w := range entry {
		words[i].Store(w)
	}
	r.head += uint64(len(entry))
	return pos
}

// next returns the position behind the entry at pos.
func (r *ring) next(pos uint64) uint64 {
	pos += r.at(pos)[0].Load() >> lengthShift
	if lap := r.head >> lapBits; pos>>lapBits < lap && pos&offsetMask == r.end {
		return lap << lapBits
	}
	return pos
}

// drop gives up the oldest entry.
func (r *ring) drop() { r.tail.Store(r.next(r.tail.Load())) }

// clear gives up all.
func (r *ring) clear() { r.tail.Store(r.head) }

// used is how many words entries take.
func (r *ring) used() int {
	tail := r.tail.Load()
	if tail>>lapBits == r.head>>lapBits {
		return int(r.head - tail)
	}
	return int(r.end - tail&offsetMask + r.head&offsetMask)
}
