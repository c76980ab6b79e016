package archtest

import (
	"os"
	"strings"
	"testing"
)

// TestHoles has what no row of the repository may ever allow, whatever good reason it
// gives: who wants that must change this test too.
func TestHoles(t *testing.T) {
	house, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := rooms(house)
	for _, hole := range []struct{ from, to, why string }{
		{"./site/...", "./appliance/...", "everything may use the site, so it uses nothing"},
		{"./site/...", "./firewall/...", "everything may use the site, so it uses nothing"},
		{"./services/...", "./site/...", "each owns its Config; plan maps the site to it"},
		{"./firewall/...", "./site/...", "each owns its Config; plan maps the site to it"},
		{"./services/...", "./appliance/plan", "each owns its Config; plan maps the site to it"},
		{"./firewall/...", "./appliance/plan", "each owns its Config; plan maps the site to it"},
		{"./firewall/...", "./services/...", "the firewall knows ports, not who listens"},
		{"./services/...", "./firewall/...", "who listens opens no port for itself"},
		{"./appliance/plan", "./firewall/nft", "the plan is pure, netlink is not"},
		{"./appliance/boot", "./appliance/plan", "the steps of process 1 know disks, not plans"},
		{"./appliance/supervise", "./site/...", "a supervisor knows units by name"},
		{"./appliance/netcfg/...", "./site/...", "the network owns its Config; plan maps the site to it"},
		{"./appliance/netcfg/...", "./firewall/...", "the network owns its Config; plan maps the site to it"},
		{"./appliance/netcfg/...", "./services/...", "the network owns its Config; plan maps the site to it"},
		{"./firewall/nft", "./firewall/explain", "to load a tree, nobody needs to know what it means"},
		{"./site/...", "./image/...", "only image knows how the disk is made"},
		{"./appliance/...", "./image/...", "only image knows how the disk is made"},
		{"./services/...", "./image/...", "only image knows how the disk is made"},
		{"./firewall/...", "./image/...", "only image knows how the disk is made"},
	} {
		pairs := 0
		for from := range house.packages() {
			for to := range house.packages() {
				if from == to || !matches(from, []string{hole.from}) || !matches(to, []string{hole.to}) {
					continue
				}
				pairs++
				if r := roomOf(rows, from); r != nil && r.forbids(rows, to) == "" {
					t.Errorf("%s:%d allows %s to import %s: %s", roomsFile, r.line, from, to, hole.why)
				}
			}
		}
		if pairs == 0 {
			t.Errorf("%s → %s: there are no such packages any more", hole.from, hole.to)
		}
	}
}

// TestServices has that no row allows one service to import another, and that only
// the one for names reaches CoreDNS.
func TestServices(t *testing.T) {
	house, err := load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	rows, _ := rooms(house)
	for _, r := range rows {
		for _, name := range r.names {
			for _, to := range r.may {
				if why := notOfService(name, to); why != "" {
					t.Errorf("%s:%d allows %s to import %s: %s", roomsFile, r.line, name, to, why)
				}
			}
		}
	}
}

// notOfService says why no row may allow from to import to, "" if one may.
func notOfService(from, to string) string {
	a, b := service(from), service(to)
	dns := strings.HasPrefix(to, "github.com/coredns/") || strings.HasPrefix(to, "github.com/miekg/dns")
	switch {
	case (from == "./appliance/admin/dns" || from == "./appliance/userland/net/lookup") && to == "github.com/miekg/dns":
		return "" // they ask as clients do; that is no server
	case dns && a != "dns":
		return "only services/dns knows CoreDNS"
	case from == "./services/dns/lan" && to == "./services/dhcp/leasefile":
		return "" // names of DHCP clients come from the journal, a published format
	case a != "" && b != "" && a != b:
		return "a service imports no other service: let plan give both what they share"
	}
	return ""
}

// service returns the name of the service that a package belongs to, "" if it belongs
// to none.
func service(pkg string) string {
	rest, ok := strings.CutPrefix(pkg, "./services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func TestNotOfService(t *testing.T) {
	for _, tt := range []struct {
		from, to string
		bad      bool
	}{
		{"./services/ntp/run", "./services/dhcp/leasefile", true},
		{"./services/dns/lan", "./services/dhcp/leasefile", false},
		{"./services/dns/lan", "./services/dhcp/lease", true},
		{"./services/dhcp/run", "./services/dhcp/lease", false},
		{"./services/dns/run", "github.com/coredns/coredns/...", false},
		{"./services/ntp", "github.com/miekg/dns", true},
		{"./appliance/admin/dns", "github.com/miekg/dns", false},
		{"./appliance/admin/dns", "github.com/coredns/coredns/plugin", true},
		{"./appliance/admin", "github.com/miekg/dns", true},
		{"./site", "github.com/coredns/coredns/core", true},
		{"./appliance/plan", "./services/dhcp", false},
	} {
		if why := notOfService(tt.from, tt.to); (why != "") != tt.bad {
			t.Errorf("%s imports %s: %q", tt.from, tt.to, why)
		}
	}
}
