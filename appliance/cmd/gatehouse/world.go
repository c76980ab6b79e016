package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// etcDir is where the files are that /etc has links to.
const etcDir = runDir + "/etc"

// networkName is what the log calls that part of process 1 which keeps the network.
const networkName = "network"

// firewallName is what the log calls that part of it which holds sources to their shares.
const firewallName = "firewall"

// logNames are what the log calls the parts of process 1 that the pages speak of, though they may have said
// nothing.
func logNames() []string {
	return []string{admin.InitService, networkName, firewallName, hooksName, syslogName}
}

// newBox makes the box that this machine is.
func (p *process1) newBox(ctx context.Context, storage boot.Storage) *box.Box {
	files, err := readFiles(os.DirFS(siteDir))
	o := box.Options{
		Image: bundle.Bundle{Files: files}, Storage: storage, Uptime: boot.Uptime,
		Log: func(format string, args ...any) { p.log.Event(admin.InitService, format, args...) },
	}
	if storage.Kind != boot.StorageLost {
		o.Store = kept.Open(keptDir)
	}
	var b *box.Box
	keeper, netErr := rtnl.Open(netcfg.Tell{
		State: func(_, wrong error) {
			b.Problem("network", wrong)
			b.Learned() // a link may be there now
		},
		Gone: func(addrs []netip.Addr) { go p.lost(addrs) },
		Log:  func(line string) { p.log.Event(networkName, "%s", line) },
	})
	p.hooks = p.newHooks(func(subject string, err error) { b.Problem(subject, err) })
	p.wayOut.told = p.hooks.told
	b = box.New(ctx, box.World{
		Firewall: p.firewall,
		Network: func(ctx context.Context, c netcfg.Config) (missing, wrong error) {
			if netErr != nil {
				return nil, netErr
			}
			return keeper.Set(ctx, c)
		},
		System: p.system,
		Units:  p.units,
		Learn:  p.learn,
		Applied: func() {
			p.wayOut.applied()
			go debug.FreeOSMemory() // what another plan has taken: process 1 does not need it until the next
		},
		Publish: publish,
	}, o)
	if netErr == nil {
		go keeper.Run(ctx)
	}
	go p.wayOut.follow(ctx, b.Learned)
	go p.hooks.run(ctx)
	go p.tunnel.follow(ctx, b.Learned)
	go p.shares.Run(ctx)
	b.Problem("image", err)
	return b
}

// firewall loads rules, and has who has his share by them watched.
func (p *process1) firewall(l firewall.Loaded) error {
	err := p.rules.Set(l)
	if err == nil {
		p.shares.Set(l.Policy)
	}
	return err
}

// units makes the services those of a list.
func (p *process1) units(ctx context.Context, all []supervise.Unit) error {
	has := func(name string) bool {
		return slices.ContainsFunc(all, func(u supervise.Unit) bool { return u.Name == name })
	}
	p.wayOut.expect(has(roster.WAN))
	p.tunnel.expect(has(roster.Tunnel))
	err := p.supervisor.Set(ctx, all)
	for _, s := range roster.All() { // one that was stopped may not remove its socket itself
		if !has(s.Name) {
			err = errors.Join(err, control.Remove(runDir, s.Name))
		}
	}
	return err
}

// learn is what the machine, its kernel, and the client of the way out say.
func (p *process1) learn(of *site.Site) plan.Learned {
	memory, _ := machine.ReadMemory() // 0 is the least that an appliance has
	ula, err := readULA(ulaFile)
	if err != nil {
		p.log.Event(admin.InitService, "%v", err)
	}
	devices := plan.Shortcuts(of)
	return plan.Learned{
		Memory: memory.Total, Shortcut: p.rules.Offload(devices), Links: nft.Links(devices),
		WAN: p.wayOut.Facts(), WAN6: p.wayOut.Facts6(), Decided6: p.wayOut.Decided6(), ULA: ula,
		Tunnel: p.tunnel.State(),
	}
}

// readULA reads the prefix of unique local addresses that this box has made for itself.
func readULA(file string) (netip.Prefix, error) {
	text, err := statefile.Read(file, 64)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return netip.Prefix{}, nil
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("the prefix of unique local addresses: %w", err)
	}
	p, err := netip.ParsePrefix(strings.TrimSpace(string(text)))
	if err == nil && (p.Bits() != 48 || p != p.Masked() || p.Addr().As16()[0] != 0xfd) {
		err = fmt.Errorf("%s is not of fd00::/8 with the length 48", p)
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// system makes what commands and people see of a plan: the name, the files of /etc, and the console; and the
// programs of the site.
func (p *process1) system(to plan.Plan) error {
	p.lock.Set(to.ConsoleLocked)
	var lacking error
	if len(to.Lacking) > 0 {
		lacking = errors.New(strings.Join(to.Lacking, "\n"))
	}
	p.box.Problem("ipv6", lacking)
	err := os.NewSyscallError("sethostname", unix.Sethostname([]byte(to.HostName)))
	errs := []error{err, os.MkdirAll(etcDir, 0o755)}
	for _, f := range to.Files {
		errs = append(errs, statefile.Write(filepath.Join(etcDir, f.Name), []byte(f.Content), 0o644))
	}
	return errors.Join(append(errs, p.hooks.set(to.Hooks))...)
}

// publish shows the gatehouse command which site runs, what was learned beside it, and which rules are
// loaded.
func publish(s box.Site, p plan.Plan) error {
	if err := os.MkdirAll(runDir, 0o755); err != nil {
		return err
	}
	packed := bundle.Bundle{Files: s.Files, Meta: s.Meta}
	return errors.Join(shown.WriteSite(runDir, packed), shown.WriteLearned(runDir, p.Learned),
		shown.WriteOutline(runDir, plan.OutlineOf(s.Site, p.Learned)), shown.WriteRules(runDir, p.Firewall))
}

// readFiles reads the image's site as it is.
func readFiles(fsys fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(fsys, name)
		return err
	})
	return files, err
}
