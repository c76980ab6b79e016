package nettools_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/nettools"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], nettools.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's. Each line runs in a network namespace of its own.
func TestBusybox(t *testing.T) { busyboxtest.Compare(t, "testdata/busybox", nettools.Commands()) }
