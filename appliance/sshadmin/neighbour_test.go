package sshadmin_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"sync"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin"
	"github.com/gatehouse-os/gatehouse/appliance/sshadmin/sshcfg"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestNeighbourFloodsTheDoor: a host of a LAN begins connections by many addresses of its /64, and says
// nothing. Another host of it, from which nobody has logged in before, gets in meanwhile.
func TestNeighbourFloodsTheDoor(t *testing.T) {
	box, flooding, honest := testnet.New(t, "box"), testnet.New(t, "flooding"), testnet.New(t, "honest")
	box.Bridge("lan0")
	box.Run("ip", "addr", "add", "2001:db8::1/64", "dev", "lan0", "nodad")
	for _, n := range []*testnet.Namespace{flooding, honest} {
		n.Sysctl("ipv6.conf.default.accept_ra", "0")
		box.Plug("lan0", n, "eth0")
	}
	honest.Run("ip", "addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad")
	for i := range 16 {
		flooding.Run("ip", "addr", "add", fmt.Sprintf("2001:db8::f:%x/64", i+1), "dev", "eth0", "nodad")
	}
	box.Ready("lan0")
	to, key := serveIn(t, box)

	ctx, cancel := context.WithCancel(t.Context())
	var storm sync.WaitGroup
	for i := range 16 {
		storm.Go(func() { begins(ctx, flooding, fmt.Sprintf("2001:db8::f:%x", i+1), to) })
	}
	defer storm.Wait()
	defer cancel()
	time.Sleep(time.Second) // of the flood: the door is crowded long before
	var c *gossh.Client
	err := honest.Do(func() (err error) {
		c, err = gossh.Dial("tcp", to.String(), &gossh.ClientConfig{
			User: "root", Auth: []gossh.AuthMethod{gossh.PublicKeys(key)}, HostKeyCallback: gossh.InsecureIgnoreHostKey(), Timeout: patience,
		})
		return err
	})
	if err != nil {
		t.Fatalf("the neighbour of one who floods: %v", err)
	}
	c.Close()
}

// begins opens connections from an address, 50 a second, and closes each after three seconds.
func begins(ctx context.Context, host *testnet.Namespace, from string, to netip.AddrPort) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for ctx.Err() == nil {
		<-ticker.C
		var c net.Conn
		err := host.Do(func() (err error) {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 3 * time.Second}
			c, err = d.DialContext(ctx, "tcp", to.String())
			return err
		})
		if err == nil {
			time.AfterFunc(3*time.Second, func() { c.Close() })
		}
	}
}

// serveIn is a server in a namespace, which knows the cards of neighbours as the kernel there does.
func serveIn(t *testing.T, box *testnet.Namespace) (netip.AddrPort, gossh.Signer) {
	t.Helper()
	dir, log := t.TempDir(), &journal{}
	file := newKey(t, dir, "ed25519")
	cfg := config(t, dir, file)
	cfg.Listen = []sshcfg.Endpoint{{Address: netip.MustParseAddrPort("[2001:db8::1]:0"), Interface: "lan0"}}
	cfg.MaxPending, cfg.MaxPendingPerSource = 12, 6
	var s *sshadmin.Service
	err := box.Do(func() (err error) {
		s, err = sshadmin.Open(cfg, sshadmin.Options{Log: log.logger(), Uptime: func() time.Duration { return uptime },
			CardOf: func(link int, addr netip.Addr) (card ethernet.MAC, err error) {
				err = box.Do(func() (err error) { card, err = neighbours.CardOf(link, addr); return err })
				return card, err
			}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func() error { return nil }, func() error { close(ready); return nil }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-ready
	var m []string
	eventually(t, "it listens", func() bool { m = regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(log.String()); return m != nil })
	signer, err := gossh.ParsePrivateKey([]byte(readFile(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	return netip.MustParseAddrPort(m[1]), signer
}
