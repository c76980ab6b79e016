package trace

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// A way is a prober whose routers are written down beforehand.
type way struct {
	hops   []string // what a probe of that hop comes to: "5ms 192.0.2.1 !H", "5ms 192.0.2.9 arrived", "": nothing
	once   map[int]string
	sent   []time.Duration
	began  time.Time
	flying chan answer
}

func (w *way) send(seq, ttl int) error {
	w.sent = append(w.sent, time.Since(w.began))
	does := w.hops[min(ttl, len(w.hops))-1]
	if special, ok := w.once[seq]; ok {
		does = special
	}
	if does == "refuse" {
		return errors.New("network is unreachable")
	}
	words := strings.Fields(does + " .")
	if len(words) < 3 {
		return nil
	}
	after, err := time.ParseDuration(words[0])
	if err != nil {
		return err
	}
	a := answer{seq: seq, from: netip.MustParseAddr(words[1]), ttl: 64 - ttl}
	switch words[2] {
	case ".":
	case "arrived":
		a.arrived = true
	default:
		a.mark = words[2]
	}
	time.AfterFunc(after, func() { a.at = time.Now(); w.flying <- a })
	return nil
}

func (w *way) receive(ctx context.Context, answers chan<- answer) {
	for {
		select {
		case a := <-w.flying:
			pass(ctx, answers, a)
		case <-ctx.Done():
			return
		}
	}
}

func (w *way) close() {}

// print runs f as a command, whose standard output is the result.
func printed(ctx context.Context, f func(*command.Call)) (string, string) {
	var out, complaints bytes.Buffer
	c := command.Command{Run: f}
	c.Main()(ctx, []string{"traceroute"}, strings.NewReader(""), &out, &complaints)
	return out.String(), complaints.String()
}

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*route)
		way    way
		took   time.Duration
		want   string
	}{
		{"three routers", nil, way{hops: []string{"1ms 192.0.2.1", "2ms 192.0.2.2", "3ms 192.0.2.3 arrived"}}, 18 * time.Millisecond, `
 1  192.0.2.1  1.000 ms  1.000 ms  1.000 ms
 2  192.0.2.2  2.000 ms  2.000 ms  2.000 ms
 3  192.0.2.3  3.000 ms  3.000 ms  3.000 ms
`},
		// The next probe waits half a second for the one before; the last for all of its time.
		{"one is silent", nil, way{hops: []string{"1ms 192.0.2.1", "", "3ms 192.0.2.3 arrived"}}, 4003 * time.Millisecond, `
 1  192.0.2.1  1.000 ms  1.000 ms  1.000 ms
 2  *  *  *
 3  192.0.2.3  3.000 ms  3.000 ms  3.000 ms
`},
		{"slow is not silent", nil, way{hops: []string{"2s 192.0.2.1", "2.5s 192.0.2.3 arrived"}}, 5 * time.Second, `
 1  192.0.2.1  2000.000 ms  2000.000 ms  2000.000 ms
 2  192.0.2.3  2500.000 ms  2500.000 ms  2500.000 ms
`},
		{"nobody", func(r *route) { r.last, r.tries = 2, 2 }, way{hops: []string{""}}, 4500 * time.Millisecond, `
 1  *  *
 2  *  *
`},
		{"it goes no further, said once", nil, way{hops: []string{"1ms 192.0.2.1", "1ms 192.0.2.2 !H"}, once: map[int]string{4: "", 5: ""}}, 3503 * time.Millisecond, `
 1  192.0.2.1  1.000 ms  1.000 ms  1.000 ms
 2  *  *  192.0.2.2  1.000 ms !H
`},
		{"one of two ways goes no further", nil, way{hops: []string{"1ms 192.0.2.1", "3ms 192.0.2.3 arrived"}, once: map[int]string{2: "1ms 192.0.2.5 !N"}}, 12 * time.Millisecond, `
 1  192.0.2.1  1.000 ms  192.0.2.5  1.000 ms !N  192.0.2.1  1.000 ms
 2  192.0.2.3  3.000 ms  3.000 ms  3.000 ms
`},
		{"from the second, at leisure", func(r *route) { r.first, r.tries, r.pause = 2, 1, time.Second }, way{hops: []string{"1ms 192.0.2.1", "1ms 192.0.2.2", "1ms 192.0.2.3 arrived"}}, 1001 * time.Millisecond, `
 2  192.0.2.2  1.000 ms
 3  192.0.2.3  1.000 ms
`},
		{"no way out", nil, way{hops: []string{"1ms 192.0.2.1", "refuse"}}, 3 * time.Millisecond, `
 1  192.0.2.1  1.000 ms  1.000 ms  1.000 ms
network is unreachable
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.way.flying, c.way.began = make(chan answer, 1000), time.Now()
				out, _ := printed(t.Context(), func(call *command.Call) {
					p := printer{ctx: call.Context, w: call.Stdout, numeric: true}
					r := route{first: 1, last: 30, tries: 3, wait: 3 * time.Second, prober: &c.way, show: p.show}
					if c.change != nil {
						c.change(&r)
					}
					if err := r.run(call.Context); err != nil {
						p.endLine()
						_, _ = io.WriteString(call.Stdout, err.Error()+"\n")
					}
				})
				if out != c.want[1:] || time.Since(c.way.began) != c.took {
					t.Errorf("after %v:\n%s", time.Since(c.way.began), out)
				}
			})
		})
	}
}

// ^C in the middle of a line ends it.
func TestInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := &way{hops: []string{""}, flying: make(chan answer)}
		r := route{first: 1, last: 30, tries: 3, wait: 3 * time.Second, prober: w, show: func(result) error { return nil }}
		if err := r.run(ctx); err != nil || len(w.sent) != 3 && len(w.sent) != 2 {
			t.Errorf("%v, %d probes", err, len(w.sent))
		}
	})
}

func TestSurvey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &way{
			hops:   []string{"1ms 192.0.2.1", "", "3ms 192.0.2.3", "4ms 192.0.2.4 arrived"},
			once:   map[int]string{9: ""},
			flying: make(chan answer, 1000), began: time.Now(),
		}
		out, _ := printed(t.Context(), func(call *command.Call) {
			s := survey{first: 1, last: 30, cycles: 4, interval: time.Second, prober: w, cycled: func() error { return nil }}
			if err := s.run(call.Context); err != nil {
				t.Error(err)
			}
			v := view{w: call.Stdout, own: "box", numeric: true, begin: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
			v.report(call.Context, &s)
		})
		const want = `Start: 2026-05-01T12:00:00+0000
HOST: box                         Loss%   Snt   Last   Avg  Best  Wrst StDev
  1.|-- 192.0.2.1                 25.0%     4    1.0   1.0   1.0   1.0   0.0
  2.|-- ???                       100.0     4    0.0   0.0   0.0   0.0   0.0
  3.|-- 192.0.2.3                  0.0%     4    3.0   3.0   3.0   3.0   0.0
  4.|-- 192.0.2.4                  0.0%     4    4.0   4.0   4.0   4.0   0.0
`
		if out != want {
			t.Errorf("%s", out)
		}
	})
}
