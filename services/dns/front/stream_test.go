package front

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// readAnswer reads one message and returns its id.
func readAnswer(r io.Reader) (id uint16, err error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return 0, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, fmt.Errorf("the message: %w", err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		return 0, err
	}
	return m.Id, nil
}

// readAnswers reads n messages and returns their ids.
func readAnswers(t *testing.T, r io.Reader, n int) (ids []uint16) {
	t.Helper()
	for range n {
		id, err := readAnswer(r)
		if err != nil {
			t.Fatalf("after the answers %v: %v", ids, err)
		}
		ids = append(ids, id)
	}
	return ids
}

// TestPeersKeepConnections has kdig ask several times over one connection.
func TestPeersKeepConnections(t *testing.T) {
	l := newLab(t, Limits{})
	got := l.kdig("@192.0.2.1", "+tcp", "+keepopen", "a.", "TXT", "b.", "TXT", "c.", "TXT")
	if strings.Count(got, "192.0.2.10 tcp") != 3 {
		t.Errorf("%q", got)
	}
	got = l.dig("@2001:db8::1", "+tcp", "+keepopen", "a.", "TXT", "b.", "TXT")
	if strings.Count(got, "2001:db8::10 tcp") != 2 {
		t.Errorf("%q", got)
	}
	if got := l.dig("@192.0.2.1", "+tcp", "big.", "TXT"); len(got) < 59000 {
		t.Errorf("the long answer has %d octets", len(got))
	}
	l.waitFor("over", func(s Stats) bool { return s.Connections == 0 })
	if s := l.sockets.Stats(); s.Accepted != 3 || s.TCP != (Traffic{6, 6}) || s.Untaken+s.Slow > 0 {
		t.Errorf("%+v", s)
	}
}

// TestPipelining sends all at once, and has answers in the order in which they are there: those that are late
// come last, and who has said that he asks no more gets them all the same.
func TestPipelining(t *testing.T) {
	l := newLab(t, Limits{})
	conn := l.dial("tcp", "", "192.0.2.1:53")
	var all []byte
	for i, name := range []string{"later.", "a.", "never.", "later.", "none.", "b.", "both."} {
		all = append(all, framed(question(t, uint16(i), name))...)
	}
	if _, err := conn.Write(all); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := readAnswers(t, conn, 3); !slices.Equal(got, []uint16{1, 5, 6}) {
		t.Errorf("at once: %v", got)
	}
	l.house.release(t, 2)
	if got := readAnswers(t, conn, 2); !slices.Equal(got, []uint16{3, 0}) {
		t.Errorf("later: %v", got)
	}
	if id, err := readAnswer(conn); !errors.Is(err, io.EOF) {
		t.Errorf("after the last: %d, %v", id, err)
	}
	l.waitFor("over", func(s Stats) bool { return s.Connections == 0 })
	if s := l.sockets.Stats(); s.TCP != (Traffic{7, 5}) || s.Untaken+s.Slow+s.Evicted > 0 {
		t.Errorf("%+v", s)
	}
}

// TestOutstanding: what is more than a connection may have outstanding is not read before there are answers.
func TestOutstanding(t *testing.T) {
	l := newLab(t, Limits{})
	conn := l.dial("tcp", "", "192.0.2.1:53")
	var all []byte
	for i := range 40 {
		all = append(all, framed(question(t, uint16(i), "later."))...)
	}
	if _, err := conn.Write(all); err != nil {
		t.Fatal(err)
	}
	l.house.release(t, 32)
	if n := len(readAnswers(t, conn, 32)); n != 32 {
		t.Error(n)
	}
	l.house.release(t, 8)
	readAnswers(t, conn, 8)
}

// TestGarbageByTCP has messages that are too long, cut off, or empty end their connection and no other.
func TestGarbageByTCP(t *testing.T) {
	l := newLab(t, Limits{})
	good := l.dial("tcp", "", "192.0.2.1:53")
	for _, b := range [][]byte{{0x10, 0x01, 1, 2}, {0xff, 0xff}, {0}, {0, 100, 1, 2}, {}} {
		conn := l.dial("tcp", "", "192.0.2.1:53")
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		if got, _ := io.ReadAll(conn); len(got) > 0 {
			t.Errorf("%x has the answer %x", b, got)
		}
	}
	for i := range 3 {
		if _, err := good.Write(append([]byte{0, 0}, framed(question(t, uint16(i), "a."))...)); err != nil {
			t.Fatal(err)
		}
		readAnswers(t, good, 1)
	}
	l.waitFor("over", func(s Stats) bool { return s.Oversized == 2 && s.Connections == 1 })
}

// TestConnectionsAreFair: who takes all places keeps nobody out, neither by IPv4 nor with all the addresses
// of IPv6 there are in a LAN.
func TestConnectionsAreFair(t *testing.T) {
	l := newLab(t, Limits{Connections: 12, PerClient: 4})
	l.client.AddAddr("eth0", "192.0.2.11/24")
	for i := range 20 {
		addAddr(l.client, "eth0", fmt.Sprintf("2001:db8::%d/64", 100+i))
	}
	honest := l.dial("tcp", "192.0.2.10", "192.0.2.1:53")
	ask := func(conn net.Conn, what string) {
		t.Helper()
		if _, err := conn.Write(framed(question(t, 1, "a."))); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := readAnswer(conn); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	ask(honest, "the first")
	var greedy []net.Conn
	for range 10 {
		greedy = append(greedy, l.dial("tcp", "192.0.2.11", "192.0.2.1:53"))
	}
	l.waitFor("bounded", func(s Stats) bool { return s.Accepted == 11 && s.Connections == 5 && s.Evicted == 6 })
	for i := range 20 { // half of 12 remain
		addr := fmt.Sprintf("2001:db8::%d", 100+i)
		ask(l.dial("tcp", addr, "[2001:db8::1]:53"), addr)
	}
	l.waitFor("bounded", func(s Stats) bool { return s.Connections == 11 && s.Evicted == 20 })
	ask(honest, "after the others")
	ask(greedy[9], "the newest of the greedy")
	ask(l.dial("tcp", "192.0.2.10", "192.0.2.1:53"), "the twelfth")
	ask(l.dial("tcp", "192.0.2.10", "192.0.2.1:53"), "the thirteenth") // in the place of one of 192.0.2.11
	ask(honest, "at last")
	l.waitFor("bounded", func(s Stats) bool { return s.Connections == 12 && s.Evicted == 21 })
	if _, err := greedy[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the oldest of the greedy: %v", err)
	}
}

// TestUnreadAnswers: who takes no answers loses the connection, before they use up memory.
func TestUnreadAnswers(t *testing.T) {
	l := newLab(t, Limits{Write: 300 * time.Millisecond})
	conn := l.dial("tcp", "", "192.0.2.1:53")
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	for i := range 32 {
		if _, err := conn.Write(framed(question(t, uint16(i), "big."))); err != nil {
			break // closed already
		}
	}
	l.waitFor("closed", func(s Stats) bool { return s.Connections == 0 && s.Slow == 1 && s.Untaken > 0 })
}

// A pipe is one connection in virtual time.
type pipe struct {
	t      *testing.T
	conn   net.Conn // the client's end
	in     *bufio.Reader
	counts counters
	house  house
	stream *stream
	began  time.Time
}

func newPipe(t *testing.T, l Limits) *pipe {
	p := &pipe{t: t, began: time.Now()}
	near, far := net.Pipe()
	p.conn, p.in = near, bufio.NewReader(near)
	p.stream = newStream(far, netip.MustParseAddrPort("192.0.2.10:1053"), l.withDefaults(), &p.counts)
	go p.stream.serve(&p.house)
	return p
}

func (p *pipe) write(b []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// closedAfter waits until the server has closed the connection, which must be so long after it was made.
func (p *pipe) closedAfter(want time.Duration) {
	p.t.Helper()
	if b, err := io.ReadAll(p.in); err != nil || len(b) > 0 {
		p.t.Errorf("%d octets, %v", len(b), err)
	}
	<-p.stream.over
	if took := time.Since(p.began); took != want {
		p.t.Errorf("closed after %v, not %v", took, want)
	}
}

func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newPipe(t, Limits{}).closedAfter(10 * time.Second)

		p := newPipe(t, Limits{})
		for i := range 5 {
			time.Sleep(9 * time.Second)
			p.write(framed(question(t, uint16(i), "a.")))
			readAnswers(t, p.in, 1)
		}
		p.closedAfter(55 * time.Second)
		if p.counts.slow.Load() != 0 {
			t.Error("idle is not slow")
		}
	})
}

// TestWaiting: a connection with a question that is under way is not idle, but does not stay for ever either.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, Limits{})
		p.write(framed(question(t, 1, "later.")))
		time.Sleep(25 * time.Second)
		p.house.release(t, 1)
		readAnswers(t, p.in, 1)
		p.closedAfter(35 * time.Second)

		p = newPipe(t, Limits{Outstanding: 1})
		p.write(framed(question(t, 1, "later.")))
		p.closedAfter(30 * time.Second)
		p.house.release(t, 1) // to nobody
		if p.counts.untaken.Load() != 1 {
			t.Error("the answer was taken by nobody")
		}
	})
}

// TestSlowMessages has one octet a second: all of a message has as long as its first octet leaves it.
func TestSlowMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []int{1, 2, 5} {
			p := newPipe(t, Limits{})
			b := framed(question(t, 1, "a."))
			p.write(b[:first])
			go func() {
				for _, octet := range b[first:] {
					time.Sleep(time.Second)
					if _, err := p.conn.Write([]byte{octet}); err != nil {
						return
					}
				}
			}()
			p.closedAfter(3 * time.Second)
			if p.counts.slow.Load() != 1 || p.house.asked.Load() != 0 {
				t.Errorf("slow %d, asked %d", p.counts.slow.Load(), p.house.asked.Load())
			}
		}
		// One that is in time has no effect on the next.
		p := newPipe(t, Limits{})
		for i := range 3 {
			b := framed(question(t, uint16(i), "a."))
			p.write(b[:1])
			time.Sleep(2 * time.Second)
			p.write(b[1:])
			readAnswers(t, p.in, 1)
			time.Sleep(5 * time.Second)
		}
		p.closedAfter(26 * time.Second)
	})
}

// TestWriteTime has a client that takes one octet of its answer.
func TestWriteTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, Limits{})
		p.write(framed(question(t, 1, "a.")))
		if _, err := p.conn.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		<-p.stream.over
		if took := time.Since(p.began); took != 5*time.Second || p.counts.slow.Load() != 1 {
			t.Errorf("closed after %v, slow %d", took, p.counts.slow.Load())
		}
	})
}

// TestOneWrite: a length and its message leave together, whatever is queued.
func TestOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, Limits{})
		p.write(framed(question(t, 7, "a.")))
		b := make([]byte, 4096)
		n, err := p.conn.Read(b) // of a pipe: what was written at a time
		if err != nil || n != 2+int(binary.BigEndian.Uint16(b)) || !bytes.Equal(b[2:4], []byte{0, 7}) {
			t.Errorf("%d octets, %v", n, err)
		}
		_ = p.conn.Close()
		<-p.stream.over
	})
}

// TestUnreadBound: what is more than may wait ends the connection at once.
func TestUnreadBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipe(t, Limits{Unread: 130_000})
		for i := range 4 { // the first is being written, two wait
			p.write(framed(question(t, uint16(i), "big.")))
			synctest.Wait()
		}
		<-p.stream.over
		if took := time.Since(p.began); took != 0 || p.counts.slow.Load() != 1 {
			t.Errorf("closed after %v, slow %d", took, p.counts.slow.Load())
		}
	})
}

// TestWhoMakesPlace: of the clients that have most, the stream that is idle for longest, and not one that
// waits for an answer while there are others.
func TestWhoMakesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := places{limits: Limits{Connections: 4, PerClient: 3}.withDefaults()}
		enter := func(from string) (s, victim *stream) {
			near, far := net.Pipe()
			t.Cleanup(func() { _ = near.Close() })
			s = newStream(far, netip.AddrPortFrom(netip.MustParseAddr(from), 1053), p.limits, new(counters))
			t.Cleanup(s.close)
			victim, ok := p.enter(s)
			if !ok {
				t.Fatal("there is no place")
			}
			time.Sleep(time.Second)
			return s, victim
		}
		is := func(what string, victim, want *stream) {
			t.Helper()
			if victim != want {
				t.Errorf("%s: another makes place", what)
			}
		}
		busy, _ := enter("192.0.2.1")
		busy.pending = 1
		old, _ := enter("192.0.2.2")
		used, _ := enter("192.0.2.1")
		enter("192.0.2.2")
		used.wrote(0) // now
		newest, victim := enter("192.0.2.3")
		is("two clients have two each", victim, old)
		_, victim = enter("192.0.2.3")
		is("192.0.2.1 has most, and something is under way on the older", victim, used)
		_, victim = enter("192.0.2.3")
		is("192.0.2.3 itself has most", victim, newest)
		p.shut()
		if _, ok := p.enter(busy); ok {
			t.Error("a place after shut")
		}
	})
}
