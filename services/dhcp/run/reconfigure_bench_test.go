package run

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// withHosts is config with n hosts, each of which has a lease.
func withHosts(n int) (dhcp.Config, []lease.Lease) {
	conf, leases := config(), []lease.Lease{}
	now := time.Now()
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 2, byte(i >> 8), byte(i)})
		mac := lease.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
		name := fmt.Sprintf("host%d", i)
		conf.Hosts = append(conf.Hosts, dhcp.Host{Name: name, MACs: []lease.MAC{mac}, Addrs: []netip.Addr{addr}})
		leases = append(leases, lease.Lease{Addr: addr, MAC: mac, Name: name, State: lease.Bound, Since: now, Until: now.Add(time.Hour)})
	}
	return conf, leases
}

// BenchmarkReconfigure has a host more and a host less, with a lease of each host in the
// journal twice, which is as long as it gets. It reports the longest time in which the
// owner did not answer, too.
func BenchmarkReconfigure(b *testing.B) {
	for _, hosts := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			conf, leases := withHosts(hosts)
			less := conf
			less.Hosts = conf.Hosts[:hosts-1]
			dir := leasefile.Dir(b.TempDir())
			j, _, err := leasefile.Open(dir, func(lease.Lease) {})
			if err != nil {
				b.Fatal(err)
			}
			j.Append(append(leases, leases...)...)
			if err := j.Sync(); err != nil {
				b.Fatal(err)
			}
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
			s, err := Open(conf, Options{FS: dir, Log: slog.New(slog.DiscardHandler),
				Listen: func(string, netip.Addr) (Conn, error) { return newCable(), nil }})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Run(ctx, func() error { return nil }, func() error { return nil }) }()
			if _, err := s.Status(ctx); err != nil { // it has read the journal
				b.Fatal(err)
			}
			var longest time.Duration
			pinging := make(chan struct{})
			go func() {
				defer close(pinging)
				for ctx.Err() == nil {
					start := time.Now()
					_ = s.do(ctx, func() {}) // but at the end it answers
					longest = max(longest, time.Since(start))
					time.Sleep(100 * time.Microsecond)
				}
			}()
			for i := 0; b.Loop(); i++ {
				if err := s.Reconfigure([]dhcp.Config{less, conf}[i%2]); err != nil {
					b.Fatal(err)
				}
			}
			cancel()
			<-pinging
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-silent")
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}
