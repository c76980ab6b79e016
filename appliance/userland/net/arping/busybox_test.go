package arping_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/arping"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], arping.Commands()); run != nil {
		ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // as the program does
		os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's. It needs root.
func TestBusybox(t *testing.T) { busyboxtest.Compare(t, "testdata/busybox", arping.Commands()) }
