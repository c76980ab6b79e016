package boot

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// shellPause keeps a shell that ends at once from being started in a loop.
const shellPause = time.Second

// consoles opens a shell on every console once Up has returned, or has taken
// too long: who stands at the console of a box that does not come up needs it
// most. Whether the site locks it is not known then; who holds the hypervisor's
// console holds the disk anyway.
func (b *boot) consoles(ctx context.Context, up <-chan Appliance) {
	timer := time.NewTimer(upPatience)
	defer timer.Stop()
	select {
	case <-up:
	case <-timer.C:
		b.Log.Printf(consoleName, "open, though the box is not up after %v", upPatience)
	case <-ctx.Done():
		return
	}
	shell := b.Shell
	if shell == nil {
		shell = []string{"/bin/sh"}
	}
	ttys := b.OS.Consoles()
	if len(ttys) == 0 {
		b.Log.Printf(consoleName, "the kernel has none that takes input")
	}
	var wg sync.WaitGroup
	for _, tty := range ttys {
		wg.Go(func() { b.console(ctx, tty, shell) })
	}
	wg.Wait()
}

// console waits for Enter, so that an unused console costs no process, and gives
// a shell, again and again, while the site does not lock it.
func (b *boot) console(ctx context.Context, tty string, shell []string) {
	text := "Press Enter for a shell on " + tty + "."
	if b.report.Storage.Kind == StorageLost {
		text = noStorage + ": " + b.report.Storage.Problem + "\r\n" + text
	}
	if b.report.Rescue != "" {
		text = b.report.Rescue + "\r\n" + text
	}
	for ctx.Err() == nil {
		locked, changed := b.Lock.now()
		if locked {
			b.Log.Printf(consoleName, "%s is locked by the site: no shell here", tty)
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		err := b.guard(func() error { return b.openConsole(ctx, changed, tty, text, shell) })
		if err != nil && ctx.Err() == nil {
			b.Log.Printf(consoleName, "%s: %v", tty, err)
		}
		select {
		case <-time.After(shellPause):
		case <-ctx.Done():
		}
	}
}

// openConsole gives one shell. A shell that runs when the console is locked goes on.
func (b *boot) openConsole(
	ctx context.Context, changed <-chan struct{}, tty, text string, shell []string,
) error {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-changed:
			cancel()
		case <-asking.Done():
		}
	}()
	err := b.OS.Ask(asking, tty, fmt.Sprintf("\r\n%s\r\n", text))
	if asking.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	cancel()
	b.Log.Printf(consoleName, "shell on %s", tty)
	return b.OS.Shell(tty, shell)
}

// A Lock says whether the consoles give a shell, and may say otherwise while the box runs. The zero value is
// open.
type Lock struct {
	mu      sync.Mutex
	locked  bool
	changed chan struct{} // closed when locked changes; nil: nobody waits
}

// Set locks the consoles, or opens them.
func (l *Lock) Set(locked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if locked != l.locked && l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	l.locked = locked
}

// now is how it is, and what is closed when that changes. A Lock that is not there is open.
func (l *Lock) now() (locked bool, changed <-chan struct{}) {
	if l == nil {
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.locked, l.changed
}
