package run

import (
	"context"
	"encoding/json"
	"errors"
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
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/ntp"
	"github.com/gatehouse-os/gatehouse/services/ntp/conn"
	"github.com/gatehouse-os/gatehouse/services/ntp/kernel/kerneltest"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// TestMain runs this program as the service, if its argument says so: in the network it is started in, and as
// the user that it is on the appliance, but with a clock of its own, and without the right to set the
// machine's.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "role-ntp" {
		if err := serve(os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 3 && os.Args[1] == "role-relay" {
		fmt.Println(relay(os.Args[2]))
		os.Exit(1)
	}
	if len(os.Args) == 3 && os.Args[1] == "role-liar" {
		fmt.Println(lie(os.Args[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A role is what the process is told.
type role struct {
	Config   ntp.Config
	Ahead    time.Duration // of its clock to the machine's
	Drift    float64       // of its crystal, ppm
	Resolver netip.AddrPort
}

var notBefore = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func uptime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	return time.Duration(t.Nano())
}

func serve(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var r role
	text, err := os.ReadFile(filepath.Join(dir, "role"))
	if err := errors.Join(err, json.Unmarshal(text, &r)); err != nil {
		return err
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return err
	}
	clock := kerneltest.New(r.Ahead, r.Drift)
	s, err := Open(r.Config, Options{
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), StateDir: filepath.Join(dir, "state"), Uptime: uptime, Kernel: clock,
		Rand: rand.Uint64, Changed: changed, NotBefore: notBefore, Resolver: r.Resolver,
		WatchSet: func(ctx context.Context, _ func()) error { <-ctx.Done(); return nil },
	})
	if err != nil {
		return err
	}
	l, err := control.Listen(dir, "ntp")
	if err != nil {
		return err
	}
	methods := s.Methods()
	methods["test"] = testMethod(clock, s)
	go func() { _ = control.Serve(ctx, l, methods) }()
	return s.Run(ctx, func() error {
		return privdrop.Drop(privdrop.Identity{UID: 507, GID: 507, Caps: []string{"net_bind_service", "net_raw"},
			WritePaths: []string{filepath.Join(dir, "state")}})
	}, func() error { fmt.Println("READY"); return nil })
}

// An order is for the process: what becomes of its clock, or of its Config.
type order struct {
	Jump   time.Duration
	Config *ntp.Config
}

// A clockState is how its clock is.
type clockState struct {
	Ahead time.Duration
	Steps []time.Duration
}

func testMethod(clock *kerneltest.Clock, s *Service) control.Handler {
	return func(_ context.Context, raw json.RawMessage, send func(any) error) error {
		var o order
		if err := control.Decode(raw, &o); err != nil {
			return err
		}
		if o.Jump != 0 {
			clock.Jump(o.Jump)
		}
		if o.Config != nil {
			if err := s.Reconfigure(*o.Config); err != nil {
				return err
			}
		}
		return send(clockState{clock.Ahead(), clock.Steps()})
	}
}

// A lab is the service on the lan of a router, with a clock of its own, a client there, and a wan.
type lab struct {
	t              *testing.T
	router, client *testnet.Namespace
	dir            string
	role           role
	*testnet.Process
}

// newLab has a service whose clock is wrong.
func newLab(t *testing.T, ahead time.Duration) *lab {
	l := &lab{t: t, router: testnet.New(t, "router"), client: testnet.New(t, "client"), dir: t.TempDir(), role: role{Ahead: ahead}}
	l.router.Connect("lan", l.client, "eth0")
	for _, addr := range []string{"192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"} {
		l.router.Run("ip", "addr", "add", addr, "dev", "lan", "nodad")
	}
	for _, addr := range []string{"192.0.2.10/24", "2001:db8::10/64", "fe80::10/64"} {
		l.client.Run("ip", "addr", "add", addr, "dev", "eth0", "nodad")
	}
	l.router.Bridge("wan")
	l.router.AddAddr("wan", "198.51.100.1/24")
	l.router.Up("lo")
	reachable(t, l.dir)
	state := filepath.Join(l.dir, "state")
	if err := errors.Join(os.Mkdir(state, 0o700), os.Chown(state, 507, 507)); err != nil {
		t.Fatal(err)
	}
	return l
}

// reachable has others than root enter a directory of the test.
func reachable(t *testing.T, dir string) {
	t.Helper()
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// serve starts the service, and waits until it serves.
func (l *lab) serve(conf ntp.Config) {
	l.t.Helper()
	l.role.Config = conf
	text, err := json.Marshal(l.role)
	if err == nil {
		err = os.WriteFile(filepath.Join(l.dir, "role"), text, 0o644)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.Process = l.router.Start(exec.Command("/proc/self/exe", "role-ntp", l.dir))
	l.await("READY")
}

func (l *lab) await(text string) {
	l.t.Helper()
	testnet.Eventually(l.t, 20*time.Second, "the service says "+text, func() bool { return strings.Contains(l.Output(), text) })
}

// stop ends the service.
func (l *lab) stop() {
	l.t.Helper()
	l.Signal(syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	if err := l.Wait(ctx); err != nil {
		l.t.Fatalf("it ended with %v", err)
	}
}

// call asks the service.
func call[T any](l *lab, method string, args any) (out T) {
	l.t.Helper()
	if err := control.Call(l.t.Context(), l.dir, "ntp", method, args, &out); err != nil {
		l.t.Fatal(err)
	}
	return out
}

func (l *lab) status() Status { l.t.Helper(); return call[Status](l, "status", nil) }

func (l *lab) test(o order) clockState { l.t.Helper(); return call[clockState](l, "test", o) }

// synchronised waits until the service is.
func (l *lab) synchronised() {
	l.t.Helper()
	testnet.Eventually(l.t, 30*time.Second, "it is synchronised", func() bool { return l.status().Synchronised })
}

// upstream is a server of the world outside that has stratum 2 by its own word; it returns the Config by
// which it is followed.
func (l *lab) upstream() ntp.Config {
	l.t.Helper()
	return follow(l.chronyd("up", 9, "local stratum 2"))
}

func follow(servers ...netip.Addr) ntp.Config {
	c := ntp.Config{Links: []string{"lan"}}
	for _, a := range servers {
		c.Sources = append(c.Sources, ntp.Source{Addrs: []netip.Addr{a}})
	}
	return c
}

// outside is a namespace of the wan, with the address 198.51.100.N.
func (l *lab) outside(name string, n byte) (*testnet.Namespace, netip.Addr) {
	l.t.Helper()
	up := testnet.New(l.t, name)
	l.router.Plug("wan", up, "eth0")
	addr := netip.AddrFrom4([4]byte{198, 51, 100, n})
	up.AddAddr("eth0", addr.String()+"/24")
	return up, addr
}

// chronyd starts a server of the world outside, and returns its address.
func (l *lab) chronyd(name string, n byte, lines ...string) netip.Addr {
	l.t.Helper()
	up, addr := l.outside(name, n)
	dir := l.t.TempDir()
	private(l.t, dir)
	up.Start(peer(l.t, "chrony", "usr/sbin/chronyd", append([]string{"-x", "-d", "-u", "root", "allow", "cmdport 0",
		"bindcmdaddress " + dir + "/chronyd.sock", "pidfile " + dir + "/pid"}, lines...)...))
	return addr
}

// liar starts a server that says a wrong time, and is sure of it. On SIGHUP it is wrong by 400 s more.
func (l *lab) liar(name string, n byte, wrong time.Duration) (*testnet.Process, netip.Addr) {
	l.t.Helper()
	up, addr := l.outside(name, n)
	p := up.Start(exec.Command("/proc/self/exe", "role-liar", wrong.String()))
	testnet.Eventually(l.t, 10*time.Second, "the liar serves", func() bool { return strings.Contains(p.Output(), "READY") })
	return p, addr
}

// relay starts what passes questions on to a server, and its answers 200 ms late.
func (l *lab) relay(name string, n byte, to netip.Addr) netip.Addr {
	l.t.Helper()
	up, addr := l.outside(name, n)
	p := up.Start(exec.Command("/proc/self/exe", "role-relay", netip.AddrPortFrom(to, 123).String()))
	testnet.Eventually(l.t, 10*time.Second, "the relay serves", func() bool { return strings.Contains(p.Output(), "READY") })
	return addr
}

// relay is its process.
func relay(to string) error {
	c, err := net.ListenPacket("udp4", ":123")
	if err != nil {
		return err
	}
	fmt.Println("READY")
	for {
		question := make([]byte, 1500)
		n, from, err := c.ReadFrom(question)
		if err != nil {
			return err
		}
		go func() {
			server, err := net.Dial("udp4", to)
			if err != nil {
				return
			}
			defer server.Close()
			_ = server.SetDeadline(time.Now().Add(time.Second))
			_, _ = server.Write(question[:n])
			if n, err = server.Read(question); err == nil {
				time.Sleep(200 * time.Millisecond)
				_, _ = c.WriteTo(question[:n], from)
			}
		}()
	}
}

// lie is the process of a liar.
func lie(text string) error {
	by, err := time.ParseDuration(text)
	if err != nil {
		return err
	}
	wrong := &atomic.Int64{}
	wrong.Store(int64(by))
	s := server.New(server.Limits{}, 1)
	s.Set(server.State{Stratum: 1, Local: true, RefID: wire.RefID{'G', 'P', 'S'}, Precision: -23})
	c, err := conn.Listen("eth0", conn.Options{
		Server: s, Uptime: uptime, Offset: func() time.Duration { return time.Duration(wrong.Load()) }, Log: slog.Default(),
	})
	if err != nil {
		return err
	}
	c.Serve()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	fmt.Println("READY")
	for range hup {
		wrong.Add(int64(400 * time.Second))
	}
	return nil
}
