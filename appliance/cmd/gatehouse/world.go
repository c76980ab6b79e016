package main

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/conntrack"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// etcDir is where the files are that /etc has links to.
const etcDir = runDir + "/etc"

// networkName is what the log calls that part of process 1 which keeps the network.
const networkName = "network"

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
	b = box.New(ctx, box.World{
		Firewall: p.rules.Set,
		Network: func(ctx context.Context, c netcfg.Config) (missing, wrong error) {
			if netErr != nil {
				return nil, netErr
			}
			return keeper.Set(ctx, c)
		},
		System:  p.system,
		Units:   p.supervisor.Set,
		Learn:   p.learn,
		Publish: publish,
	}, o)
	if netErr == nil {
		go keeper.Run(ctx)
	}
	go p.wayOut.follow(ctx, b.Learned)
	b.Problem("image", err)
	return b
}

// lost ends the conversations that went through addresses which the box has no more: they would hang. There
// may be many thousands, and the address that comes instead does not wait for that.
func (p *process1) lost(addrs []netip.Addr) {
	n, err := conntrack.Forget(conntrack.Lost(addrs))
	if err != nil {
		p.log.Event(networkName, "conversations through addresses that are gone could not be ended: %v", err)
	}
	var texts []string
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	p.log.Event(networkName, "the box has %s no more: %d conversations ended", strings.Join(texts, ", "), n)
}

// learn is what the machine, its kernel, and the client of the way out say. The commands are shown it.
func (p *process1) learn(of plan.Plan) plan.Learned {
	memory, _ := machine.ReadMemory() // 0 is the least that an appliance has
	l := plan.Learned{Memory: memory.Total, Shortcut: p.rules.Offload(of.Firewall.Policy.Shortcuts()), WAN: p.wayOut.Facts()}
	if err := errors.Join(os.MkdirAll(runDir, 0o755), shown.WriteLearned(runDir, l)); err != nil {
		p.log.Event(admin.InitService, "%v", err)
	}
	return l
}

// system makes what commands and people see of a plan: the name, the files of /etc, and the console.
func (p *process1) system(to plan.Plan) error {
	p.lock.Set(to.ConsoleLocked)
	err := os.NewSyscallError("sethostname", unix.Sethostname([]byte(to.HostName)))
	errs := []error{err, os.MkdirAll(etcDir, 0o755)}
	for _, f := range to.Files {
		errs = append(errs, statefile.Write(filepath.Join(etcDir, f.Name), []byte(f.Content), 0o644))
	}
	return errors.Join(errs...)
}

// publish shows the gatehouse command which site runs, and which rules are loaded.
func publish(s box.Site, rules firewall.Loaded) error {
	if err := os.MkdirAll(runDir, 0o755); err != nil {
		return err
	}
	site := bundle.Bundle{Files: s.Files, Meta: s.Meta}
	return errors.Join(shown.WriteSite(runDir, site), shown.WriteRules(runDir, rules))
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
