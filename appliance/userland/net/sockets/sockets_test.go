package sockets

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestOwn: the sockets that a test makes are listed, and it is their holder.
func TestOwn(t *testing.T) {
	n := testnet.New(t, "box")
	n.Up("lo")
	err := n.Do(func() error {
		l, err := net.Listen("tcp4", "127.0.0.1:853")
		if err != nil {
			return err
		}
		defer l.Close()
		found := 0
		err = EachInet(unix.AF_INET, unix.IPPROTO_TCP, Listen.Bit(), Memory, func(s Inet) {
			found++
			holders := Holders()[s.Inode]
			if s.Local.String() != "127.0.0.1:853" || s.State != Listen || s.Received != 0 || s.Sent == 0 ||
				len(s.Memory) < 32 ||
				len(holders) != 1 || holders[0].PID != os.Getpid() || holders[0].Name == "" {
				t.Errorf("%+v, held by %+v", s, holders)
			}
		})
		if found != 1 {
			t.Errorf("%d sockets; expected one", found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// FuzzParse: no message of the kernel's makes it panic.
func FuzzParse(f *testing.F) {
	f.Add(make([]byte, inetLen))
	f.Add([]byte("  58: 00000000:003A 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 48063 2 0 0"))
	f.Add(append(make([]byte, inetLen), 8, 0, 8, 0, 1, 0, 0, 0))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = parseListed(string(b))
		_, _ = parseInet(b)
		_, _ = parseUnix(b)
	})
}
