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
	case app := <-up:
		if app.ConsoleLocked {
			b.Log.Printf(consoleName, "locked by the site: no shell here")
			return
		}
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
// a shell, again and again.
func (b *boot) console(ctx context.Context, tty string, shell []string) {
	text := "Press Enter for a shell on " + tty + "."
	if b.report.Storage.Kind == StorageLost {
		text = noStorage + ": " + b.report.Storage.Problem + "\r\n" + text
	}
	if b.report.Rescue != "" {
		text = b.report.Rescue + "\r\n" + text
	}
	for ctx.Err() == nil {
		err := b.guard(func() error {
			if err := b.OS.Ask(ctx, tty, fmt.Sprintf("\r\n%s\r\n", text)); err != nil {
				return err
			}
			b.Log.Printf(consoleName, "shell on %s", tty)
			return b.OS.Shell(tty, shell)
		})
		if err != nil && ctx.Err() == nil {
			b.Log.Printf(consoleName, "%s: %v", tty, err)
		}
		select {
		case <-time.After(shellPause):
		case <-ctx.Done():
		}
	}
}
