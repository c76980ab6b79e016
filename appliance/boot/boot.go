// Package boot is PID 1 from the first mount to the last sync.
//
// Run makes the kernel's file systems available, repairs the root disk when it
// was not left clean, finds /perm (the disk labelled "perm", else a directory of
// the root disk), makes what must be unique to this box once, hands over to the
// caller for firewall, network and services, and opens a console. It ends the
// machine in order when it is asked to: by the applets (Request), by ctrl-alt-del
// or by the hypervisor. Each step is timed into the log.
//
// Nothing that fails stops it: it says what is wrong, in the log and on the
// console, and goes on with what still can be done: without storage that lasts,
// /perm is in memory (StorageLost), so that all services serve. Three things it
// will not do: mount a disk for writing that the checker gave up on, pass that
// memory off as storage that lasts, and return while the machine runs.
//
// Limits: ext2/3/4 only; one /perm; no swap. A crash of the Go runtime in PID 1
// is the kernel's panic: boot with panic=10 to restart after it.
package boot

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/logs"
)

// Config is what a boot needs from its caller.
type Config struct {
	OS       OS
	Log      *logs.Log
	Console  io.Writer        // where init's own lines go; may hang without harm
	Requests <-chan os.Signal // of RequestSignals, capacity 4 or more
	Shell    []string         // of the console, path first; nil: /bin/sh
	Dirs     []Dir            // to be there when Up is called, in this order
	Files    []Once           // to be there when Up is called, after Dirs; none where nothing lasts
	// Shown are lines of services that the console shows too, beside init's own; nil: none.
	Shown func(logs.Line) bool
	Lock  *Lock // of the console: it shows messages and gives no shell; nil: open

	// Up makes the box serve: site, plan, firewall, network. It is called once
	// the disks are ready, and not at all when the root disk is broken or the
	// kernel command line says "single". Its error is logged; a Run that comes
	// with an error is run all the same. ctx ends when the machine is to end.
	Up func(ctx context.Context, r Report) (Appliance, error)
}

// Appliance is what Up made of the site.
type Appliance struct {
	// Run runs the services until ctx ends, stops them, and then returns.
	Run func(ctx context.Context)
}

// Dir is a directory that must exist with this owner and mode.
type Dir struct {
	Path     string
	Mode     fs.FileMode
	UID, GID int
}

// Once is a file that is made when it is missing and never changed after. It is
// on stable storage before Up is called.
type Once struct {
	Path string
	Mode fs.FileMode
	Make func() ([]byte, error)
	// Tell is what of it people are to know when it is made, one line; nil: nothing.
	Tell func(data []byte) string
}

// Names in the log.
const (
	bootName    = "boot"
	consoleName = "console"
	fsckName    = "fsck"
	panicName   = "panic"
)

const (
	upPatience   = 20 * time.Second // after which the console opens though Up has not returned
	stopPatience = 30 * time.Second // for Run to return; supervise needs 15 s at most
)

// boot is one run of PID 1.
type boot struct {
	Config
	words  commandLine
	mu     sync.Mutex // of report.Steps; the rest of it is settled before anything runs beside
	report Report
	seeded <-chan struct{} // closed when this boot's seed is saved; nil: it is not to be
}

// Run boots, waits for a request, and ends the machine as asked, which the real
// OS does not return from. With another OS, or when the machine would not end,
// it returns the kind of the request.
func Run(ctx context.Context, c Config) Kind {
	b := &boot{Config: c}
	stopCopy := b.copyToConsole()
	defer stopCopy()

	b.step("mounts", b.mountKernel)
	b.step("command line", b.readCommandLine)
	kind := b.rootDisk(ctx)
	if kind == "" {
		kind = b.live(ctx)
	}
	b.end(kind)
	stopCopy()
	if err := b.OS.Power(kind); err != nil {
		b.say("%s: %v", kind, err)
	}
	return kind
}

// rootDisk returns a kind when the machine must end at once.
func (b *boot) rootDisk(ctx context.Context) Kind {
	var verdict rootState
	b.step("root disk", func() (note string, err error) {
		verdict, note, err = b.checkRoot(ctx)
		return note, err
	})
	switch {
	case verdict == rootRebootNeeded:
		return Reboot
	case verdict == rootBroken:
		b.rescue("The root disk is broken and could not be repaired; what to do: e2fsck -f on its device, then reboot.")
	case b.words.single:
		b.rescue("Single user: nothing is started and /perm is not mounted. To leave: reboot.")
	}
	return ""
}

// rescue makes this boot one to a console only.
func (b *boot) rescue(why string) {
	b.report.Rescue = why
	b.say("%s", why)
}

// live is the time between the disks being checked and the request to end.
func (b *boot) live(ctx context.Context) Kind {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	up := make(chan Appliance, 1)
	services := begin(func() {})
	if b.report.Rescue != "" {
		up <- Appliance{}
	} else {
		b.step("perm", func() (string, error) { return b.findPerm(ctx) })
		b.step("entropy", b.stirEntropy)
		b.step("identity", b.makeIdentity)
		b.seeded = begin(b.renewSeed)
		services = begin(func() { b.serve(ctx, up) })
	}
	consoles := begin(func() { b.consoles(ctx, up) })
	kind := b.wait(ctx)
	cancel()
	b.await("the services", services, stopPatience)
	b.OS.EndAll(endGrace)
	b.await("the console", consoles, endGrace)
	return kind
}

// begin runs do beside the caller; done is closed when it returns.
func begin(do func()) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		do()
	}()
	return ended
}

// serve calls Up and then runs what it made.
func (b *boot) serve(ctx context.Context, up chan<- Appliance) {
	var app Appliance
	b.step("up", func() (string, error) {
		var err error
		app, err = b.Up(ctx, b.reportNow())
		return "", err
	})
	up <- app
	if app.Run == nil {
		b.say("no services run, see the problem above")
		return
	}
	if err := b.guard(func() error { app.Run(ctx); return nil }); err != nil {
		b.say("services: %v", err)
	}
}

// await waits for done, but not for ever.
func (b *boot) await(what string, done <-chan struct{}, patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		b.say("%s did not end within %v, going on", what, patience)
	}
}

// copyToConsole shows init's own lines on the console from a goroutine of its
// own, which may hang there for ever. The returned func ends it.
func (b *boot) copyToConsole() (stop func()) {
	if b.Console == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	last := map[string]string{} // of each service; what is said again and again is shown once
	done := begin(func() {
		b.Log.CopyTo(ctx, b.Console, func(l logs.Line) bool {
			ours := l.Event || l.Service == bootName || l.Service == consoleName || l.Service == fsckName
			ours = ours || b.Shown != nil && b.Shown(l)
			again := last[l.Service] == l.Text
			if ours {
				last[l.Service] = l.Text
			}
			return ours && !again
		})
	})
	return func() {
		cancel()
		b.await("the console's output", done, time.Second)
	}
}

// say is a line of the boot log, which the console shows too.
func (b *boot) say(format string, args ...any) { b.Log.Printf(bootName, format, args...) }

// guard turns a panic into an error: PID 1 must not end.
func (b *boot) guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error, please report it: %v (gatehouse log %s)", p, panicName)
			b.Log.Write(panicName, string(debug.Stack()))
		}
	}()
	return do()
}
