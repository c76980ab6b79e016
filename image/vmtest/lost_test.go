package vmtest

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// ownConnection has the appliance ask a server that never answers, from the address that it has upstream.
// When that address is gone, ended waits until the command has heard of it: the kernel's own timers would
// take a quarter of an hour.
func ownConnection(ctx context.Context, t *testing.T, a admin, wan *testnet.Namespace) (ended func(address string)) {
	t.Helper()
	var l net.Listener
	if err := wan.Do(func() (err error) { l, err = net.Listen("tcp", gateway+":8080"); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	over := make(chan string, 1)
	go func() {
		out, err := a.run(ctx, "wget -O /tmp/nothing http://"+gateway+":8080/")
		if err != nil {
			out += err.Error()
		}
		over <- out
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return func(address string) {
		t.Helper()
		select {
		case out := <-over:
			if !strings.Contains(out, "connection abort") {
				t.Errorf("a connection of the appliance's own ended with %q", out)
			}
		case <-ctx.Done():
			t.Fatal("a connection of the appliance's own outlives its address")
		}
		testnet.Eventually(t, Guard, "the log says that "+address+" is lost", func() bool {
			out, err := a.run(ctx, "gatehouse log network")
			return err == nil && strings.Contains(out, "the box has lost "+address) &&
				strings.Contains(out, "and 1 of its own connections")
		})
	}
}
