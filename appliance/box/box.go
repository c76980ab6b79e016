// Package box is the appliance as one thing that is made equal to a site: when it starts, when a person
// applies another site, when what it has learned changes, and when a change that nobody confirms is taken
// back. One path does all of it, and doing it twice changes nothing:
//
//	site, learned ── plan.Make ── Check ──► firewall ──► network ──► files ──► units
//	                        (nothing is touched yet)   (rules come before addresses)
//
// Another site is on trial until whoever sent it has come in once more and says so:
//
//	Submit ── staged ── applied ──► on trial ── Confirm ──► kept
//	            │          │           │
//	            └── fails ─┴───────────┴── time, Rollback ──► the site before it, applied again
//
// Nothing that is read at the next start is written before Confirm, so a power cut is a rollback too. There
// is one trial at a time; who else wants to change something is told who is at it.
//
// What the world is, is its caller's: a World. The package decides nothing about packets or processes.
package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box/kept"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/appliance/supervise"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
)

// A World is what a plan is made true in. Its parts are called one after the other, never two at once.
type World struct {
	// Firewall makes the kernel's rules those of a policy; with an error the rules before it hold.
	Firewall func(firewall.Loaded) error
	// Network makes links, addresses, routes and settings those of a plan; see netcfg.Keeper.Set.
	Network func(context.Context, netcfg.Config) (missing, wrong error)
	// System sets the host name, the files of /etc and whether the console is locked.
	System func(plan.Plan) error
	// Units makes the services those of a list; see supervise.Supervisor.Set.
	Units func(context.Context, []supervise.Unit) error
	// Learn says what the box knows now that matters for a plan of a site.
	Learn func(*site.Site) plan.Learned
	// Applied says, each time that the box was told to look by Learned, that the world is as what Learn said
	// then, or cannot be made so: what is the word of Learn is by now the world's.
	Applied func()
	// Publish shows the commands of the box which site runs, and by which plan of it.
	Publish func(Site, plan.Plan) error
}

// Options are what a Box needs beside its World.
type Options struct {
	Image   bundle.Bundle                    // what the disk was made with
	Store   *kept.Store                      // nil: there is no stable storage
	Storage boot.Storage                     // what became of /perm
	Log     func(format string, args ...any) // lines for people
	Uptime  func() time.Duration             // since the kernel started
}

// applyTime bounds one way through the world. A service has 30 s to become ready, and 5 s to end.
const applyTime = time.Minute

// A Box is an appliance. Its methods may be called by any goroutine.
type Box struct {
	world World
	Options
	life     context.Context // ends with the machine
	applying chan struct{}   // has something in it while the world is being changed
	learn    chan struct{}   // has something in it when Learn may have something new to say

	// Of who holds the world:
	missing error     // links that the plan applied last has and the machine has not
	checked plan.Plan // the last that Check found nothing wrong with

	mu       sync.Mutex
	runs     Site
	plan     plan.Plan
	trial    *trial
	last     string // what became of the last trial
	note     string // why the image's site runs although there are kept ones
	problems problems
}

// New makes a box that has not started yet. life ends with the machine.
func New(life context.Context, w World, o Options) *Box {
	return &Box{
		world: w, Options: o, life: life, problems: problems{},
		applying: make(chan struct{}, 1), learn: make(chan struct{}, 1),
	}
}

// Start makes the world equal to the site that was kept, or to the image's. What cannot be done is in the
// error, and a problem; all the rest is done. Without a firewall the network stays as it is.
func (b *Box) Start() error {
	if !b.hold(b.life) {
		return b.life.Err()
	}
	defer b.release()
	s, err := b.choose()
	if err != nil {
		return b.problem("site", err)
	}
	ctx, cancel := context.WithTimeout(b.life, applyTime)
	defer cancel()
	p, err := b.reach(ctx, s, b.planOf(s), true)
	b.become(s, p)
	return err
}

// reach applies p, the plan of s, and at once what the box learns by it: a VLAN that is made may take the
// short cut. So who is told that the box is up meets no reload of the rules that only follows from that. It
// returns the last plan.
func (b *Box) reach(ctx context.Context, s Site, p plan.Plan, all bool) (plan.Plan, error) {
	if err := b.apply(ctx, p, all); err != nil {
		return p, err
	}
	learned := b.planOf(s)
	if reflect.DeepEqual(learned, p) {
		return p, nil
	}
	return learned, b.apply(ctx, learned, all)
}

// Learned has the box look at what it knows: a link has come, or gone. It never waits.
func (b *Box) Learned() {
	select {
	case b.learn <- struct{}{}:
	default:
	}
}

// Run follows what the box learns, until its life ends.
func (b *Box) Run() {
	for {
		select {
		case <-b.learn:
			b.relearn()
		case <-b.life.Done():
			return
		}
	}
}

// relearn applies the site that runs again if what was learned makes another plan of it.
func (b *Box) relearn() {
	if !b.hold(b.life) {
		return
	}
	defer b.release()
	defer b.world.Applied()
	b.mu.Lock()
	s, had := b.runs, b.plan
	b.mu.Unlock()
	if s.Site == nil {
		return
	}
	p := b.planOf(s)
	if reflect.DeepEqual(p, had) {
		return
	}
	ctx, cancel := context.WithTimeout(b.life, applyTime)
	defer cancel()
	if err := b.apply(ctx, p, true); err != nil {
		b.Log("what the box has learned could not be applied: %v", err)
	}
	b.become(s, p)
}

// hold waits for its turn to change the world.
func (b *Box) hold(ctx context.Context) bool {
	select {
	case b.applying <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *Box) release() { <-b.applying }

// planOf is what a site means on this box now.
func (b *Box) planOf(s Site) plan.Plan { return plan.Make(s.Site, b.world.Learn(s.Site)) }

// check reports why p cannot work. Who calls it holds the world.
func (b *Box) check(p plan.Plan) error {
	err := p.Check(b.checked)
	if err == nil {
		b.checked = p
	}
	return err
}

// apply makes the world equal to p. If all is true it goes on whatever is refused; else it ends with the
// first thing that was not refused before. Who calls it holds the world.
func (b *Box) apply(ctx context.Context, p plan.Plan, all bool) error {
	units, err := unitsOf(p)
	if err := errors.Join(err, b.check(p)); err != nil {
		return b.problem("site", fmt.Errorf("nothing was touched: %w", err))
	}
	if err := b.problem("firewall", b.world.Firewall(p.Firewall)); err != nil {
		return fmt.Errorf("the rules could not be loaded, and nothing else was touched: %w", err)
	}
	before := b.problemOf("network")
	missing, wrong := b.world.Network(ctx, p.Network)
	b.missing = missing
	b.problem("network", wrong)
	if wrong != nil && wrong.Error() != before && !all {
		return wrong
	}
	errs := []error{wrong, b.problem("system", b.world.System(p))}
	if !all && wrong != nil {
		errs = errs[1:] // it was refused before, and is no reason to take anything back
	}
	return errors.Join(append(errs, b.world.Units(ctx, units))...)
}

// become notes which site runs, by which plan, and shows it.
func (b *Box) become(s Site, p plan.Plan) {
	b.mu.Lock()
	b.runs, b.plan = s, p
	b.mu.Unlock()
	b.problem("commands", b.world.Publish(s, p))
}

// unitsOf returns the processes of a plan. They serve without stable storage too: their directories are in
// memory then, and status says so.
func unitsOf(p plan.Plan) ([]supervise.Unit, error) {
	var all []supervise.Unit
	for _, s := range p.Services {
		config, err := json.Marshal(s.Config)
		if err != nil {
			return nil, fmt.Errorf("configuration of %s: %w", s.Name, err)
		}
		known, ok := roster.Named(s.Name)
		if !ok {
			return nil, fmt.Errorf("service %s is not in the roster", s.Name)
		}
		all = append(all, supervise.Unit{Name: s.Name, Config: config, Reloads: known.Reloads})
	}
	return all, nil
}
