package vmtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// memoryFloor is what a machine must always have left, in kB, whoever wants what of sshd.
const memoryFloor = 10 << 10

// A crowd are hosts of the LAN that want something of sshd.
type crowd struct {
	from   *testnet.Namespace
	target string
}

// newCrowd is six addresses on one host.
func newCrowd(t *testing.T, lan *testnet.Namespace) (*crowd, []netip.Addr) {
	t.Helper()
	c := &crowd{from: newHost(t, lan, "00:00:5e:00:53:66"), target: "192.168.32.1:22"}
	var addrs []netip.Addr
	for i := range 6 {
		a := netip.AddrFrom4([4]byte{192, 168, 32, byte(50 + i)})
		c.from.AddAddr(eth0, a.String()+"/24")
		addrs = append(addrs, a)
	}
	return c, addrs
}

// dial connects from one of the addresses.
func (c *crowd) dial(ctx context.Context, from netip.Addr) (conn net.Conn, err error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	err = c.from.Do(func() (err error) {
		conn, err = d.DialContext(ctx, "tcp", c.target)
		return err
	})
	return conn, err
}

// storm has n connections of each address do the same again and again until stop is called.
func (c *crowd) storm(ctx context.Context, addrs []netip.Addr, n int, do func(net.Conn)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for _, a := range addrs {
		for range n {
			wait.Go(func() {
				for ctx.Err() == nil {
					conn, err := c.dial(ctx, a)
					if err != nil {
						continue // the appliance has no time for it, which is no failure
					}
					end := context.AfterFunc(ctx, func() { conn.Close() })
					do(conn)
					end()
					conn.Close()
				}
			})
		}
	}
	return func() { cancel(); wait.Wait() }
}

const hugePacket = 256 << 10 // bytes, the most that the library of the server takes for a packet

// announce begins a packet before there are keys, and sends all of it but the end.
func announce(conn net.Conn) {
	packet := make([]byte, 4+hugePacket-1)
	binary.BigEndian.PutUint32(packet, hugePacket)
	packet[4] = 4 // of padding
	_, _ = conn.Write(append([]byte("SSH-2.0-crowd\r\n"), packet...))
	_, _ = io.Copy(io.Discard, conn)
}

// shout exchanges keys, and then has a name that is as long as a packet can be.
func shout(conn net.Conn) {
	c, _, _, err := ssh.NewClientConn(conn, "", &ssh.ClientConfig{
		User: strings.Repeat("x", hugePacket-200), HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err == nil {
		c.Close()
	}
}

// idleSession logs in with a key of the site, opens a shell on a terminal, and says nothing.
func idleSession(conn net.Conn, key ssh.Signer) error {
	c, chans, requests, err := ssh.NewClientConn(conn, "", &ssh.ClientConfig{
		User: "admin", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		return err
	}
	client := ssh.NewClient(c, chans, requests)
	defer client.Close()
	s, err := client.NewSession()
	if err != nil {
		return err
	}
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		return err
	}
	if err := s.Shell(); err != nil {
		return err
	}
	return client.Wait()
}

// TestCrowd has crowds at the door of an appliance with as little memory as it must get by with, and with what
// is recommended.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for _, memory := range []int{96, 128} {
		t.Run(fmt.Sprint(memory, " MB"), func(t *testing.T) { crowdAt(t, memory) })
	}
}

func crowdAt(t *testing.T, memory int) {
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	wan := newSwitch(t, "wan", gateway+"/24", internet+"/32")
	lan := newSwitch(t, "lan", "192.168.32.10/24")
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: memory,
		Disks: []Disk{{Path: img.Root, Snapshot: true}},
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, wan, "firewall")}, {MAC: lanMAC, Port: port(t, lan, "firewall")}},
	})
	laptop := newHost(t, lan, "00:00:5e:00:53:21")
	a := admin{from: laptop, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	udhcpc(ctx, t, laptop)
	listen(t, wan, internet+":8080")
	openShell(ctx, t, vm)
	crowd, addrs := newCrowd(t, lan)
	text, err := os.ReadFile(img.Key)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	var s status
	a.json(ctx, t, "gatehouse status --json || true", &s)
	a.services(ctx, t, s)
	before := left(ctx, t, vm)
	t.Logf("at rest %d kB are left", before)
	for name, do := range map[string]func(net.Conn){
		"packets of 256 kB are announced":  announce,
		"packets of 256 kB after the keys": shout,
		"forty sessions that say nothing":  func(c net.Conn) { _ = idleSession(c, key) },
	} {
		n := 12
		if strings.HasPrefix(name, "forty") {
			n = 7
		}
		t.Logf("%s:", name)
		stop := crowd.storm(ctx, addrs, n, do)
		least := before
		for range 15 {
			least = min(least, left(ctx, t, vm))
			time.Sleep(500 * time.Millisecond)
		}
		t.Logf("least %d kB", least)
		t.Log(typed(ctx, t, vm, "grep oom_kill /proc/vmstat; ps | head -40"))
		t.Log(typed(ctx, t, vm, fmt.Sprintf("grep -E 'Rss|VmHWM' /proc/%d/status", s.Services[len(s.Services)-1].PID)))
		stop()
	}
}

// left is how much memory the machine can still give, in kB.
func left(ctx context.Context, t *testing.T, vm *VM) int {
	t.Helper()
	return kilobytes(strings.ReplaceAll(typed(ctx, t, vm, "cat /proc/meminfo"), "\r", ""))["MemAvailable"]
}
