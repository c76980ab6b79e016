package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are net.Pipes: no buffer, so that a
// client that does not read is felt at once, and virtual time for the deadlines.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return nil }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// serve runs Serve in a bubble of virtual time; stop ends it. The bubble itself
// checks that no goroutine is left.
func serve(t *testing.T, m Mux) (p *pipes, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	p = &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, p, m) }()
	return p, func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

func readAll(t *testing.T, c net.Conn) string {
	t.Helper()
	b, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("read the answer: %v", err)
	}
	return string(b)
}

var echo = Mux{
	"echo": func(_ context.Context, args json.RawMessage, send func(any) error) error { return send(args) },
	"fail": func(context.Context, json.RawMessage, func(any) error) error { return errors.New("no such lease") },
	"panic": func(_ context.Context, args json.RawMessage, send func(any) error) error {
		return send(args[len(args)+1])
	},
	"unencodable": func(_ context.Context, _ json.RawMessage, send func(any) error) error { return send(make(chan int)) },
}

func TestRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := serve(t, echo)
		defer stop()
		for _, c := range []struct {
			send, want string // want: the answer contains it
			after      time.Duration
		}{
			{send: `{"method":"echo","args":{"a":1}}` + "\n", want: `{"result":{"a":1}}` + "\n"},
			{send: `{"method":"echo","args":[]}` + "\n" + "trailing rubbish", want: `{"result":[]}` + "\n"},
			{send: `{"method":"fail"}` + "\n", want: `{"error":"no such lease"}` + "\n"},
			{send: `{"method":"drop table"}` + "\n", want: `no method \"drop table\" here; there are: echo, fail, panic, unencodable`},
			{send: `{"method":"panic"}` + "\n", want: `internal error, please report it: runtime error: index out of range [1] with length 0`},
			{send: `{"method":"unencodable"}` + "\n", want: `encode the answer`},
			{send: "\n", want: `want {\"method\":\"…\",\"args\":{…}}`},
			{send: "GET / HTTP/1.1\r\n", want: `invalid character 'G'`},
			{send: `{"method":7}` + "\n", want: `cannot unmarshal number`},
			{send: strings.Repeat("[", 10001) + "\n", want: "exceeded max depth"},
			{send: `{"method":"ech`, want: "request: no whole line after 5s", after: requestTimeout},
			{send: "", want: "request: no whole line after 5s", after: requestTimeout},
			{send: strings.Repeat("x", MaxRequest), want: "longer than 65536 bytes"},
		} {
			conn := p.dial()
			start := time.Now()
			go io.WriteString(conn, c.send) // a pipe's writer waits for its reader
			got := readAll(t, conn)
			if !strings.Contains(got, c.want) || !strings.HasSuffix(got, "\n") {
				t.Errorf("%.40q: answer %q, want %q in it", c.send, got, c.want)
			}
			if took := time.Since(start); took != c.after {
				t.Errorf("%.40q: took %v, want %v", c.send, took, c.after)
			}
			conn.Close()
			synctest.Wait()
		}
	})
}

func TestHalfALineThenGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := serve(t, echo)
		defer stop()
		conn := p.dial()
		io.WriteString(conn, `{"meth`)
		conn.Close()
		synctest.Wait() // serveConn has ended, or the bubble complains
	})
}

// A client that asks and never reads blocks its own handler, and only until the
// write deadline.
func TestClientThatNeverReads(t *testing.T) {
	type end struct {
		err  error
		took time.Duration
	}
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan end, 1)
		p, stop := serve(t, Mux{"flood": func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			start := time.Now()
			var err error
			for err == nil {
				err = send("line")
			}
			if again := send("more"); again == nil {
				t.Error("send after a failed send succeeds: half a line may be out")
			}
			ended <- end{err, time.Since(start)}
			return err
		}})
		defer stop()
		conn := p.dial()
		defer conn.Close()
		io.WriteString(conn, `{"method":"flood"}`+"\n")
		e := <-ended
		if !errors.Is(e.err, os.ErrDeadlineExceeded) || e.took != writeTimeout {
			t.Errorf("flood ended by %v after %v, want a timeout after %v", e.err, e.took, writeTimeout)
		}
	})
}

// waits answers one line and then does nothing until its context ends.
func waits(ended chan<- error) Mux {
	return Mux{"wait": func(ctx context.Context, _ json.RawMessage, send func(any) error) error {
		if err := send("waiting"); err != nil {
			return err
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}}
}

func TestClientGoneEndsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		p, stop := serve(t, waits(ended))
		defer stop()
		conn := p.dial()
		io.WriteString(conn, `{"method":"wait"}`+"\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != `{"result":"waiting"}`+"\n" {
			t.Errorf("got %q, %v", line, err)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("the handler ended before the client: %v", err)
		default:
		}
		conn.Close()
		<-ended
	})
}

func TestTooManyClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := serve(t, waits(make(chan error, MaxConnections)))
		defer stop()
		var conns []net.Conn
		for range MaxConnections {
			c := p.dial() // says nothing at all
			conns = append(conns, c)
		}
		synctest.Wait()
		if got := readAll(t, p.dial()); got != `{"error":"busy: 32 other questions are being answered"}`+"\n" {
			t.Errorf("one too many: %q", got)
		}
		conns[0].Close()
		synctest.Wait()
		again := p.dial()
		io.WriteString(again, `{"method":"wait"}`+"\n")
		if line, err := bufio.NewReader(again).ReadString('\n'); err != nil || !strings.Contains(line, "waiting") {
			t.Errorf("after one has gone: %q, %v", line, err)
		}
		for _, c := range append(conns, again) {
			c.Close()
		}
	})
}

func TestStopTellsClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stop := serve(t, waits(make(chan error, 1)))
		conn := p.dial()
		io.WriteString(conn, `{"method":"wait"}`+"\n")
		answers := make(chan string, 1)
		go func() { answers <- readAll(t, conn) }()
		synctest.Wait()
		stop()
		want := `{"result":"waiting"}` + "\n" + `{"error":"the service is stopping"}` + "\n"
		if got := <-answers; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
