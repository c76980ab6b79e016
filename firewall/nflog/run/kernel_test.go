package run_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	"github.com/gatehouse-os/gatehouse/firewall/nflog/run"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const patience = 20 * time.Second

// A listener is a service in a namespace.
type listener struct {
	service *run.Service
	done    chan error
	cancel  context.CancelFunc
}

func listen(t *testing.T, ns *testnet.Namespace) listener {
	t.Helper()
	l := listener{done: make(chan error, 1)}
	began := time.Now()
	err := ns.Do(func() (err error) {
		l.service, err = run.Open(nflog.Config{Group: 1}, func() time.Duration { return time.Since(began) }, slog.New(slog.DiscardHandler))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	nothing := func() error { return nil }
	go func() { l.done <- ns.Do(func() error { return l.service.Run(ctx, nothing, nothing) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-l.done; err != nil {
			t.Error(err)
		}
	})
	return l
}

// lines are what the service answers now.
func (l listener) lines(t *testing.T) (all []nflog.Line) {
	t.Helper()
	err := l.service.Methods()["log"](t.Context(), json.RawMessage(`{}`), func(v any) error {
		all = append(all, v.(nflog.Line))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (l listener) wait(t *testing.T, n int) []nflog.Line {
	t.Helper()
	testnet.Eventually(t, patience, "packets are logged", func() bool { return len(l.lines(t)) >= n })
	return l.lines(t)
}

func (l listener) ping(t *testing.T, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return l.service.Methods()["ping"](ctx, nil, func(any) error { return nil })
}

func (l listener) problems(t *testing.T) (all []string) {
	t.Helper()
	err := l.service.Methods()["problems"](t.Context(), nil, func(v any) error { all = v.([]string); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestPing: the loop answers, also when nothing comes and many ask.
func TestPing(t *testing.T) {
	l := listen(t, testnet.New(t, "box"))
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			for range 50 {
				if err := l.ping(t, patience); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	asking.Wait()
	if got := l.problems(t); got == nil || len(got) > 0 {
		t.Errorf("problems %q", got)
	}
}

const rules = `
table inet t {
	chain early { type filter hook prerouting priority raw; meta nfproto ipv6 udp dport 7 log prefix "early" group 1; }
	chain in { type filter hook input priority 0; iifname "eth0" udp dport { 5, 7 } log prefix "in" group 1 drop; }
	chain out { type filter hook output priority 0; tcp dport 9 log prefix "out" group 1 reject; }
}`

// TestKernel: packets that real rules log are told with all that the kernel knows of them.
func TestKernel(t *testing.T) {
	box, host := testnet.New(t, "box"), testnet.New(t, "host")
	box.Connect("eth0", host, "eth0")
	box.AddAddr("eth0", "192.0.2.1/24")
	host.AddAddr("eth0", "192.0.2.2/24")
	for _, ns := range []*testnet.Namespace{box, host} {
		ns.Sysctl("ipv6.conf.eth0.accept_dad", "0")
	}
	box.Run("ip", "addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
	host.Run("ip", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
	box.Run("nft", rules)
	l := listen(t, box)
	send := func(ns *testnet.Namespace, network, to string) {
		t.Helper()
		ns.Do(func() error {
			c, err := net.DialTimeout(network, to, time.Second)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Write([]byte("x"))
			return err
		})
	}
	send(host, "udp", "192.0.2.1:5")
	l.wait(t, 1)
	send(host, "udp", "[2001:db8::1]:7")
	l.wait(t, 3)
	send(box, "tcp", "192.0.2.2:9")
	got := l.wait(t, 4)
	mac := host.MAC("eth0").String()
	for i, want := range []string{
		`{"rule":"in","in":"eth0","mac":"` + mac + `","source":"192.0.2.2","destination":"192.0.2.1","length":29,"hop_limit":64,"proto":17,"transport":true,"destination_port":5}`,
		`{"rule":"early","in":"eth0","early":true,"mac":"` + mac + `","source":"2001:db8::2","destination":"2001:db8::1","length":49,"hop_limit":64,"proto":17,"transport":true,"destination_port":7}`,
		`{"rule":"in","in":"eth0","mac":"` + mac + `","source":"2001:db8::2","destination":"2001:db8::1","length":49,"hop_limit":64,"proto":17,"transport":true,"destination_port":7}`,
		`{"rule":"out","out":"eth0","source":"192.0.2.1","destination":"192.0.2.2","length":60,"hop_limit":64,"proto":6,"transport":true,"destination_port":9,"flags":"SYN"}`,
	} {
		r := got[i].Record
		if r.SourcePort == 0 || r.Seq != uint64(i+1) || r.Lost != 0 || time.Since(got[i].Time).Abs() > time.Hour {
			t.Errorf("packet %d: %+v", i, got[i])
		}
		r.Seq, r.Up, r.SourcePort = 0, 0, 0
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Replace(string(text), `"seq":0,"up_ns":0,`, "", 1); text != want {
			t.Errorf("packet %d: %s\nwant     %s", i, text, want)
		}
	}
}

// TestKernelLosses: packets that the kernel could not hand over are counted, and the service goes on.
func TestKernelLosses(t *testing.T) {
	box := testnet.New(t, "box")
	box.Run("nft", `table inet t { chain out { type filter hook output priority 0; udp dport 5 log prefix "out" group 1 drop; }; }`)
	stuck := make(chan struct{})
	var service *run.Service
	err := box.Do(func() (err error) {
		service, err = run.Open(nflog.Config{Group: 1}, func() time.Duration { <-stuck; return 0 }, slog.New(slog.DiscardHandler))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	nothing := func() error { return nil }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx, nothing, nothing) }()
	const sent = 20000
	flood := func(n int) {
		t.Helper()
		if err := box.Do(func() error {
			c, err := net.Dial("udp", "127.0.0.1:5")
			if err != nil {
				return err
			}
			defer c.Close()
			for range n {
				c.Write([]byte("x")) // dropped: EPERM
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	flood(sent)
	l := listener{service: service}
	if err := l.ping(t, 100*time.Millisecond); err == nil {
		t.Error("a service that is stuck answers")
	}
	close(stuck)
	counted := func() (n uint64) {
		for _, r := range l.lines(t) {
			n = max(n, r.Seq)
		}
		for _, r := range l.lines(t) {
			n += r.Lost
		}
		return n
	}
	testnet.Eventually(t, patience, "all packets are counted", func() bool { flood(1); return counted() >= sent })
	lines := l.lines(t)
	if n := len(lines); n > 2000 || lines[n-1].Seq >= sent {
		t.Errorf("%d records are kept, the last is number %d: nothing was lost", n, lines[n-1].Seq)
	}
	if got := l.problems(t); len(got) != 1 || !strings.Contains(got[0], " packets are missing: more came than could be read.") {
		t.Errorf("problems %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestGroupIsTaken: two listeners would each get half.
func TestGroupIsTaken(t *testing.T) {
	box := testnet.New(t, "box")
	listen(t, box)
	err := box.Do(func() error {
		_, err := run.Open(nflog.Config{Group: 1}, func() time.Duration { return 0 }, slog.New(slog.DiscardHandler))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "group 1") {
		t.Errorf("%v", err)
	}
}
