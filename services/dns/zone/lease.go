package zone

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Lease is a client of the house with an address and a name that it gave itself.
//
// What leases say lies over what the site says, in a table of its own: two hash tables
// by name and by address whose buckets are never changed. With copies the list of
// buckets and those that it changes: 6 bytes for each lease that there is, however
// many hosts the site has. So whoever has many changes at a time gives them at once.
type Lease struct {
	// Name is one label of a host name (RFC 1123 2.1), or that and the domain of the
	// house. All else is refused.
	Name string
	Addr netip.Addr // on a network of the house
	// Client is whose lease it is, for example the hardware address: leases of one name
	// and client are one machine's.
	Client string
	Until  time.Time // when it ends; the zero Time, or one past: it has ended
	// Station: nobody leased the address, its client has made it itself.
	Station bool
}

// maxLeases bounds the table of leases: more than one network of a house has neighbours.
const maxLeases = 1 << 17

// maxShown is how many addresses a client's name has at most: the newest.
const maxShown = 8

// leases is what clients say. It never changes.
type leases struct {
	names buckets[named]
	addrs buckets[held]
	count int
	made  int       // of these, stations
	order uint64    // how many leases were ever taken
	next  time.Time // no lease ends before
}

// held is an address with its lease. Its label is in lower case.
type held struct {
	Lease
	label       string
	first, last uint64 // in the order of leases: since when it has this name, and when it was taken last
}

// named is a name with the leases that want it. The client that has it keeps it as
// long as it has any of them.
type named struct {
	label  string
	client string
	shown  []netip.Addr // the client's newest IPv4 address, and its newest of IPv6
	wanted []held
}

// buckets is a hash table; the number of buckets is a power of two.
type buckets[T any] [][]T

func (b buckets[T]) at(hash uint32) []T {
	if len(b) == 0 {
		return nil
	}
	return b[hash&uint32(len(b)-1)]
}

// with returns b with item in the bucket of hash in place of the one that is like it,
// or without that one. b must be the caller's own; its buckets need not.
func (b buckets[T]) with(hash uint32, item *T, like func(*T) bool) {
	at := hash & uint32(len(b)-1)
	bucket := make([]T, 0, len(b[at])+1)
	for i := range b[at] {
		if !like(&b[at][i]) {
			bucket = append(bucket, b[at][i])
		}
	}
	if item != nil {
		bucket = append(bucket, *item)
	}
	b[at] = bucket
}

// grown returns a copy of b with room for count items.
func (b buckets[T]) grown(count int, hash func(*T) uint32) buckets[T] {
	size := powerOfTwo(count / 8)
	if size <= len(b) {
		return slices.Clone(b)
	}
	all := make(buckets[T], size)
	for _, bucket := range b {
		for i := range bucket {
			at := hash(&bucket[i]) & uint32(size-1)
			all[at] = append(all[at], bucket[i])
		}
	}
	return all
}

func hashLabel[S ~string | ~[]byte](label S) uint32 {
	h := hashBytes(hashStart, label)
	return h ^ h>>15
}

// lease returns the lease of an address, nil if there is none.
func (l *leases) lease(a netip.Addr) *held {
	bucket := l.addrs.at(hashAddr(a))
	for i := range bucket {
		if bucket[i].Addr == a {
			return &bucket[i]
		}
	}
	return nil
}

// holder returns the client that has a name in lower case, nil if nobody has.
func (l *leases) holder(label []byte) *named {
	bucket := l.names.at(hashLabel(label))
	for i := range bucket {
		if bucket[i].label == string(label) {
			return &bucket[i]
		}
	}
	return nil
}

// holderOf returns the leases of a host's clients.
func (l *leases) holderOf(t *Table, host ref) *named {
	wire := t.nameOf(host)
	return l.holder(wire[1 : 1+wire[0]])
}

// named returns the name of a client's address; nil: there is none, or the client has
// no right to it.
func (l *leases) named(a netip.Addr) *named {
	h := l.lease(a)
	if h == nil {
		return nil
	}
	bucket := l.names.at(hashLabel(h.label))
	for i := range bucket {
		if bucket[i].label == h.label && bucket[i].client == h.Client {
			return &bucket[i]
		}
	}
	return nil
}

// nobodysNames are names that give whoever has them power over his neighbours:
// browsers and tunnels look for wpad and isatap by themselves (CERT VU#598349).
func nobodysNames() []string { return []string{"localhost", "wpad", "isatap"} }

// Refuse says why a lease gets no name here, nil if it does. That another client has
// the name is no reason: it waits for it.
func (t *Table) Refuse(l Lease) error {
	_, err := t.admit(&l)
	return err
}

// admit returns a lease's name as one label in lower case.
func (t *Table) admit(l *Lease) (label string, err error) {
	if len(l.Name) > 255 {
		return "", errors.New("its name is longer than 255 bytes")
	}
	label = strings.TrimSuffix(strings.ToLower(l.Name), t.suffix)
	switch {
	case !isLabel(label):
		return "", fmt.Errorf("%q is no host name of %s", l.Name, t.suffix[1:])
	case slices.Contains(nobodysNames(), label):
		return "", fmt.Errorf("%s is a name that nobody may have", label)
	case !t.network(l.Addr).IsValid():
		return "", fmt.Errorf("%s is on no network of the house", l.Addr)
	case t.located(l.Addr) != 0:
		return "", fmt.Errorf("%s is the address of %s", l.Addr, display(t.nameOf(t.located(l.Addr))))
	}
	if n := t.inDomain([]byte(label)); n != 0 && !(t.host(n) == n && t.owns(n, l.Client)) {
		return "", fmt.Errorf("the site has the name %s", label)
	}
	return label, nil
}

// With returns a Table with leases taken as they came: each takes the place of an
// earlier one of its address, and those that have ended by now are gone. A name that
// two clients want is of the one who had it first until it has no lease any more,
// then of whoever has waited longest. Leases that Refuse refuses have no name.
//
// The Table itself stays as it is.
func (t *Table) With(now time.Time, changes ...Lease) *Table {
	next := t.with(now, changes)
	if !now.Before(next.leases.next) {
		next.expire(now)
	}
	return next
}

// Next returns a time before which no lease ends: With has nothing to do until then
// but for new leases. It is the zero Time if there are none.
func (t *Table) Next() time.Time {
	if t.leases.count == 0 {
		return time.Time{}
	}
	return t.leases.next
}

// Leases returns how many leases have or want a name, without stations.
func (t *Table) Leases() int { return t.leases.count - t.leases.made }

// Stations returns how many stations have or want a name.
func (t *Table) Stations() int { return t.leases.made }

// with returns a Table with leases taken, but for those that have ended by now.
func (t *Table) with(now time.Time, changes []Lease) *Table {
	old := &t.leases
	next := &Table{static: t.static, leases: *old}
	room := min(old.count+len(changes), maxLeases)
	next.leases.names = old.names.grown(room, func(n *named) uint32 { return hashLabel(n.label) })
	next.leases.addrs = old.addrs.grown(room, func(h *held) uint32 { return hashAddr(h.Addr) })
	for i := range changes {
		next.take(now, &changes[i])
	}
	return next
}

// take takes one lease. The tables are t's own; their buckets are not.
func (t *Table) take(now time.Time, l *Lease) {
	label, err := t.admit(l)
	h := held{Lease: *l, label: label, first: t.leases.order, last: t.leases.order}
	old := t.leases.lease(l.Addr)
	ended := err != nil || l.Until.IsZero() || !now.Before(l.Until)
	again := !ended && old != nil && old.label == label && old.Client == l.Client
	switch {
	case again:
		h.first = old.first
	case old != nil:
		t.drop(*old)
	}
	if ended || !again && t.leases.count == maxLeases {
		return
	}
	t.leases.order++
	if t.leases.count == 0 || l.Until.Before(t.leases.next) {
		t.leases.next = l.Until
	}
	switch {
	case !again:
		t.leases.counted(l, 1)
	case l.Station != old.Station:
		t.leases.counted(&old.Lease, -1)
		t.leases.counted(l, 1)
	}
	t.leases.addrs.with(hashAddr(l.Addr), &h, func(x *held) bool { return x.Addr == l.Addr })
	t.want(label, l.Addr, &h)
}

// counted counts a lease.
func (l *leases) counted(x *Lease, n int) {
	l.count += n
	if x.Station {
		l.made += n
	}
}

// drop ends a lease.
func (t *Table) drop(h held) {
	t.leases.counted(&h.Lease, -1)
	t.leases.addrs.with(hashAddr(h.Addr), nil, func(x *held) bool { return x.Addr == h.Addr })
	t.want(h.label, h.Addr, nil)
}

// want notes that the lease of an address wants a name, or wants it no more, and says
// whose the name is then.
func (t *Table) want(label string, a netip.Addr, lease *held) {
	hash := hashLabel(label)
	n := named{label: label}
	if old := t.leases.holder([]byte(label)); old != nil {
		n.client = old.client
		n.wanted = slices.DeleteFunc(slices.Clone(old.wanted), func(x held) bool { return x.Addr == a })
	}
	if lease != nil {
		n.wanted = append(n.wanted, *lease)
	}
	like := func(x *named) bool { return x.label == label }
	if len(n.wanted) == 0 {
		t.leases.names.with(hash, nil, like)
		return
	}
	if !slices.ContainsFunc(n.wanted, func(x held) bool { return x.Client == n.client }) {
		first := slices.MinFunc(n.wanted, func(x, y held) int { return int(x.first) - int(y.first) })
		n.client = first.Client
	}
	n.shown = shown(n.wanted, n.client)
	t.leases.names.with(hash, &n, like)
}

// shown returns the addresses of a client's name, newest first. Of IPv4 there is one:
// a card that got another has been plugged in elsewhere. IPv6 has several at a time.
func shown(wanted []held, client string) []netip.Addr {
	own := slices.DeleteFunc(slices.Clone(wanted), func(h held) bool { return h.Client != client })
	slices.SortFunc(own, func(x, y held) int { return int(y.last) - int(x.last) })
	var all []netip.Addr
	has4 := false
	for _, h := range own {
		if h.Addr.Is4() && has4 || len(all) == maxShown {
			continue
		}
		has4 = has4 || h.Addr.Is4()
		all = append(all, h.Addr)
	}
	return all
}

// expire ends what has ended by now.
func (t *Table) expire(now time.Time) {
	var ended []held
	t.leases.next = time.Time{}
	for _, bucket := range t.leases.addrs {
		for i := range bucket {
			switch h := &bucket[i]; {
			case !now.Before(h.Until):
				ended = append(ended, *h)
			case t.leases.next.IsZero() || h.Until.Before(t.leases.next):
				t.leases.next = h.Until
			}
		}
	}
	for _, h := range ended {
		t.drop(h)
	}
}
