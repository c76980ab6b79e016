package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/site"
)

// Where the appliance keeps what every part of it needs to find.
const (
	siteDir       = "/etc/gatehouse/site"
	runDir        = "/run/gatehouse"
	machineIDFile = "/perm/machine-id"
)

// networkName is what the log calls that part of process 1 which keeps the network.
const networkName = "network"

// box is process 1 while it runs.
type box struct {
	log      *logs.Log
	children *children.Children
	report   boot.Report

	offloaded []string // devices of the firewall's short cut, as loaded last

	mu       sync.Mutex
	problems []string
	network  error           // what is wrong with it now, but for interfaces that are missing, which status sees itself
	guard    *watchdog.Guard // nil: there is nothing to guard
}

// runInit is process 1 from the first mount to the last sync. It returns only
// when the machine would not end.
func runInit(ctx context.Context, console io.Writer) int {
	b := &box{log: logs.New(boot.Uptime), children: children.New()}

	requests := make(chan os.Signal, 4)
	signal.Notify(requests, boot.RequestSignals()...)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	signal.Ignore(syscall.SIGPIPE)
	go b.children.Run(ctx, ended)

	boot.Run(ctx, boot.Config{
		OS:       guardedOS{boot.Linux(b.children), b},
		Log:      b.log,
		Console:  console,
		Requests: requests,
		Dirs:     stateDirs(),
		Files: []boot.Once{
			{Path: plan.HostKeyFile, Mode: 0o600, Make: boot.HostKey},
			{Path: machineIDFile, Mode: 0o444, Make: boot.MachineID},
		},
		Up: b.up,
	})
	return 1
}

// stateDirs are the directories that the services keep their state in.
func stateDirs() []boot.Dir {
	dirs := []boot.Dir{{Path: "/perm/ssh", Mode: 0o700}}
	for _, s := range roster.All() {
		if s.StateDir != "" {
			dirs = append(dirs, boot.Dir{Path: s.StateDir, Mode: 0o700, UID: s.UID, GID: s.UID})
		}
	}
	return dirs
}

// up makes the box what the site says: the firewall first, since there must be
// no moment with addresses and without rules; then the network; then the
// services. Without its firewall the box stays off the network.
func (b *box) up(ctx context.Context, report boot.Report) (boot.Appliance, error) {
	b.report = report
	go b.watchPowerButton(ctx)
	s, err := site.Load(os.DirFS(siteDir))
	if err != nil {
		return boot.Appliance{}, b.problem(fmt.Errorf("the site in %s is not usable: %w", siteDir, err))
	}
	p := plan.Make(s, plan.Learned{})
	if err := b.loadFirewall(p.Firewall); err != nil {
		return boot.Appliance{ConsoleLocked: p.ConsoleLocked},
			b.problem(fmt.Errorf("the firewall could not be loaded, so the network stays down: %w", err))
	}
	netErr := b.keepNetwork(ctx, p)
	units, err := units(p, report.Storage)
	if err != nil {
		return boot.Appliance{ConsoleLocked: p.ConsoleLocked}, b.problem(err)
	}
	supervisor := supervise.New(unit.Exec{Children: b.children, Program: "/proc/self/exe"}, b.log)
	go supervisor.Set(ctx, units)
	b.setGuard(b.newGuard(p, units, supervisor))
	return boot.Appliance{
		ConsoleLocked: p.ConsoleLocked,
		Run:           func(ctx context.Context) { b.serve(ctx, supervisor) },
	}, netErr
}

// keepNetwork makes the network what was planned, and returns what could not be
// done. From then on a card that is taken out and put back is configured again.
func (b *box) keepNetwork(ctx context.Context, p plan.Plan) error {
	first := make(chan error, 1)
	tell := netcfg.Tell{
		State: func(missing, wrong error) {
			b.mu.Lock()
			b.network = wrong
			b.mu.Unlock()
			b.offload(p.Firewall.Policy)
			select {
			case first <- errors.Join(missing, wrong):
			default: // only the first is waited for
			}
		},
		Log: func(line string) { b.log.Event(networkName, "%s", line) },
	}
	keeper, err := rtnl.Open(tell)
	if err != nil {
		return err
	}
	go keeper.Run(ctx)
	go keeper.Set(ctx, p.Network)
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watchPowerButton makes the machine's power button an orderly end.
func (b *box) watchPowerButton(ctx context.Context) {
	press := func() {
		if err := boot.Request(boot.PowerOff); err != nil {
			b.log.Printf(admin.InitService, "power button: %v", err)
		}
	}
	if err := boot.WatchPowerButton(ctx, press); err != nil {
		b.log.Printf(admin.InitService, "%v", err)
	}
}

// loadFirewall makes the kernel's rules those of l, and notes it for the
// gatehouse command. An error means that the rules before it still hold.
func (b *box) loadFirewall(l firewall.Loaded) error {
	table, err := l.Table()
	if err != nil {
		return err
	}
	if err := nft.Load(table); err != nil {
		return err
	}
	err = os.MkdirAll(runDir, 0o755)
	if err == nil {
		err = admin.WriteLoaded(runDir, l)
	}
	if err != nil {
		b.problem(fmt.Errorf("gatehouse firewall will not work: %w", err))
	}
	return nil
}

// offload lets established conversations take a short cut past the rules, where
// the kernel can do that: between links that exist now. It is called by one
// goroutine, which follows the links.
func (b *box) offload(p firewall.Policy) {
	devices := nft.Offload(p.Shortcuts())
	if slices.Equal(devices, b.offloaded) {
		return
	}
	if err := b.loadFirewall(firewall.Loaded{Policy: p, Features: firewall.Features{Offload: devices}}); err != nil {
		b.problem(fmt.Errorf("the firewall goes on without its short cut: %w", err))
		return
	}
	b.offloaded = devices
}

// problem keeps err for `gatehouse status` and returns it.
func (b *box) problem(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, err.Error())
	return err
}

// units returns the processes to supervise. A service that must remember is not
// started when what it remembers would be lost.
func units(p plan.Plan, storage boot.Storage) ([]supervise.Unit, error) {
	var all []supervise.Unit
	for _, s := range p.Services {
		config, err := json.Marshal(s.Config)
		if err != nil {
			return nil, fmt.Errorf("configuration of %s: %w", s.Name, err)
		}
		known, _ := roster.Named(s.Name)
		u := supervise.Unit{Name: s.Name, Config: config, Reloads: known.Reloads}
		if known.StateDir != "" && storage.Kind == boot.StorageLost {
			u.Refused = "there is no stable storage to keep its promises on: " + storage.Problem
		}
		all = append(all, u)
	}
	return all, nil
}

// serve keeps the services running, and answers about them, until ctx ends.
func (b *box) serve(ctx context.Context, supervisor *supervise.Supervisor) {
	methods := supervisor.Methods()
	methods["log"] = b.log.Handler(supervisor.Names)
	methods["box"] = func(_ context.Context, _ json.RawMessage, send func(any) error) error {
		return send(b.describe())
	}
	var serving sync.WaitGroup
	if l, err := control.Listen(runDir, admin.InitService); err != nil {
		b.log.Printf(admin.InitService, "the gatehouse command will not work: %v", err)
	} else {
		serving.Go(func() {
			if err := control.Serve(ctx, l, methods); err != nil {
				b.log.Printf(admin.InitService, "the gatehouse command: %v", err)
			}
		})
	}
	if g := b.guarding(); g != nil {
		serving.Go(func() { g.Run(ctx) })
	}
	supervisor.Run(ctx)
	serving.Wait()
}

func (b *box) describe() admin.Box {
	described := admin.Box{Boot: b.report}
	if g := b.guarding(); g != nil {
		status := g.Status()
		described.Watchdog = &status
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	described.Problems = slices.Clone(b.problems)
	if b.network != nil {
		described.Problems = append(described.Problems, b.network.Error())
	}
	return described
}
