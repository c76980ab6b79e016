package sh

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// TestMain is the program sh as well: the tests start themselves under that name,
// and so does a shell that finds a script without "#!". It does what Run asks of
// its caller.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "sh" {
		os.Exit(m.Run())
	}
	ctx, interrupts := context.Background(), make(chan os.Signal, 1)
	if Interactive(os.Args, os.Stdin, os.Stderr) {
		signal.Ignore(syscall.SIGTSTP)
		signal.Notify(interrupts, syscall.SIGINT, syscall.SIGQUIT)
		ctx, _ = signal.NotifyContext(ctx, syscall.SIGHUP, syscall.SIGTERM)
	}
	os.Exit(run(ctx, os.Getenv("TEST_PROFILE"), os.Args, interrupts, os.Stdin, os.Stdout, os.Stderr))
}
