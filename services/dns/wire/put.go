package wire

import "time"

// Put keeps the answer that e has taken and found to be Good, in the place of an older one. It is false if e
// has nothing that can be kept.
func (c *Cache) Put(e *Extract, now time.Time) bool {
	if e.TTL < time.Second || len(e.Records) > maxKept {
		return false
	}
	h := header{
		key: e.key, hash: hash(&e.name, e.key), rcode: e.Rcode, ad: e.AD, put: now.Sub(c.start), ttl: e.TTL,
		answers: uint32(e.Answers), authorities: uint32(e.Authorities),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entry = encode(c.entry[:0], &h, &e.name, e.ttls, e.Records)
	c.write(&h, &e.name)
	if s, pos := c.find(&e.name, e.key|keyFailure); pos > 0 {
		s.Store(0)
	}
	return true
}

// Fail remembers that nobody had an answer to q, and returns for how long: a second, and then twice as long
// each time (RFC 9520 3.2). Others who ask meanwhile are told the extended error, 0 if there is none. An
// answer that there is stays, for those who take a stale one.
func (c *Cache) Fail(q *Query, now time.Time, extended uint16) time.Duration {
	at, key := now.Sub(c.start), q.key()|keyFailure
	h := header{
		key: key, hash: hash(&q.Name, key), rcode: ServFail, put: at, ttl: minFailure,
		answers: uint32(extended),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, pos := c.find(&q.Name, key); pos > 0 {
		var last header
		last.load(c.ring.at(pos))
		if int64(last.put) >= c.failuresFrom.Load() && at-last.put < last.ttl {
			return last.ttl - max(at-last.put, 0) // of another that was asked at the same time
		}
		if int64(last.put) >= c.failuresFrom.Load() && at-last.put < 2*last.ttl+minFailure {
			h.ttl = min(2*last.ttl, c.limit)
		}
	}
	c.entry = encode(c.entry[:0], &h, &q.Name, nil, nil)
	c.write(&h, &q.Name)
	return h.ttl
}

// write writes c.entry, whose header is h, to the ring, and to a slot where it is. The caller has the lock.
func (c *Cache) write(h *header, name *Name) {
	for left := chances; !c.ring.room(len(c.entry)); {
		left = c.giveUp(h.put, left)
	}
	s, old := c.slotFor(h, name)
	hits := uint32(0)
	if old > 0 { // its hits are those of the question
		var last header
		last.load(c.ring.at(old))
		hits, h.chance = s.hits.Load()&^claimed, last.chance
		h.store(c.entry)
	}
	s.hits.Store(hits)
	s.Store(tag(h.hash) | c.ring.append(c.entry))
	c.counters.puts.Add(1)
}

// giveUp gives up the oldest entry. If it was asked for since it got there, and may be again, and another
// chance is left, it is written again as the newest.
func (c *Cache) giveUp(at time.Duration, left int) int {
	pos := c.ring.tail.Load()
	var h header
	words := c.ring.at(pos)
	h.load(words)
	s, found := c.slotOf(&h, pos)
	if !found {
		c.ring.drop() // it was replaced or flushed
		return left
	}
	hits := s.hits.Load() &^ claimed
	if left == 0 || hits == h.chance || at-h.put >= h.ttl+c.stale {
		c.ring.drop() // its slot leads to before all entries now
		c.counters.evicted.Add(1)
		return left
	}
	c.moved = c.moved[:0]
	for i := range words[:h.words] {
		c.moved = append(c.moved, words[i].Load())
	}
	h.chance = hits
	h.store(c.moved)
	c.ring.drop()
	s.Store(tag(h.hash) | c.ring.append(c.moved))
	return left - 1
}

// slotOf returns the slot that leads to the entry at pos, if one does.
func (c *Cache) slotOf(h *header, pos uint64) (s slot, ok bool) {
	for _, b := range c.bucketsOf(h.hash) {
		for i := range b.slots {
			if b.slots[i].Load() == tag(h.hash)|pos {
				return slot{&b.slots[i], &b.hits[i]}, true
			}
		}
	}
	return slot{}, false
}

// slotFor returns the slot for an entry: that of an older one for the same question, and where that is, else
// one that leads nowhere, else the one of the entry that is missed least.
func (c *Cache) slotFor(h *header, name *Name) (s slot, old uint64) {
	if s, pos := c.find(name, h.key); pos > 0 {
		return s, pos
	}
	least := ^uint64(0)
	for _, b := range c.bucketsOf(h.hash) {
		for i := range b.slots {
			candidate := slot{&b.slots[i], &b.hits[i]}
			pos := candidate.Load() & posMask
			if !c.ring.live(pos) { // an empty one has 0, which is before all
				return candidate, 0
			}
			if worth := c.worth(candidate, pos, h.put); worth < least {
				s, least = candidate, worth
			}
		}
	}
	c.counters.evicted.Add(1)
	return s, 0
}

// worth orders the entries of two buckets: those that are good no longer first, then those that nobody has
// asked for lately, each the oldest first.
func (c *Cache) worth(s slot, pos uint64, at time.Duration) uint64 {
	var h header
	h.load(c.ring.at(pos))
	class := uint64(2)
	if at-h.put >= h.ttl {
		class = 0
	} else if s.hits.Load()&^claimed == h.chance {
		class = 1
	}
	return class<<posBits | pos
}
