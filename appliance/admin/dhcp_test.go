package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"
	"unicode"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/control"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/appliance/roster"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
	"github.com/gatehouse-os/gatehouse/site"
)

var update = flag.Bool("update", false, "write what the commands print now into testdata")

// dhcpSite has a pool of two, a network behind a relay agent and a host that boots.
const dhcpSite = `
name   = "firewall"
domain = "home.example"
[[lan]]
name      = "lan"
interface = "eth1"
ipv4      = "192.168.32.1/24"
pool      = "192.168.32.100-192.168.32.102"
exclude   = "192.168.32.101"
probe     = "off"
[[lan]]
name      = "servers"
interface = "eth2"
ipv4      = "192.168.33.1/24"
[[route]]
to  = "10.8.0.0/16"
via = "192.168.32.2"
[[relayed]]
name    = "shop"
network = "10.8.40.0/24"
router  = "10.8.40.1"
pool    = "10.8.40.100-10.8.40.199"
probe   = "off"
[[port]]
host    = "till"
circuit = "ge-0/0/7"
remote  = "sw1"
[netboot]
server    = "store"
initiator = "iqn.2011-03.example.home:{name}"
root-path = "iscsi:{server}:::1:iqn.2011-03.example.home:{name}.root"
script    = "http://{server}/boot.ipxe"
uefi      = "ipxe.efi"
hosts     = ["web1"]
`

func loadDHCPSite(t *testing.T) *site.Site {
	t.Helper()
	keys, err := os.ReadFile("../../examples/home/authorized_keys")
	if err != nil {
		t.Fatal(err)
	}
	s, err := site.Load(fstest.MapFS{
		"site.toml": {Data: []byte(dhcpSite)}, "authorized_keys": {Data: keys},
		"hosts":  {Data: []byte("192.168.32.10 store\n192.168.32.11 web1\n10.8.40.7 till\n192.168.32.20 printer\n")},
		"ethers": {Data: []byte("00:16:3e:20:00:11 web1\n00:00:5e:00:53:20 printer\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wire is the sockets of the DHCP server on one link: what clients say goes in, and
// nobody hears the answers.
type wire struct {
	in     chan []byte
	closed chan struct{}
	waits  sync.Mutex
	next   chan []byte // taken from in
}

func (w *wire) Wait() error {
	w.waits.Lock()
	defer w.waits.Unlock()
	if len(w.next) > 0 {
		return nil
	}
	select {
	case b := <-w.in:
		w.next <- b
		return nil
	case <-w.closed:
		return net.ErrClosed
	}
}

func (w *wire) Read(p []byte) (int, lease.MAC, error) {
	select {
	case b := <-w.next:
		return copy(p, b), lease.MAC(b[28:34]), nil // each card sends for itself
	default:
		return 0, lease.MAC{}, nil
	}
}

func (w *wire) Watch(bool) error                    { return nil }
func (w *wire) Send(dhcp.Destination, []byte) error { return nil }
func (w *wire) Check() error                        { return nil }
func (w *wire) Close() error                        { close(w.closed); return nil }

// box is a real DHCP server on such wires, asked by the commands.
type box struct {
	t       *testing.T
	site    *site.Site
	dir     string
	links   map[string]*wire
	service *run.Service
	clock   atomic.Int64 // seconds since now
	heard   int
}

func newBox(t *testing.T) *box {
	b := &box{t: t, site: loadDHCPSite(t), links: map[string]*wire{}}
	services := plan.Make(b.site, plan.Learned{}).Services
	conf := services[slices.IndexFunc(services, func(s plan.Service) bool { return s.Name == roster.DHCP })].Config.(dhcp.Config)
	var err error
	b.service, err = run.Open(conf, run.Options{
		FS: new(leasefiletest.Disk), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: b.now,
		Listen: func(link string, _ netip.Addr) (run.Conn, error) {
			b.links[link] = &wire{in: make(chan []byte), closed: make(chan struct{}), next: make(chan []byte, 1)}
			return b.links[link], nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.background(func(ctx context.Context) error {
		nothing := func() error { return nil }
		return b.service.Run(ctx, nothing, nothing)
	})
	if b.dir, err = os.MkdirTemp("", "admin"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(b.dir) })
	l, err := control.Listen(b.dir, roster.DHCP)
	if err != nil {
		t.Fatal(err)
	}
	mux := control.Mux{}
	for name, method := range b.service.Methods() {
		mux[name] = method
	}
	b.background(func(ctx context.Context) error { return control.Serve(ctx, l, mux) })
	return b
}

func (b *box) background(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	})
}

func (b *box) now() time.Time { return now.Add(time.Duration(b.clock.Load()) * time.Second) }

// say has a card send a message a second after the one before, and waits until it is
// dealt with.
func (b *box) say(link, mac string, kind dhcpv4.MessageType, mods ...dhcpv4.Modifier) {
	b.t.Helper()
	hw, err := net.ParseMAC(mac)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(hw), dhcpv4.WithMessageType(kind), dhcpv4.WithTransactionID([4]byte{1, 2, 3, 4})}, mods...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.clock.Add(1)
	b.heard++
	b.links[link].in <- p.ToBytes()
	testnet.Eventually(b.t, time.Minute, "the server has dealt with it", func() bool {
		st, err := b.service.Status(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		heard := 0
		for _, s := range st.Subnets {
			for _, n := range s.Received {
				heard += int(n)
			}
		}
		return heard == b.heard
	})
}

func opt(code uint8, value string) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(code), []byte(value))
}

func wants(addr string) dhcpv4.Modifier { return opt(50, string(net.ParseIP(addr).To4())) }
func server(addr string) dhcpv4.Modifier {
	return opt(54, string(net.ParseIP(addr).To4()))
}
func has(addr string) dhcpv4.Modifier {
	return func(p *dhcpv4.DHCPv4) { p.ClientIPAddr = net.ParseIP(addr).To4() }
}

// morning is what clients of every kind say.
func (b *box) morning() {
	const web1, laptop, phone, late, rogue, evil = "00:16:3e:20:00:11", "00:00:5e:00:53:71", "00:00:5e:00:53:72", "00:00:5e:00:53:73", "00:00:5e:00:53:74", "00:00:5e:00:53:75"
	discover, request := dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest
	rom := []dhcpv4.Modifier{opt(60, "PXEClient:Arch:00007:UNDI:003001"), opt(93, "\x00\x07")}
	b.say("eth1", web1, discover, rom...)
	b.say("eth1", web1, request, append(rom, wants("192.168.32.11"), server("192.168.32.1"))...)
	b.say("eth1", web1, discover, opt(175, "\xb1\x01\x01"))
	b.say("eth1", web1, request, opt(175, "\xb1\x01\x01"), wants("192.168.32.11"), server("192.168.32.1"))
	b.say("eth1", web1, request, has("192.168.32.11"), opt(12, "debian"))

	msft := []dhcpv4.Modifier{opt(60, "MSFT 5.0"), opt(12, "DESKTOP-1"), opt(55, "\x01\x03\x06")}
	b.say("eth1", laptop, request, append(msft, wants("10.0.0.7"))...)
	b.say("eth1", laptop, discover, append(msft, wants("192.168.32.102"))...)
	b.say("eth1", laptop, request, append(msft, wants("192.168.32.102"), server("192.168.32.1"))...)
	b.say("eth1", phone, discover)
	b.say("eth1", phone, request, wants("192.168.32.100"), server("192.168.32.1"), opt(12, "web1"))
	for range 3 {
		b.say("eth1", late, discover, opt(12, "tv"), opt(60, "udhcp 1.36.1"))
	}
	b.say("eth1", rogue, request, wants("192.168.32.50"), server("192.168.32.254"))
	b.say("eth2", late, discover)
	b.say("eth2", evil, discover, opt(12, "\x1b[2J"), opt(60, "a\x1b]0;owned\x07\u202eb"))

	relayed := func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = net.ParseIP("10.8.40.1").To4() }
	agent := opt(82, "\x01\x08ge-0/0/7\x02\x03sw1")
	b.say("eth1", "00:00:5e:00:53:76", discover, relayed, agent)
	b.say("eth1", "00:00:5e:00:53:76", request, relayed, agent, wants("10.8.40.7"), server("192.168.32.1"))
	b.say("eth1", "00:00:5e:00:53:77", discover, func(p *dhcpv4.DHCPv4) { p.GatewayIPAddr = net.ParseIP("10.9.0.1").To4() })
}

// command runs one command and returns what it printed.
func (b *box) command(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	env := admin.Env{
		Stdout: &out, Stderr: &errs, RunDir: b.dir, Now: b.now,
		Site:  func() (*site.Site, error) { return b.site, nil },
		Links: func(plan.Outline) []admin.Link { return nil },
	}
	code = admin.Run(b.t.Context(), env, args)
	return out.String(), errs.String(), code
}

// TestDHCP has, in testdata/dhcp.txt, what the commands say of a morning.
func TestDHCP(t *testing.T) {
	b := newBox(t)
	var text strings.Builder
	show := func(command string) {
		stdout, stderr, code := b.command(strings.Fields(command)...)
		fmt.Fprintf(&text, "$ gatehouse %s\n%s%s", command, stdout, stderr)
		if code != 0 {
			fmt.Fprintf(&text, "(exit status %d)\n", code)
		}
		fmt.Fprintln(&text)
	}
	show("dhcp why web1")
	b.morning()
	for _, command := range []string{
		"dhcp why web1", "dhcp why desktop-1", "dhcp why 00:00:5e:00:53:72", "dhcp why tv", "dhcp why 00:00:5e:00:53:74",
		"dhcp why 00:00:5e:00:53:75", "dhcp why -v till", "dhcp why 00:00:5e:00:53:77", "dhcp why 192.168.32.102", "dhcp why 192.168.32.101",
		"dhcp why 192.168.32.50", "dhcp why 198.51.100.7", "dhcp why nobody", "dhcp why printer", "dhcp why", "dhcp", "host web1", "host till", "leases",
	} {
		show(command)
	}
	admintest.Golden(t, *update, "dhcp.txt", text.String())
}

func TestDHCPJSON(t *testing.T) {
	b := newBox(t)
	b.morning()
	for command, want := range map[string]string{
		"dhcp --json":               `"pool-exhausted": 3`,
		"dhcp why --json":           `"type": "DISCOVER"`,
		"dhcp why web1 --json":      `"reason": "reserved for this card"`,
		"dhcp why till --json":      `"Circuit": "ge-0/0/7"`,
		"dhcp why tv --json":        `"drop": "pool-exhausted"`,
		"dhcp why 10.8.40.7 --json": `"mac": "00:00:5e:00:53:76"`,
		"host web1 --json":          `"stage": "iPXE"`,
	} {
		stdout, stderr, _ := b.command(strings.Fields(command)...)
		if !json.Valid([]byte(stdout)) || stderr != "" || !strings.Contains(stdout, want) {
			t.Errorf("%s: %s, printed\n%s\nwant %s in it", command, stderr, stdout, want)
		}
	}
}

func TestDHCPErrors(t *testing.T) {
	noDHCP := healthy()
	noDHCP.dhcp = nil
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"dhcp now", 2, "usage: gatehouse dhcp"},
		{"dhcp why web1 web2", 2, "usage: gatehouse dhcp"},
		{"dhcp", 1, "dhcp"},
		{"dhcp why web1", 1, "dhcp"},
	} {
		_, stderr, code := noDHCP.command(t, strings.Fields(tt.args)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("gatehouse %s: exit status %d, want %d; printed %q", tt.args, code, tt.code, stderr)
		}
	}
}

// TestEveryDropIsExplained: a counter of the service is never shown without a word.
func TestEveryDropIsExplained(t *testing.T) {
	counts := map[string]uint64{}
	for d := dhcp.Drop(1); d < dhcp.DropCount; d++ {
		counts[d.String()] = 1
	}
	a := healthy()
	a.dhcp = &run.Status{Subnets: []run.SubnetStatus{{Name: "lan", Dropped: counts}}}
	stdout, _, _ := a.command(t, "dhcp")
	for key := range counts {
		i := strings.Index(stdout, "  "+key+" ")
		if i < 0 || len(strings.Fields(strings.SplitN(stdout[i:], "\n", 2)[0])) < 4 {
			t.Errorf("%s is not explained in\n%s", key, stdout)
		}
	}
}

// TestDHCPWithoutALink: a network whose card is missing is not counted among those that are served.
func TestDHCPWithoutALink(t *testing.T) {
	a := healthy()
	a.dhcp = &run.Status{Subnets: []run.SubnetStatus{{Name: "lan", Interface: "eth1"}, {Name: "guests", Interface: "eth2", Absent: "link eth2 is not there"}}}
	stdout, stderr, code := a.command(t, "dhcp")
	for _, want := range []string{"DHCP serves 1 network, ", "! guests is not served: link eth2 is not there\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is missing in\n%s", want, stdout)
		}
	}
	if code != 1 || stderr != "" {
		t.Errorf("exit status %d, %q", code, stderr)
	}
}

// TestNothingReachesTheTerminal: what clients say is shown, and does nothing.
func TestNothingReachesTheTerminal(t *testing.T) {
	b := newBox(t)
	nasty := "\x1b]0;owned\x07\x9b2J\u202e\r\n\x00"
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeInform} {
		b.say("eth1", "00:00:5e:00:53:75", kind, opt(12, nasty), opt(60, nasty), opt(61, nasty), opt(77, nasty), opt(15, nasty), opt(119, nasty), opt(43, nasty), has("192.168.32.9"))
	}
	for _, command := range []string{"dhcp why -v 00:00:5e:00:53:75", "dhcp why -v", "dhcp why --json", "dhcp", "leases", "host 00:00:5e:00:53:75"} {
		stdout, stderr, _ := b.command(strings.Fields(command)...)
		if i := strings.IndexFunc(stdout+stderr, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s prints %q", command, (stdout + stderr)[i:min(len(stdout+stderr), i+20)])
		}
	}
}
