package upstream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// crowd asks n questions at once and returns how long each took, or its error.
func crowd(t *testing.T, u *Client, n int) (took []time.Duration, errs []error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			a, err := u.Ask(t.Context(), query(fmt.Sprintf("n%d.example.", i)))
			if err == nil && addressIn(t, a.Message) != "192.0.2.80" {
				err = fmt.Errorf("the answer is %x", a.Message)
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, a.Took)
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return took, errs
}

func longestOf(all []time.Duration) (most time.Duration) {
	for _, d := range all {
		most = max(most, d)
	}
	return most
}

func TestPipelining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1").secure("dns.example")
		left := 50
		h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
			h.mu.Lock()
			defer h.mu.Unlock()
			left-- // the last question is answered first
			return time.Duration(left) * ms, [][]byte{answerA(q, "192.0.2.80")}
		}
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "dns.example")}})
		took, errs := crowd(t, u, 50)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		// Connection and handshake take two turns of 10 ms, a question one.
		if got := longestOf(took); got != 79*ms {
			t.Errorf("the last answer took %s", got)
		}
		if h.seen().most != 1 || len(h.seen().dials) != 1 {
			t.Errorf("%d connections at once, of %d", h.seen().most, len(h.seen().dials))
		}
		if a := ask(t, u, "later.example.", ""); a.Took > 11*ms {
			t.Errorf("a question over an open connection took %s", a.Took)
		}
	})
}

func TestTwoConnectionsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1").secure("dns.example")
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "dns.example")}})
		if _, errs := crowd(t, u, maxAsking); len(errs) > 0 {
			t.Fatal(errs)
		}
		if h.seen().most != 2 {
			t.Errorf("%d connections", h.seen().most)
		}
	})
}

// TestCutPath cuts the path to a resolver under 50 outstanding questions: another answers all of them
// within a second, from a cold start, and every question that comes later at once.
func TestCutPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		first, second := l.add("192.0.2.1").secure("one.example"), l.add("192.0.2.2").secure("two.example")
		second.path = 20 * ms
		u := l.client(servers.Config{Servers: []servers.Server{
			overTLS("192.0.2.1", "one.example"), overTLS("192.0.2.2", "two.example"),
		}})
		for range 10 {
			ask(t, u, "a.example.", "")
			time.Sleep(ms)
		}
		time.Sleep(20 * time.Second) // connections that are idle are closed
		if first.seen().open+second.seen().open != 0 {
			t.Errorf("%d and %d connections are open", first.seen().open, second.seen().open)
		}
		ask(t, u, "b.example.", "192.0.2.1")
		first.set(func() { first.cut = true })
		cut := time.Now()
		took, errs := crowd(t, u, 50)
		if len(errs) > 0 || longestOf(took) > time.Second {
			t.Errorf("the last answer took %s, errors %v", longestOf(took), errs)
		}
		for range 1000 {
			a := ask(t, u, "c.example.", "192.0.2.2")
			if time.Since(cut) > time.Second && a.Took > 40*ms {
				t.Errorf("%s after the cut an answer took %s", time.Since(cut), a.Took)
			}
		}
		if s := statusOf(t, u, "192.0.2.1"); s.State != Down {
			t.Errorf("the status is %+v", s)
		}
		if first.seen().most > 2 || second.seen().most > 2 {
			t.Errorf("%d and %d connections at once", first.seen().most, second.seen().most)
		}
		first.set(func() { first.cut = false })
		for range 40 {
			time.Sleep(time.Second)
			ask(t, u, "d.example.", "")
		}
		ask(t, u, "e.example.", "192.0.2.1")
	})
}

// TestLostConnection loses the only resolver's connection, and not the path: as when a NAT on the way
// forgets.
func TestLostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1").secure("one.example")
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "one.example")}})
		ask(t, u, "a.example.", "")
		h.lose()
		took, errs := crowd(t, u, 50)
		if len(errs) > 0 || longestOf(took) > time.Second {
			t.Errorf("the last answer took %s, errors %v", longestOf(took), errs)
		}
		if h.seen().most > 2 {
			t.Errorf("%d connections at once", h.seen().most)
		}
		if a := ask(t, u, "b.example.", ""); a.Took > 11*ms {
			t.Errorf("afterwards an answer took %s", a.Took)
		}
	})
}

// TestShortOutage has the only path gone for two seconds: questions wait, and none fails.
func TestShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1").secure("one.example")
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "one.example")}})
		ask(t, u, "a.example.", "")
		h.set(func() { h.refuses = true })
		h.lose()
		time.AfterFunc(2*time.Second, func() { h.set(func() { h.refuses = false }) })
		took, errs := crowd(t, u, 20)
		if len(errs) > 0 || longestOf(took) > patience {
			t.Errorf("the last answer took %s, errors %v", longestOf(took), errs)
		}
	})
}

// TestBackoff has a server that refuses connections, beside another and alone.
func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1").secure("one.example")
		l.add("192.0.2.2")
		h.refuses = true
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "one.example"), plain("192.0.2.2")}})
		for time.Since(l.start) < 5*time.Minute {
			ask(t, u, "a.example.", "192.0.2.2")
			time.Sleep(100 * ms)
		}
		dials := h.seen().dials
		most := backoffMin
		for i := 1; i < len(dials); i++ {
			gap := dials[i] - dials[i-1]
			if gap < max(backoffMin, most/2) || gap > most+150*ms {
				t.Errorf("%d: after %s, not %s to %s", i, gap, most/2, most)
			}
			most = min(2*most, backoffMax)
		}
		if len(dials) < 12 || len(dials) > 30 {
			t.Errorf("connected at %v", dials)
		}
		if err := u.Reconfigure(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "one.example")}}); err != nil {
			t.Fatal(err)
		}
		before := len(dials)
		alone := time.Now()
		const refused = "no server answered: 192.0.2.1#one.example: connection refused"
		for time.Since(alone) < time.Minute {
			if a, err := u.Ask(t.Context(), query("b.example.")); err == nil {
				t.Errorf("answered by %s", a.From)
			} else if !strings.HasPrefix(err.Error(), refused) {
				t.Errorf("the error is %v", err)
			}
		}
		if n := len(h.seen().dials) - before; n < 12 || n > 20 {
			t.Errorf("connected %d times in a minute", n)
		}
		h.set(func() { h.refuses = false })
		if a := ask(t, u, "c.example.", "192.0.2.1"); a.Took > patience {
			t.Errorf("after its return it took %s", a.Took)
		}
	})
}

// TestServerClosesConnections has a server that closes after each answer, with others outstanding.
func TestServerClosesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1").secure("one.example")
		u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "one.example")}})
		ask(t, u, "a.example.", "")
		n := 0
		h.set(func() {
			h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
				h.mu.Lock()
				defer h.mu.Unlock()
				if n++; n <= 20 {
					return 0, [][]byte{nil} // closes
				}
				return 0, [][]byte{answerA(q, "192.0.2.80")}
			}
		})
		if _, errs := crowd(t, u, 10); len(errs) > 0 {
			t.Error(errs)
		}
	})
}

// TestKeepalive has servers that say how long they keep an idle connection.
func TestKeepalive(t *testing.T) {
	for keep, want := range map[uint16]time.Duration{300: 30 * time.Second, 0: 0, 50000: idleMax} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			h := l.add("192.0.2.1").secure("one.example")
			h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
				b := answerA(q, "192.0.2.80") // which ends with an OPT record without options
				binary.BigEndian.PutUint16(b[len(b)-2:], 6)
				return 0, [][]byte{binary.BigEndian.AppendUint16(append(b, 0, optionKeepalive, 0, 2), keep)}
			}
			u := l.client(servers.Config{Servers: []servers.Server{overTLS("192.0.2.1", "one.example")}})
			ask(t, u, "a.example.", "")
			for began := time.Now(); ; time.Sleep(100 * ms) {
				synctest.Wait()
				open := statusOf(t, u, "192.0.2.1").Connections
				if since := time.Since(began); open == 0 {
					if since < want || since > want+300*ms {
						t.Errorf("with %d the connection was kept for %s, not %s", keep, since, want)
					}
					break
				} else if since > want+time.Minute {
					t.Fatalf("with %d the connection is kept for ever", keep)
				}
			}
			ask(t, u, "b.example.", "")
		})
	}
}

func TestPathChanged(t *testing.T) {
	for _, kind := range []servers.Kind{servers.Plain, servers.TLS} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				h := l.add("192.0.2.1").secure("one.example")
				s := overTLS("192.0.2.1", "one.example")
				if kind == servers.Plain {
					s = plain("192.0.2.1")
				}
				u := l.client(servers.Config{Servers: []servers.Server{s}})
				ask(t, u, "a.example.", "")
				h.lose()
				h.set(func() { h.answer = silent })
				time.AfterFunc(100*ms, func() {
					h.set(func() {
						h.answer = atOnce
					})
					u.PathChanged()
				})
				took, errs := crowd(t, u, 20)
				if len(errs) > 0 || longestOf(took) > 130*ms {
					t.Errorf("the last answer took %s, errors %v", longestOf(took), errs)
				}
			})
		})
	}
}

func TestReconfigure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		one, two := l.add("192.0.2.1").secure("one.example"), l.add("192.0.2.2").secure("two.example")
		s1, s2 := overTLS("192.0.2.1", "one.example"), overTLS("192.0.2.2", "two.example")
		u := l.client(servers.Config{Servers: []servers.Server{s1}})
		ask(t, u, "a.example.", "")
		if err := u.Reconfigure(servers.Config{Servers: []servers.Server{s2, s1}}); err != nil {
			t.Fatal(err)
		}
		ask(t, u, "b.example.", "192.0.2.1")
		if len(one.seen().dials) != 1 {
			t.Errorf("a server that stays was connected at %v", one.seen().dials)
		}
		if err := u.Reconfigure(servers.Config{Servers: []servers.Server{{}}}); err == nil {
			t.Error("a server without an address is taken")
		}
		// What is outstanding at a server that goes is asked elsewhere at once.
		one.set(func() { one.answer = silent })
		two.set(func() { two.path = 40 * ms })
		time.AfterFunc(ms, func() { must(u.Reconfigure(servers.Config{Servers: []servers.Server{s2}})) })
		if a := ask(t, u, "c.example.", "192.0.2.2"); a.Took > 200*ms {
			t.Errorf("took %s", a.Took)
		}
		synctest.Wait()
		if n := one.seen().open; n != 0 {
			t.Errorf("a server that is gone has %d connections", n)
		}
		// And at the end, at once.
		two.set(func() { two.answer = silent })
		time.AfterFunc(ms, u.Close)
		began := time.Now()
		_, err := u.Ask(t.Context(), query("d.example."))
		if !errors.Is(err, ErrClosed) || time.Since(began) > ms {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if _, err := u.Ask(t.Context(), query("e.example.")); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		if err := u.Reconfigure(servers.Config{}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

// TestStreamOfLies has a server that answers what was not asked, and one whose answers cannot be read.
func TestStreamOfLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		liar, garbage := l.add("192.0.2.1").secure("one.example"), l.add("192.0.2.2").secure("two.example")
		liar.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
			other := append([]byte(nil), answerA(q, "192.0.2.99")...)
			other[0] ^= 1
			third := append([]byte(nil), answerA(q, "192.0.2.99")...)
			third[headerLen+1] ^= 1
			return 0, [][]byte{other, third}
		}
		garbage.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
			b := answerA(q, "192.0.2.99")
			return 0, [][]byte{b[:len(b)-1]}
		}
		l.add("192.0.2.3").path = 100 * ms
		u := l.client(servers.Config{Servers: []servers.Server{
			overTLS("192.0.2.1", "one.example"), overTLS("192.0.2.2", "two.example"), plain("192.0.2.3"),
		}})
		for range 20 {
			ask(t, u, "a.example.", "192.0.2.3")
		}
		if s := statusOf(t, u, "192.0.2.1"); s.Strays < 4 || s.Answered > 0 {
			t.Errorf("the status is %+v", s)
		}
		if s := statusOf(t, u, "192.0.2.2"); s.Garbage == 0 || s.Answered > 0 {
			t.Errorf("the status is %+v", s)
		}
	})
}
