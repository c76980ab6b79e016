package vmtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// officeImage is the image of the second reference site.
var officeImage = sync.OnceValues(func() (Image, error) { return buildIn("office", "../../examples/office") })

// office is the appliance of the second reference site between a provider's router and a switch with VLANs,
// and some of its hosts.
type office struct {
	vm     *VM
	wan    *testnet.Namespace            // the provider's router, and the Internet behind it
	lans   map[string]*testnet.Namespace // a part of the switch for each network, by its name
	hosts  map[string]*testnet.Namespace
	leases map[string]lease
	admin  admin        // logs in from admin1
	desk   *workstation // its, with the site
}

// officeHost is a host of the office. Its card is in ethers; that of a guest is in no file.
type officeHost struct {
	name, lan, mac string
	ipv4           string // by DHCP
	ipv6           string // set on the host, also on the camera, which should know none
}

func officeHosts() []officeHost {
	return []officeHost{
		{"admin1", "lan", "00:00:5e:00:53:10", "10.77.1.10", "2001:db8:50:1::10"},
		{"laptop1", "lan", "00:00:5e:00:53:31", "10.77.1.100", "2001:db8:50:1::100"},
		{"web1", "servers", "00:16:3e:4d:00:11", "10.77.10.11", "2001:db8:50:10::11"},
		{"mail", "servers", "00:16:3e:4d:00:14", "10.77.10.14", "2001:db8:50:10::14"},
		{"guest", "guests", "00:00:5e:00:53:fe", "10.77.20.10", "2001:db8:50:20::100"},
		{"camera1", "things", "00:00:5e:00:53:c1", "10.77.30.21", "2001:db8:50:30::21"},
	}
}

// officeOutside are addresses of the Internet.
func officeOutside() map[string][2]string {
	return map[string][2]string{
		"outside": {"192.0.2.99", "2001:db8:99::99"},
		"blocked": {"198.51.100.200", "2001:db8:bad::1"},
	}
}

// TestOffice boots the office once, for all that is tested of it.
func TestOffice(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	o := bootOffice(ctx, t)
	for _, step := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, o *office)
	}{
		{"every network tells its hosts its own", officeLeases},
		{"who is not in hosts gets nothing from things", officeStranger},
		{"everything is as it should be", officeStatus},
		{"both families reach the appliance from every network", officeLinks},
		{"every network may ask for names", officeNames},
		{"packets between the networks", officePackets},
		{"the log names who tried", officeLog},
		{"a network goes, and others and their rules stay", officeWithoutGuests},
		{"it comes back, and all is as it was", officeAgain},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(ctx, t, o) }) {
			return
		}
	}
}

// bootOffice starts the appliance, and gives its hosts their addresses by what it tells them. Everything
// lives as long as the test, so that its subtests share it; o.admin runs commands on the appliance.
func bootOffice(ctx context.Context, t *testing.T) *office {
	t.Helper()
	img := theImage(t, officeImage)
	o := &office{
		wan:    newSwitch(t, "wan", "203.0.113.9/29"),
		lans:   map[string]*testnet.Namespace{},
		hosts:  map[string]*testnet.Namespace{},
		leases: map[string]lease{},
	}
	trunk := map[uint16]*testnet.Namespace{}
	for vlan, name := range map[uint16]string{0: "lan", 10: "servers", 20: "guests", 30: "things"} {
		o.lans[name] = newSwitch(t, name)
		trunk[vlan] = o.lans[name]
	}
	card, _ := newTrunk(t, trunk, 0, nil)
	o.vm = Start(t, Machine{
		Name: "gate", Kernel: img.Kernel, Append: Append, MemoryMB: 96,
		Disks: []Disk{{Path: disk(ctx, t, img.Root)}},
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, o.wan, "firewall")}, {MAC: lanMAC, Port: card}},
	})
	o.provide()
	for _, h := range officeHosts() {
		host := newHost(t, o.lans[h.lan], h.mac)
		o.hosts[h.name] = host
		o.leases[h.name] = udhcpc(ctx, t, host, "-O", "lprsrv", "-O", "rootpath", "-O", "search")
		addIPv6(host, h.ipv6+"/64")
		testnet.Eventually(t, Guard, h.name+" is told of its router by IPv6", func() bool {
			out, err := host.Try("ip", "-6", "route", "show", "default", "proto", "ra")
			return err == nil && strings.Contains(out, "via fe80::")
		})
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	o.admin = admin{from: o.hosts["admin1"], key: img.Key, address: "10.77.1.1", knownHosts: known}
	o.desk = newWorkstation(t, o.admin, "../../examples/office")
	return o
}

// provide makes the provider's router, which is the whole Internet too, and knows a way to our private
// addresses.
func (o *office) provide() {
	addIPv6(o.wan, "2001:db8:0:1::1/64")
	addIPv6(o.wan, "fe80::1/64")
	for _, a := range officeOutside() {
		o.wan.AddAddr(eth0, a[0]+"/32")
		addIPv6(o.wan, a[1]+"/128")
	}
	o.wan.AddRoute("2001:db8:50::/48", "2001:db8:0:1::10")
	o.wan.AddRoute("10.77.0.0/16", "203.0.113.10")
}

// addIPv6 adds an address without the second in which others could object to it.
func addIPv6(n *testnet.Namespace, addr string) {
	n.Sysctl("ipv6.conf."+eth0+".accept_dad", "0")
	n.AddAddr(eth0, addr)
}

func officeLeases(_ context.Context, t *testing.T, o *office) {
	for name, want := range map[string]lease{
		"admin1": {"mask": "24", "router": "10.77.1.1", "hostname": "admin1", "lease": "28800",
			"lprsrv": "10.77.30.10 10.77.30.11"},
		"laptop1": {"router": "10.77.1.1", "hostname": "laptop1", "dns": "10.77.1.1",
			"serverid": "10.77.1.1", "domain": "office.example"},
		"web1": {"mask": "24", "router": "10.77.10.1", "hostname": "web1", "lease": "86400",
			"rootpath": "iscsi:10.77.10.10:::1:iqn.2014-07.example.office:web1.root"},
		"mail": {"hostname": "mail", "rootpath": "iscsi:10.77.10.10:::1:iqn.2014-07.example.office:mail.root"},
		"guest": {"router": "10.77.20.1", "hostname": "", "lease": "3600", "dns": "10.77.20.1",
			"domain": "office.example", "search": "guests.office.example", "rootpath": ""},
		"camera1": {"router": "10.77.30.1", "hostname": "camera1", "lease": "1209600", "dns": ""},
	} {
		for key, value := range want {
			if got := o.leases[name][key]; got != value {
				t.Errorf("%s is told %s=%q, want %q", name, key, got, value)
			}
		}
	}
	for _, h := range officeHosts() {
		if got := o.leases[h.name]["ip"]; got != h.ipv4 {
			t.Errorf("%s got %s, want %s", h.name, got, h.ipv4)
		}
	}
}

func officeStranger(ctx context.Context, t *testing.T, o *office) {
	stranger := newHost(t, o.lans["things"], "00:00:5e:00:53:ff")
	getsNothing(ctx, t, stranger)
}

// getsNothing has a host ask for an address that it must not get.
func getsNothing(ctx context.Context, t *testing.T, host *testnet.Namespace) {
	t.Helper()
	udhcpc := testnet.Need(t, "udhcpc", "udhcpc")
	out, err := output(ctx, host, nil, udhcpc, "-f", "-q", "-n", "-t", "2", "-T", "1", "-i", eth0, "-s", "/bin/true")
	if err == nil {
		t.Errorf("%s got an address: %s", host.Name(), out)
	}
}

func officeStatus(ctx context.Context, t *testing.T, o *office) {
	text := o.admin.wellText(ctx, t)
	for _, want := range []string{
		"gate", "eth0", "203.0.113.10/29", "203.0.113.11/32", "2001:db8:0:1::10/64",
		"10.77.1.1/24", "2001:db8:50:1::1/64", "eth1.10", "10.77.10.1/24", "eth1.20", "2001:db8:50:20::1/64",
		"eth1.30", "Everything is as it should be.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("gatehouse status does not say %q:\n%s", want, text)
		}
	}
	s := o.admin.well(ctx, t, "at first")
	idle := func(s service) bool { return s.State != "ready" }
	if len(s.Services) == 0 || slices.ContainsFunc(s.Services, idle) {
		t.Errorf("services %v", s.Services)
	}
	all := leases(ctx, t, o.admin)
	for _, want := range []leased{
		{Addr: "10.77.1.100", MAC: "00:00:5e:00:53:31", Name: "laptop1", Kind: "pool"},
		{Addr: "10.77.30.21", MAC: "00:00:5e:00:53:c1", Name: "camera1", Kind: "reserved"},
	} {
		if !slices.Contains(all, want) {
			t.Errorf("leases are %v, want %v among them", all, want)
		}
	}
	const same = "The kernel has the rules that were loaded, and they are what the site says.\n"
	if got := o.admin.must(ctx, t, "gatehouse firewall diff"); got != same {
		t.Errorf("gatehouse firewall diff: %s", got)
	}
}

// officeLinks has a host of each network ping the appliance there, and log in to it by IPv6.
func officeLinks(ctx context.Context, t *testing.T, o *office) {
	for _, h := range officeHosts() {
		for _, a := range []string{h.ipv4 + "/24", h.ipv6 + "/64"} {
			router := netip.MustParsePrefix(a).Masked().Addr().Next().String()
			if _, err := output(ctx, o.hosts[h.name], nil, "ping", "-c", "1", router); err != nil {
				t.Errorf("%s: %v", h.name, err)
			}
		}
	}
	by6 := o.admin
	by6.address = "2001:db8:50:1::1"
	if got := by6.must(ctx, t, "hostname"); got != "gate\n" {
		t.Errorf("by IPv6 %s says its name is %q", by6.address, got)
	}
}

// officeNames has a host of each network ask for names, by both families.
func officeNames(ctx context.Context, t *testing.T, o *office) {
	for _, h := range officeHosts() {
		for _, a := range []string{h.ipv4 + "/24", h.ipv6 + "/64"} {
			server := netip.MustParsePrefix(a).Masked().Addr().Next().String()
			for question, want := range map[string]string{
				"web1.office.example": "10.77.10.11", "web1.office.example AAAA": "2001:db8:50:10::11",
				"-x 10.77.1.100": "laptop1.office.example.", "a.b.stage.office.example": "web2.office.example. 10.77.10.12",
			} {
				if got := dig(ctx, t, o.hosts[h.name], server, append(strings.Fields(question), "+short")...); got != want {
					t.Errorf("%s asks %s for %s, which is %q, want %q", h.name, server, question, got, want)
				}
			}
		}
	}
}

// officeFlows are conversations that hosts begin, with the port of a host, in both families, or of an
// address. Who answers sees them come from "self", "nat" (the appliance's IPv4 address upstream, and
// themselves in IPv6) or an address; else they are "refused" with an answer, or "silent".
const officeFlows = `
laptop1  web1          443  self
laptop1  web1          22   refused
laptop1  camera1       443  self
laptop1  camera1       554  refused
laptop1  guest         443  refused
laptop1  outside       443  nat
laptop1  outside       25   refused
laptop1  blocked       443  refused
laptop1  203.0.113.10  443  self
admin1   web1          22   self
admin1   camera1       554  self
web1     laptop1       443  refused
web1     outside       443  nat
web1     outside       25   refused
mail     203.0.113.10  443  10.77.10.1
guest    web1          22   refused
guest    laptop1       443  refused
guest    camera1       443  refused
guest    outside       443  nat
guest    10.77.20.1    22   refused
guest    203.0.113.10  443  self
guest    203.0.113.10  22   refused
camera1  web1          443  refused
camera1  laptop1       443  refused
camera1  outside       443  refused
camera1  203.0.113.10  443  refused
camera1  10.77.30.1    22   refused
outside  203.0.113.10  443  self
outside  203.0.113.10  22   silent
outside  203.0.113.11  25   self
outside  203.0.113.11  22   silent
outside  web1          22   silent
outside  laptop1       443  silent
outside  guest         443  silent
outside  camera1       443  silent
blocked  203.0.113.10  443  silent
`

// officePackets has hosts begin these conversations. All of them serve all ports, so nobody is refused
// because there is nothing to reach.
func officePackets(ctx context.Context, t *testing.T, o *office) {
	o.serve(t)
	var wait sync.WaitGroup
	limit := make(chan struct{}, 8)
	for line := range strings.Lines(officeFlows) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		for family := range 2 {
			from, to := o.addr(f[0], family), o.addr(f[1], family)
			if from == "" || to == "" {
				continue
			}
			limit <- struct{}{}
			wait.Go(func() {
				defer func() { <-limit }()
				want := map[string]string{"self": from, "nat": [2]string{"203.0.113.10", from}[family]}[f[3]]
				if want == "" {
					want = f[3]
				}
				if got := talk(ctx, o.on(f[0]), from, net.JoinHostPort(to, f[2]), want); got != want {
					t.Errorf("%s (%s to %s): %s, want %s", strings.TrimSpace(line), from, to, got, want)
				}
			})
		}
	}
	wait.Wait()
	// Mail is known outside by an address of its own, in IPv4.
	if got := talk(ctx, o.hosts["mail"], "10.77.10.14", "192.0.2.99:25", ""); got != "203.0.113.11" {
		t.Errorf("the Internet sees mail as %s, want 203.0.113.11", got)
	}
}

// serve has every host listen on all ports of the table.
func (o *office) serve(t *testing.T) {
	t.Helper()
	for _, p := range []string{"22", "25", "443", "554"} {
		for _, h := range officeHosts() {
			listen(t, o.hosts[h.name], net.JoinHostPort("", p))
		}
		listen(t, o.wan, net.JoinHostPort("", p))
	}
}

// addr is the address that a name has in the family: 0 for IPv4, 1 for IPv6; "" for none.
func (o *office) addr(name string, family int) string {
	if a, ok := officeOutside()[name]; ok {
		return a[family]
	}
	for _, h := range officeHosts() {
		if h.name == name {
			return [2]string{h.ipv4, h.ipv6}[family]
		}
	}
	return [2]string{name, ""}[family]
}

// on is where a name lives.
func (o *office) on(name string) *testnet.Namespace {
	if host, ok := o.hosts[name]; ok {
		return host
	}
	return o.wan
}

// talk begins a conversation and says what became of it: the address that it was seen with, "refused",
// "silent", or the error. Only where silence is wanted is it taken for an answer soon.
func talk(ctx context.Context, from *testnet.Namespace, source, address, want string) string {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}, Timeout: Guard}
	if want == "silent" {
		dialer.Timeout = noAnswer
	}
	var conn net.Conn
	err := from.Do(func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp", address)
		return err
	})
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "silent"
	case err != nil:
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(Guard))
	seen, err := io.ReadAll(conn)
	if err != nil {
		return err.Error()
	}
	return string(seen)
}

// officeLog looks for what the table has made the rules log.
func officeLog(ctx context.Context, t *testing.T, o *office) {
	for who, want := range map[string]string{
		"camera1": "eth1.30(things)→eth0(wan) tcp camera1(10.77.30.21)",
		"no-smtp": "eth1(lan)→eth0(wan) tcp laptop1(10.77.1.100)",
	} {
		var text string
		testnet.Eventually(t, Guard, "the log has what "+who+" is about", func() bool {
			text = o.admin.must(ctx, t, "gatehouse firewall log "+who)
			return strings.Contains(text, want)
		})
	}
}
