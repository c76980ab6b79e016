package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/netcfg/rtnl"
	"github.com/gatehouse-os/gatehouse/appliance/privdrop"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// roleArg has this program be the service, with what the directory behind it holds.
const roleArg = "role-wan"

const serviceUser = 504

func uptime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &t)
	return time.Duration(t.Nano())
}

func serve(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var conf wan.Config
	b, err := os.ReadFile(filepath.Join(dir, "config"))
	if err := errors.Join(err, json.Unmarshal(b, &conf)); err != nil {
		return err
	}
	changed, err := rtnl.Watch(ctx)
	if err != nil {
		return err
	}
	s, err := Open(conf, Options{
		Log: slog.New(slog.NewTextHandler(os.Stdout, nil)), StateDir: filepath.Join(dir, "state"), Uptime: uptime, Boot: "boot",
		Wall: func() (time.Time, bool) { return time.Now(), true }, Rand: rand.Uint64, Changed: changed,
	})
	if err != nil {
		return err
	}
	l, err := control.Listen(dir, "wan")
	if err != nil {
		return err
	}
	go func() { _ = control.Serve(ctx, l, s.Methods()) }()
	drop := func() error {
		return privdrop.Drop(privdrop.Identity{
			UID: serviceUser, GID: serviceUser, Caps: []string{"net_raw", "net_bind_service"}, WritePaths: []string{filepath.Join(dir, "state")},
		})
	}
	return s.Run(ctx, drop, func() error { fmt.Println("READY"); return nil })
}

// A site is a box with the service on wan0, whose other end is eth0 of a provider.
type site struct {
	t        *testing.T
	box, isp *testnet.Namespace
	dir      string
	*testnet.Process
	server *testnet.Process
}

func newSite(t *testing.T) *site {
	s := &site{t: t, box: testnet.New(t, "box"), isp: testnet.New(t, "isp"), dir: t.TempDir()}
	for dir := s.dir; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	state := filepath.Join(s.dir, "state")
	if err := errors.Join(os.Mkdir(state, 0o700), os.Chown(state, serviceUser, serviceUser)); err != nil {
		t.Fatal(err)
	}
	s.box.Connect("wan0", s.isp, "eth0")
	s.box.Sysctl("ipv6/conf/wan0/accept_ra", "0")
	s.isp.Sysctl("ipv6/conf/all/forwarding", "1")
	s.box.Ready("wan0")
	s.isp.Ready("eth0")
	s.isp.AddAddr("eth0", "2001:db8:5::1/64")
	s.settled()
	return s
}

// settled waits until the provider has its addresses: one that it is still asking for it would leave to the
// box.
func (s *site) settled() {
	s.t.Helper()
	testnet.Eventually(s.t, 20*time.Second, "the provider's addresses are its own", func() bool {
		return !strings.Contains(s.isp.Run("ip", "-6", "address", "show", "dev", "eth0"), "tentative")
	})
}

// start starts the service.
func (s *site) start(six wan.IPv6) {
	s.t.Helper()
	b, err := json.Marshal(wan.Config{Link: "wan0", Static4: true, IPv6: six})
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, "config"), b, 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Process = s.box.Start(exec.Command("/proc/self/exe", roleArg, s.dir))
	testnet.Eventually(s.t, 20*time.Second, "the service is ready", func() bool { return strings.Contains(s.Output(), "READY") })
}

// kill ends a process of the test.
func (s *site) kill(p *testnet.Process) {
	s.t.Helper()
	p.Signal(syscall.SIGKILL)
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if err := p.Wait(ctx); errors.Is(err, context.DeadlineExceeded) {
		s.t.Fatal("it does not end")
	}
}

func (s *site) ask(method string) (st Status) {
	s.t.Helper()
	var to any
	if method == "status" {
		to = &st
	}
	if err := control.Call(s.t.Context(), s.dir, "wan", method, nil, to); err != nil {
		s.t.Fatal(method, err)
	}
	return st
}

// facts are what is reported.
func (s *site) facts() wan.Facts6 {
	s.t.Helper()
	if st := s.ask("status"); st.IPv6 != nil && st.IPv6.Facts != nil {
		return *st.IPv6.Facts
	}
	return wan.Facts6{}
}

// until waits until something is so of what is reported.
func (s *site) until(what string, is func(f wan.Facts6) bool) (f wan.Facts6) {
	s.t.Helper()
	testnet.Eventually(s.t, 60*time.Second, what, func() bool { f = s.facts(); return is(f) })
	return f
}

// renewed has the service ask again and again, until something is so.
func (s *site) renewed(what string, is func(st *Status6) bool) {
	s.t.Helper()
	asked := time.Time{}
	testnet.Eventually(s.t, 90*time.Second, what, func() bool {
		if time.Since(asked) > 3*time.Second {
			s.ask("renew")
			asked = time.Now()
		}
		return is(s.ask("status").IPv6)
	})
	st := s.ask("status").IPv6
	s.t.Logf("%s: %s", what, st.Client.Text)
}

// event waits for one, after those that were there.
func (s *site) event(before int, name string) {
	s.t.Helper()
	testnet.Eventually(s.t, 60*time.Second, name, func() bool {
		all := s.ask("status").IPv6.Events
		return slices.ContainsFunc(all[min(before, len(all)):], func(e Event6) bool { return e.Name+" "+e.Cause == name })
	})
}

func delegates(want ...string) func(f wan.Facts6) bool {
	return func(f wan.Facts6) bool {
		var got []string
		for _, d := range f.Delegated {
			got = append(got, d.Prefix.String())
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	}
}

// TestDelegators: of each a prefix is obtained and renewed; it changes, is asked for again after a start of
// either side, and is withdrawn.
func TestDelegators(t *testing.T) {
	want := wan.IPv6{Delegation: &wan.Wish{Length: 56, IAID: 9}, Address: true}
	for _, d := range wantest.Delegators() {
		t.Run(d.Name, func(t *testing.T) {
			s := newSite(t)
			start := func(pool string) { s.server = d.Start(t, s.isp, wantest.Pool{Prefix: pool}) }
			start("2001:db8:100::")
			s.start(want)
			f := s.until("it is obtained", func(f wan.Facts6) bool { return len(f.Delegated) == 1 && len(f.Addrs) == 1 })
			first := f.Delegated[0].Prefix
			if first.Bits() != 56 || !netip.MustParsePrefix("2001:db8:100::/48").Contains(first.Addr()) ||
				!slices.Equal(f.DNS, []netip.Addr{netip.MustParseAddr("2001:db8:5::53")}) ||
				f.Delegated[0].Valid-f.Delegated[0].Preferred != 30*time.Minute {
				t.Fatalf("%+v", f)
			}
			n := len(s.ask("status").IPv6.Events)
			s.ask("renew")
			s.event(n, "updated6 extended")
			s.until("it is the same", delegates(first.String()))

			// The server has forgotten all; the service was killed. It is the same prefix again.
			s.kill(s.server)
			s.kill(s.Process)
			start("2001:db8:100::")
			s.start(want)
			s.until("it is asked for again", func(f wan.Facts6) bool {
				l := s.ask("status").IPv6.Client.Lease
				return delegates(first.String())(f) && l != nil && !l.Unconfirmed
			})

			// Renumbered, the server started anew.
			s.kill(s.server)
			start("2001:db8:200::")
			s.renewed("another one is there", func(st *Status6) bool {
				return st.Facts != nil && slices.ContainsFunc(st.Facts.Delegated, func(d wan.Delegation) bool {
					return netip.MustParsePrefix("2001:db8:200::/48").Contains(d.Prefix.Addr())
				})
			})
			if d.TakesBack && !delegates("2001:db8:200::/56")(s.facts()) {
				t.Errorf("%+v", s.facts())
			}

			// None any more. What there is holds to its end, if it is not taken back.
			s.kill(s.server)
			start("")
			s.renewed("the server says that there is none", func(st *Status6) bool {
				return st.Client.Lease == nil || len(st.Client.Lease.Prefixes) == 0 || strings.Contains(st.Client.Text, "NoPrefixAvail")
			})

			s.kill(s.server)
			start("2001:db8:200::")
			s.renewed("there is one again", func(st *Status6) bool {
				return st.Client.Lease != nil && len(st.Client.Lease.Prefixes) > 0 && !strings.Contains(st.Client.Text, "NoPrefixAvail")
			})
			s.ask("release")
			s.until("it is given back", func(f wan.Facts6) bool { return len(f.Delegated) == 0 })
		})
	}
}

// TestDnsmasq: it has no prefixes, and is a router: addresses and resolvers by its advertisements, and by
// DHCPv6 as they say.
func TestDnsmasq(t *testing.T) {
	for _, c := range []struct {
		name, mode string
		addrs      int
		stateful   bool
	}{
		{"stateful and SLAAC", "slaac", 2, true},
		{"stateful", "", 1, true},
		{"stateless", "ra-stateless", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			s.server = wantest.Dnsmasq6(t, s.isp, c.mode)
			s.start(wan.IPv6{RouterDiscovery: true, Address: true})
			f := s.until("all is there", func(f wan.Facts6) bool {
				return len(f.Addrs) == c.addrs && f.Gateway.IsValid() && len(f.NTP) == 1 && len(f.NTPNames) == 1
			})
			leased := slices.ContainsFunc(f.Addrs, func(p netip.Prefix) bool {
				return p.Bits() == 128 && netip.MustParsePrefix("2001:db8:5::100/120").Contains(p.Addr())
			})
			if leased != c.stateful || !slices.Equal(f.DNS, []netip.Addr{netip.MustParseAddr("2001:db8:5::53")}) ||
				!slices.Equal(f.Search, []string{"isp.example"}) || !f.Gateway.IsLinkLocalUnicast() ||
				!slices.Equal(f.NTP, []netip.Addr{netip.MustParseAddr("2001:db8:5::123")}) || f.NTPNames[0] != "time.isp.example" {
				t.Errorf("%+v", f)
			}
			st := s.ask("status").IPv6
			if (st.Client.Lease != nil) != c.stateful {
				t.Errorf("%+v", st.Client)
			}
		})
	}
}

// TestRadvd: a router says what it is, and goodbye; what is not believed of it is said.
func TestRadvd(t *testing.T) {
	s := newSite(t)
	s.server = wantest.Radvd(t, s.isp, `AdvLinkMTU 1400;
		prefix 2001:db8:5::/64 { }; prefix 2001:db8:7::/64 { AdvOnLink off; };
		RDNSS 2001:db8:5::53 2001:db8:8::1 fe80::1 { }; DNSSL isp.example { };`)
	lan := wan.LAN{Name: "lan", Network: netip.MustParsePrefix("2001:db8:8::/64"), Address: netip.MustParseAddr("2001:db8:8::1")}
	s.start(wan.IPv6{RouterDiscovery: true, LANs: []wan.LAN{lan}})
	f := s.until("all is there", func(f wan.Facts6) bool { return f.Gateway.IsValid() && len(f.Addrs) == 2 })
	on := func(p string, bits int) bool {
		return slices.ContainsFunc(f.Addrs, func(a netip.Prefix) bool {
			return a.Bits() == bits && netip.MustParsePrefix(p).Contains(a.Addr())
		})
	}
	if !on("2001:db8:5::/64", 64) || !on("2001:db8:7::/64", 128) || f.MTU != 1400 || !slices.Equal(f.Search, []string{"isp.example"}) ||
		!slices.Equal(f.DNS, []netip.Addr{netip.MustParseAddr("2001:db8:5::53")}) {
		t.Errorf("%+v", f)
	}
	if all := s.ask("status").IPv6.Remarks; len(all) != 2 || !strings.Contains(all[0].Text, "our own address on lan lan") ||
		!strings.Contains(all[1].Text, "link-local") {
		t.Errorf("%+v", all)
	}
	s.server.Signal(syscall.SIGTERM)
	f = s.until("it has said goodbye", func(f wan.Facts6) bool { return !f.Gateway.IsValid() })
	if len(f.Addrs) != 2 {
		t.Errorf("%+v", f)
	}
}

// TestDuplicate: an address that another station of the link has is given up, and another one asked for.
func TestDuplicate(t *testing.T) {
	s := newSite(t)
	s.server = wantest.Delegators()[0].Start(t, s.isp, wantest.Pool{Prefix: "2001:db8:100::"})
	s.isp.AddAddr("eth0", "2001:db8:5::100/64")
	s.settled()
	s.start(wan.IPv6{Delegation: &wan.Wish{Length: 56}, Address: true})
	f := s.until("it is obtained", func(f wan.Facts6) bool { return len(f.Addrs) == 1 })
	if f.Addrs[0].String() != "2001:db8:5::100/128" {
		t.Fatalf("%+v", f)
	}
	s.box.AddAddr("wan0", f.Addrs[0].String())
	f = s.until("it is given up", func(f wan.Facts6) bool { return len(f.Addrs) == 0 })
	if len(f.Delegated) != 1 {
		t.Errorf("%+v", f)
	}
	s.event(0, "updated6 in-use")
	s.renewed("another one is there", func(st *Status6) bool { return len(st.Facts.Addrs) == 1 })
	if got := s.facts().Addrs[0].String(); got == "2001:db8:5::100/128" {
		t.Errorf("it is %s again", got)
	}
}
