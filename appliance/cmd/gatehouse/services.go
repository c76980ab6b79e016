package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
)

// A service is one process of the appliance: who it becomes, and what it does.
type service struct {
	name     string
	account  string   // user of /etc/passwd; "" stays root
	caps     []string // kept, without "CAP_"
	stateDir string   // in /perm, its own; "" if it remembers nothing
	run      func(ctx context.Context, p process) error
}

// process is a running service's view of itself.
type process struct {
	service
	config io.Reader // its Config as JSON
	log    *slog.Logger
}

// services is the table of the appliance's processes (docs/architecture.md).
func services() []service {
	return []service{
		{name: plan.NFLog, account: "nflog", run: runNFLog},
		{name: plan.DHCP, account: "dhcp", caps: []string{"net_raw", "net_bind_service"}, stateDir: "/perm/dhcp", run: runDHCP},
		{name: plan.SSH, run: runSSH},
	}
}

func serviceNamed(name string) (service, bool) {
	all := services()
	i := slices.IndexFunc(all, func(s service) bool { return s.name == name })
	if i < 0 {
		return service{}, false
	}
	return all[i], true
}

// runService is the process `gatehouse service NAME`: it reads its Config from
// stdin and serves until ctx ends.
func runService(ctx context.Context, name string, stdin io.Reader, stderr io.Writer) int {
	s, ok := serviceNamed(name)
	if !ok {
		fmt.Fprintf(stderr, "gatehouse service: there is no service %q\n", name)
		return 2
	}
	p := process{service: s, config: stdin, log: slog.New(logHandler(stderr))}
	if err := s.run(ctx, p); err != nil {
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

// drop gives up everything but what the table says, for good. Without an
// account in the table the process stays as it is.
func (p process) drop() error {
	if p.account == "" {
		return nil
	}
	uid, gid, err := account(p.account)
	if err != nil {
		return err
	}
	id := privdrop.Identity{UID: uid, GID: gid, Caps: p.caps}
	if p.stateDir != "" {
		id.WritePaths = []string{p.stateDir}
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
		return fmt.Errorf("telling init that %s is ready: %w", p.name, err)
	}
	return nil
}
