package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// ErrNotRunning is what Call and Stream return (wrapped) when nobody listens on
// the service's socket.
var ErrNotRunning = errors.New("is not running")

// RemoteError is an error that the service itself answered with.
type RemoteError struct{ Service, Method, Message string }

// Error is the service's words, after its name and the method.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("%s %s: %s", e.Service, e.Method, e.Message)
}

// Call asks a service and expects exactly one result, which is decoded into
// result (nil: thrown away). args may be nil.
func Call(ctx context.Context, dir, service, method string, args, result any) error {
	var got json.RawMessage
	err := Stream(ctx, dir, service, method, args, func(raw json.RawMessage) error {
		if got != nil {
			return fmt.Errorf("%s %s: more than one result", service, method)
		}
		got = raw
		return nil
	})
	switch {
	case err != nil:
		return err
	case got == nil:
		return fmt.Errorf("%s %s: no result", service, method)
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(got, result); err != nil {
		return fmt.Errorf("%s %s: result: %w", service, method, err)
	}
	return nil
}

// Stream asks a service and calls each for every result until the service is
// done (nil), ctx ends (its error), or each returns an error (that one). args
// may be nil.
func Stream(ctx context.Context, dir, service, method string, args any,
	each func(json.RawMessage) error) error {
	conn, err := dial(ctx, dir, service)
	if err != nil {
		return err
	}
	defer conn.Close()
	return converse(ctx, conn, service, method, args, each)
}

// converse is Stream on a connection.
func converse(ctx context.Context, conn net.Conn, service, method string, args any,
	each func(json.RawMessage) error) error {
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()

	wrap := func(err error) error {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("%s %s: %w", service, method, err)
	}
	if err := ask(conn, method, args); err != nil {
		return wrap(err)
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, MaxAnswer)
	for lines.Scan() {
		var a answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return wrap(fmt.Errorf("answer: %w", err))
		}
		if a.Error != "" {
			return &RemoteError{service, method, a.Error}
		}
		if err := each(a.Result); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return wrap(err)
	}
	return nil
}

// StreamWithin is Stream for an answer that ends by itself, of which each part must come within a time after
// the one before it was taken.
func StreamWithin(ctx context.Context, within time.Duration, dir, service, method string, args any,
	each func(json.RawMessage) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(within, func() { cancel(fmt.Errorf("no answer within %v", within)) })
	defer patience.Stop()
	return Stream(ctx, dir, service, method, args, func(raw json.RawMessage) error {
		patience.Stop()
		defer patience.Reset(within)
		return each(raw)
	})
}

func dial(ctx context.Context, dir, service string) (net.Conn, error) {
	path, err := socketPath(dir, service)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%s %w (nobody listens on %s)", service, ErrNotRunning, path)
	}
	if errors.Is(err, syscall.EAGAIN) {
		return nil, fmt.Errorf("%s takes no more questions: those that it has not answered fill its queue",
			service)
	}
	return conn, err
}

func ask(w io.Writer, method string, args any) error {
	req := request{Method: method}
	if args != nil {
		raw, err := json.Marshal(args)
		if err != nil {
			return fmt.Errorf("encode the arguments: %w", err)
		}
		req.Args = raw
	}
	line, err := json.Marshal(req)
	if err != nil {
		return err
	}
	if len(line) >= MaxRequest {
		return fmt.Errorf("arguments: %d bytes, the limit is %d", len(line), MaxRequest)
	}
	// A service that refuses (busy) may have closed already: its answer counts,
	// not the failed write.
	if _, err := w.Write(append(line, '\n')); err != nil && !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}
