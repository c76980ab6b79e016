package echo

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestEcho asks the loopback of a namespace. The echo of another's request is none of ours.
func TestEcho(t *testing.T) {
	ns := testnet.New(t, "echo")
	ns.Up("lo")
	var ours, theirs *Sockets
	err := ns.Do(func() (err error) {
		if ours, err = Open(0x1122334455667788); err == nil {
			theirs, err = Open(0x8877665544337788) // the same identifier
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	heard, ended := make(chan Answer, 16), make(chan error, 2)
	for _, v6 := range []bool{false, true} {
		go func() { ended <- ours.Read(v6, func(a Answer) { heard <- a }) }()
	}
	for _, text := range []string{"127.0.0.1", "::1"} {
		a := netip.MustParseAddr(text)
		if err := theirs.Send(a, a, 7); err != nil {
			t.Fatal(err)
		}
		if err := ours.Send(a, a, 9); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-heard:
			if want := (Answer{a, 9}); got != want {
				t.Errorf("heard %+v, want %+v", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s does not answer", a)
		}
	}
	if err := ours.Send(netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"),
		1); err == nil {
		t.Error("sent from an address that is not ours")
	}
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
