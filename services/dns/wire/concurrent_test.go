package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// telling makes e an answer to q whose bytes all follow from its name and a number, with as many records as
// that says: so a reader sees when it has got half of one and half of another.
func telling(t *testing.T, e *Extract, q *Query, msg []byte, n byte) []byte {
	count, words := 1+n%7, n%15
	msg = append(msg[:0], 0, 0, 0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0)
	msg = append(msg, q.Question()...)
	for range count {
		msg = append(msg, 0xc0, headerSize, 0, byte(dns.TypeTXT), 0, 1, 0, 0, 0, 60, 0, 1+4*words, 4*words)
		for range words {
			msg = binary.BigEndian.AppendUint32(msg, uint32(q.Name.hash)<<8|uint32(n))
		}
	}
	if f := e.Take(q, msg); f != Good {
		t.Error(f)
	}
	return msg
}

// told says whether an answer is one that telling has made.
func told(q *Query, reply []byte) bool {
	count := int(reply[7])
	data := reply[headerSize+len(q.Question()):]
	if count == 0 || len(data)%count != 0 {
		return false
	}
	size := len(data) / count
	var word []byte
	for ; len(data) > 0; data = data[size:] {
		words := data[:size][13:]
		if !bytes.Equal(data[:2], []byte{0xc0, headerSize}) || int(data[12]) != len(words) {
			return false
		}
		for ; len(words) > 0; words = words[4:] {
			if word == nil {
				word = words[:4]
			}
			if !bytes.Equal(words[:4], word) {
				return false
			}
		}
	}
	if word == nil {
		return count == 1 || size == 13
	}
	w := binary.BigEndian.Uint32(word)
	return w>>8 == uint32(q.Name.hash)&0xffffff && 1+int(w&255)%7 == count && 13+int(w&255)%15*4 == size
}

// TestCacheOfSeveral: readers get whole answers to their question while two writers fill a small ring again
// and again, and one flushes.
func TestCacheOfSeveral(t *testing.T) {
	now := start()
	c := NewCache(CacheConfig{}, now)
	const names = 400
	ask := func(i int) *Query {
		q := new(Query)
		q.Ask(randomName(i%names), dns.TypeTXT, seed)
		return q
	}
	var readers, writers sync.WaitGroup
	done := make(chan struct{})
	for w := range 2 {
		writers.Go(func() {
			e, msg := NewExtract(DefaultBounds()), []byte(nil)
			for i := range 5_000 {
				msg = telling(t, e, ask(i*7+w), msg, byte(i))
				c.Put(e, now)
				if i%1000 == 0 {
					c.Flush(randomName(i%names), false)
					c.Fail(ask(i), now, 0)
				}
				if i%2_000 == 1_999 {
					c.Flush([]byte{0}, true)
				}
			}
		})
	}
	for r := range 2 {
		readers.Go(func() {
			hits, out := 0, []byte(nil)
			for i, end := r, math.MaxInt; i < end; i++ { // until all names were asked for behind the last writer
				select {
				case <-done:
					end = min(end, i+names)
				default:
				}
				q, hit := ask(i), Hit{}
				if out, hit = c.Append(out[:0], q, now, true, ReplyOptions{Limit: 65535}); hit.State != Fresh {
					continue
				}
				if hits++; !told(q, out) {
					t.Errorf("%x is no answer", out)
					return
				}
			}
			if hits == 0 {
				t.Error("no hits")
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	checkCache(t, c)
}

// TestRefreshIsToldOnce: of many readers, one is told to refresh.
func TestRefreshIsToldOnce(t *testing.T) {
	c := NewCache(CacheConfig{}, start())
	q := question(t, "a.", dns.TypeA, false)
	c.Put(answered(t, q, response{answer: []string{"a. 100 IN A 192.0.2.1"}}), start())
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if _, hit := c.Append(nil, q, start().Add(95*time.Second), false, ReplyOptions{}); hit.Refresh {
					mu.Lock()
					n++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if n != 1 {
		t.Errorf("%d were told", n)
	}
}
