package machine_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/machine"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], machine.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's.
func TestBusybox(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("root is needed to set what is set in name spaces")
	}
	busyboxtest.Compare(t, "testdata/busybox", machine.Commands())
}
