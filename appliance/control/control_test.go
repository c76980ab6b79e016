package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// start serves m on a real socket until the test ends.
func start(t *testing.T, dir, service string, m Mux) {
	t.Helper()
	l, err := Listen(dir, service)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, m) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

type lease struct{ Name, Addr string }

func leases(n int) Handler {
	return func(_ context.Context, args json.RawMessage, send func(any) error) error {
		for i := range n {
			if err := send(lease{fmt.Sprintf("web%d", i), string(args)}); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestCallAndStream(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, "dhcp", Mux{"none": leases(0), "one": leases(1), "many": leases(3000), "fail": echo["fail"]})

	var got lease
	if err := Call(t.Context(), dir, "dhcp", "one", map[string]int{"x": 1}, &got); err != nil || got != (lease{"web0", `{"x":1}`}) {
		t.Errorf("Call = %+v, %v", got, err)
	}
	if err := Call(t.Context(), dir, "dhcp", "one", nil, nil); err != nil {
		t.Errorf("result thrown away: %v", err)
	}
	n := 0
	err := Stream(t.Context(), dir, "dhcp", "many", nil, func(raw json.RawMessage) error {
		var l lease
		if err := json.Unmarshal(raw, &l); err != nil || l.Name != fmt.Sprintf("web%d", n) {
			t.Fatalf("result %d: %s, %v", n, raw, err)
		}
		n++
		return nil
	})
	if err != nil || n != 3000 {
		t.Errorf("Stream: %d results, %v", n, err)
	}
	enough := errors.New("enough")
	if err := Stream(t.Context(), dir, "dhcp", "many", nil, func(json.RawMessage) error { return enough }); err != enough {
		t.Errorf("Stream that the caller ends: %v", err)
	}
}

func TestCallErrors(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, "dhcp", Mux{"none": leases(0), "one": leases(1), "two": leases(2), "fail": echo["fail"]})
	dead, err := net.Listen("unix", filepath.Join(dir, "dead.sock"))
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()

	for _, c := range []struct {
		service, method string
		args            any
		want            string
	}{
		{"dhcp", "fail", nil, "dhcp fail: no such lease"},
		{"dhcp", "none", nil, "dhcp none: no result"},
		{"dhcp", "two", nil, "dhcp two: more than one result"},
		{"dhcp", "one", strings.Repeat("x", MaxRequest), "dhcp one: arguments: 65562 bytes, the limit is 65536"},
		{"dhcp", "one", make(chan int), "dhcp one: encode the arguments: json: unsupported type: chan int"},
		{"dns", "x", nil, "dns is not running (nobody listens on " + dir + "/dns.sock)"},
		{"dead", "x", nil, "dead is not running (nobody listens on " + dir + "/dead.sock)"},
		{"../dhcp", "x", nil, `"../dhcp" is no service name: want a-z, 0-9 and -`},
	} {
		var got lease
		err := Call(t.Context(), dir, c.service, c.method, c.args, &got)
		if err == nil || err.Error() != c.want {
			t.Errorf("Call(%s, %s): %v, want %s", c.service, c.method, err, c.want)
		}
		if notRunning := c.service == "dns" || c.service == "dead"; errors.Is(err, ErrNotRunning) != notRunning {
			t.Errorf("Call(%s): errors.Is(err, ErrNotRunning) is not %v", c.service, notRunning)
		}
	}
	if remote := (*RemoteError)(nil); !errors.As(Call(t.Context(), dir, "dhcp", "fail", nil, nil), &remote) || remote.Message != "no such lease" {
		t.Errorf("a service's error is no RemoteError with its words: %+v", remote)
	}
	var number int
	if err := Call(t.Context(), dir, "dhcp", "one", nil, &number); err == nil {
		t.Error("a lease was decoded into an int")
	}
}

func TestCallerGivesUp(t *testing.T) {
	dir := t.TempDir()
	ended := make(chan error, 1)
	start(t, dir, "init", waits(ended))
	ctx, cancel := context.WithCancel(t.Context())
	err := Stream(ctx, dir, "init", "wait", nil, func(json.RawMessage) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Stream: %v, want context.Canceled", err)
	}
	<-ended // the handler too
}

func TestListen(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // the second replaces what a killed first one left
		l, err := Listen(dir, "ntp")
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, "ntp.sock"))
		if err != nil || info.Mode() != os.ModeSocket|0o600 {
			t.Errorf("socket: %v, %v; want mode 0600", info.Mode(), err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	if err := os.WriteFile(filepath.Join(dir, "file.sock"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(dir, "file"); err == nil {
		t.Error("a file that is no socket was replaced")
	}
	for _, name := range []string{"", "a/b", "..", "Dhcp", "-x"} {
		if _, err := Listen(dir, name); err == nil {
			t.Errorf("Listen accepts the name %q", name)
		}
	}
}

// Whatever line comes, there is an answer or a refusal, never a panic, and the
// method runs only for a request that names it.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{`{"method":"echo","args":{"a":[1]}}`, `{"method":"echo"}`, `{}`, `null`, `"echo"`, "\x00", `{"method":"echo","args":`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		client, server := net.Pipe()
		go func() {
			client.Write(append(line, '\n'))
		}()
		called := false
		done := make(chan struct{})
		go func() {
			defer close(done)
			serveConn(context.Background(), server, Mux{"echo": func(ctx context.Context, a json.RawMessage, send func(any) error) error {
				called = true
				return send(string(a))
			}})
		}()
		var a answer
		if err := json.NewDecoder(client).Decode(&a); err != nil {
			t.Fatalf("%q: no answer: %v", line, err)
		}
		client.Close()
		<-done
		if called != (a.Error == "") {
			t.Errorf("%q: called %v, answer %+v", line, called, a)
		}
	})
}

func TestDecode(t *testing.T) {
	for _, c := range []struct{ raw, want, err string }{
		{"", "before", "<nil>"},
		{`{"word":"after"}`, "after", "<nil>"},
		{`{"wrod":"after"}`, "before", `arguments: json: unknown field "wrod"`},
		{`{"word":1}`, "before", "arguments: json: cannot unmarshal number"},
	} {
		args := struct {
			Word string `json:"word"`
		}{"before"}
		err := Decode(json.RawMessage(c.raw), &args)
		if args.Word != c.want || !strings.HasPrefix(fmt.Sprint(err), c.err) {
			t.Errorf("%s: %q, %v, want %q, %s", c.raw, args.Word, err, c.want, c.err)
		}
	}
}

// TestRemove: what a service has left goes, and what is not there is gone already.
func TestRemove(t *testing.T) {
	dir := t.TempDir()
	l, err := Listen(dir, "x")
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for range 2 {
		if err := Remove(dir, "x"); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if err := Remove(dir, "../x"); err == nil {
		t.Error("a name that leaves the directory is taken")
	}
}

// TestStreamWithin: the limit is for the time between parts, and that which the caller takes for one is not
// in it.
func TestStreamWithin(t *testing.T) {
	const short, long = 50 * time.Millisecond, 2 * time.Second
	dir := t.TempDir()
	start(t, dir, "dhcp", Mux{
		"slow": func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			for i := range 5 { // longer than the limit, all together
				time.Sleep(long / 4)
				if err := send(i); err != nil {
					return err
				}
			}
			return nil
		},
		"two": leases(2),
		"stuck": func(ctx context.Context, _ json.RawMessage, send func(any) error) error {
			if err := send(1); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	for _, c := range []struct {
		method        string
		within, pause time.Duration
		parts         int
		err           string
	}{
		{"slow", long, 0, 5, ""},
		{"two", long, long + short, 2, ""},
		{"stuck", short, 0, 1, "dhcp stuck: no answer within 50ms"},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			n := 0
			err := StreamWithin(t.Context(), c.within, dir, "dhcp", c.method, nil, func(json.RawMessage) error {
				n++
				time.Sleep(c.pause)
				return nil
			})
			// A machine that is busy may take longer than the short limit for the first part.
			if n > c.parts || n < c.parts && c.within != short || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
				t.Errorf("%s: %d parts, %v; want %d, %q", c.method, n, err, c.parts, c.err)
			}
		})
	}
}
