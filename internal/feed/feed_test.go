package feed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

// add adds an item that is its own number.
func add(f *Feed[uint64], key string, size int) {
	f.Add(key, size, func(seq uint64) uint64 { return seq })
}

// A book is the slow and obvious feed: all that ever came, and whether it is gone.
type book struct {
	limits Limits
	all    []entry
}

type entry struct {
	seq  uint64
	key  string
	size int
	gone bool
}

// of are the indexes of the items of a key that are there.
func (b *book) of(key string) (there []int, bytes int) {
	for i, e := range b.all {
		if !e.gone && (key == "" || e.key == key) {
			there = append(there, i)
			bytes += e.size
		}
	}
	return there, bytes
}

func (b *book) add(key string, size int) {
	b.all = append(b.all, entry{seq: uint64(len(b.all) + 1), key: key, size: size})
	for {
		there, bytes := b.of(key)
		if (b.limits.PerKey == 0 || len(there) <= b.limits.PerKey) &&
			(b.limits.Bytes == 0 || bytes <= b.limits.Bytes) {
			break
		}
		b.all[there[0]].gone = true
	}
	there, _ := b.of("")
	if b.limits.Items == 0 || len(there) <= b.limits.Items {
		return
	}
	victim, most := -1, 0
	for _, i := range there { // from the oldest, so that it wins a tie
		if mine, _ := b.of(b.all[i].key); len(mine) > most {
			victim, most = i, len(mine)
		}
	}
	b.all[victim].gone = true
}

// after returns the numbers of what is there, and whether something is not.
func (b *book) after(key string, seq uint64) (there []uint64, lost bool) {
	for _, e := range b.all[min(int(seq), len(b.all)):] {
		switch {
		case key != "" && e.key != key:
		case e.gone:
			lost = true
		default:
			there = append(there, e.seq)
		}
	}
	return there, lost
}

// TestFeed compares with the book, by random items under random limits.
func TestFeed(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		limits := Limits{Items: random.IntN(20), PerKey: random.IntN(8), Bytes: random.IntN(30)}
		f, b := New[uint64](limits), &book{limits: limits}
		keys := 1 + random.IntN(12)
		for range 150 {
			key := fmt.Sprint(random.IntN(1 + random.IntN(keys))) // "0" floods
			size := random.IntN(10)
			add(f, key, size)
			b.add(key, size)
			for _, key := range []string{"", "0", key, fmt.Sprint(random.IntN(keys))} {
				seq := uint64(random.IntN(len(b.all) + 1))
				compare(t, f, b, key, seq, random.IntN(12)-1)
			}
			if t.Failed() {
				t.Fatalf("seed %d, limits %+v, item %d", seed, limits, len(b.all))
			}
		}
	}
}

func compare(t *testing.T, f *Feed[uint64], b *book, key string, seq uint64, n int) {
	t.Helper()
	want, wantLost := b.after(key, seq)
	if got := f.After(key, seq); !slices.Equal(got, want) {
		t.Fatalf("After(%q, %d) = %v, want %v", key, seq, got, want)
	}
	all, _ := b.after(key, 0)
	if got, want := f.Last(key, n), all[max(0, len(all)-max(0, n)):]; !slices.Equal(got, want) {
		t.Errorf("Last(%q, %d) = %v, want %v", key, n, got, want)
	}
	if f.Seq() != uint64(len(b.all)) {
		t.Errorf("Seq() = %d, want %d", f.Seq(), len(b.all))
	}
	var keys []string
	there, _ := b.of("")
	for _, i := range there {
		keys = append(keys, b.all[i].key)
	}
	slices.Sort(keys)
	if got := slices.Sorted(slices.Values(f.Keys())); !slices.Equal(got, slices.Compact(keys)) {
		t.Errorf("Keys() = %v, want %v", got, slices.Compact(keys))
	}
	if len(want) == 0 {
		return // nobody is told anything yet
	}
	enough := errors.New("enough")
	f.Follow(t.Context(), key, seq, func(got uint64, lost bool) error {
		_, others := b.after("", seq)
		// Of one key it may be said too much, when others' are gone; of all it is exact.
		if got != want[0] || wantLost && !lost || lost && !wantLost && (key == "" || !others) {
			t.Errorf("Follow(%q, %d) begins with %d, lost %t, want %d, lost %t",
				key, seq, got, lost, want[0], wantLost)
		}
		return enough
	})
}

// TestFairness: whoever sends most loses, and who sent once keeps it.
func TestFairness(t *testing.T) {
	f := New[string](Limits{Items: 10})
	say := func(key string) { f.Add(key, 0, func(uint64) string { return key }) }
	say("once")
	for range 1000 {
		say("flood")
	}
	say("twice")
	say("twice")
	counts := map[string]int{}
	for _, key := range f.After("", 0) {
		counts[key]++
	}
	if fmt.Sprint(counts) != "map[flood:7 once:1 twice:2]" {
		t.Error(counts)
	}
	f = New[string](Limits{PerKey: 10})
	say("once")
	for range 1000 {
		say("flood")
	}
	if once, flood := f.Last("once", 99), f.Last("flood", 99); len(once) != 1 || len(flood) != 10 {
		t.Errorf("%d of once, %d of flood", len(once), len(flood))
	}
}

// TestTooBig: what no bound lets in is not kept, and missed.
func TestTooBig(t *testing.T) {
	f := New[uint64](Limits{Bytes: 10})
	add(f, "a", 11)
	if got := f.After("", 0); len(got) != 0 {
		t.Fatalf("kept: %v", got)
	}
	add(f, "a", 10)
	enough := errors.New("enough")
	if err := f.Follow(t.Context(), "a", 0, func(seq uint64, lost bool) error {
		if seq != 2 || !lost {
			t.Errorf("item %d, lost %t", seq, lost)
		}
		return enough
	}); err != enough {
		t.Error(err)
	}
}

// TestFollow: a reader that is too slow is told so once, and holds up nobody.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New[uint64](Limits{Items: 4})
		ctx, cancel := context.WithCancel(t.Context())
		got, release, done := []string{}, make(chan struct{}), make(chan error)
		go func() {
			done <- f.Follow(ctx, "", 0, func(seq uint64, lost bool) error {
				got = append(got, fmt.Sprint(seq, lost))
				<-release
				return nil
			})
		}()
		synctest.Wait()
		add(f, "a", 0)
		synctest.Wait()
		for range 6 { // while the reader is busy
			add(f, "a", 0)
		}
		close(release)
		synctest.Wait()
		add(f, "a", 0)
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if want := "[1 false 4 true 5 false 6 false 7 false 8 false]"; fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
	})
}

// TestFollowersOfKeys: each gets its own, and nobody misses what comes while it looks.
func TestFollowersOfKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := New[uint64](Limits{PerKey: 1000})
		ctx, cancel := context.WithCancel(t.Context())
		keys := []string{"", "a", "b"}
		got, want, done := make([][]uint64, len(keys)), make([][]uint64, len(keys)), make(chan error)
		for i, key := range keys {
			go func() {
				done <- f.Follow(ctx, key, 10, func(seq uint64, lost bool) error {
					if lost {
						t.Errorf("%q lost something before %d", key, seq)
					}
					got[i] = append(got[i], seq)
					return nil
				})
			}()
		}
		for seq := uint64(1); seq <= 500; seq++ {
			key := int(1 + seq%2)
			add(f, keys[key], 0)
			if seq > 10 {
				want[key], want[0] = append(want[key], seq), append(want[0], seq)
			}
			if seq%7 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		cancel()
		for range keys {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		for i, key := range keys {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("%q got %v, want %v", key, got[i], want[i])
			}
		}
	})
}
