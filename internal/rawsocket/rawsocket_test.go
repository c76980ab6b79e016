package rawsocket

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// a protocol that no kernel speaks: IEEE 802 has it for local experiments
const experimental = 0x88b5

// open opens a socket in a namespace, for what has an even first byte.
func open(t *testing.T, n *testnet.Namespace, link string, buffer int) (s *Packet) {
	err := n.Do(func() error {
		l, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		f := OfLink(l.Index).DropBits(bpf.LoadAbsolute{Size: 1}, 1).Unless(bpf.LoadAbsolute{Off: 1, Size: 1}, 'x').
			Drop(bpf.LoadAbsolute{Off: 2, Size: 1}, '-').Accept(bpf.LoadAbsolute{Off: 3, Size: 1}, '1').
			Accept(bpf.LoadAbsolute{Off: 3, Size: 1}, '2')
		s, err = Open(l.Index, Options{Name: "test", Protocol: experimental, Filter: f, Buffer: buffer})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	s.Deadline(time.Now().Add(time.Minute)) // for a Read in vain
	return s
}

func pair(t *testing.T) (a, b *testnet.Namespace) {
	a, b = testnet.New(t, "a"), testnet.New(t, "b")
	a.Connect("eth0", b, "eth0")
	a.Ready("eth0")
	b.Ready("eth0")
	return a, b
}

func send(t *testing.T, s *Packet, to ethernet.MAC, texts ...string) {
	t.Helper()
	for _, x := range texts {
		if err := s.Send(to, experimental, []byte(x)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFilter: what one of the conditions drops does not arrive, nor what no Accept is
// true of, nor what is for another station.
func TestFilter(t *testing.T) {
	a, b := pair(t)
	from, to := open(t, a, "eth0", 0), open(t, b, "eth0", 0)
	send(t, from, ethernet.MAC{2, 9, 9, 9, 9, 9}, "bx+1 to another station")
	send(t, from, ethernet.Everybody(), "ax+1 odd", "bX+1 no x", "bx-1 minus", "bx+3 neither", "bx+1 first", "bx+2")
	send(t, from, ethernet.MAC(b.MAC("eth0")), "dx+1 to the station")
	for _, want := range []string{"bx+1 fir", "bx+2", "dx+1 to "} {
		p := make([]byte, 8)
		r, err := to.Read(p)
		if err != nil || string(p[:r.Len]) != want || r.Cut != (len(want) == 8) || r.Partial ||
			r.From != ethernet.MAC(a.MAC("eth0")) {
			t.Errorf("read %q, %+v, %v, want %q", p, r, err, want)
		}
	}
}

// TestLost: what does not fit is counted, once.
func TestLost(t *testing.T) {
	a, b := pair(t)
	from, to := open(t, a, "eth0", 0), open(t, b, "eth0", 1)
	for range 100 {
		send(t, from, ethernet.Everybody(), "bx+1")
	}
	lost, received := 0, 0
	testnet.Eventually(t, 20*time.Second, "much is lost", func() bool { // the kernel may deliver it a moment later
		lost += int(to.Lost())
		return lost >= 50
	})
	testnet.Eventually(t, 20*time.Second, "the others come", func() bool {
		to.Deadline(time.Now().Add(10 * time.Millisecond))
		for _, err := to.Read(make([]byte, 8)); err == nil; _, err = to.Read(make([]byte, 8)) {
			received++
		}
		lost += int(to.Lost())
		return received > 0 && received+lost >= 100
	})
	if received+lost != 100 {
		t.Errorf("%d of 100 came, and %d were lost", received, lost)
	}
}

// TestEnds: a link that is down ends no Read; Close and a deadline do.
func TestEnds(t *testing.T) {
	a, b := pair(t)
	from, to := open(t, a, "eth0", 0), open(t, b, "eth0", 0)
	b.Down("eth0")
	if err := to.Send(ethernet.Everybody(), experimental, []byte("bx+1")); !errors.Is(err, syscall.ENETDOWN) {
		t.Errorf("sent on a link that is down: %v", err)
	}
	b.Up("eth0")
	a.Ready("eth0")
	send(t, from, ethernet.Everybody(), "bx+1")
	if _, err := to.Read(make([]byte, 8)); err != nil {
		t.Error(err)
	}
	to.Deadline(time.Now())
	if _, err := to.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past its deadline: %v", err)
	}
	to.Deadline(time.Time{})
	ended := make(chan error)
	go func() { _, err := to.Read(make([]byte, 8)); ended <- err }()
	to.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := to.Send(ethernet.Everybody(), experimental, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("sent after Close: %v", err)
	}
}

func TestOpenFails(t *testing.T) {
	if s, err := Open(1<<30, Options{Protocol: experimental}); err == nil {
		s.Close()
		t.Error("a link that is not there was opened")
	}
}
