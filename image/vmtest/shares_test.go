package vmtest

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

const (
	// crowdShare is what a source may have of the 16,384 conversations that 96 MB have room for.
	crowdShare = 4096
	// attempts are more than the table holds.
	attempts = 18_000
	// strangersPace is below what a flood is.
	strangersPace = 55
	// noKeepAlive: a server that has said goodbye answers for a minute only, and the end of it would be
	// noticed.
	noKeepAlive = -1
)

// A greedy house is an appliance in as little memory as it must get by with, a host of its LAN that wants all
// conversations that there are, a stranger who opens some each second at a forwarded port and keeps them, and
// others, who must not notice.
type greedy struct {
	admin
	wan, lan, web1, greedy, calm *testnet.Namespace
}

// TestShares: one LAN host and one outsider do what used to cut off everyone.
func TestShares(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*Guard)
	defer cancel()
	c := newGreedy(t)
	c.start(t)
	udhcpc(ctx, t, c.calm)
	c.others(ctx, t)

	var attack sync.WaitGroup
	over := make(chan struct{})
	var kept [2][]net.Conn
	attack.Go(func() { kept[0] = c.greed(t) })
	attack.Go(func() { kept[1] = c.strange(t, over) })
	refused := func(who string) func() bool {
		return func() bool {
			c.others(ctx, t)
			out, _ := c.run(ctx, "gatehouse status")
			out = strings.Join(strings.Fields(out), " ")
			return strings.Contains(out, who) && strings.Contains(out, "is refused more")
		}
	}
	testnet.Eventually(t, Guard, "status names the host of the LAN", refused("store"))
	testnet.Eventually(t, Guard, "status names the stranger", refused("192.0.2.66 has "))
	t.Log(c.must(ctx, t, "gatehouse firewall top -n 3"))
	close(over)
	attack.Wait()
	t.Logf("the host has opened %d conversations, the stranger %d; %s", len(kept[0]), len(kept[1]),
		c.must(ctx, t, "cat /proc/sys/net/netfilter/nf_conntrack_count; gatehouse log firewall; free"))
	for i, all := range kept {
		if n := len(all); n < crowdShare*7/8 || n > crowdShare*2 { // with those that have been cut
			t.Errorf("attacker %d has opened %d conversations, the share is %d", i, n, crowdShare)
		}
	}

	for _, all := range kept {
		for _, conn := range all {
			conn.Close()
		}
	}
	ended := time.Now()
	testnet.Eventually(t, Guard, "nobody is refused", func() bool {
		out, _ := c.run(ctx, "gatehouse status") // whose exit status is of other problems too: there is no time server
		return strings.Contains(out, "nflog") && !strings.Contains(out, "refused")
	})
	testnet.Eventually(t, Guard, "the host begins conversations as before", func() bool { return reaches(c.greedy, internet+":8080") == nil })
	if took := time.Since(ended); took > time.Minute {
		t.Errorf("all is as before only after %v", took)
	}
}

func newGreedy(t *testing.T) *greedy {
	c := &greedy{wan: newSwitch(t, "wan", gateway+"/24", internet+"/32", "192.0.2.66/24"), lan: newSwitch(t, "lan", storeAddr)}
	c.web1 = newHost(t, c.lan, "00:00:5e:00:53:a1")
	c.greedy = c.lan
	c.calm = newHost(t, c.lan, "00:00:5e:00:53:a3")
	c.web1.AddAddr(eth0, "192.168.32.11/24")
	c.web1.AddRoute("default", "192.168.32.1")
	c.lan.AddRoute("default", "192.168.32.1")
	for _, at := range []struct {
		host *testnet.Namespace
		port string
	}{{c.wan, internet + ":8080"}, {c.web1, ":443"}} {
		takeAll(t, at.host, at.port)
		at.host.Sysctl("ipv4.ip_local_port_range", "1024 65535")
	}
	c.lan.Sysctl("ipv4.ip_local_port_range", "1024 65535")
	return c
}

func (c *greedy) start(t *testing.T) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.CopyFS(dir, os.DirFS("../../examples/home")); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(dir+"/site.toml", os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("\n[[firewall.forward]]\nport = 443\nto = \"web1\"\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	img := theImage(t, func() (Image, error) { return buildIn("shares", dir) })
	c.admin = admin{from: c.calm, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	applianceWith(t, img, c.wan, c.lan, Disk{Path: img.Root, Snapshot: true})
}

// takeAll accepts TCP, and says goodbye at once: the other end has it half open as long as it likes, and this
// process only one file of it.
func takeAll(t *testing.T, ns *testnet.Namespace, at string) {
	t.Helper()
	var l net.Listener
	if err := ns.Do(func() (err error) { l, err = net.Listen("tcp", at); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
}

// greed has a host of the LAN begin more conversations than there is room for, and keeps what it gets.
func (c *greedy) greed(t *testing.T) []net.Conn {
	var mu sync.Mutex
	var kept []net.Conn
	var begun atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := c.greedy.Do(func() error {
				dialer := net.Dialer{Timeout: 5 * time.Second, KeepAlive: noKeepAlive}
				for begun.Add(1) < attempts {
					conn, err := dialer.Dial("tcp", internet+":8080")
					if err != nil {
						continue
					}
					mu.Lock()
					kept = append(kept, conn)
					mu.Unlock()
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return kept
}

// strange has a stranger open conversations at the forwarded port until over, and keep them.
func (c *greedy) strange(t *testing.T, over <-chan struct{}) (kept []net.Conn) {
	pace := time.NewTicker(time.Second / strangersPace)
	defer pace.Stop()
	dialer := net.Dialer{Timeout: time.Second, KeepAlive: noKeepAlive, LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 66)}}
	if err := c.wan.Do(func() error {
		for {
			select {
			case <-over:
				return nil
			case <-pace.C:
			}
			if conn, err := dialer.Dial("tcp", "192.0.2.10:443"); err == nil {
				kept = append(kept, conn)
			}
		}
	}); err != nil {
		t.Error(err)
	}
	return kept
}

// reaches opens one conversation from a host.
func reaches(from *testnet.Namespace, to string) error {
	return from.Do(func() error {
		conn, err := net.DialTimeout("tcp", to, 5*time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// others are the calm host, which gets out, names, its address again and a login, and another stranger, who
// gets in: each at its first try, but for what TCP repeats by itself.
func (c *greedy) others(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := reaches(c.calm, internet+":8080"); err != nil {
		t.Errorf("the calm host gets out: %v", err)
	}
	if err := reaches(c.wan, "192.0.2.10:443"); err != nil {
		t.Errorf("another stranger gets in: %v", err)
	}
	if got, err := resolve(ctx, c.calm, "192.168.32.1", "web1.home.example"); err != nil || got != "192.168.32.11" {
		t.Errorf("the calm host's names: %q, %v", got, err)
	}
	udhcpc(ctx, t, c.calm)
	if _, err := c.run(ctx, "true"); err != nil {
		t.Errorf("a login: %v", err)
	}
}
