package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/appliance/unit"
	"github.com/gatehouse-os/gatehouse/firewall/nflog"
	nflogrun "github.com/gatehouse-os/gatehouse/firewall/nflog/run"
	"github.com/gatehouse-os/gatehouse/internal/trust"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	dhcprun "github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/services/dns"
	dnsrun "github.com/gatehouse-os/gatehouse/services/dns/run"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	ntprun "github.com/gatehouse-os/gatehouse/services/ntp/run"
	"github.com/gatehouse-os/gatehouse/services/radvd"
	radvdrun "github.com/gatehouse-os/gatehouse/services/radvd/run"
	"github.com/gatehouse-os/gatehouse/services/tunnel6in4"
	tunnelrun "github.com/gatehouse-os/gatehouse/services/tunnel6in4/run"
	"github.com/gatehouse-os/gatehouse/services/wan"
	wanrun "github.com/gatehouse-os/gatehouse/services/wan/run"
)

// timeClock is the clock that the time service keeps; nil: the kernel's. A test has one of its own, for what
// runs in namespaces would set the clock of the whole machine.
var timeClock ntprun.Kernel

// mains are the programs of the services of the roster, by their names.
func mains() map[string]unit.Main {
	return map[string]unit.Main{
		roster.NFLog: unit.Of(func(c nflog.Config, o unit.Options) (*nflogrun.Service, error) {
			return nflogrun.Open(c, o.Uptime, o.Log)
		}),
		roster.DHCP: unit.Of(func(c dhcp.Config, o unit.Options) (*dhcprun.Service, error) {
			runtime.GOMAXPROCS(dhcprun.Processors)
			fs := leasefile.Dir(o.StateDir)
			table, err := neighbours.OpenIPv4()
			if err != nil {
				return nil, err
			}
			return dhcprun.Open(c, dhcprun.Options{
				FS: fs, Neighbours: neighboursOf(table), Log: o.Log, Changed: o.Changed, Uptime: o.Uptime,
			})
		}),
		roster.DNS: unit.Of(func(c dns.Config, o unit.Options) (*dnsrun.Service, error) {
			return dnsrun.Open(c, dnsrun.Options{
				Log: o.Log, Follow: followLeases, Stations: followStations, Changed: o.Changed,
				Synchronised: machine.Synchronised,
			})
		}),
		roster.WAN: unit.Of(func(c wan.Config, o unit.Options) (*wanrun.Service, error) {
			boot, err := bootID()
			if err != nil {
				return nil, err
			}
			return wanrun.Open(c, wanrun.Options{
				Log: o.Log, StateDir: o.StateDir, Boot: boot, Uptime: o.Uptime, Wall: timeOfDay,
				Rand: rand.Uint64, Changed: o.Changed,
			})
		}),
		roster.Radvd: unit.Of(func(c radvd.Config, o unit.Options) (*radvdrun.Service, error) {
			return radvdrun.Open(c, radvdrun.Options{
				Log: o.Log, StateDir: o.StateDir, Uptime: o.Uptime, Wall: time.Now, Rand: rand.Uint64,
				Changed: o.Changed,
			})
		}),
		roster.Tunnel: unit.Of(func(c tunnel6in4.Config, o unit.Options) (*tunnelrun.Service, error) {
			return tunnelrun.Open(c, tunnelrun.Options{
				Log: o.Log, StateDir: o.StateDir, Uptime: o.Uptime, Wall: timeOfDay, Rand: rand.Uint64,
			})
		}),
		roster.NTP: unit.Of(func(c ntp.Config, o unit.Options) (*ntprun.Service, error) {
			return ntprun.Open(c, ntprun.Options{
				Log: o.Log, StateDir: o.StateDir, Uptime: o.Uptime, NotBefore: trust.Date(),
				Rand: rand.Uint64, Changed: o.Changed, Kernel: timeClock,
			})
		}),
		roster.SSH: unit.Of(func(c sshcfg.Config, o unit.Options) (*sshadmin.Service, error) {
			return sshadmin.Open(c, sshadmin.Options{Log: o.Log, Changed: o.Changed, Uptime: o.Uptime,
				CardOf: neighbours.CardOf})
		}),
	}
}

// runService is the process `gatehouse service NAME`, which serves until ctx ends.
func runService(ctx context.Context, name string, stderr io.Writer) int {
	s, ok := roster.Named(name)
	serve := mains()[name]
	if !ok || serve == nil {
		fmt.Fprintf(stderr, "gatehouse service: there is no service %q\n", name)
		return 2
	}
	log := slog.New(logHandler(stderr))
	// for ps and pgrep: started as /proc/self/exe, it would be "exe"
	_ = os.WriteFile("/proc/self/comm", []byte("gatehouse"), 0)
	limitMemory(s.Memory)
	if err := standInLine(s.OOM); err != nil {
		log.Error("who is killed first when memory is out is left to the kernel", "cause", err)
	}
	fail := func(err error) int {
		log.Error(err.Error())
		return 1
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return fail(err)
	}
	const answerFD = 3
	self := unit.Self{
		Service: s, RunDir: runDir, Log: log, Uptime: boot.Uptime, Changed: changed, Reload: reloads(ctx),
		Config: os.Stdin, Answer: os.NewFile(answerFD, "answer"),
	}
	if err := serve(ctx, self); err != nil {
		return fail(err)
	}
	return 0
}

// reloads are the signals by which init says that there is another configuration.
func reloads(ctx context.Context) <-chan struct{} {
	signals, wishes := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
			select {
			case wishes <- struct{}{}:
			default: // one that waits reads what is there when its turn comes
			}
		}
	}()
	return wishes
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
