package text_test

import (
	"context"
	"os"
	"os/signal"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/text"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], text.Commands()); run != nil {
		ctx := command.WithIgnore(context.Background(), signal.Ignore)
		os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's.
func TestBusybox(t *testing.T) { busyboxtest.Compare(t, "testdata/busybox", text.Commands()) }
