package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// qmp is a connection to QEMU's control socket (QEMU Machine Protocol: JSON values, one answer per command,
// events in between).
type qmp struct {
	mu      sync.Mutex
	conn    net.Conn
	decoder *json.Decoder
}

// dialQMP connects to the socket, which appears shortly after QEMU has started, unless QEMU is gone first.
func dialQMP(ctx context.Context, socket string, gone <-chan struct{}) (*qmp, error) {
	ctx, cancel := context.WithTimeout(ctx, Guard)
	defer cancel()
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			q := &qmp{conn: conn, decoder: json.NewDecoder(conn)}
			return q, q.execute(ctx, "qmp_capabilities", nil)
		}
		select {
		case <-gone:
			return nil, errors.New("QEMU ended")
		case <-ctx.Done():
			return nil, err
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// execute runs one command and waits for its answer.
func (q *qmp) execute(ctx context.Context, command string, args any) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(Guard)
	}
	if err := q.conn.SetDeadline(deadline); err != nil {
		return err
	}
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, args}
	if err := json.NewEncoder(q.conn).Encode(request); err != nil {
		return fmt.Errorf("QMP %s: %w", command, err)
	}
	for {
		var answer struct {
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err := q.decoder.Decode(&answer); err != nil {
			return fmt.Errorf("QMP %s: %w", command, err)
		}
		switch {
		case answer.Error != nil:
			return fmt.Errorf("QMP %s: %s", command, answer.Error.Desc)
		case answer.Return != nil:
			return nil
		} // else the greeting or an event
	}
}

func (q *qmp) close() { q.conn.Close() }
