package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
)

// process is a running service's view of itself.
type process struct {
	roster.Service
	config io.Reader // its Config as JSON
	log    *slog.Logger
}

// mains are the programs of the services of the roster, by their names.
func mains() map[string]func(ctx context.Context, p process) error {
	return map[string]func(ctx context.Context, p process) error{roster.NFLog: runNFLog, roster.DHCP: runDHCP, roster.SSH: runSSH}
}

// runService is the process `gatehouse service NAME`: it reads its Config from
// stdin and serves until ctx ends.
func runService(ctx context.Context, name string, stdin io.Reader, stderr io.Writer) int {
	s, ok := roster.Named(name)
	run := mains()[name]
	if !ok || run == nil {
		fmt.Fprintf(stderr, "gatehouse service: there is no service %q\n", name)
		return 2
	}
	p := process{Service: s, config: stdin, log: slog.New(logHandler(stderr))}
	if err := run(ctx, p); err != nil {
		p.log.Error(err.Error())
		return 1
	}
	return 0
}

// logHandler writes lines without the time, which init adds when it takes them.
func logHandler(w io.Writer) slog.Handler {
	return slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})
}

// read decodes the service's Config. A field that the service does not know
// means that planner and service are of different builds.
func (p process) read(config any) error {
	d := json.NewDecoder(p.config)
	d.DisallowUnknownFields()
	if err := d.Decode(config); err != nil {
		return fmt.Errorf("the configuration on standard input: %w", err)
	}
	return nil
}

// drop gives up everything but what the table says, for good. A service
// that stays root stays as it is.
func (p process) drop() error {
	if p.UID == 0 {
		return nil
	}
	id := privdrop.Identity{UID: p.UID, GID: p.UID, Caps: p.Caps}
	if p.StateDir != "" {
		id.WritePaths = []string{p.StateDir}
	}
	return privdrop.Drop(id)
}

// ready tells init that the service serves (descriptor 3, see supervise).
func (p process) ready() error {
	const readyFD = 3
	f := os.NewFile(readyFD, "ready")
	if f == nil {
		return nil
	}
	defer f.Close()
	if _, err := f.WriteString("READY\n"); err != nil {
		return fmt.Errorf("telling init that %s is ready: %w", p.Name, err)
	}
	return nil
}
