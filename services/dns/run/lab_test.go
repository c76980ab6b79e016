package run

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// A lab is a router with the service, a client on its LAN, and an authoritative server upstream.
type lab struct {
	t                        *testing.T
	router, client, provider *testnet.Namespace
	*Service
	conf    dns.Config
	options Options
	journal *leasefile.Journal
	nsd     *testnet.Process
	stop    func()
}

// outside is the zone of the provider's server.
const outside = `$ORIGIN example.net.
$TTL 300
@ SOA ns hostmaster 1 3600 900 604800 30
@ NS ns
ns A 192.0.2.53
www A 192.0.2.80
www AAAA 2001:db8::80
alias CNAME www
inside A 192.168.32.10
inside A 192.0.2.81
big TXT %s
`

// newLab returns a lab with everything started.
func newLab(t *testing.T) *lab {
	l := newNetwork(t)
	l.nsd = l.startNSD("192.0.2.53", "example.net", exampleNet())
	l.start()
	return l
}

// newNetwork returns a lab in which nothing runs yet.
func newNetwork(t *testing.T) *lab {
	l := &lab{t: t, router: testnet.New(t, "router"), client: testnet.New(t, "client"), provider: testnet.New(t, "provider")}
	l.router.Connect("eth1", l.client, "eth0")
	for _, family := range []string{"ipv4", "ipv6"} { // as the appliance has it
		l.router.Sysctl(family+".neigh.eth1.unres_qlen_bytes", "16384")
	}
	l.router.Connect("eth0", l.provider, "eth0")
	l.router.AddAddr("eth1", "192.168.32.1/24")
	l.router.AddAddr("eth1", "fd00:32::1/64")
	l.router.AddAddr("eth0", "192.0.2.10/24")
	l.client.AddAddr("eth0", "192.168.32.50/24")
	l.client.AddAddr("eth0", "fd00:32::50/64")
	l.provider.AddAddr("eth0", "192.0.2.53/24")
	leases := t.TempDir()
	j, _, err := leasefile.Open(leasefile.Dir(leases), func(lease.Lease) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	l.journal = j
	l.conf = dns.Config{
		Links: []string{"eth1"}, Leases: leases,
		House: zone.Config{
			Domain: "home.example", Router: zone.Host{Name: "gate", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.1")}},
			Hosts: []zone.Host{
				{Name: "web", Aliases: []string{"www"}, Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.10"), netip.MustParseAddr("fd00:32::10")}},
			},
			Networks: []netip.Prefix{netip.MustParsePrefix("192.168.32.0/24"), netip.MustParsePrefix("fd00:32::/64")},
			Records:  []zone.Record{{Name: "away", CNAME: "alias.example.net."}},
		},
		Upstream: servers.Config{Servers: []servers.Server{{Address: netip.MustParseAddr("192.0.2.53"), Kind: servers.Plain}}},
	}
	l.options = Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Follow: follow, Upstream: upstream.Options{Dial: dialIn(l.router)},
	}
	return l
}

// exampleNet is the zone outside as text.
func exampleNet() string {
	return fmt.Sprintf(outside, strings.Repeat(fmt.Sprintf("%q ", strings.Repeat("x", 250)), 12))
}

// startNSD starts an authoritative server of the provider with zones, each a name and its text.
func (l *lab) startNSD(addr string, zones ...string) *testnet.Process {
	l.t.Helper()
	dir := l.t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
		return path
	}
	text := fmt.Sprintf("server:\n ip-address: %[2]s\n username: \"\"\n zonesdir: %[1]q\n pidfile: \"\"\n database: \"\"\n"+
		" xfrdfile: \"\"\n zonelistfile: \"%[1]s/list\"\n xfrdir: %[1]q\n server-count: 1\nremote-control:\n control-enable: no\n",
		dir, addr)
	for i := 0; i < len(zones); i += 2 {
		text += fmt.Sprintf("zone:\n name: %s\n zonefile: %q\n", zones[i], write(fmt.Sprintf("zone%d", i), zones[i+1]))
	}
	conf := write("nsd.conf", text)
	p := l.provider.Start(exec.Command(testnet.Need(l.t, "nsd", "nsd"), "-d", "-c", conf))
	l.listens(addr + ":53")
	return p
}

// listens waits until somebody of the provider listens by TCP.
func (l *lab) listens(addr string) {
	l.t.Helper()
	testnet.Eventually(l.t, 20*time.Second, addr+" listens", func() bool {
		conn, err := dialIn(l.router)(context.Background(), "tcp", netip.MustParseAddrPort(addr))
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// dialIn dials in a namespace.
func dialIn(n *testnet.Namespace) func(context.Context, string, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, network string, to netip.AddrPort) (conn net.Conn, err error) {
		err = n.Do(func() (err error) {
			conn, err = new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(to.Addr().String(), strconv.Itoa(int(to.Port()))))
			return err
		})
		return conn, err
	}
}

// start starts the service, and waits until it is ready.
func (l *lab) start() {
	l.t.Helper()
	err := l.router.Do(func() (err error) {
		l.Service, err = Open(l.conf, l.options)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- l.Run(ctx, func() error { return nil }, func() error { close(ready); return nil })
	}()
	stopped := false
	l.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
	}
	l.t.Cleanup(l.stop)
	select {
	case <-ready:
	case err := <-ended:
		l.t.Fatal(err)
	}
}

// dig asks from the client, and returns the words of the answer.
func (l *lab) dig(args ...string) string {
	l.t.Helper()
	dig := testnet.Need(l.t, "dig", "bind9-dnsutils")
	out := l.client.Run(dig, append([]string{"@192.168.32.1", "+tries=1", "+timeout=15"}, args...)...)
	return strings.Join(strings.Fields(out), " ")
}

// says asks with +short and compares.
func (l *lab) says(question, want string) {
	l.t.Helper()
	if got := l.dig(append(strings.Fields(question), "+short")...); got != want {
		l.t.Errorf("%s: %q, not %q", question, got, want)
	}
}

// has asks and looks for words in what dig says.
func (l *lab) has(question string, want ...string) {
	l.t.Helper()
	got := l.dig(strings.Fields(question)...)
	for _, w := range want {
		if !strings.Contains(got, w) {
			l.t.Errorf("%s: no %q in\n%s", question, w, got)
		}
	}
}

// lease writes one of an hour.
func (l *lab) lease(addr, name string, last byte) {
	l.t.Helper()
	now := time.Now()
	l.journal.Append(lease.Lease{Addr: netip.MustParseAddr(addr), MAC: lease.MAC{2, 0, 0, 0, 0, last}, Name: name,
		State: lease.Bound, Since: now, Until: now.Add(time.Hour)})
	if err := l.journal.Sync(); err != nil {
		l.t.Fatal(err)
	}
}
