package run

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4/echo"
)

const secret = "s3cret-key-of-the-tunnel"

func config() tunnel6in4.Config {
	return tunnel6in4.Config{
		Link: "tunnel6", Server: netip.MustParseAddr("203.0.113.30"), Local: netip.MustParseAddr("198.51.100.7"),
		Own: netip.MustParseAddr("2001:db8::2"), Gateway: netip.MustParseAddr("2001:db8::1"), MTU: 1480,
		Update: &tunnel6in4.Update{User: "customer", Tunnel: "123456", Key: secret,
			URL: "https://broker.example/"},
	}
}

// wires answer all that is sent while up, or nothing.
type wires struct {
	up     *atomic.Bool
	v6     chan echo.Answer
	closed chan struct{}
	once   sync.Once
}

func (w *wires) Send(to, _ netip.Addr, seq uint16) error {
	if w.up.Load() && to.Is6() {
		go func() {
			time.Sleep(20 * time.Millisecond)
			select {
			case w.v6 <- echo.Answer{From: to, Seq: seq}:
			case <-w.closed:
			}
		}()
	}
	return nil
}

// Read has echoes of IPv6 alone.
func (w *wires) Read(v6 bool, tell func(echo.Answer)) error {
	if !v6 {
		<-w.closed
		return nil
	}
	for {
		select {
		case a := <-w.v6:
			tell(a)
		case <-w.closed:
			return nil
		}
	}
}

func (w *wires) Close() error { w.once.Do(func() { close(w.closed) }); return nil }

// A bench is a service in virtual time.
type bench struct {
	t    *testing.T
	dir  string
	log  bytes.Buffer
	up   atomic.Bool
	told atomic.Int32
	s    *Service
	stop func()
}

func (b *bench) start(conf tunnel6in4.Config) {
	b.t.Helper()
	begin := time.Now()
	w := &wires{up: &b.up, v6: make(chan echo.Answer), closed: make(chan struct{})}
	s, err := Open(conf, Options{
		Log: slog.New(slog.NewTextHandler(&b.log, nil)), StateDir: b.dir, Rand: func() uint64 { return 4 },
		Uptime: func() time.Duration { return time.Since(begin) + time.Hour },
		Wall:   func() (time.Time, bool) { return time.Now(), true },
		Open:   func(uint64) (Sockets, error) { return w, nil },
		Ask: func(_ context.Context, t tunnel6in4.Tell) tunnel6in4.Outcome {
			b.told.Add(1)
			time.Sleep(time.Second)
			return tunnel6in4.Outcome{Code: tunnel6in4.Good, Text: "good " + t.From.String(), Addr: t.From}
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() {
		ended <- s.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	<-ready
	b.s = s
	b.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	}
}

// call asks one method, and returns the first answer.
func (b *bench) call(method string) string {
	b.t.Helper()
	var out string
	err := b.s.Methods()[method](b.t.Context(), nil, func(v any) error {
		text, err := json.Marshal(v)
		out = string(text)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// TestService watches, tells, keeps and reports, and shows the key to nobody.
func TestService(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, dir: dir}
		b.up.Store(true)
		b.start(config())
		reports := make(chan bool, 16)
		ctx, cancel := context.WithCancel(t.Context())
		var following sync.WaitGroup
		following.Go(func() {
			_ = b.s.Methods()["follow"](ctx, nil, func(v any) error { reports <- v.(Report).Up; return nil })
		})
		if up := <-reports; !up {
			t.Error("it is down at first")
		}
		time.Sleep(time.Minute)
		b.up.Store(false)
		if up := <-reports; up {
			t.Error("it is up though nobody answers")
		}
		st := b.call("status")
		for _, want := range []string{`"state":"down"`, `"told":true`, `"user":"customer"`} {
			if !strings.Contains(st, want) {
				t.Errorf("the status lacks %s: %s", want, st)
			}
		}
		if p := b.call("problems"); !strings.Contains(p, "tunnel") {
			t.Errorf("problems: %s", p)
		}
		b.up.Store(true)
		if up := <-reports; !up {
			t.Error("it is down again")
		}
		moved := config()
		moved.Local = netip.MustParseAddr("198.51.100.8")
		if err := b.s.Reconfigure(moved); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Minute)
		if n := b.told.Load(); n != 2 {
			t.Errorf("told %d times", n)
		}
		bad := moved
		bad.Server = netip.Addr{}
		if err := b.s.Reconfigure(bad); err == nil {
			t.Error("a configuration without a server is taken")
		}
		st += b.call("status")
		cancel()
		following.Wait()
		b.stop()

		b.start(moved) // what it was told is known
		time.Sleep(time.Hour)
		if n := b.told.Load(); n != 2 {
			t.Errorf("told %d times after a restart", n)
		}
		st += b.call("status")
		b.stop()
		kept, err := os.ReadFile(filepath.Join(dir, stateFile))
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string]string{"status": st, "log": b.log.String(),
			"state file": string(kept)} {
			if strings.Contains(text, secret) {
				t.Errorf("the key is in the %s: %s", what, text)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		b.start(moved) // a damaged file is as none
		time.Sleep(time.Minute)
		if n := b.told.Load(); n != 3 {
			t.Errorf("told %d times after the file was damaged", n)
		}
		b.stop()
	})
}
