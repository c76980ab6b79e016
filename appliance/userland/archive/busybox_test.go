package archive_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/archive"
	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], archive.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's.
func TestBusybox(t *testing.T) { busyboxtest.Compare(t, "testdata/busybox", archive.Commands()) }
