package lookup_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/lookup"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], lookup.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
