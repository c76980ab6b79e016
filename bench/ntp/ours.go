package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// serveArg has this program be the server, with a directory for its state.
const serveArg = "serve"

// uid is that of the service on the appliance.
const uid = 507

// untouched is the machine's clock, which nobody corrects.
type untouched struct{ *kernel.Clock }

// Step does nothing.
func (untouched) Step(time.Duration) error { return nil }

// Tune does nothing.
func (untouched) Tune(discipline.Tune) error { return nil }

// serve is our server.
func serve(ctx context.Context, state string, stderr io.Writer) error {
	uptime := func() time.Duration {
		var t unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
		return time.Duration(t.Nano())
	}
	s, err := ntprun.Open(ntp.Config{Links: []string{wire.ServerLink}, LocalStratum: localStratum},
		ntprun.Options{
			Log: slog.New(slog.NewTextHandler(stderr, nil)), StateDir: state, Uptime: uptime,
			Kernel: untouched{kernel.New()}, Rand: func() uint64 {
				return 4
			}, WatchSet: func(ctx context.Context, _ func()) error { <-ctx.Done(); return nil },
			NotBefore: time.Unix(0, 0),
		})
	if err != nil {
		return err
	}
	drop := func() error {
		return privdrop.Drop(privdrop.Identity{UID: uid, GID: uid,
			Caps: []string{"net_bind_service", "net_raw"}, WritePaths: []string{state}})
	}
	return s.Run(ctx, drop, func() error { return nil })
}

func ours() program {
	return program{name: "gatehouse", command: func(dir string) ([]string, error) {
		state := filepath.Join(dir, "state")
		self, err := os.Executable()
		return []string{self, serveArg, state},
			errors.Join(err, os.Mkdir(state, 0o700), os.Chown(state, uid, uid))
	}}
}

// chrony serves a clock that nobody corrects, as ours does, and counts its clients, as is its default.
func chrony(path string) program {
	return program{name: "chronyd", command: func(dir string) ([]string, error) {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%w: image/packages.sh bench unpacks it", err)
		}
		return []string{"setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", path, "-x", "-d", "-u",
				"root", "allow", fmt.Sprint("local stratum ", localStratum), "cmdport 0", "bindcmdaddress " +
					dir +
					"/private/chronyd.sock", "pidfile " + dir + "/private/pid"},
			os.Mkdir(filepath.Join(dir, "private"), 0o700)
	}}
}

// localStratum is that of both.
const localStratum = 10
