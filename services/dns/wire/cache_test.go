package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/miekg/dns"
)

// answered returns an extract of a response to q.
func answered(t testing.TB, q *Query, r response) *Extract {
	t.Helper()
	e := NewExtract(DefaultBounds())
	if f := e.Take(q, r.pack(q)); f != Good {
		t.Fatalf("%s: %s", Text(q.Name.Bytes()), f)
	}
	return e
}

// start is the time of a cache in tests.
func start() time.Time { return time.Unix(1_700_000_000, 0) }

// get asks the cache, and has the judge read the answer.
func get(t testing.TB, c *Cache, q *Query, now time.Time, stale bool) (*dns.Msg, Hit) {
	t.Helper()
	out, hit := c.Append(nil, q, now, stale, ReplyOptions{})
	if hit.State == Miss || hit.State == Failing {
		if out != nil {
			t.Fatalf("state %d, and %x", hit.State, out)
		}
		return nil, hit
	}
	return unpack(t, out), hit
}

func TestCache(t *testing.T) {
	now := start()
	c := NewCache(CacheConfig{Stale: 24 * time.Hour}, now)
	q := question(t, "www.example.com.", dns.TypeA, false)
	alias := response{authentic: true, answer: []string{
		"www.example.com. 300 IN CNAME b.example.org.", "b.example.org. 100 IN A 192.0.2.1",
	}}
	if _, hit := get(t, c, q, now, true); hit.State != Miss {
		t.Fatalf("an empty cache has %v", hit)
	}
	c.Put(answered(t, q, alias), now)
	for _, tt := range []struct {
		after   time.Duration
		stale   bool
		state   CacheState
		first   uint32
		second  uint32
		refresh bool
	}{
		{0, false, Fresh, 300, 100, false},
		{-time.Second, false, Fresh, 300, 100, false}, // a clock that was set back
		{999 * time.Millisecond, false, Fresh, 300, 100, false},
		{time.Second, false, Fresh, 299, 99, false},
		{90 * time.Second, true, Fresh, 210, 10, false},
		{91 * time.Second, false, Fresh, 209, 9, true},
		{91 * time.Second, false, Fresh, 209, 9, false}, // one is told
		{99 * time.Second, false, Fresh, 201, 1, false},
		{100 * time.Second, false, Miss, 0, 0, false},
		{100 * time.Second, true, Stale, 30, 30, false},
		{24*time.Hour + 99*time.Second, true, Stale, 30, 30, false},
		{24*time.Hour + 100*time.Second, true, Miss, 0, 0, false},
	} {
		m, hit := get(t, c, q, now.Add(tt.after), tt.stale)
		if hit.State != tt.state || hit.Refresh != tt.refresh {
			t.Errorf("after %v: %+v", tt.after, hit)
		}
		if m != nil && (m.Answer[0].Header().Ttl != tt.first || m.Answer[1].Header().Ttl != tt.second) {
			t.Errorf("after %v: %v", tt.after, m)
		}
	}
	asked := parse(t, ask("wWw.example.com.", dns.TypeA, func(m *dns.Msg) { m.AuthenticatedData = true }), Plain)
	m, _ := get(t, c, asked, now, false)
	if m == nil || !m.AuthenticatedData || m.Question[0].Name != "wWw.example.com." || m.IsEdns0() != nil ||
		m.Answer[0].Header().Name != "wWw.example.com." {
		t.Errorf("with AD and no EDNS: %v", m)
	}
	asked.EDNS = true
	m, hit := get(t, c, asked, now.Add(time.Hour), true)
	if hit.State != Stale || m.AuthenticatedData || m.IsEdns0().Option[0].String() != "3 (Stale Answer): ()" {
		t.Errorf("stale: %v", m)
	}
	s := c.Stats()
	if s.Hits != 9 || s.Stale != 3 || s.Misses != 3 || s.Puts != 1 || s.Entries != 1 || s.Evicted != 0 {
		t.Errorf("%+v", s)
	}
}

// TestCacheKey: DO and CD are other questions, like another type; AD is not.
func TestCacheKey(t *testing.T) {
	c := NewCache(CacheConfig{}, start())
	var qs []*Query
	for i, change := range []func(*dns.Msg){
		func(*dns.Msg) {}, edns(1232, true), func(m *dns.Msg) { m.CheckingDisabled = true },
		func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }, func(m *dns.Msg) { m.Question[0].Name = "b." },
	} {
		q := parse(t, ask("a.", dns.TypeA, change), Plain)
		qs = append(qs, q)
		rr := fmt.Sprintf("%s 60 IN A 192.0.2.%d", Text(q.Name.Bytes()), i)
		if q.Type == dns.TypeAAAA {
			rr = fmt.Sprintf("a. 60 IN AAAA 2001:db8::%d", i)
		}
		for j, other := range qs {
			if _, hit := get(t, c, other, start(), false); (hit.State == Fresh) != (j < i) {
				t.Errorf("question %d before %d is put: %v", j, i, hit)
			}
		}
		c.Put(answered(t, q, response{answer: []string{rr}}), start())
	}
	for i, q := range qs {
		m, _ := get(t, c, q, start(), false)
		if s := m.Answer[0].String(); !strings.HasSuffix(s, string('0'+rune(i))) {
			t.Errorf("question %d: %s", i, s)
		}
	}
	if n := c.Flush([]byte("\x01A\x00"), false); n != 4 || c.Stats().Entries != 1 {
		t.Errorf("%d are flushed", n)
	}
}

// TestEntryIsOfItsKey: name, type and flags are compared, however much hashes are alike.
func TestEntryIsOfItsKey(t *testing.T) {
	q := question(t, "www.example.com.", dns.TypeA, false)
	r := newRing(1000)
	pos := r.append(encode(nil, &header{key: q.key()}, &q.Name, []uint16{1, 2, 3, 4, 5}, make([]byte, 9)))
	var h header
	if !is(r.at(pos), &q.Name, q.key()) || !h.load(r.at(pos)) || h.words != entryHeader+3+2+2 {
		t.Errorf("%+v", h)
	}
	for _, key := range []uint64{q.key() | keyDO, q.key() | keyCD, q.key() | keyFailure, uint64(dns.TypeAAAA)} {
		if is(r.at(pos), &q.Name, key) {
			t.Errorf("it is of key %x", key)
		}
	}
	for _, name := range []string{"www.example.co.", "www.example.con.", "wwww.example.com.", ".", "a."} {
		if is(r.at(pos), &question(t, name, dns.TypeA, false).Name, q.key()) {
			t.Errorf("it is %s", name)
		}
	}
	if is(r.at(pos)[:7], &q.Name, q.key()) || h.load(r.at(pos)[:4]) || h.load(r.at(pos)[:h.words-1]) {
		t.Error("it is read beyond the end of the memory")
	}
}

// TestCacheKeepsWhatFits: with as many answers as there is place for, hardly one is lost to another with the
// same buckets.
func TestCacheKeepsWhatFits(t *testing.T) {
	now := start()
	c := NewCache(CacheConfig{Bytes: 1 << 20}, now)
	e, q := NewExtract(DefaultBounds()), new(Query)
	n := len(c.buckets) * ways * 6 / 10
	for i := range n {
		q.Ask(randomName(i), dns.TypeA, seed)
		e.Take(q, negative(q))
		c.Put(e, now)
	}
	if s := c.Stats(); s.Entries < n*99/100 {
		t.Errorf("%d of %d: %+v", s.Entries, n, s)
	}
}

func TestCacheOfFailures(t *testing.T) {
	now := start()
	c := NewCache(CacheConfig{Stale: time.Hour, MaxFailure: 4 * time.Second}, now)
	q := question(t, "a.", dns.TypeA, false)
	state := func(want CacheState) {
		t.Helper()
		if _, hit := get(t, c, q, now, false); hit.State != want {
			t.Errorf("%v later: state %d, want %d", now.Sub(start()), hit.State, want)
		}
	}
	c.Put(answered(t, q, response{answer: []string{"a. 10 IN A 192.0.2.1"}}), now)
	for _, want := range []time.Duration{1, 2, 4, 4} {
		if d := c.Fail(q, now, 0); d != want*time.Second {
			t.Errorf("for %v, want %d s", d, want)
		}
		now = now.Add(want*time.Second - 1)
		if now.Sub(start()) < 10*time.Second {
			state(Fresh) // a failure hides no answer
		} else {
			state(Failing)
		}
		if d := c.Fail(q, now, 0); d != 1 { // another that was under way
			t.Errorf("again for %v", d)
		}
		now = now.Add(1)
	}
	state(Miss)
	if _, hit := get(t, c, q, now, true); hit.State != Stale {
		t.Errorf("the stale answer: %v", hit)
	}
	now = now.Add(time.Minute)
	if d := c.Fail(q, now, 0); d != time.Second {
		t.Errorf("a minute later for %v", d)
	}
	state(Failing)
	c.ForgetFailures(now)
	state(Miss)
	now = now.Add(1)
	c.Fail(q, now, 6)
	state(Failing)
	if _, hit := get(t, c, q, now, false); hit.Extended != 6 {
		t.Errorf("the failure is told as %d", hit.Extended)
	}
	c.Put(answered(t, q, response{answer: []string{"a. 10 IN A 192.0.2.1"}}), now)
	now = now.Add(11 * time.Second)
	state(Miss)
	if s := c.Stats(); s.Entries != 1 {
		t.Errorf("%+v", s)
	}
}

func TestCacheFlush(t *testing.T) {
	const all = "example.com. a.example.com. b.a.example.com. notexample.com. com. "
	fill := func() *Cache {
		c := NewCache(CacheConfig{}, start())
		for name := range strings.FieldsSeq(all) {
			q := question(t, name, dns.TypeA, false)
			c.Put(answered(t, q, response{answer: []string{name + " 60 IN A 192.0.2.1"}}), start())
		}
		return c
	}
	left := func(c *Cache) (names string) {
		for e := range c.Entries(start()) {
			names += Text(e.Name) + " "
		}
		return names
	}
	for _, tt := range []struct {
		name  string
		below bool
		n     int
		left  string
	}{
		{"Example.com.", false, 1, "a.example.com. b.a.example.com. notexample.com. com. "},
		{"example.COM.", true, 3, "notexample.com. com. "},
		{"org.", true, 0, all}, {".", false, 0, all}, {".", true, 5, ""},
	} {
		c := fill()
		name, _ := ParseText(tt.name)
		if n := c.Flush(name, tt.below); n != tt.n || left(c) != tt.left || c.Stats().Entries != 5-tt.n {
			t.Errorf("%s %v: %d, left %s", tt.name, tt.below, n, left(c))
		}
	}
	c := fill()
	used := c.Stats().UsedBytes
	c.Flush([]byte{0}, true)
	if s := c.Stats(); used == 0 || s.UsedBytes != 0 {
		t.Errorf("%d used before, and after it %+v", used, s)
	}
}

func TestCacheEntries(t *testing.T) {
	now := start()
	c := NewCache(CacheConfig{}, now)
	q := question(t, "www.example.com.", dns.TypeA, true)
	c.Put(answered(t, q, response{authentic: true, answer: []string{
		"www.example.com. 60 IN A 192.0.2.1", "www.example.com. 60 IN A 192.0.2.2",
	}}), now)
	now = now.Add(20 * time.Second)
	get(t, c, q, now, false)
	get(t, c, q, now, false)
	no := question(t, "no.example.com.", dns.TypeAAAA, false)
	c.Fail(no, now, 0)
	entries := slices.Collect(c.Entries(now.Add(time.Second)))
	if len(entries) != 2 {
		t.Fatalf("%+v", entries)
	}
	e := entries[0]
	if Text(e.Name) != "www.example.com." || e.Type != 1 || !e.DO || e.CD || e.Failure || !e.AD ||
		e.Answers != 2 || e.Bytes != 32 || e.Age != 21*time.Second || e.Left != 39*time.Second || e.Hits != 2 ||
		e.Rcode != 0 {
		t.Errorf("%+v", e)
	}
	e = entries[1]
	if Text(e.Name) != "no.example.com." || e.Type != dns.TypeAAAA || !e.Failure || e.Rcode != ServFail ||
		e.Left != 0 {
		t.Errorf("%+v", e)
	}
	// A put of the same question counts on.
	c.Put(answered(t, q, response{answer: []string{"www.example.com. 60 IN A 192.0.2.1"}}), now)
	get(t, c, q, now, false)
	for e := range c.Entries(now) {
		if Text(e.Name) == "www.example.com." && (e.Hits != 3 || e.AD || e.Answers != 1) {
			t.Errorf("%+v", e)
		}
		break
	}
}

// negative is the message that there is no such name, for as many names as one likes.
func negative(q *Query) []byte {
	msg := append([]byte{0, 0, 0x81, 0x83, 0, 1, 0, 0, 0, 1, 0, 0}, q.Question()...)
	return append(msg, raw("00 0006 0001 0000003c 0016 00 00"+strings.Repeat("0000003c", 5))...)
}

// randomName is a name that nobody has asked for before.
func randomName(i int) []byte {
	return fmt.Appendf(nil, "\x0crnd-%08x\x00", i)
}

// TestCacheSparesWhatIsUsed: names that are asked for stay while a flood of others goes through, of fifty
// times the memory.
func TestCacheSparesWhatIsUsed(t *testing.T) {
	now := start()
	c := NewCache(CacheConfig{Bytes: 256 << 10}, now)
	var used []*Query
	for i := range 200 {
		q := question(t, fmt.Sprintf("used%d.example.", i), dns.TypeA, false)
		used = append(used, q)
	}
	e, q, lost := NewExtract(DefaultBounds()), new(Query), 0
	for i := range 100_000 {
		q.Ask(randomName(i), dns.TypeA, seed)
		if f := e.Take(q, negative(q)); f != Good {
			t.Fatal(f)
		}
		c.Put(e, now)
		if i%5 == 0 {
			u := used[i/5%len(used)]
			if _, hit := c.Append(nil, u, now, false, ReplyOptions{}); hit.State == Miss {
				lost++
				e.Take(u, negative(u))
				c.Put(e, now)
			}
		}
	}
	if s := c.Stats(); lost > len(used)+200 || s.Evicted < 80_000 {
		t.Errorf("%d of 20000 questions for %d used names were misses; %+v", lost, len(used), s)
	}
	checkCache(t, c)
}

// slowCache is a cache that forgets nothing: what a Cache answers has to be what it answers.
type slowCache map[string]slowEntry

type slowEntry struct {
	answer Answer
	put    time.Time
	ttl    time.Duration
}

func slowKey(q *Query) string { return fmt.Sprint(Text(q.Name.Bytes()), q.Type, q.DO, q.CD) }

// reply is the reply by the judge's library, its TTLs counted down.
func (s slowCache) reply(t *testing.T, q *Query, now time.Time, stale time.Duration) (b []byte, fresh bool) {
	e, ok := s[slowKey(q)]
	age := now.Sub(e.put)
	if !ok || age >= e.ttl+stale {
		return nil, false
	}
	m := unpack(t, q.Append(nil, e.answer, ReplyOptions{Limit: 65535}))
	for _, rr := range append(m.Answer, m.Ns...) {
		if age >= e.ttl {
			rr.Header().Ttl = staleTTL
			m.AuthenticatedData = false
		} else {
			rr.Header().Ttl -= uint32(age / time.Second)
		}
	}
	m.Compress = true
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b, age < e.ttl
}

// TestCacheAgainstASlowOne does random things to caches of several sizes. What a small one has forgotten is a
// miss; else all say the same.
func TestCacheAgainstASlowOne(t *testing.T) {
	for _, tt := range []struct {
		bytes, names, steps int
	}{{8 << 20, 300, 20000}, {0, 300, 20000}, {0, 3000, 20000}} {
		t.Run(fmt.Sprintf("%d bytes, %d names", tt.bytes, tt.names), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(tt.bytes), uint64(tt.names)))
			now, stale, misses := start(), 2*time.Hour, 0
			c := NewCache(CacheConfig{Bytes: tt.bytes, Stale: stale}, now)
			slow := slowCache{}
			for step := range tt.steps {
				now = now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
				name := fmt.Sprintf("n%d.z%d.example.", random.IntN(tt.names), random.IntN(3))
				q := question(t, name, []uint16{dns.TypeA, dns.TypeTXT}[random.IntN(2)], random.IntN(2) == 0)
				switch n := random.IntN(100); {
				case n < 30:
					e := answered(t, q, randomResponse(random, q, name))
					c.Put(e, now)
					kept := e.Answer
					kept.Records = bytes.Clone(e.Records)
					slow[slowKey(q)] = slowEntry{kept, now, e.TTL}
					compareCaches(t, c, slow, q, now, stale, true, true)
				case n < 31:
					below, own := random.IntN(2) == 0, q.Name.Bytes()
					if below {
						own = own[1+own[0]:]
					}
					for key := range slow {
						if strings.HasPrefix(key, Text(own)) || below && strings.Contains(key, "."+Text(own)) {
							delete(slow, key)
						}
					}
					c.Flush(own, below)
				default:
					misses += compareCaches(t, c, slow, q, now, stale, random.IntN(2) == 0, tt.bytes > 0)
				}
				if step%500 == 0 {
					checkCache(t, c)
				}
			}
			if (misses > 0) == (tt.bytes > 0) {
				t.Errorf("%d misses", misses)
			}
		})
	}
}

// randomResponse is an answer, or one with an alias, or the absence of one, of random length and TTL.
func randomResponse(random *rand.Rand, q *Query, name string) (r response) {
	ttl := 1 + random.IntN(2000)
	r.authentic = random.IntN(2) == 0
	if random.IntN(5) == 0 {
		r.authority = []string{fmt.Sprintf("example. %d IN SOA a. b. 1 2 3 4 60", ttl)}
		r.rcode = 3 * random.IntN(2)
		return r
	}
	if random.IntN(3) == 0 {
		r.answer = append(r.answer, fmt.Sprintf("%s %d IN CNAME alias.%s", name, ttl, name))
		name = "alias." + name
	}
	for i := range 1 + random.IntN(4) {
		if q.Type == dns.TypeTXT {
			text := strings.Repeat("x", random.IntN(250))
			r.answer = append(r.answer, fmt.Sprintf("%s %d IN TXT %q", name, ttl, text))
		} else {
			r.answer = append(r.answer, fmt.Sprintf("%s %d IN A 192.0.2.%d", name, ttl, i))
		}
	}
	return r
}

// compareCaches asks both, and returns 1 if the fast one has forgotten the answer, which it must not if
// complete.
func compareCaches(t *testing.T, c *Cache, slow slowCache, q *Query, now time.Time, stale time.Duration,
	old, complete bool) int {
	t.Helper()
	want, fresh := slow.reply(t, q, now, stale)
	out, hit := c.Append(nil, q, now, old, ReplyOptions{Limit: 65535})
	if want == nil || !fresh && !old {
		if hit.State != Miss {
			t.Fatalf("%s: %v, want a miss", slowKey(q), hit)
		}
		return 0
	}
	if hit.State == Miss && !complete {
		return 1
	}
	if (hit.State == Fresh) != fresh || (hit.State == Stale) == fresh {
		t.Fatalf("%s: %v, want fresh %v", slowKey(q), hit, fresh)
	}
	m := unpack(t, out)
	if m.IsEdns0() != nil && hit.State == Stale {
		m.IsEdns0().Option = nil
	}
	m.Compress = true
	if got, err := m.Pack(); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %v, %v", slowKey(q), m, err)
	}
	return 0
}

// checkCache follows the ring: its entries lie one behind the other from tail to head, and each slot leads to
// one of the same hash.
func checkCache(t *testing.T, c *Cache) {
	t.Helper()
	found, used, n := 0, 0, 0
	for pos := c.ring.tail.Load(); pos != c.ring.head; pos = c.ring.next(pos) {
		var h header
		if n++; n > len(c.ring.words) || !h.load(c.ring.at(pos)) {
			t.Fatalf("no entry at %d", pos)
		}
		used += h.words
		if _, ok := c.slotOf(&h, pos); ok {
			found++
		}
	}
	if s := c.Stats(); s.Entries != found || s.UsedBytes != 8*used || s.UsedBytes > s.Bytes {
		t.Fatalf("%d entries are found and %d words used: %+v", found, used, s)
	}
}

// TestCacheMemory: it is what was asked for.
func TestCacheMemory(t *testing.T) {
	for _, n := range []int{0, 70_400, 1 << 20, 5_000_000} {
		c := NewCache(CacheConfig{Bytes: n}, start())
		got := 8*len(c.ring.words) + int(unsafe.Sizeof(bucket{}))*len(c.buckets)
		if got > max(n, 70_400) || got < n-bucketBytes {
			t.Errorf("%d bytes of %d", got, n)
		}
	}
	longest := entryHeader + wordsOf(MaxName) + wordsOf(2*maxKept/11) + wordsOf(maxKept)
	if longest > minBuckets*bucketWords/4 {
		t.Errorf("an entry of %d words in a ring of %d", longest, minBuckets*bucketWords)
	}
}
