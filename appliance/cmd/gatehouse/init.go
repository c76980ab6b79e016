package main

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/children"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/logs"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
	"github.com/gatehouse-os/gatehouse/appliance/xenstore"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	sharewatch "github.com/gatehouse-os/gatehouse/firewall/shares/watch"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
)

// Where the appliance keeps what every part of it needs to find.
const (
	siteDir       = "/etc/gatehouse/site" // of the image
	runDir        = "/run/gatehouse"
	keptDir       = "/perm/site"
	machineIDFile = "/perm/machine-id"
	ulaFile       = "/perm/ula"
)

// upTime is how long the start may take before the console opens without it.
const upTime = 5 * time.Second

// restoredTime is how long the time service may take to hear of a restore.
const restoredTime = 10 * time.Second

// process1 is init while it runs.
type process1 struct {
	log        *logs.Log
	children   *children.Children
	lock       boot.Lock // of the console
	report     boot.Report
	box        *box.Box
	wayOut     *wayOut
	unended    sync.Once // that the kernel ends no connections was said
	hooks      *siteHooks
	tunnel     *tunnelState
	rules      nft.Owner // of the kernel
	shares     sharewatch.Watcher
	supervisor *supervise.Supervisor
	refusals   refusals
	request    func(boot.Kind) error // for an end that was planned

	mu    sync.Mutex
	guard *watchdog.Guard // nil: there is nothing to guard
}

func newProcess1() *process1 {
	p := &process1{log: logs.New(boot.Uptime), children: children.New(), wayOut: newWayOut(),
		tunnel: newTunnelState(), request: boot.Request}
	p.shares.Log = func(format string, args ...any) { p.log.Event(firewallName, format, args...) }
	p.supervisor = supervise.New(unit.Exec{Children: p.children, Program: "/proc/self/exe"}, p.log)
	return p
}

// runInit is process 1 from the first mount to the last sync. It returns only
// when the machine would not end.
func runInit(ctx context.Context, console io.Writer) int {
	p := newProcess1()
	requests := make(chan os.Signal, 4)
	signal.Notify(requests, boot.RequestSignals()...)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	signal.Ignore(syscall.SIGPIPE)
	go p.children.Run(ctx, ended)

	boot.Run(ctx, boot.Config{
		OS:       guardedOS{boot.Linux(p.children), p},
		Log:      p.log,
		Console:  console,
		Requests: requests,
		Lock:     &p.lock,
		Shown: func(l logs.Line) bool {
			return l.Service == roster.SSH &&
				strings.HasPrefix(l.Text, "level=ERROR msg=\""+sshadmin.TemporaryKey)
		},
		Dirs: stateDirs(),
		Files: []boot.Once{
			{Path: plan.HostKeyFile, Mode: 0o600, Make: boot.HostKey, Tell: boot.Fingerprint},
			{Path: machineIDFile, Mode: 0o444, Make: boot.MachineID},
			{Path: ulaFile, Mode: 0o444, Make: boot.ULA},
		},
		Up: p.up,
	})
	return 1
}

// stateDirs are the directories that the services keep their state in. One that another service reads is open
// to all users, of which there are only services.
func stateDirs() []boot.Dir {
	dirs := []boot.Dir{{Path: "/perm/ssh", Mode: 0o700}}
	read := map[string]bool{}
	for _, s := range roster.All() {
		for _, dir := range s.Reads {
			read[dir] = true
		}
	}
	for _, s := range roster.All() {
		if s.StateDir == "" {
			continue
		}
		mode := fs.FileMode(0o700)
		if read[s.StateDir] {
			mode = 0o755
		}
		dirs = append(dirs, boot.Dir{Path: s.StateDir, Mode: mode, UID: s.UID, GID: s.UID})
	}
	return dirs
}

// up makes the box what its site says. What cannot be done is a problem of the box,
// and does not keep the rest from being done.
func (p *process1) up(ctx context.Context, report boot.Report) (boot.Appliance, error) {
	limitMemory(memoryShare)
	p.report = report
	go p.watchPowerButton(ctx)
	go p.watchRestored(ctx)
	p.box = p.newBox(ctx, report.Storage)
	p.setGuard(p.newGuard())
	started := make(chan error, 1)
	go func() {
		started <- p.box.Start()
		debug.FreeOSMemory()
		p.box.Run()
	}()
	var err error
	select {
	case err = <-started:
	case <-time.After(upTime):
	case <-ctx.Done():
	}
	return boot.Appliance{Run: p.serve}, err
}

// watchPowerButton makes the machine's power button an orderly end.
func (p *process1) watchPowerButton(ctx context.Context) {
	press := func() {
		if err := boot.Request(boot.PowerOff); err != nil {
			p.log.Printf(admin.InitService, "power button: %v", err)
		}
	}
	if err := boot.WatchPowerButton(ctx, press); err != nil {
		p.log.Printf(admin.InitService, "%v", err)
	}
}

// watchRestored has the time measured anew when the machine goes on from where it was saved, perhaps on
// another host.
func (p *process1) watchRestored(ctx context.Context) {
	err := xenstore.WatchRestored(ctx, func() {
		p.log.Event(admin.InitService, "this domain was saved, and is restored")
		if !(watched{p.supervisor}).Up(roster.NTP) {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, restoredTime)
		defer cancel()
		if err := control.Call(ctx, runDir, roster.NTP, ntprun.MethodRestored, nil, nil); err != nil {
			p.log.Printf(admin.InitService, "the time is not measured anew after a restore: %v", err)
		}
	})
	if err != nil {
		p.log.Printf(admin.InitService, "a restore may be noticed late: %v", err)
	}
}

// serve keeps the services running, and answers about them, until ctx ends.
func (p *process1) serve(ctx context.Context) {
	methods := control.Mux{
		"hooks":        p.hooks.answer,
		shutdownMethod: plansEnd(&boot.Schedule{Request: p.request, Say: p.say}),
		admin.SharesMethod: func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			return send(p.shares.State())
		},
		"log": p.log.Handler(func() []string { return append(p.supervisor.Names(), logNames()...) }),
		"box": func(_ context.Context, _ json.RawMessage, send func(any) error) error {
			return send(p.describe())
		},
	}
	maps.Copy(methods, p.supervisor.Methods())
	maps.Copy(methods, p.box.Methods())
	for _, name := range []string{"apply", "confirm", "rollback"} {
		methods[name] = tidied(methods[name])
	}
	var serving sync.WaitGroup
	serving.Go(func() { unit.Tidy(ctx) })
	if l, err := control.Listen(runDir, admin.InitService); err != nil {
		p.log.Printf(admin.InitService, "the gatehouse command will not work: %v", err)
	} else {
		serving.Go(func() {
			if err := control.Serve(ctx, l, methods); err != nil {
				p.log.Printf(admin.InitService, "the gatehouse command: %v", err)
			}
		})
	}
	if conn, err := listenSyslog(syslogSocket); err != nil {
		p.log.Printf(admin.InitService, "logger will not work: %v", err)
	} else {
		serving.Go(func() {
			if err := serveSyslog(ctx, conn, func(line string) {
				p.log.Write(syslogName, line)
			}); err != nil {
				p.log.Printf(admin.InitService, "%v", err)
			}
		})
	}
	if g := p.guarding(); g != nil {
		serving.Go(func() { g.Run(ctx) })
	}
	serving.Go(func() {
		p.refusals.run(ctx, func(err error) { p.box.Problem("counters of the kernel", err) })
	})
	p.supervisor.Run(ctx)
	serving.Wait()
}

// say is a line about init in the log, which the console shows too.
func (p *process1) say(format string, args ...any) { p.log.Event(admin.InitService, format, args...) }

// tidied gives back the memory that a change has taken: process 1 does not need it until the next.
func tidied(h control.Handler) control.Handler {
	return func(ctx context.Context, args json.RawMessage, send func(any) error) error {
		defer func() { go debug.FreeOSMemory() }()
		return h(ctx, args, send)
	}
}

func (p *process1) describe() admin.Box {
	described := admin.Box{Boot: p.report}
	if g := p.guarding(); g != nil {
		status := g.Status()
		described.Watchdog = &status
	}
	described.Site = p.box.Running()
	described.Problems = p.box.Problems()
	described.Refused = p.refusals.grown()
	return described
}
