package system_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], system.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's, and against Debian's own where busybox has none.
func TestBusybox(t *testing.T) {
	trial := busyboxtest.Trial{Alone: true}
	trial.Compare(t, "testdata/busybox", system.Commands())
}
