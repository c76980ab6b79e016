package run

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// mill is a Conn that answers every OFFER with a REQUEST, and lets a fixed number
// of clients be under way at once.
type mill struct {
	got               chan [2]uint32 // of todo: it is to be read
	discover, request []byte
	todo              chan [2]uint32 // card, address; address 0: DISCOVER
	next, end, acks   uint32
	done              chan struct{}
}

func (m *mill) Wait() error {
	select {
	case x := <-m.todo:
		m.got <- x
		return nil
	case <-m.done:
		return net.ErrClosed
	}
}

func (m *mill) Read(p []byte) (int, lease.MAC, error) {
	select {
	case x := <-m.got:
		if x[1] == 0 {
			n := copy(p, m.discover)
			binary.BigEndian.PutUint32(p[30:], x[0])
			return n, lease.MAC{}, nil
		}
		n := copy(p, m.request)
		binary.BigEndian.PutUint32(p[30:], x[0])
		binary.BigEndian.PutUint32(p[n-4:], x[1])
		return n, lease.MAC{}, nil
	default:
		return 0, lease.MAC{}, nil
	}
}

func (m *mill) Send(_ dhcp.Destination, reply []byte) error {
	if reply[242] == byte(dhcpv4.MessageTypeOffer) {
		m.todo <- [2]uint32{binary.BigEndian.Uint32(reply[30:]), binary.BigEndian.Uint32(reply[16:])}
		return nil
	}
	m.acks++
	if m.acks == m.end {
		close(m.done)
	} else if m.next < m.end {
		m.todo <- [2]uint32{m.next, 0}
		m.next++
	}
	return nil
}

func (m *mill) Watch(bool) error { return nil }

func (m *mill) Check() error { return nil }
func (m *mill) Close() error { return nil }

// BenchmarkService measures whole leases, each on a real disk before its ACK, with
// 100 clients at once and no network.
func BenchmarkService(b *testing.B) {
	message := func(kind dhcpv4.MessageType) []byte {
		msg := ask(0, kind)
		return msg[:243] // up to and with the message type
	}
	m := &mill{got: make(chan [2]uint32, 2), todo: make(chan [2]uint32, 1000), done: make(chan struct{}), end: uint32(b.N)}
	m.discover = message(dhcpv4.MessageTypeDiscover)
	m.request = append(message(dhcpv4.MessageTypeRequest), 54, 4, 10, 0, 0, 1, 50, 4, 0, 0, 0, 0)
	for ; m.next < min(100, m.end); m.next++ {
		m.todo <- [2]uint32{m.next, 0}
	}
	s, err := Open(config(), Options{FS: leasefile.Dir(b.TempDir()), Log: slog.New(slog.DiscardHandler),
		Listen: func(string, netip.Addr) (Conn, error) { return m, nil }})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	go func() { <-m.done; cancel() }()
	b.ReportAllocs()
	b.ResetTimer()
	nothing := func() error { return nil }
	if err := s.Run(ctx, nothing, nothing); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "DORA/s")
	b.ReportMetric(float64(b.N)/float64(s.journal.syncs), "leases/sync")
}

// BenchmarkStart measures how long the service takes to read a million leases.
func BenchmarkStart(b *testing.B) {
	const leases = 1_000_000
	conf := config()
	conf.Subnets[0].Pool[0].Last = netip.MustParseAddr("10.200.0.0")
	dir, now := leasefile.Dir(b.TempDir()), time.Now()
	j, _, err := leasefile.Open(dir, func(lease.Lease) {})
	if err != nil {
		b.Fatal(err)
	}
	for n := range uint32(leases) {
		var addr [4]byte
		binary.BigEndian.PutUint32(addr[:], 10<<24|1<<16+n)
		mac := lease.MAC{0, 0x16}
		binary.BigEndian.PutUint32(mac[2:], n)
		j.Append(lease.Lease{Addr: netip.AddrFrom4(addr), MAC: mac, State: lease.Bound, Since: now, Until: now.Add(time.Hour).Truncate(time.Second)})
		if n%10_000 == 0 {
			if err := j.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := errors.Join(j.Sync(), j.Close()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(conf, Options{FS: dir, Log: slog.New(slog.DiscardHandler),
			Listen: func(string, netip.Addr) (Conn, error) { return newCable(), nil }})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.load(); err != nil || s.engine.Len() < leases {
			b.Fatal(err, s.engine.Len())
		}
		if err := s.journal.file.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/start")
}
