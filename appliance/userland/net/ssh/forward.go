package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/getopt"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/client"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/ssh/socks"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// A forward is a port that leads elsewhere.
type forward struct {
	kind byte   // L, R or D
	bind string // "": this machine alone; "*": all
	port int
	to   string // "host:port"; "": where the client of the proxy wants
}

// forwardsOf are the forwards among options.
func forwardsOf(options []getopt.Option) (all []forward, err error) {
	for _, o := range options {
		if o.Letter != 'L' && o.Letter != 'R' && o.Letter != 'D' {
			continue
		}
		f, err := parseForward(o.Letter, o.Value)
		if err != nil {
			return nil, fmt.Errorf("-%c %s: %w", o.Letter, o.Value, err)
		}
		all = append(all, f)
	}
	return all, nil
}

// parseForward reads "[bind:]port:host:hostport" or "[bind:]port". Addresses of IPv6 are in brackets.
func parseForward(kind byte, text string) (f forward, err error) {
	f.kind = kind
	words, want := fields(text), 3
	if kind == 'D' {
		want = 1
	}
	switch len(words) {
	case want + 1:
		if f.bind = words[0]; f.bind == "" {
			f.bind = "*"
		}
		words = words[1:]
	case want:
	default:
		return f, errors.New(map[int]string{1: "expected [ADDRESS:]PORT", 3: "expected [ADDRESS:]PORT:HOST:PORT"}[want])
	}
	low := 1
	if kind == 'R' {
		low = 0 // the server chooses one
	}
	if f.port, err = strconv.Atoi(words[0]); err != nil || f.port < low || f.port > 65535 {
		return f, fmt.Errorf("port %q: expected %d to 65535", words[0], low)
	}
	if want == 1 {
		return f, nil
	}
	if n, err := strconv.Atoi(words[2]); err != nil || n < 1 || n > 65535 || words[1] == "" {
		return f, fmt.Errorf("%q: expected HOST:PORT", words[1]+":"+words[2])
	}
	f.to = net.JoinHostPort(words[1], words[2])
	return f, nil
}

// fields are what is between colons, but for those in brackets.
func fields(text string) (all []string) {
	for {
		if end := strings.Index(text, "]"); strings.HasPrefix(text, "[") && end > 0 {
			word, rest := text[1:end], text[end+1:]
			all = append(all, word)
			if rest == "" {
				return all
			}
			text = strings.TrimPrefix(rest, ":")
			continue
		}
		word, rest, more := strings.Cut(text, ":")
		all = append(all, word)
		if !more {
			return all
		}
		text = rest
	}
}

// tunnels are the connections that are forwarded now.
type tunnels struct {
	sync.WaitGroup
	count atomic.Int32
}

// wait returns when there are none any more.
func (t *tunnels) wait(ctx context.Context, say func()) {
	if t.count.Load() == 0 {
		return
	}
	say()
	done := make(chan struct{})
	go func() { t.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// open begins all forwards.
func (r *run) open(ctx context.Context) (*tunnels, error) {
	t := &tunnels{}
	for _, f := range r.forwards {
		if err := r.openOne(ctx, t, f); err != nil {
			err = fmt.Errorf("-%c %d: %w", f.kind, f.port, err)
			if r.MustForward {
				return nil, err
			}
			r.say(client.Errors, "ssh: %v", err)
		}
	}
	return t, nil
}

func (r *run) openOne(ctx context.Context, t *tunnels, f forward) error {
	if f.kind == 'R' {
		return r.openRemote(ctx, t, f)
	}
	binds := []string{f.bind}
	switch f.bind {
	case "", "localhost":
		binds = []string{"127.0.0.1", "::1"}
	case "*":
		binds = []string{""}
	}
	opened := 0
	var failure error
	for _, bind := range binds {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(bind, strconv.Itoa(f.port)))
		if err != nil {
			if !errors.Is(err, unix.EADDRNOTAVAIL) || failure == nil { // a machine may be without IPv6
				failure = err
				r.say(client.Errors, "ssh: -%c: %v", f.kind, err)
			}
			continue
		}
		opened++
		go r.accept(ctx, t, l, func(c net.Conn) (net.Conn, error) { return r.there(c, f.to) })
	}
	if opened == 0 {
		return failure
	}
	return nil
}

// openRemote has the server listen.
func (r *run) openRemote(ctx context.Context, t *tunnels, f forward) error {
	bind := f.bind
	switch bind {
	case "":
		bind = "localhost"
	case "*":
		bind = ""
	}
	l, err := r.client.Listen("tcp", net.JoinHostPort(bind, strconv.Itoa(f.port)))
	if err != nil {
		return errors.New("the server does not listen on the port")
	}
	if f.port == 0 {
		r.say(client.Normal, "Allocated port %d for remote forward to %s", l.Addr().(*net.TCPAddr).Port, f.to)
	}
	go r.accept(ctx, t, l, func(net.Conn) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", f.to)
	})
	return nil
}

// acceptPause is how long nobody is accepted when there is no room for another file.
const acceptPause = 100 * time.Millisecond

// accept leads all who come to the other side.
func (r *run) accept(ctx context.Context, t *tunnels, l net.Listener, dial func(net.Conn) (net.Conn, error)) {
	context.AfterFunc(ctx, func() { l.Close() })
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || ctx.Err() != nil {
			return
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		t.count.Add(1)
		t.Go(func() {
			defer t.count.Add(-1)
			defer c.Close()
			other, err := dial(c)
			if err != nil {
				r.say(client.Normal, "ssh: forward: %s", printable.Cut(err.Error(), 1024))
				return
			}
			join(c, other)
		})
	}
}

// there connects from the other machine to an address, or to where a client of the proxy wants.
func (r *run) there(c net.Conn, address string) (net.Conn, error) {
	if address != "" {
		return r.client.Dial("tcp", address)
	}
	if err := c.SetDeadline(time.Now().Add(r.SocketTimeout)); err != nil {
		return nil, err
	}
	address, err := socks.Request(c)
	if err != nil {
		return nil, err
	}
	other, err := r.client.Dial("tcp", address)
	if err != nil {
		return nil, errors.Join(err, socks.Reply(c, false))
	}
	if err := errors.Join(socks.Reply(c, true), c.SetDeadline(time.Time{})); err != nil {
		other.Close()
		return nil, err
	}
	return other, nil
}

// join copies both ways until both ends have ended.
func join(a, b net.Conn) {
	defer b.Close()
	done := make(chan struct{})
	go func() {
		half(a, b)
		close(done)
	}()
	half(b, a)
	<-done
}

// half copies one way, and says at the end that nothing more comes. Whoever is gone is not written to any
// more.
func half(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		from.Close()
		return
	}
	if c, ok := to.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}
