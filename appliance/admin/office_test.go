package admin_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/admin/admintest"
	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/site"
)

const office = "../../examples/office"

func loadOffice(t *testing.T) *site.Site {
	t.Helper()
	s, err := site.Load(os.DirFS(office))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// officeReach is who reaches whom in the office, and by what, as the comments of its site say: the answer for
// IPv4 and for IPv6 ("-": one of the two has no address of that family), and the rule that decides. Where one
// answer is yes, the rule is that of the yes, and nothing allows the other.
const officeReach = `
# from    to            by             IPv4  IPv6  rule

# What servers are for, and print: staff.
someone   web1          https          yes   yes   intranet
someone   web2          http           yes   yes   intranet
someone   mail          submission     yes   yes   mail
someone   mail          imaps          yes   yes   mail
someone   mail          smtp           no    no    refused
someone   store         smb            yes   yes   files
someone   store         iscsi          no    no    refused
someone   db1           postgresql     no    no    refused
someone   web1          ssh            no    no    refused
someone   printer1      ipp            yes   yes   print
someone   printer2      jetdirect      yes   yes   print
someone   camera1       jetdirect      no    -     refused
someone   camera1       tcp/443        yes   -     things-web
someone   camera1       tcp/554        no    -     refused
someone   thing         ping           yes   yes   things-web
someone   thing         ssh            no    no    refused
someone   guest         ping           no    no    refused
someone   outside       https          yes   yes   default.out
someone   outside       smtp           no    no    no-smtp
someone   blocked       https          no    no    to-blocked
someone   gate          ssh            yes   yes   default.ssh
someone   gate          ping           yes   yes   default.ping
someone   gate          http           no    no    refused

# Everything of servers and things: admins.
admin1    db1           ssh            yes   yes   admins
admin1    store         iscsi          yes   yes   admins
admin2    camera4       tcp/554        yes   -     admins
admin2    thing         ssh            yes   yes   admins
admin2    guest         ssh            no    no    refused
admin1    outside       smtp           no    no    no-smtp

# Nowhere inside, but the recorder to cameras and the door: servers.
server    someone       https          no    no    refused
server    admin1        ssh            no    no    refused
server    guest         ping           no    no    refused
server    printer1      ipp            no    no    refused
server    camera1       tcp/554        no    -     refused
recorder  camera1       tcp/554        yes   -     video
recorder  camera1       udp/554        yes   -     video
recorder  camera1       tcp/443        no    -     refused
recorder  door          tcp/4070       yes   -     door
recorder  camera1       tcp/4070       no    -     refused
server    outside       https          yes   yes   default.out
server    outside       smtp           no    no    no-smtp
mail      outside       smtp           yes   yes   smtp-out
server    gate          ssh            no    no    no-ssh
server    gate          ping           yes   yes   default.ping

# Nowhere but out: guests.
guest     someone       ping           no    no    refused
guest     admin1        ssh            no    no    refused
guest     web2          https          no    no    refused
guest     mail          imaps          no    no    refused
guest     printer1      ipp            no    no    refused
guest     camera1       tcp/554        no    -     refused
guest     thing         https          no    no    refused
guest     outside       https          yes   yes   default.out
guest     outside       smtp           no    no    no-smtp
guest     gate          ssh            no    no    no-ssh
guest     gate          dhcp           yes   yes   default.dhcp

# Nowhere at all: things.
thing     someone       https          no    no    things
thing     web1          https          no    no    things
thing     guest         ping           no    no    things
thing     outside       https          no    no    things
thing     outside       ntp            no    no    things
printer1  admin1        https          no    no    things
camera1   recorder      tcp/554        no    -     things
thing     gate          ssh            no    no    no-ssh
thing     gate          dhcp           yes   yes   default.dhcp

# From outside: pages, mail, and the stock for the partner.
outside   web1          https          no    yes   web
outside   web1          http           no    yes   web-plain
outside   web2          https          no    no    refused
outside   web1          ssh            no    no    refused
outside   mail          smtp           yes   yes   smtp
outside   mail          imaps          yes   yes   mail
outside   mail          ssh            no    no    refused
outside   someone       https          no    no    refused
outside   guest         https          no    no    refused
outside   thing         ping           no    no    refused
partner   web2          tcp/443        no    yes   stock
partner   web2          ssh            no    no    refused
blocked   web1          https          no    no    blocked
outside   203.0.113.10  https          yes   -     web
outside   203.0.113.10  http           yes   -     web-plain
outside   203.0.113.10  tcp/8443       no    -     refused
partner   203.0.113.10  tcp/8443       yes   -     stock
blocked   203.0.113.10  https          no    -     blocked
outside   203.0.113.10  ssh            no    -     refused
outside   203.0.113.10  ping           yes   -     ping
outside   203.0.113.11  smtp           yes   -     smtp
outside   203.0.113.11  ssh            no    -     refused

# Our own hosts by the public addresses.
someone   203.0.113.10  https          yes   -     intranet
server    203.0.113.10  https          yes   -     web
guest     203.0.113.10  https          yes   -     web
guest     web1          https          no    yes   web
guest     203.0.113.10  tcp/8443       no    -     refused
guest     203.0.113.11  imaps          no    -     refused
thing     203.0.113.10  https          no    -     things
someone   203.0.113.11  imaps          yes   -     mail
`

// officeOthers are hosts that are in no file of the office: one on each network, some outside, and the
// appliance.
func officeOthers() map[string][]string {
	return map[string][]string{
		"someone": {"10.77.1.100", "2001:db8:50:1::100"},
		"server":  {"10.77.10.99", "2001:db8:50:10::99"},
		"guest":   {"10.77.20.10", "2001:db8:50:20::100"},
		"thing":   {"10.77.30.99", "2001:db8:50:30::99"},
		"outside": {"192.0.2.99", "2001:db8:99::99"},
		"partner": {"198.51.100.17", "2001:db8:b00:7::17"},
		"blocked": {"198.51.100.200", "2001:db8:bad::1"},
		"gate":    {"10.77.1.1", "2001:db8:50:1::1"},
	}
}

// officeGate is the appliance of the office, with its rules loaded.
func officeGate(t *testing.T) gate {
	t.Helper()
	s := loadOffice(t)
	g := gate{dir: t.TempDir(), bans: new([]firewall.Ban), site: func() (*site.Site, error) { return s, nil }}
	if err := shown.WriteRules(g.dir, firewall.Loaded{Policy: plan.Make(s, plan.Learned{}).Firewall.Policy}); err != nil {
		t.Fatal(err)
	}
	return g
}

// ask is gatehouse firewall explain.
func (g gate) ask(t *testing.T, from, to, by string) []admin.Explanation {
	t.Helper()
	stdout, stderr, code := g.run(t, "explain", "from", from, "to", to, by, "--json")
	var all []admin.Explanation
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != 0 || len(all) == 0 {
		t.Fatalf("explain from %s to %s %s: exit status %d, %s%v", from, to, by, code, stderr, err)
	}
	return all
}

func TestOfficeReach(t *testing.T) {
	g, s := officeGate(t), loadOffice(t)
	for line := range strings.Lines(officeReach) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		for i, v4 := range []bool{true, false} {
			rule := f[5]
			if f[3+i] == "no" && f[4-i] == "yes" {
				rule = "refused"
			}
			from, to := officeAddr(t, s, f[0], v4), officeAddr(t, s, f[1], v4)
			if !from.IsValid() || !to.IsValid() {
				if f[3+i] != "-" {
					t.Errorf("%s: %s and %s have no address of that family", strings.TrimSpace(line), f[0], f[1])
				}
				continue
			}
			for _, e := range g.ask(t, from.String(), to.String(), f[2]) {
				allowed := f[3+i] == "yes"
				if (e.Verdict == "accept") != allowed || e.Rule != rule {
					t.Errorf("%s: %s: %s by %s", strings.TrimSpace(line), e.Packet, e.Verdict, e.Rule)
				}
			}
		}
	}
}

// officeAddr is the address of a family that a word of the table has, the zero Addr if it has none.
func officeAddr(t *testing.T, s *site.Site, word string, v4 bool) netip.Addr {
	t.Helper()
	var all []netip.Addr
	if a, err := netip.ParseAddr(word); err == nil {
		all = []netip.Addr{a}
	} else if h, ok := s.Host(word); ok {
		all = h.Addrs
	}
	for _, a := range officeOthers()[word] {
		all = append(all, netip.MustParseAddr(a))
	}
	if all == nil {
		t.Fatalf("nobody is called %s", word)
	}
	for _, a := range all {
		if a.Is4() == v4 {
			return a
		}
	}
	return netip.Addr{}
}

// TestOfficeAddresses: as whom packets of the office arrive, and where.
func TestOfficeAddresses(t *testing.T) {
	g := officeGate(t)
	for _, c := range []struct{ from, to, by, source, destination string }{
		{"198.51.100.17", "203.0.113.10", "tcp/8443", "198.51.100.17:50000", "10.77.10.12:443"},
		{"192.0.2.99", "203.0.113.11", "smtp", "192.0.2.99:50000", "10.77.10.14:25"},
		{"10.77.20.10", "192.0.2.99", "tcp/443", "203.0.113.10:50000", "192.0.2.99:443"},
		{"mail", "192.0.2.99", "smtp", "203.0.113.11:50000", "192.0.2.99:25"},
		{"10.77.20.10", "203.0.113.10", "tcp/443", "10.77.20.10:50000", "10.77.10.11:443"},
		// Of its own network, or web1 would answer past the appliance.
		{"web2", "203.0.113.10", "tcp/443", "10.77.10.1:50000", "10.77.10.11:443"},
		{"web2", "2001:db8:99::99", "tcp/443", "[2001:db8:50:10::12]:50000", "[2001:db8:99::99]:443"},
	} {
		e := g.ask(t, c.from, c.to, c.by)[0]
		if e.Verdict != "accept" || e.Source.String() != c.source || e.Destination.String() != c.destination {
			t.Errorf("from %s to %s %s: %s from %s to %s, want from %s to %s", c.from, c.to, c.by,
				e.Verdict, e.Source, e.Destination, c.source, c.destination)
		}
	}
}

// TestOfficeHosts prints hosts of each kind, with what DHCP tells them; all others can be printed.
func TestOfficeHosts(t *testing.T) {
	const golden = "office.txt"
	alone := healthy()
	alone.dhcp = nil
	var got strings.Builder
	for _, name := range []string{"web2", "db1", "admin1", "laptop1", "printer1", "camera1", "ap1"} {
		stdout, stderr, code := alone.command(t, "host", name, "--site", office)
		if code != 0 || stderr != "" {
			t.Errorf("host %s: exit status %d, %s", name, code, stderr)
		}
		got.WriteString("$ gatehouse host " + name + " --site examples/office\n" + stdout)
	}
	admintest.Golden(t, *update, golden, got.String())
	hosts := loadOffice(t).Hosts
	if len(hosts) != 25 {
		t.Errorf("the office has %d hosts, its description says 25", len(hosts))
	}
	for _, h := range hosts {
		stdout, stderr, code := alone.command(t, "host", h.Name, "--site", office, "--json")
		var read admin.Host
		if err := json.Unmarshal([]byte(stdout), &read); code != 0 || err != nil || len(read.Told) == 0 {
			t.Errorf("host %s: exit status %d, %s%v; it is told %v", h.Name, code, stderr, err, read.Told)
		}
	}
}
