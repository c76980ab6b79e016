// Package control is how `gatehouse status`, `gatehouse leases` and the like
// ask a running service.
//
// A service listens on the unix socket DIR/SERVICE.sock, which root alone may
// open. One connection is one question: the client sends one JSON line
// {"method":"leases","args":{…}}, the service answers with any number of JSON
// lines {"result":…}, at most one {"error":"…"} as the last, and closes.
//
// Whatever a client does, the service stays well: requests are bounded in size
// and time, connections in number, and a client that does not read its answer
// is cut off. When a client goes away, the context of its handler ends.
//
// Limits: no authentication beyond the permissions of the socket, and one
// question per connection.
package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"time"
)

// What a service accepts, and how long it waits.
const (
	MaxRequest     = 64 << 10        // bytes of the request line, newline included
	MaxAnswer      = 8 << 20         // bytes of one answer line; a client gives up above it
	MaxConnections = 32              // questions answered at the same time; one more is told "busy"
	requestTimeout = 5 * time.Second // from connect to the end of the request line
	writeTimeout   = 5 * time.Second // for each answer line to be taken by the client
)

// Ping is the method by which a service shows that it is well: it answers one
// empty result, from the loop that does its work and not from beside it.
const Ping = "ping"

// Handler answers one question. It calls send for each result, in order; send
// returns an error when the client is gone or does not read, and the handler
// then returns it. A returned error is sent to the client as the last line.
// ctx ends when the client goes away and when the service stops.
type Handler func(ctx context.Context, args json.RawMessage, send func(result any) error) error

// Mux is the methods of a service by name.
type Mux map[string]Handler

// Decode reads the arguments of a question strictly: a misspelt one is an error, not ignored. With none, into
// stays as it is.
func Decode(args json.RawMessage, into any) error {
	if len(args) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(args))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("arguments: %w", err)
	}
	return nil
}

type request struct {
	Method string          `json:"method"`
	Args   json.RawMessage `json:"args,omitempty"`
}

// answer is one line to the client: a result, or the error that ended it.
type answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

var serviceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// socketPath refuses names that would leave the directory: they come from the
// command line.
func socketPath(dir, service string) (string, error) {
	if !serviceName.MatchString(service) {
		return "", fmt.Errorf("%q is no service name: want a-z, 0-9 and -", service)
	}
	return filepath.Join(dir, service+".sock"), nil
}
