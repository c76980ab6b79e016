package run

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A fake is a server of the provider that does what a test says: by UDP, TCP and, with a certificate, TLS.
type fake struct {
	l    *lab
	addr string

	mu     sync.Mutex
	answer func(c call)
}

// A call is one message to a fake.
type call struct {
	network string
	q       *dns.Msg
	raw     []byte
	from    net.Addr
	send    func([]byte)
}

// fake starts one. cert may be nil.
func (l *lab) fake(addr string, cert *tls.Certificate, answer func(c call)) *fake {
	l.t.Helper()
	f := &fake{l: l, addr: addr, answer: answer}
	l.provider.AddAddr("eth0", addr+"/24")
	var datagrams net.PacketConn
	var streams, secure net.Listener
	err := l.provider.Do(func() (err error) {
		if datagrams, err = net.ListenPacket("udp", addr+":53"); err != nil {
			return err
		}
		if streams, err = net.Listen("tcp", addr+":53"); err != nil || cert == nil {
			return err
		}
		secure, err = tls.Listen("tcp", addr+":853", &tls.Config{Certificates: []tls.Certificate{*cert}})
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { datagrams.Close() })
	go f.datagrams(datagrams)
	for _, s := range []net.Listener{streams, secure} {
		if s != nil {
			l.t.Cleanup(func() { s.Close() })
			go f.accept(s)
		}
	}
	return f
}

// becomes has a fake do something else from now on.
func (f *fake) becomes(answer func(c call)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

func (f *fake) datagrams(conn net.PacketConn) {
	for {
		b := make([]byte, 4096)
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		go f.do("udp", b[:n], from, func(reply []byte) { _, _ = conn.WriteTo(reply, from) })
	}
}

func (f *fake) accept(s net.Listener) {
	for {
		conn, err := s.Accept()
		if err != nil {
			return
		}
		go f.stream(conn)
	}
}

func (f *fake) stream(conn net.Conn) {
	defer conn.Close()
	var mu sync.Mutex
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, b); err != nil {
			return
		}
		go f.do("tcp", b, conn.RemoteAddr(), func(reply []byte) {
			mu.Lock()
			defer mu.Unlock()
			_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		})
	}
}

func (f *fake) do(network string, raw []byte, from net.Addr, send func([]byte)) {
	q := new(dns.Msg)
	if err := q.Unpack(raw); err != nil {
		f.l.t.Errorf("a server is asked %x: %v", raw, err)
		return
	}
	f.mu.Lock()
	answer := f.answer
	f.mu.Unlock()
	answer(call{network, q, raw, from, send})
}

// reply answers with 192.0.2.80, or what change makes of it.
func (c call) reply(change func(m *dns.Msg)) {
	m := new(dns.Msg).SetReply(c.q)
	m.RecursionAvailable = true
	if c.q.IsEdns0() != nil {
		m.SetEdns0(1232, c.q.IsEdns0().Do())
	}
	if c.q.Question[0].Qtype == dns.TypeA {
		m.Answer = []dns.RR{record(c.q.Question[0].Name + " 300 A 192.0.2.80")}
	}
	if change != nil {
		change(m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	c.send(b)
}

// record reads one as master files have it.
func record(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}

// good answers at once.
func good(c call) { c.reply(nil) }

// after answers as another does, a while later.
func after(d time.Duration, answer func(c call)) func(c call) {
	return func(c call) {
		time.Sleep(d)
		answer(c)
	}
}

// silent says nothing.
func silent(call) {}

// exchange asks one question by UDP from an address of the client, "" for any, and waits for its answer. It
// returns nil if none comes in that time.
func (l *lab) exchange(t testing.TB, from, name string, typ uint16, patience time.Duration) (
	*dns.Msg, time.Duration,
) {
	t.Helper()
	var conn net.Conn
	err := l.client.Do(func() (err error) {
		d := net.Dialer{}
		if from != "" {
			d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
		}
		conn, err = d.Dial("udp", "192.168.32.1:53")
		return err
	})
	if err != nil {
		t.Error(err)
		return nil, 0
	}
	defer conn.Close()
	q := new(dns.Msg).SetQuestion(name, typ)
	q.SetEdns0(1232, false)
	began := time.Now()
	_ = conn.SetDeadline(began.Add(patience))
	c := dns.Conn{Conn: conn, UDPSize: 4096}
	if err := c.WriteMsg(q); err != nil {
		t.Error(err)
		return nil, 0
	}
	m, err := c.ReadMsg()
	if err != nil || m.Id != q.Id {
		return nil, time.Since(began)
	}
	return m, time.Since(began)
}

// extended is the extended error in a message, -1 if there is none.
func extended(m *dns.Msg) int {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}
