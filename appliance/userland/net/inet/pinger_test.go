package inet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// farHost is an echoConn whose answers are written down beforehand: for each
// request the delays after which answers come.
type farHost struct {
	plan    map[uint16][]reply
	sending chan uint16
}

// reply is one answer that a farHost gives; with refuse, the send fails.
type reply struct {
	after   time.Duration
	problem string
	refuse  bool
}

func (h *farHost) send(seq uint16) error {
	for _, r := range h.plan[seq] {
		if r.refuse {
			return errors.New("network is unreachable")
		}
	}
	h.sending <- seq
	return nil
}

func (h *farHost) receive(ctx context.Context, answers chan<- answer) {
	for {
		select {
		case <-ctx.Done():
			return
		case seq := <-h.sending:
			for _, r := range h.plan[seq] {
				time.AfterFunc(r.after, func() {
					a := answer{seq: seq, at: time.Now(), from: netip.MustParseAddr("192.0.2.7"), size: 64, ttl: 63, problem: r.problem}
					select {
					case answers <- a:
					case <-ctx.Done():
					}
				})
			}
		}
	}
}

// at returns an answer after so many milliseconds.
func at(ms int) []reply { return []reply{{after: time.Duration(ms) * time.Millisecond}} }

// TestPinger runs ping in virtual time: what is printed, when it ends, and with
// what status.
func TestPinger(t *testing.T) {
	second := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	for _, tt := range []struct {
		name   string
		change func(*pingOptions)
		plan   map[uint16][]reply
		cancel time.Duration // ^C
		status int
		want   string
		diag   string
	}{
		{"all come", func(o *pingOptions) { o.count = 2 }, map[uint16][]reply{0: at(5), 1: at(15)}, 0, 0, `
64 bytes from 192.0.2.7: seq=0 ttl=63 time=5.000 ms
64 bytes from 192.0.2.7: seq=1 ttl=63 time=15.000 ms

--- far ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = 5.000/10.000/15.000 ms
`, ""},
		{"one is lost, one comes twice", func(o *pingOptions) { o.count = 3 },
			map[uint16][]reply{0: {{after: 200 * time.Millisecond}, {after: 300 * time.Millisecond}}, 2: at(1)}, 0, 0, `
64 bytes from 192.0.2.7: seq=0 ttl=63 time=200.000 ms
64 bytes from 192.0.2.7: seq=0 ttl=63 time=300.000 ms (DUP!)
64 bytes from 192.0.2.7: seq=2 ttl=63 time=1.000 ms

--- far ping statistics ---
3 packets transmitted, 2 packets received, 1 duplicates, 33% packet loss
round-trip min/avg/max = 1.000/167.000/300.000 ms
`, ""},
		{"nothing comes", func(o *pingOptions) { o.count, o.patience = 2, second(3) }, nil, 0, 1, `

--- far ping statistics ---
2 packets transmitted, 0 packets received, 100% packet loss
`, ""},
		{"errors end it too", func(o *pingOptions) { o.count = 2 },
			map[uint16][]reply{0: {{problem: "Destination Host Unreachable"}}, 1: {{problem: "Time to live exceeded"}}}, 0, 1, `

--- far ping statistics ---
2 packets transmitted, 0 packets received, 100% packet loss
`, "from 192.0.2.7: seq=0: Destination Host Unreachable\nfrom 192.0.2.7: seq=1: Time to live exceeded\n"},
		{"quiet until ^C", func(o *pingOptions) { o.quiet = true }, map[uint16][]reply{0: at(1), 1: at(1), 2: at(1)}, second(2.5), 0, `

--- far ping statistics ---
3 packets transmitted, 3 packets received, 0% packet loss
round-trip min/avg/max = 1.000/1.000/1.000 ms
`, ""},
		{"too few at the deadline", func(o *pingOptions) { o.count, o.deadline, o.quiet = 5, second(1.5), true }, map[uint16][]reply{0: at(1), 1: at(1)}, 0, 1, `

--- far ping statistics ---
2 packets transmitted, 2 packets received, 0% packet loss
round-trip min/avg/max = 1.000/1.000/1.000 ms
`, ""},
		{"no way out", func(o *pingOptions) { o.count = 2 }, map[uint16][]reply{0: {{refuse: true}}}, 0, 1, `

--- far ping statistics ---
1 packets transmitted, 0 packets received, 100% packet loss
`, "network is unreachable\n"},
		{"the way comes back", func(o *pingOptions) { o.count = 3 }, map[uint16][]reply{0: at(0), 1: {{refuse: true}}, 2: at(0)}, 0, 0, `
64 bytes from 192.0.2.7: seq=0 ttl=63 time=0.000 ms
64 bytes from 192.0.2.7: seq=2 ttl=63 time=0.000 ms

--- far ping statistics ---
3 packets transmitted, 2 packets received, 33% packet loss
round-trip min/avg/max = 0.000/0.000/0.000 ms
`, "seq=1: network is unreachable\n"},
		{"as soon as a reply is there", func(o *pingOptions) { o.adaptive, o.count, o.deadline = true, 4, second(0.1) },
			map[uint16][]reply{0: at(20), 1: at(20), 2: at(20), 3: at(20)}, 0, 0, `
64 bytes from 192.0.2.7: seq=0 ttl=63 time=20.000 ms
64 bytes from 192.0.2.7: seq=1 ttl=63 time=20.000 ms
64 bytes from 192.0.2.7: seq=2 ttl=63 time=20.000 ms
64 bytes from 192.0.2.7: seq=3 ttl=63 time=20.000 ms

--- far ping statistics ---
4 packets transmitted, 4 packets received, 0% packet loss
round-trip min/avg/max = 20.000/20.000/20.000 ms
`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := pingOptions{host: "far", size: 56, interval: time.Second, patience: 10 * time.Second}
				tt.change(&o)
				var stdout, stderr bytes.Buffer
				host := &farHost{plan: tt.plan, sending: make(chan uint16)}
				complain := func(err error) { fmt.Fprintln(&stderr, err) }
				p := &pinger{pingOptions: o, conn: host, stdout: &stdout, complain: complain}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, cancel)
				}
				if err := p.run(ctx); err != nil {
					complain(err)
				}
				p.tally.print(&stdout, "far", true)
				if got := stdout.String(); got != strings.TrimPrefix(tt.want, "\n") {
					t.Errorf("output:\n%s\nwant:\n%s", got, tt.want)
				}
				if stderr.String() != tt.diag || p.status() != tt.status {
					t.Errorf("status %d, stderr %q, want %d, %q", p.status(), &stderr, tt.status, tt.diag)
				}
			})
		})
	}
}

// TestRoundTrip: the reply to the request counts, once, and not beyond the time for it.
func TestRoundTrip(t *testing.T) {
	for _, tt := range []struct {
		plan []reply
		took time.Duration
		err  string
	}{
		{at(42), 42 * time.Millisecond, ""},
		{[]reply{{after: 5 * time.Millisecond}, {after: 9 * time.Millisecond}}, 5 * time.Millisecond, ""},
		{at(1001), 0, ErrNoReply.Error()},
		{nil, 0, ErrNoReply.Error()},
		{[]reply{{after: time.Millisecond, problem: "Destination Host Unreachable"}}, 0, "192.0.2.7 says: Destination Host Unreachable"},
		{[]reply{{refuse: true}}, 0, "network is unreachable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := &farHost{plan: map[uint16][]reply{1: tt.plan}, sending: make(chan uint16)}
			took, err := roundTrip(t.Context(), h, time.Second)
			if text := errorText(err); took != tt.took || text != tt.err {
				t.Errorf("%+v: %v, %q", tt.plan, took, text)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
