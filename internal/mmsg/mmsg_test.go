package mmsg

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns two connected datagram sockets.
func pair(t *testing.T) (a, b int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// headers returns a header for each message.
func headers(messages ...[]byte) []unix.Mmsghdr {
	all := make([]unix.Mmsghdr, len(messages))
	for i, m := range messages {
		v := Vector(m)
		all[i].Hdr.Iov = &v
		all[i].Hdr.SetIovlen(1)
	}
	return all
}

func TestBatches(t *testing.T) {
	a, b := pair(t)
	if n, errno := Send(a, nil, 0); n != 0 || errno != 0 {
		t.Errorf("nothing: %d, %v", n, errno)
	}
	if n, errno := Send(a, headers([]byte("one"), []byte("three"), []byte("two")), 0); n != 3 || errno != 0 {
		t.Fatalf("sent %d, %v", n, errno)
	}
	got := [][]byte{make([]byte, 4), make([]byte, 4), make([]byte, 4), make([]byte, 4)}
	in := headers(got...)
	n, errno := Receive(b, in, unix.MSG_WAITFORONE)
	if n != 3 || errno != 0 {
		t.Fatalf("received %d, %v", n, errno)
	}
	var all []string
	for i := range n {
		all = append(all, string(got[i][:in[i].Len]))
	}
	if s := strings.Join(all, " "); s != "one thre two" || in[1].Hdr.Flags&unix.MSG_TRUNC == 0 {
		t.Errorf("received %q, flags %x", s, in[1].Hdr.Flags)
	}
	if n, errno := Receive(b, in, unix.MSG_DONTWAIT); n != 0 || errno != unix.EAGAIN {
		t.Errorf("there is no more: %d, %v", n, errno)
	}
}

// TestErrorOfTheFirst: what goes before the error is told first.
func TestErrorOfTheFirst(t *testing.T) {
	a, _ := pair(t)
	large := make([]byte, 10<<20)
	out := headers([]byte("one"), large, []byte("two"))
	if n, errno := Send(a, out, 0); n != 1 || errno != 0 {
		t.Errorf("sent %d, %v", n, errno)
	}
	if n, errno := Send(a, out[1:], 0); n != 0 || errno != unix.EMSGSIZE {
		t.Errorf("the large one: %d, %v", n, errno)
	}
}

// TestNoWait: what has no room is told at once, also to those that have sent without waiting before.
func TestNoWait(t *testing.T) {
	a, _ := pair(t)
	for range 1 << 20 {
		n, errno := Send(a, headers([]byte("one"), []byte("two")), unix.MSG_DONTWAIT)
		if errno == unix.EAGAIN {
			return
		}
		if n < 1 || errno != 0 {
			t.Fatalf("sent %d, %v", n, errno)
		}
	}
	t.Error("there is room for everything")
}
