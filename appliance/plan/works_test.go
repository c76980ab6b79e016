package plan_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/site"
)

// works reports whether everybody takes what a site means: what is wrong with a site
// is said when the site is checked, never by a service that does not start.
func works(fsys fs.FS) error {
	s, err := site.Load(fsys)
	if err != nil {
		return nil // refused in time
	}
	return plan.Make(s, plan.Learned{}).Check(plan.Plan{})
}

// siteCases returns the sites that the tests of package site have.
func siteCases(t testing.TB) map[string]fstest.MapFS {
	t.Helper()
	all := map[string]fstest.MapFS{}
	files, err := filepath.Glob("../../site/testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sites: %v", err)
	}
	for _, file := range files {
		fsys := fstest.MapFS{}
		for _, name := range []string{"../../site/testdata/default.txtar", file} {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				if added, more := cutPlus(f.Name); more {
					fsys[added] = &fstest.MapFile{Data: append(fsys[added].Data[:len(fsys[added].Data):len(fsys[added].Data)], f.Data...)}
				} else {
					fsys[f.Name] = &fstest.MapFile{Data: f.Data}
				}
			}
		}
		all[filepath.Base(file)] = fsys
	}
	return all
}

func cutPlus(name string) (string, bool) {
	if name[0] == '+' {
		return name[1:], true
	}
	return name, false
}

func TestGoodSitesWork(t *testing.T) {
	for _, name := range examples() {
		if err := works(os.DirFS("../../examples/" + name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, fsys := range siteCases(t) {
		if err := works(fsys); err != nil {
			t.Errorf("%s: the site is accepted, and then: %v", name, err)
		}
	}
}

// FuzzSitesWork changes site.toml and hosts.
func FuzzSitesWork(f *testing.F) {
	for _, fsys := range siteCases(f) {
		f.Add(fsys["site.toml"].Data, fsys["hosts"].Data, fsys["ethers"].Data)
	}
	keys := siteCases(f)["dhcp.txtar"]["authorized_keys"].Data
	f.Fuzz(func(t *testing.T, toml, hosts, ethers []byte) {
		if err := works(fstest.MapFS{
			"site.toml": {Data: toml}, "hosts": {Data: hosts}, "ethers": {Data: ethers}, "authorized_keys": {Data: keys},
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRandomSitesWork puts sites together from lines that are right by themselves, or
// nearly so: those that are accepted work.
func TestRandomSitesWork(t *testing.T) {
	base := siteCases(t)["dhcp.txtar"]
	accepted := 0
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		fsys := fstest.MapFS{
			"site.toml": {Data: []byte(randomSite(r))}, "authorized_keys": base["authorized_keys"],
			"hosts":  {Data: []byte(some(r, 7, "192.168.32.10 store\n", "192.168.32.11 web1 www\n", "192.168.32.12 web2\n", "10.8.40.7 web2\n", "10.8.40.8 till\n", "2001:db8::7 till\n", "192.0.2.99 mail.other.example\n"))},
			"ethers": {Data: []byte(some(r, 7, "00:16:3e:20:00:10 store\n", "00:16:3e:20:00:11 web1\n", "00:16:3e:20:00:12 web2\n", "00:16:3e:20:00:13 web2\n", "00:16:3e:20:00:14 laptop\n"))},
		}
		if _, err := site.Load(fsys); err == nil {
			accepted++
		}
		if err := works(fsys); err != nil {
			t.Fatalf("accepted, and then: %v\n%s\n%s\n%s", err, fsys["site.toml"].Data, fsys["hosts"].Data, fsys["ethers"].Data)
		}
	}
	if accepted < 300 {
		t.Errorf("only %d sites were accepted, which says little about those", accepted)
	}
}

// some returns each of lines with a chance of n in eight.
func some(r *rand.Rand, n int, lines ...string) string {
	var b strings.Builder
	for _, l := range lines {
		if r.IntN(8) < n {
			b.WriteString(l)
		}
	}
	return b.String()
}

func randomSite(r *rand.Rand) string {
	clients := func(network, router string) string {
		return some(r, 7, fmt.Sprintf("pool = [\"%s.100-%[1]s.149\", \"%[1]s.200-%[1]s.%d\"]\n", network, 210+r.IntN(45))) +
			some(r, 1, "exclude = \""+network+".140-"+network+".205\"\n", "lease-time = \"2m\"\n", "probe = \"off\"\n", "rapid-commit = true\n",
				"dns = []\n", "ntp = [\""+network+".100\"]\n", "search = [\"a.example\"]\n", "mtu = 576\n",
				"routes = [\"10.9.0.0/16 via "+network+".3\", \"10.10.0.0/16 via "+router+"\"]\n",
				"captive-portal = \"urn:ietf:params:capport:unrestricted\"\n", "options = { 224 = \"01\", wpad = \"http://a/\" }\n",
				"options-always = { 225 = \"text:x\" }\n")
	}
	return "name = \"firewall\"\ndomain = \"home.example\"\n" +
		some(r, 4, "[wan]\ninterface = \"eth0\"\nipv4 = \"192.0.2.10/24\"\ngateway = \"192.0.2.1\"\n") +
		"[[lan]]\nname = \"lan\"\ninterface = \"eth1\"\nipv4 = \"192.168.32.1/24\"\n" + some(r, 2, "router = \"192.168.32.2\"\n") + clients("192.168.32", "192.168.32.2") +
		some(r, 3, "[[lan]]\nname = \"b\"\ninterface = \"eth2\"\nipv4 = \"192.168.33.1/30\"\nrouter = \"off\"\n") +
		some(r, 7, "[[route]]\nto = \"10.8.0.0/16\"\nvia = \"192.168.32.2\"\n") +
		some(r, 4, "[[relayed]]\nname = \"shop\"\nnetwork = \"10.8.40.0/24\"\nrouter = \"10.8.40.1\"\n"+clients("10.8.40", "10.8.40.1")) +
		some(r, 4, "[dns]\nupstream = [\"192.0.2.53\"]\n") +
		some(r, 1, "[[port]]\nhost = \"till\"\ncircuit = \"a\"\n", "[[port]]\nhost = \"web1\"\nremote = \"hex:00\"\n") +
		some(r, 5, "[netboot]\nserver = \"store\"\nhosts = [\"web*\"]\nroot-path = \"iscsi:{server}:::1:iqn.2011-03.example.home:{name}.root\"\n"+
			some(r, 4, "initiator = \"iqn.2011-03.example.home:{name}\"\n", "script = \"http://{server}/{name}.ipxe\"\n", "http = \"http://{server}/\"\n", "uefi = \"ipxe.efi\"\n", "uefi-riscv64 = \"r.efi\"\n")) +
		some(r, 1, "[[host]]\nnames = [\"web1\"]\nrouter = \"192.168.32.2\"\noptions = { ntp-server = \"192.0.2.1\" }\n",
			"[[host]]\nnames = [\"web*\"]\nlease-time = \"1d\"\noptions = { 121 = [\"10.0.0.0/8 via 192.168.32.3\", \"0.0.0.0/0 via 192.168.32.3\"] }\n",
			"[[host]]\nnames = [\"laptop\"]\nrouter = \"off\"\n", "[[host]]\nnames = [\"web2\"]\nnetboot = { install = true, script = \"http://{server}/i\" }\n",
			"[[host]]\nnames = [\"web2\"]\nnetboot = { root-path = \"off\", root-path2 = \"off\", uefi = \"x\" }\n")
}
