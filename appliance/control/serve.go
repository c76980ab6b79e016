package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// Remove removes the socket of a service that does not run, if it has left one in dir.
func Remove(dir, service string) error {
	path, err := socketPath(dir, service)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the control socket of %s: %w", service, err)
	}
	return nil
}

// Listen makes the socket of a service in dir, which must exist, and lets root
// alone (the caller's user) open it. A socket left by an earlier run is
// replaced. Listen before privileges are dropped.
func Listen(dir, service string) (net.Listener, error) {
	path, err := socketPath(dir, service)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove the old control socket: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control socket of %s: %w", service, err)
	}
	// Until here the umask decides. With any that takes write from others, as
	// 022 does, nobody else could have connected in between.
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket of %s: %w", service, err)
	}
	return l, nil
}

// Serve answers the questions that come to l by the methods of m until ctx
// ends; then it closes l, ends its handlers' contexts, waits for them and
// returns nil. An error of accept other than a passing one is returned at once.
func Serve(ctx context.Context, l net.Listener, m Mux) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	slots := make(chan struct{}, MaxConnections)
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if conn != nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("control: %w", err)
		case err != nil: // out of descriptors, most likely: passes
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			continue
		}
		select {
		case slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-slots }()
				serveConn(ctx, conn, m)
			})
		default:
			refuse(conn)
		}
	}
}

// refuse tells a client that there are too many. The line fits the empty
// socket buffer, so it does not block the accept loop.
func refuse(conn net.Conn) {
	defer conn.Close()
	s := sender{conn: conn}
	s.line(answer{Error: fmt.Sprintf("busy: %d other questions are being answered", MaxConnections)})
}

func serveConn(service context.Context, conn net.Conn, m Mux) {
	ctx, cancel := context.WithCancel(service)
	defer cancel()
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })()

	s := sender{conn: conn}
	r := bufio.NewReader(io.LimitReader(conn, MaxRequest))
	req, err := readRequest(ctx, conn, r)
	if err != nil {
		s.line(answer{Error: err.Error()})
		return
	}
	handler, ok := m[req.Method]
	if !ok {
		s.line(answer{Error: fmt.Sprintf("no method %q here; there are: %s",
			req.Method, strings.Join(slices.Sorted(maps.Keys(m)), ", "))})
		return
	}
	var watch sync.WaitGroup
	defer watch.Wait()
	defer conn.Close() // ends the watch
	watch.Go(func() {
		io.Copy(io.Discard, conn) // until the client closes
		cancel()
	})
	switch err := call(ctx, handler, req.Args, s.result); {
	case err != nil && service.Err() != nil:
		s.line(answer{Error: "the service is stopping"})
	case err != nil:
		s.line(answer{Error: err.Error()})
	}
}

// call runs a handler. A panic in one is the answer to its client and does not
// take the service, or PID 1, with it.
func call(ctx context.Context, h Handler, args json.RawMessage, send func(any) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error, please report it: %v\n%s", p, debug.Stack())
		}
	}()
	return h(ctx, args, send)
}

// readRequest reads the one line. The end of ctx is a read deadline in the past,
// so that ctx must be looked at again after each change of the deadline.
func readRequest(ctx context.Context, conn net.Conn, r *bufio.Reader) (request, error) {
	var req request
	deadline := func(at time.Time) error { return errors.Join(conn.SetReadDeadline(at), ctx.Err()) }
	if err := deadline(time.Now().Add(requestTimeout)); err != nil {
		return req, err
	}
	line, err := r.ReadBytes('\n')
	switch {
	case err == nil:
	case len(line) >= MaxRequest:
		return req, fmt.Errorf("request: longer than %d bytes", MaxRequest)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return req, fmt.Errorf("request: no whole line after %v", requestTimeout)
	default:
		return req, fmt.Errorf("request: %w after %d bytes, want one line", err, len(line))
	}
	if err := json.Unmarshal(line, &req); err != nil {
		return req, fmt.Errorf(`request: %w; want {"method":"…","args":{…}}`, err)
	}
	return req, deadline(time.Time{})
}

// sender writes answer lines. After the first failure it writes no more: half
// a line may be out.
type sender struct {
	conn net.Conn
	err  error
}

func (s *sender) result(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return s.line(answer{Result: raw})
}

func (s *sender) line(a answer) error {
	if s.err != nil {
		return s.err
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if s.err = s.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); s.err == nil {
		_, s.err = s.conn.Write(append(b, '\n'))
	}
	return s.err
}
