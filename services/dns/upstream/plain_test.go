package upstream

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"golang.org/x/net/dns/dnsmessage"
)

// liar answers wrongly in every way, and then truly.
func liar(_ string, q []byte) (time.Duration, [][]byte) {
	lie := func(change func(b []byte) []byte) []byte { return change(answerA(q, "192.0.2.99")) }
	return 0, [][]byte{
		lie(func(b []byte) []byte { b[0] ^= 1; return b }),                            // id
		lie(func(b []byte) []byte { b[headerLen+1] ^= 1; return b }),                  // name
		lie(func(b []byte) []byte { b[2] &= 0x7f; return b }),                         // no response
		answerA(q, "192.0.2.80"),                                                      //
		lie(func(b []byte) []byte { return b[:headerLen-1] }),                         // never read
		lie(func(b []byte) []byte { b[headerLen+len("0a0example0")] = 28; return b }), // type
	}
}

func TestLyingServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.add("192.0.2.1").answer = liar
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
		ask(t, u, "a.example.", "")
		synctest.Wait()
		if s := statusOf(t, u, "192.0.2.1"); s.Strays != 3 || s.Answered != 1 || s.State != Up {
			t.Errorf("the status is %+v", s)
		}
	})
}

// TestGuessing has somebody send answers with guessed ids: TCP is taken, where he cannot.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1")
		h.answer = func(network string, q []byte) (time.Duration, [][]byte) {
			if network == "tcp" {
				return 0, [][]byte{answerA(q, "192.0.2.80")}
			}
			var guesses [][]byte
			for i := range 20 {
				b := answerA(q, "192.0.2.99")
				b[0] ^= byte(i + 1)
				guesses = append(guesses, b)
			}
			return 0, guesses
		}
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
		ask(t, u, "a.example.", "")
		s := statusOf(t, u, "192.0.2.1")
		if s.Strays != maxWrong || s.Streamed != 1 || !strings.Contains(s.Error, "guesses") {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestGarbageIsAskedElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		l.add("192.0.2.1").answer = func(_ string, q []byte) (time.Duration, [][]byte) {
			b := answerA(q, "192.0.2.99")
			return 0, [][]byte{b[:len(b)-1]}
		}
		l.add("192.0.2.2").path = 50 * ms
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1"), plain("192.0.2.2")}})
		for range 3 {
			if a := ask(t, u, "a.example.", "192.0.2.2"); a.Took > 110*ms {
				t.Errorf("took %s", a.Took)
			}
		}
		if s := statusOf(t, u, "192.0.2.1"); s.Garbage == 0 || s.Answered > 0 {
			t.Errorf("the status is %+v", s)
		}
	})
}

// TestTruncation has answers that do not fit: they are fetched by TCP, over one connection.
func TestTruncation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1")
		long := func(q []byte) []byte {
			return respond(q, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
				for range 2000 {
					m.Answers = append(m.Answers, recordA(m.Questions[0].Name, "192.0.2.80"))
				}
			})
		}
		h.answer = func(network string, q []byte) (time.Duration, [][]byte) {
			if network == "tcp" {
				return 0, [][]byte{long(q)}
			}
			short := respond(q, dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) { m.Truncated = true })
			return 0, [][]byte{short}
		}
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
		for range 3 {
			if a := ask(t, u, "a.example.", ""); len(a.Message) < 30000 || a.Message[2]&(flagTC>>8) != 0 {
				t.Errorf("the answer has %d octets: %x", len(a.Message), a.Message[:headerLen])
			}
		}
		if s := statusOf(t, u, "192.0.2.1"); s.Streamed != 3 || len(h.seen().dials) != 1 || s.Latency != 10*ms {
			t.Errorf("connected at %v, the status is %+v", h.seen().dials, s)
		}
	})
}

// TestServersWithoutEDNS have three ways of saying so. They are asked without from then on.
func TestServersWithoutEDNS(t *testing.T) {
	for name, refusal := range map[string]func(q []byte) []byte{
		"with the question": func(q []byte) []byte {
			return respond(q, dnsmessage.RCodeFormatError, func(m *dnsmessage.Message) { m.Additionals = nil })
		},
		"header only":     func(q []byte) []byte { return append(q[:2:2], 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0) },
		"not implemented": func(q []byte) []byte { return append(q[:2:2], 0x81, 4, 0, 0, 0, 0, 0, 0, 0, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				h := l.add("192.0.2.1")
				h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
					if u16(q, 10) > 0 {
						return 0, [][]byte{refusal(q)}
					}
					return 0, [][]byte{answerA(q, "192.0.2.80")}
				}
				u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
				for range 3 {
					ask(t, u, "a.example.", "")
				}
				if len(h.seen().asked) != 4 {
					t.Errorf("asked at %v", h.seen().asked)
				}
				time.Sleep(2 * noEDNS)
				ask(t, u, "a.example.", "")
				if len(h.seen().asked) != 6 {
					t.Errorf("asked at %v", h.seen().asked)
				}
			})
		})
	}
}

// TestMixedCase asks in random letters: a server that repeats them is believed, one that does not is asked
// by TCP.
func TestMixedCase(t *testing.T) {
	const name = "www.a-rather-long-name.example."
	for _, keeps := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			h := l.add("192.0.2.1")
			var seen []string
			h.answer = func(network string, q []byte) (time.Duration, [][]byte) {
				h.set(func() { seen = append(seen, network+string(q[headerLen:headerLen+len(name)])) })
				b := answerA(q, "192.0.2.80")
				if !keeps {
					copy(b[headerLen:], bytes.ToLower(q[headerLen:headerLen+len(name)]))
				}
				return 0, [][]byte{b}
			}
			u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}, MixedCase: true})
			for range 2 {
				a := ask(t, u, name, "")
				if !bytes.Contains(a.Message, []byte("\x12a-rather-long-name\x07example\x00")) {
					t.Errorf("the letters of the question are others in %q", a.Message)
				}
			}
			h.set(func() { slices.Sort(seen); seen = slices.Compact(seen) })
			lowerCase := slices.ContainsFunc(seen, func(s string) bool { return s == strings.ToLower(s) })
			if lowerCase || keeps && len(seen) != 2 || !keeps && len(seen) != 4 {
				t.Errorf("asked for %q", seen)
			}
		})
	}
}

// TestQuestionOnTheWire looks at what servers are told.
func TestQuestionOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		got := map[string][]byte{}
		for _, h := range []*host{l.add("192.0.2.1"), l.add("192.0.2.2").secure("dns.example")} {
			h.answer = func(network string, q []byte) (time.Duration, [][]byte) {
				h.set(func() { got[network] = q })
				return 0, [][]byte{answerA(q, "192.0.2.80")}
			}
		}
		asked := queryType("www.example.", dnsmessage.TypeHTTPS)
		asked[3] |= flagAD | flagCD
		// The options of a client: its subnet and a cookie.
		options := []byte{0, 8, 0, 7, 0, 1, 24, 0, 198, 51, 100, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}
		asked = append(asked, options...)
		binary.BigEndian.PutUint16(asked[len(asked)-len(options)-2:], uint16(len(options)))
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")},
			Forward: []servers.Forward{{Domain: "b.example", Servers: []servers.Server{overTLS("192.0.2.2", "dns.example")}}}})
		over := append([]byte(nil), asked...)
		copy(over[headerLen:], "\x01w\x01b\x07example")
		for _, q := range [][]byte{asked, over} {
			if _, err := u.Ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		opt := []byte{0, 0, typeOPT, ednsSize >> 8, ednsSize & 0xff, 0, 0, 0x80, 0, 0, 0}
		want := []byte{0, 0, 1, flagAD | flagCD, 0, 1, 0, 0, 0, 0, 0, 1}
		want = append(append(want, asked[headerLen:headerLen+17]...), opt...)
		q := got["udp"]
		if q[0], q[1] = 0, 0; !bytes.Equal(q, want) {
			t.Errorf("by UDP\n%x, not\n%x", q, want)
		}
		q = got["tcp"]
		if len(q) != padTo || bytes.Contains(q, []byte{198, 51, 100}) || bytes.Contains(q, options[15:]) {
			t.Errorf("by TLS %d octets: %x", len(q), q)
		}
		rest := q[headerLen+17+len(opt):]
		if !bytes.HasPrefix(rest, []byte{0, optionKeepalive, 0, 0, 0, optionPadding, 0}) {
			t.Errorf("by TLS the options are %x", rest)
		}
	})
}

// TestIDsAreRandom asks often, and expects every bit of an id to be seen both ways.
func TestIDsAreRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		h := l.add("192.0.2.1")
		ones, zeros := 0, 0
		h.answer = func(_ string, q []byte) (time.Duration, [][]byte) {
			h.set(func() { ones |= u16(q, 0); zeros |= ^u16(q, 0) & 0xffff })
			return 0, [][]byte{answerA(q, "192.0.2.80")}
		}
		u := l.client(servers.Config{Servers: []servers.Server{plain("192.0.2.1")}})
		for range 64 {
			ask(t, u, "a.example.", "")
		}
		if ones != 0xffff || zeros != 0xffff {
			t.Errorf("bits seen: %04x and %04x", ones, zeros)
		}
	})
}
