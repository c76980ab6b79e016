package links

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// machine is what sockets are opened on in a test: some cards, by the name of their
// slot, and what a service was told of its sockets.
type machine struct {
	t       *testing.T
	log     bytes.Buffer
	changed chan struct{}

	mu    sync.Mutex
	cards map[string]int   // the card in each slot, by the order in which they came
	fail  map[string]error // why a socket cannot be opened, though there is a card
	count int
	tries int // to open
	open  map[*socket]bool
	used  map[string]*socket // by key: what took said
	why   map[string]error
}

type socket struct {
	m    *machine
	slot string
	card int
}

func newMachine(t *testing.T, slots ...string) (*machine, *Keeper[*socket]) {
	m := &machine{t: t, changed: make(chan struct{}, 1), cards: map[string]int{}, fail: map[string]error{},
		open: map[*socket]bool{}, used: map[string]*socket{}, why: map[string]error{}}
	for _, slot := range slots {
		m.plug(slot)
	}
	return m, New(slog.New(slog.NewTextHandler(&m.log, nil)), m.took)
}

// plug puts a new card into a slot, in place of one that may be there.
func (m *machine) plug(slot string) {
	m.mu.Lock()
	m.count++
	m.cards[slot] = m.count
	m.mu.Unlock()
	m.change()
}

func (m *machine) unplug(slot string) {
	m.mu.Lock()
	delete(m.cards, slot)
	m.mu.Unlock()
	m.change()
}

func (m *machine) change() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

func (m *machine) opening(slot string) Opening[*socket] {
	return Opening[*socket]{Key: slot, Name: "on " + slot, Open: func() (*socket, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.tries++
		switch card := m.cards[slot]; {
		case card == 0:
			return nil, fmt.Errorf("link %s is %w", slot, ErrAbsent)
		case m.fail[slot] != nil:
			return nil, m.fail[slot]
		default:
			s := &socket{m: m, slot: slot, card: card}
			m.open[s] = true
			return s, nil
		}
	}}
}

func (m *machine) openings(slots ...string) (all []Opening[*socket]) {
	for _, s := range slots {
		all = append(all, m.opening(s))
	}
	return all
}

func (s *socket) Check() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.cards[s.slot] != s.card {
		return fmt.Errorf("link %s is %w", s.slot, ErrAbsent)
	}
	return nil
}

func (s *socket) Close() error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if !s.m.open[s] {
		s.m.t.Errorf("the socket on %s is closed twice", s.slot)
	}
	if s.m.used[s.slot] == s && s.m.why != nil {
		s.m.t.Errorf("the socket on %s is closed while it is used", s.slot)
	}
	delete(s.m.open, s)
	return nil
}

func (m *machine) took(o Opening[*socket], s *socket, why error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if (s == nil) == (why == nil) {
		m.t.Errorf("%s: took %v, because %v", o.Key, s, why)
	}
	if s != nil && m.used[o.Key] != nil {
		m.t.Errorf("%s: took another before the first was given back", o.Key)
	}
	m.used[o.Key], m.why[o.Key] = s, why
	if s == nil {
		delete(m.used, o.Key)
	}
}

// over ends the use of sockets, as at the end of a service.
func (m *machine) over(k *Keeper[*socket]) {
	m.mu.Lock()
	m.why = nil
	m.mu.Unlock()
	if err := k.Close(); err != nil || len(m.open) > 0 {
		m.t.Errorf("closed: %v, %d sockets are open", err, len(m.open))
	}
}

func (m *machine) uses() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for key, s := range m.used {
		all = append(all, fmt.Sprintf("%s:%d", key, s.card))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// tried returns how often sockets were opened since the last time.
func (m *machine) tried() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.tries
	m.tries = 0
	return n
}

func (m *machine) set(slot string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail[slot] = err
}

func (m *machine) expect(what, want string) {
	m.t.Helper()
	if got := m.uses(); got != want {
		m.t.Errorf("%s: in use %q, want %q", what, got, want)
	}
}

// logged returns the log since the last time, without times, and ended by a slash.
func (m *machine) logged() string {
	var lines []string
	for line := range strings.Lines(m.log.String()) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		lines = append(lines, text)
	}
	m.log.Reset()
	return strings.Join(lines, " / ")
}

// kept runs f while a keeper looks after the slots, in virtual time.
func kept(t *testing.T, cards, slots []string, f func(m *machine, k *Keeper[*socket])) {
	synctest.Test(t, func(t *testing.T) {
		m, k := newMachine(t, cards...)
		if err := k.Set(m.openings(slots...)); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { k.Run(ctx, m.changed); close(ended) }()
		settle()
		f(m, k)
		cancel()
		<-ended
		m.over(k)
	})
}

func settle() {
	time.Sleep(2 * Settle) // another look may have been under way
	synctest.Wait()
}

// TestLinkGoesAndComes: the other is in use all the while, and all is logged once.
func TestLinkGoesAndComes(t *testing.T) {
	kept(t, []string{"eth1", "eth2"}, []string{"eth1", "eth2"}, func(m *machine, _ *Keeper[*socket]) {
		m.expect("at first", "eth1:1 eth2:2")
		if got, want := m.logged(), `level=INFO msg=served name="on eth1" / level=INFO msg=served name="on eth2"`; got != want {
			t.Errorf("logged %s", got)
		}
		m.unplug("eth2")
		settle()
		m.expect("gone", "eth1:1")
		m.tried()
		for range 10 {
			m.change()
			settle()
		}
		time.Sleep(time.Hour)
		if n := m.tried(); n != 10 {
			t.Errorf("tried %d times, links have changed ten times", n)
		}
		m.plug("eth2")
		settle()
		m.expect("back", "eth1:1 eth2:3")
		m.plug("eth2") // nobody saw it missing
		settle()
		m.expect("replaced", "eth1:1 eth2:4")
		absent, served := `level=WARN msg="not served until its link is there" name="on eth2" why="link eth2 is not there"`, `level=INFO msg=served name="on eth2"`
		if got, want := m.logged(), strings.Join([]string{absent, served, absent, served}, " / "); got != want {
			t.Errorf("logged %s", got)
		}
	})
}

// TestFails: with growing pauses, said once, and in the end it opens.
func TestFails(t *testing.T) {
	kept(t, []string{"eth1"}, []string{"eth1", "eth2"}, func(m *machine, _ *Keeper[*socket]) {
		m.set("eth2", errors.New("address in use"))
		m.logged()
		m.tried()
		m.plug("eth2")
		time.Sleep(time.Hour)
		if n := m.tried(); n < 60 || n > 70 {
			t.Errorf("tried %d times in an hour", n)
		}
		if got, want := m.logged(), `level=ERROR msg="not served, is tried again" name="on eth2" why="address in use"`; got != want {
			t.Errorf("logged %s", got)
		}
		m.tried()
		m.change() // the pauses begin anew
		time.Sleep(Settle + 7*time.Second + 1)
		if n := m.tried(); n != 4 {
			t.Errorf("tried %d times within 7 s of a change, want at 0, 1, 3 and 7 s", n)
		}
		m.set("eth2", nil)
		time.Sleep(LastRetry)
		m.expect("it opens", "eth1:1 eth2:2")
	})
}

// TestSet: who stays is left alone, also while others come and go.
func TestSet(t *testing.T) {
	kept(t, []string{"eth1", "eth2", "eth3"}, []string{"eth1", "eth2"}, func(m *machine, k *Keeper[*socket]) {
		m.logged()
		m.tried()
		m.set("eth3", errors.New("address in use"))
		err := k.Set(m.openings("eth2", "eth3", "eth4", "eth3"))
		if err == nil || err.Error() != "on eth3: address in use" {
			t.Error(err)
		}
		m.expect("without eth1", "eth2:2")
		if n := m.tried(); n != 2 {
			t.Errorf("tried %d times", n)
		}
		for _, want := range []string{`msg="served no longer" name="on eth1"`, `msg="not served, is tried again" name="on eth3"`, `until its link is there" name="on eth4"`} {
			if got := m.log.String(); !strings.Contains(got, want) || strings.Count(got, "\n") != 3 {
				t.Errorf("logged %q, lacks %q", got, want)
			}
		}
		if m.why["eth1"] != ErrUnwanted {
			t.Errorf("told of eth1: %v", m.why["eth1"])
		}
		m.set("eth3", nil)
		time.Sleep(FirstRetry)
		synctest.Wait()
		m.expect("tried again", "eth2:2 eth3:3")
		m.plug("eth4")
		settle()
		m.expect("an absent one comes", "eth2:2 eth3:3 eth4:4")
		if err := k.Set(m.openings("eth1", "eth2", "eth3", "eth4")); err != nil {
			t.Error(err)
		}
		m.expect("eth1 is back", "eth1:1 eth2:2 eth3:3 eth4:4")
		if err := k.Set(nil); err != nil {
			t.Error(err)
		}
		m.expect("nothing is wanted", "")
		time.Sleep(time.Hour)
	})
}

// TestStorm: however often links change, they are looked at ten times a second at most.
func TestStorm(t *testing.T) {
	kept(t, []string{"eth1"}, []string{"eth1", "eth2"}, func(m *machine, _ *Keeper[*socket]) {
		m.tried()
		for range 6000 {
			m.plug("eth2")
			time.Sleep(time.Millisecond)
		}
		settle()
		if n := m.tried(); n > 62 {
			t.Errorf("opened %d times in six seconds", n)
		}
		m.expect("the last", "eth1:1 eth2:6001")
	})
}

// TestRandom: whatever happened, what is wanted and can be is in use in the end, and
// nothing else is open.
func TestRandom(t *testing.T) {
	slots := []string{"eth1", "eth2", "eth3", "eth4"}
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		kept(t, slots[:2], slots[1:3], func(m *machine, k *Keeper[*socket]) {
			wanted := slots[1:3]
			for range 60 {
				slot := slots[r.IntN(len(slots))]
				switch r.IntN(6) {
				case 0:
					m.plug(slot)
				case 1:
					m.unplug(slot)
				case 2:
					m.set(slot, errors.New("in use"))
				case 3:
					m.set(slot, nil)
				case 4:
					wanted = nil
					for _, s := range slots {
						if r.IntN(2) == 0 {
							wanted = append(wanted, s)
						}
					}
					_ = k.Set(m.openings(wanted...))
				case 5:
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				}
			}
			for _, s := range slots {
				m.set(s, nil)
			}
			time.Sleep(2 * LastRetry)
			synctest.Wait()
			var want []string
			for _, s := range wanted {
				if card := m.cards[s]; card > 0 {
					want = append(want, fmt.Sprintf("%s:%d", s, card))
				}
			}
			m.expect(fmt.Sprintf("seed %d", seed), strings.Join(want, " "))
			if len(m.open) != len(want) {
				t.Errorf("seed %d: %d are open, want %d", seed, len(m.open), len(want))
			}
		})
	}
}

func TestSetAfterClose(t *testing.T) {
	m, k := newMachine(t, "eth1")
	m.over(k)
	if err := k.Set(m.openings("eth1")); err == nil || len(m.open) > 0 {
		t.Error("a socket was opened for good")
	}
}
