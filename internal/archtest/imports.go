package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"strings"
)

// direction is one line of the table of imports: packages that match from never
// import what matches never, except what matches except. Patterns are those of
// matches. Tests may reach across.
type direction struct {
	from, never, except []string
	why                 string
}

// pure are the packages that compute and do nothing else.
func pure() []string {
	return []string{
		"./site/...", "./appliance/plan",
		"./services/*", "./services/*/lease", "./services/*/option", "./services/*/packet", "./services/*/ra", "./services/*/discipline",
		"./firewall", "./firewall/nfttext", "./firewall/explain", "./firewall/nflog",
	}
}

// outside is what reaches out of a program: files, sockets, the kernel, chance,
// the log.
func outside() []string {
	return []string{
		"os/...", "io/ioutil", "syscall", "net", "net/http/...", "log/...", "crypto/rand", "math/rand/...",
		"golang.org/x/sys/...", "golang.org/x/net/icmp", "golang.org/x/net/ipv4", "golang.org/x/net/ipv6",
		"github.com/vishvananda/...", "github.com/mdlayher/...", "github.com/google/nftables/...",
	}
}

// directions is the table. The packages of the project start with "./".
func directions() []direction {
	return []direction{
		{[]string{"./site/..."}, []string{"./..."}, []string{"./site/...", "./services/dhcp/option"},
			"everything may use the site, so it uses nothing of the project but the leaf that knows what DHCP options are"},
		{[]string{"./site/internal/source", "./site/internal/model"}, []string{"./site/..."}, nil,
			"where problems are and what a site is stand by themselves, so that checks and print can have both"},
		{[]string{"./site/internal/toml"}, []string{"./site/..."}, []string{"./site/internal/source"},
			"what is written in site.toml is read without knowing what it means"},
		{[]string{"./site/internal/print"}, []string{"./site/..."}, []string{"./site/internal/model", "./site/internal/source"},
			"what people are shown is what the site is, not how it was written"},
		{[]string{"./services/...", "./firewall/..."}, []string{"./site/...", "./appliance/plan/..."}, nil,
			"a service and the firewall own their Config; plan maps the site to it"},
		{[]string{"./services/...", "./firewall/..."}, []string{"./appliance/..."},
			[]string{"./appliance/control", "./appliance/links", "./appliance/statefile", "./appliance/privdrop", "./appliance/plan/..."},
			"the appliance starts services and loads firewalls; they do not know it"},
		{[]string{"./firewall/..."}, []string{"./services/..."}, nil,
			"the firewall knows ports, not who listens"},
		{[]string{"./site/...", "./appliance/...", "./services/...", "./firewall/..."}, []string{"./image/..."}, nil,
			"only image knows how the disk is made; what runs on the appliance does not carry it"},
		{[]string{"./image/..."}, []string{"./..."}, []string{"./image/...", "./site/...", "./appliance/roster", "./internal/testnet"},
			"a disk is made from the site; the appliance is in it as one built program"},
		{[]string{"./internal/ratelimit", "./internal/feed", "./internal/printable",
			"./appliance/children", "./appliance/links", "./appliance/roster", "./appliance/statefile", "./appliance/privdrop", "./appliance/control", "./appliance/applets",
			"./services/*/lease", "./services/*/option", "./services/*/packet", "./services/*/ra", "./services/*/discipline"}, []string{"./..."}, []string{"./internal/printable"},
			"a leaf imports nothing of the project"},
		{[]string{"./services/*/leasefile"}, []string{"./..."}, []string{"./services/*/lease"},
			"the journal is a published format: it knows leases and nothing else"},
		{[]string{"./appliance/netcfg/...", "./appliance/sshadmin"}, []string{"./appliance/...", "./site/..."},
			[]string{"./appliance/control", "./appliance/links", "./appliance/statefile", "./appliance/privdrop", "./appliance/netcfg", "./appliance/sshadmin/sshcfg"},
			"an edge owns its Config; plan maps the site to it and the command wires it"},
		{pure(), outside(), nil,
			"an engine is a function of its arguments; an edge package (conn, nft, netcfg) or main hands it what it needs"},
		{[]string{"./site/...", "./appliance/...", "./firewall/...", "./image/...", "./services/*", "./services/dhcp/...", "./services/radvd/...",
			"./services/ntp/...", "./services/wan/...", "./services/tunnel6in4/..."},
			[]string{"github.com/coredns/...", "github.com/miekg/dns/..."}, nil,
			"only services/dns/lan and services/dns/run know CoreDNS"},
	}
}

// serviceExceptions are the imports of one service by another.
func serviceExceptions() map[[2]string]string {
	return map[[2]string]string{
		{"./services/dns/lan", "./services/dhcp/leasefile"}: "names of DHCP clients come from the published journal",
	}
}

// importDirection reports imports that the table forbids.
func importDirection(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.product() {
		from := "./" + f.dir
		for _, spec := range f.ast.Imports {
			to := t.importPath(spec)
			why := forbidden(from, to)
			if why != "" {
				bad = append(bad, Offence{f.path, t.line(spec.Pos()), "import of " + to, why})
			}
		}
	}
	return bad
}

// forbidden returns why from must not import to, empty if it may.
func forbidden(from, to string) string {
	for _, d := range directions() {
		if matches(from, d.from) && matches(to, d.never) && !matches(to, d.except) {
			return d.why
		}
	}
	a, b := service(from), service(to)
	if a != "" && b != "" && a != b && serviceExceptions()[[2]string{from, to}] == "" {
		return "a service imports no other service; let plan give both what they share"
	}
	return ""
}

// service returns the name of the service that a package belongs to.
func service(pkg string) string {
	rest, ok := strings.CutPrefix(pkg, "./services/")
	if !ok {
		return ""
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// testPackages reports doubles and test harnesses, whose names end in "test" or
// that lie below such a package, in what is built.
func testPackages(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.product() {
		if isTestPackage(f.dir) || strings.HasPrefix(f.dir, "bench/") {
			continue
		}
		for _, spec := range f.ast.Imports {
			if to := t.importPath(spec); strings.HasPrefix(to, "./") && isTestPackage(to) {
				bad = append(bad, Offence{f.path, t.line(spec.Pos()), "import of " + to, "only tests import a test package"})
			}
		}
	}
	return bad
}

// isTestPackage reports whether the directory is that of a test package.
func isTestPackage(dir string) bool {
	for element := range strings.SplitSeq(dir, "/") {
		if strings.HasSuffix(element, "test") || element == "testnet" {
			return true
		}
	}
	return false
}

// clocks reports pure packages that look at the clock or wait.
func clocks(t *tree) []Offence {
	var bad []Offence
	for _, f := range t.product() {
		if !matches("./"+f.dir, pure()) {
			continue
		}
		t.selections(f, func(sel *ast.SelectorExpr, pkg string) {
			if pkg == "time" && matches(sel.Sel.Name, []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}) {
				bad = append(bad, Offence{f.path, t.line(sel.Pos()), "time." + sel.Sel.Name,
					fmt.Sprintf("package %s is an engine: take the time as an argument", path.Base(f.dir))})
			}
		})
	}
	return bad
}
