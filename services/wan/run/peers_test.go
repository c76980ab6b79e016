package run

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

const patience = 40 * time.Second

// stateVar tells this binary to be a client on wan0, and where it keeps its lease.
const stateVar = "GATEHOUSE_TEST_STATE"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == roleArg { // with the user and rights of the appliance
		if err := serve(os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if dir := os.Getenv(stateVar); dir != "" {
		if err := beClient(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beClient serves wan0 with the sockets of package conn. As udhcpc it renews at SIGUSR1 and releases at
// SIGUSR2.
func beClient(dir string) error {
	s, err := Open(wan.Config{Link: "wan0", Identity: wan.ByMAC}, Options{
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), StateDir: dir, Boot: "boot", Changed: make(chan struct{}), Rand: rand.Uint64,
		Uptime: func() time.Duration {
			var now unix.Timespec
			_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now)
			return time.Duration(now.Nano())
		},
		Wall: func() (time.Time, bool) { return time.Now(), true },
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	wishes := make(chan os.Signal, 1)
	signal.Notify(wishes, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for w := range wishes {
			method := map[os.Signal]string{syscall.SIGUSR1: "renew", syscall.SIGUSR2: "release"}[w]
			if err := s.Methods()[method](ctx, nil, func(any) error { return nil }); err != nil {
				fmt.Fprintln(os.Stderr, method, err)
			}
		}
	}()
	none := func() error { return nil }
	return s.Run(ctx, none, none)
}

// A peer is a client that is driven through all that it has to say in its life.
type peer struct {
	name string
	live func(*pair)
}

// peers are this client and others.
func peers() []peer {
	return []peer{{"ours", ours}, {"udhcpc", udhcpc}, {"dhclient", dhclient}, {"networkd", networkd}}
}

// A pair is a client on wan0 of a box, and the server that it asks.
type pair struct {
	t        *testing.T
	box, isp *testnet.Namespace
	server   *wantest.Server
	dir      string // the client's
	heard    map[string]wantest.Message
}

// The messages of a client's life, as RFC 2131 4.3 has them.
const (
	discover  = "DISCOVER"
	selecting = "SELECTING"
	rebooting = "INIT-REBOOT"
	renewing  = "RENEWING"
	release   = "RELEASE"
)

func kinds() []string { return []string{discover, selecting, rebooting, renewing, release} }

// kind says which message it is.
func kind(m *wantest.Message) string {
	switch {
	case m.Type() != packet.Request:
		return m.Type().String()
	case m.Option(packet.OptionServerID) != nil:
		return selecting
	case !m.CIAddr.IsUnspecified():
		return renewing
	}
	return rebooting
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, box: testnet.New(t, "box"), isp: testnet.New(t, "isp"), dir: t.TempDir(), heard: map[string]wantest.Message{}}
	p.box.Connect("wan0", p.isp, "eth0")
	p.box.SetMAC("wan0", net.HardwareAddr{0, 0, 0x5e, 0, 0x53, 1})
	p.box.Ready("wan0")
	p.isp.Ready("eth0")
	p.isp.AddAddr("eth0", "192.0.2.1/24")
	p.server = wantest.Serve(t, p.isp, lease())
	return p
}

// lease is that of the server.
func lease(more ...packet.Option) wantest.Script {
	own := netip.MustParseAddr("192.0.2.1")
	return wantest.Script{ID: own, Lease: netip.MustParsePrefix("192.0.2.20/24"), Router: own, Options: more}
}

// hears waits for the first message of each kind.
func (p *pair) hears(kinds ...string) {
	p.t.Helper()
	for _, k := range kinds {
		testnet.Eventually(p.t, patience, p.t.Name()+" has sent "+k, func() bool {
			for _, m := range p.server.Heard() {
				if _, had := p.heard[kind(&m)]; !had {
					p.heard[kind(&m)] = m
				}
			}
			_, has := p.heard[k]
			return has
		})
	}
}

// has waits until the client has its address.
func (p *pair) has() {
	p.t.Helper()
	testnet.Eventually(p.t, patience, p.t.Name()+" has its address", func() bool { return len(p.box.Addrs("wan0")) > 0 })
}

// script writes a program that a client tells of its address.
func (p *pair) script(text string) string {
	p.t.Helper()
	path := filepath.Join(p.dir, "script")
	if err := testnet.WriteProgram(path, []byte("#!/bin/sh\n"+text+"\n")); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// kill ends a client that has no time to say anything.
func (p *pair) kill(c *testnet.Process) {
	c.Signal(syscall.SIGKILL)
	_ = c.Wait(p.t.Context())
}

func ours(p *pair) {
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	start := func() *testnet.Process {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), stateVar+"="+p.dir)
		return p.box.Start(cmd)
	}
	bound := func(c *testnet.Process) {
		testnet.Eventually(p.t, patience, "it is bound", func() bool { return strings.Contains(c.Output(), "msg=bound") })
	}
	c := start()
	p.hears(discover, selecting)
	bound(c)
	c.Signal(syscall.SIGUSR1)
	p.hears(renewing)
	p.kill(c)
	c = start()
	p.hears(rebooting)
	bound(c)
	c.Signal(syscall.SIGUSR2)
	p.hears(release)
}

// udhcpc asks for no address of before.
func udhcpc(p *pair) {
	script := p.script(`[ "$1" != bound ] || ip addr add "$ip/$mask" dev "$interface"`)
	c := p.box.Start(exec.Command(testnet.Need(p.t, "udhcpc", "udhcpc"), "-f", "-i", "wan0", "-s", script))
	p.hears(discover, selecting)
	p.has()
	c.Signal(syscall.SIGUSR1)
	p.hears(renewing)
	c.Signal(syscall.SIGUSR2)
	p.hears(release)
}

// dhclient renews at T1 only: after two seconds.
func dhclient(p *pair) {
	p.server.Plays(lease(packet.Option{Code: packet.OptionRenewalTime, Data: []byte{0, 0, 0, 2}}))
	script := p.script(`[ -z "$new_ip_address" ] || ip addr replace "$new_ip_address/24" dev "$interface"`)
	args := []string{"-sf", script, "-cf", "/dev/null", "-pf", p.dir + "/pid", "-lf", p.dir + "/leases", "wan0"}
	program := testnet.Need(p.t, "dhclient", "isc-dhcp-client")
	start := func() *testnet.Process { return p.box.Start(exec.Command(program, append([]string{"-d"}, args...)...)) }
	c := start()
	p.hears(discover, selecting, renewing)
	p.kill(c)
	c = start()
	p.hears(rebooting)
	p.kill(c)
	p.box.Run(program, append([]string{"-r"}, args...)...)
	p.hears(release)
}

func networkd(p *pair) {
	c := p.box.Networkd(p.dir, "wan0", "Hostname=box\n") // the machine's may be none that is sent
	p.hears(discover, selecting)
	p.has()
	c.Within("networkctl", "renew", "wan0")
	p.hears(renewing)
	p.isp.Down("eth0")
	testnet.Eventually(p.t, patience, "networkd has lost carrier", func() bool { return len(p.box.Addrs("wan0")) == 0 })
	p.isp.Up("eth0")
	p.hears(rebooting)
	p.has()
	c.Within("sed", "-i", "s/^DHCP=.*/DHCP=no/", "/run/systemd/network/wan0.network")
	c.Within("networkctl", "reload")
	p.hears(release)
}
