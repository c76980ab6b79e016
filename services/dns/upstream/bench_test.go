package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
)

// outstanding is how many questions are on their way at once.
const outstanding = 50

// BenchmarkAsk asks a resolver in this process, over the loopback of a namespace: its cost is in the
// figures, so it only copies.
func BenchmarkAsk(b *testing.B) {
	n := testnet.New(b, "bench")
	ca := newAuthority(b, time.Now())
	cert := ca.issue(b, "dns.example", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	var l net.Listener
	var udp *net.UDPConn
	must(n.Do(func() (err error) {
		if l, err = net.Listen("tcp", "127.0.0.1:853"); err == nil {
			udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53})
		}
		return err
	}))
	defer l.Close()
	defer udp.Close()
	go copyStreams(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*cert}}))
	go copyDatagrams(udp)
	for name, server := range map[string]servers.Server{
		"TLS": overTLS("127.0.0.1", "dns.example"), "plain": plain("127.0.0.1"),
	} {
		b.Run(name, func(b *testing.B) {
			u := must1(New(servers.Config{Servers: []servers.Server{server}}, Options{Roots: ca.roots, Dial: dialIn(b, n)}))
			defer u.Close()
			askMany(b, u)
		})
	}
}

// dialIn dials in a namespace, which is that of a thread: a thread for each socket would cost more than all
// else.
func dialIn(b *testing.B, n *testnet.Namespace) func(context.Context, string, netip.AddrPort) (net.Conn, error) {
	calls := make(chan func())
	b.Cleanup(func() { close(calls) })
	go n.Do(func() error {
		for f := range calls {
			f()
		}
		return nil
	})
	return func(ctx context.Context, network string, to netip.AddrPort) (conn net.Conn, err error) {
		done := make(chan struct{})
		calls <- func() { conn, err = dial(ctx, network, to); close(done) }
		<-done
		return conn, err
	}
}

// askMany asks b.N questions, so many at a time.
func askMany(b *testing.B, u *Client) {
	q := query("www.example.")
	if _, err := u.Ask(b.Context(), q); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	next := make(chan struct{}, outstanding)
	for range outstanding {
		all.Go(func() {
			for range next {
				if _, err := u.Ask(b.Context(), q); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		next <- struct{}{}
	}
	close(next)
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "q/s")
	b.ReportMetric(float64(u.Status()[0].Connections), "conns")
}

// benchAnswer is an answer to queries for www.example. whose id is missing.
func benchAnswer() []byte {
	q := must1(parseQuery(query("www.example.")))
	return respond(q.append(nil, 0, q.raw, form{edns: true}), dnsmessage.RCodeSuccess, func(m *dnsmessage.Message) {
		m.Answers = []dnsmessage.Resource{recordA(m.Questions[0].Name, "192.0.2.80")}
	})
}

func copyStreams(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			answer := benchAnswer()
			in, out := bufio.NewReader(conn), bufio.NewWriter(conn)
			b := make([]byte, 1<<16)
			for {
				if in.Buffered() == 0 && out.Flush() != nil {
					return
				}
				if _, err := io.ReadFull(in, b[:2]); err != nil {
					return
				}
				if _, err := io.ReadFull(in, b[:u16(b, 0)]); err != nil {
					return
				}
				copy(answer, b[:2])
				_, _ = out.Write(binary.BigEndian.AppendUint16(b[:0], uint16(len(answer))))
				_, _ = out.Write(answer)
			}
		}()
	}
}

func copyDatagrams(conn *net.UDPConn) {
	answer := benchAnswer()
	b := make([]byte, 4096)
	for {
		_, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		copy(answer, b[:2])
		_, _ = conn.WriteToUDPAddrPort(answer, from)
	}
}
