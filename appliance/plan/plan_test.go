package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/firewall/nft"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/site"
)

var update = flag.Bool("update", false, "write what the plan says now into testdata")

// The golden files say what a site means in the words of ip(8) and sysctl(8).
func TestMake(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := site.Load(siteOf(t, archive, strings.TrimSuffix(filepath.Base(file), ".txtar")))
			if err != nil {
				t.Fatal(err)
			}
			made := plan.Make(s, plan.Learned{})
			if _, err := made.Firewall.Table(); err != nil {
				t.Error(err)
			}
			var got bytes.Buffer
			describe(&got, made)
			compare(t, file, archive, got.String())
		})
	}
}

// examples are the reference sites.
func examples() []string { return []string{"home", "office"} }

func loadExample(t *testing.T, name string) *site.Site {
	t.Helper()
	s, err := site.Load(os.DirFS("../../examples/" + name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// siteOf is the reference site of that name, or else home, with the files that the archive has in their
// place.
func siteOf(t *testing.T, archive *txtar.Archive, name string) fs.FS {
	t.Helper()
	if !slices.Contains(examples(), name) {
		name = "home"
	}
	fsys := fstest.MapFS{}
	files, err := filepath.Glob("../../examples/" + name + "/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no site %s: %v", name, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fsys[filepath.Base(file)] = &fstest.MapFile{Data: data}
	}
	for _, f := range archive.Files {
		if f.Name != "want" {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	return fsys
}

func compare(t *testing.T, file string, archive *txtar.Archive, got string) {
	t.Helper()
	want := ""
	for i, f := range archive.Files {
		if f.Name == "want" {
			want = string(f.Data)
			archive.Files[i].Data = []byte(got)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, d)
	}
}

func describe(w io.Writer, p plan.Plan) {
	fmt.Fprintf(w, "hostname %s\n", p.HostName)
	for _, l := range p.Network.Links {
		if l.VLAN != 0 {
			fmt.Fprintf(w, "ip link add link %s name %s type vlan id %d\n", l.Parent, l.Name, l.VLAN)
		}
		if l.Remote.IsValid() {
			fmt.Fprintf(w, "ip tunnel add %s mode sit remote %s local %s, mtu %d\n", l.Name, l.Remote,
				l.Local, l.MTU)
		}
		fmt.Fprintf(w, "ip link set %s up", l.Name)
		if l.Network != "" {
			fmt.Fprintf(w, "   # %s", l.Network)
		}
		fmt.Fprintln(w)
	}
	for _, a := range p.Network.Addresses {
		fmt.Fprintf(w, "ip addr add %s dev %s\n", a.Prefix, a.Link)
	}
	for _, r := range p.Network.Routes {
		if r.Unreachable {
			fmt.Fprintf(w, "ip route add unreachable %s\n", r.To)
			continue
		}
		fmt.Fprintf(w, "ip route add %s via %s dev %s\n", r.To, r.Via, r.Link)
	}
	describeFirewall(w, p.Firewall.Policy)
	for _, s := range p.Services {
		config, err := json.MarshalIndent(s.Config, "", "  ")
		fmt.Fprintf(w, "service %s %s %v\n", s.Name, config, err)
	}
}

func describeFirewall(w io.Writer, p firewall.Policy) {
	for _, z := range p.Zones {
		fmt.Fprintf(w, "zone %s = %s", z.Name, strings.Join(z.Interfaces, " "))
		for _, n := range z.Networks {
			fmt.Fprintf(w, " %s", n)
		}
		fmt.Fprintf(w, ", refused by %s", z.Refuse)
		if z.Outside {
			fmt.Fprintf(w, ", outside but %d networks", len(z.Bogons))
		}
		fmt.Fprintln(w)
	}
	for _, s := range p.Sets {
		fmt.Fprintf(w, "set %s = %v, live %t\n", s.Name, s.Networks, s.Live)
	}
	for _, r := range p.Rules {
		describeRule(w, r)
	}
	for _, f := range p.Forwards {
		fmt.Fprintf(w, "%s: %v:%s of %s -> %v:%d in %s, hairpin %v, sources %v, rate %v, log %t %s\n", f.Name, f.Protos, f.Ports, f.From,
			f.To, f.ToPort, f.Zone, f.Hairpin, f.Sources, f.Rate, f.Log, f.Origin)
	}
	for _, r := range p.Defaults {
		describeRule(w, r)
	}
	for _, o := range p.OneToOne {
		fmt.Fprintf(w, "%s of %s is %s in %s, hairpin %v %s\n", o.Outside, o.Zone, o.Inside, o.Host, o.Hairpin, o.Origin)
	}
	for _, m := range p.Masquerade {
		fmt.Fprintf(w, "masquerade %s -> %s\n", strings.Join(m.From, " "), m.To)
	}
}

func describeRule(w io.Writer, r firewall.Rule) {
	what := "everything"
	var flows []string
	for _, s := range r.Services {
		for _, f := range s.Flows {
			flows = append(flows, fmt.Sprintf("%s%s%s", f.Proto, fmt.Sprint(f.Ports), fmt.Sprint(f.Types)))
		}
	}
	if flows != nil {
		what = strings.ReplaceAll(strings.Join(flows, " "), "[]", "")
	}
	fmt.Fprintf(w, "%s: %s %s -> %s: %s", r.Name, r.Action, endsText(r.From), endsText(r.To), what)
	if r.Rate.Count > 0 {
		fmt.Fprintf(w, ", %d/%s burst %d", r.Rate.Count, r.Rate.Per, r.Rate.Burst)
	}
	if r.Log {
		fmt.Fprint(w, ", logged")
	}
	if r.Origin != "" {
		fmt.Fprintf(w, " (%s)", r.Origin)
	}
	fmt.Fprintln(w)
}

func endsText(ends []firewall.Endpoint) string {
	var texts []string
	for _, e := range ends {
		text := strings.Join(e.Zones, " ")
		for _, a := range e.Addresses {
			text += " " + a.String()
		}
		for _, s := range e.Sets {
			text += " @" + s
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " or ")
}

// What a service reads from its standard input is what was planned for it.
func TestServicesSurviveJSON(t *testing.T) {
	var services []plan.Service
	for _, name := range examples() {
		services = append(services, plan.Make(loadExample(t, name), plan.Learned{}).Services...)
	}
	for _, service := range services {
		data, err := json.Marshal(service.Config)
		if err != nil {
			t.Fatal(err)
		}
		back := reflect.New(reflect.TypeOf(service.Config))
		if err := json.Unmarshal(data, back.Interface()); err != nil {
			t.Fatalf("%s: %v", service.Name, err)
		}
		if !reflect.DeepEqual(back.Elem().Interface(), service.Config) {
			t.Errorf("%s: planned\n%+v\nread\n%+v", service.Name, service.Config, back.Elem().Interface())
		}
	}
}

// The longest names that a site can have are not too long for the firewall.
func TestLongNames(t *testing.T) {
	const toml = `name = "firewall"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
[[lan]]
name = "NAME"
interface = "eth1"
ipv4 = "192.168.32.1/24"
[[route]]
to = "10.8.0.0/16"
via = "192.168.32.2"
[[firewall.zone]]
name = "ZONE"
networks = ["10.8.0.0/16"]
[[firewall.allow]]
from = "ZONE"
to = "NAME"
service = "http"
rate = "1/hour"
log = true
[[firewall.forward]]
port = 443
to = "NAME"
log = true
rate = "1/hour"
`
	name := "n" + strings.Repeat("x", 62)
	fsys := siteOf(t, &txtar.Archive{Files: []txtar.File{
		{Name: "site.toml", Data: []byte(strings.NewReplacer(`to = "NAME"`+"\nlog", `to = "h`+name[1:]+`"`+"\nlog", "NAME", name, "ZONE", "z"+name[1:32]).Replace(toml))},
		{Name: "hosts", Data: []byte("192.168.32.11 h" + name[1:] + "\n")}, {Name: "ethers"}}}, "home")
	s, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	table, err := plan.Make(s, plan.Learned{}).Firewall.Table()
	if err != nil {
		t.Fatal(err)
	}
	box := testnet.New(t, "names")
	if err := box.Do(func() error { return nft.Load(table) }); err != nil {
		t.Fatal(err)
	}
}

// Every policy that a site can mean is one that the firewall takes, and what is
// let in from a LAN is spelt out.
func TestPolicy(t *testing.T) {
	for _, name := range examples() {
		s := loadExample(t, name)
		p := plan.Make(s, plan.Learned{}).Firewall.Policy
		want := 4 // dhcp, dns, ssh and ping
		if slices.ContainsFunc(s.LANs, site.LAN.HasIPv6) {
			want += 2 // router-solicit and dhcpv6
		}
		if s.NTP.On() {
			want++
		}
		if _, err := firewall.Compile(p, firewall.Features{}); err != nil {
			t.Fatal(err)
		}
		toBox := slices.DeleteFunc(p.Defaults, func(r firewall.Rule) bool { return !slices.Contains(r.To[0].Zones, firewall.Box) })
		if got := len(toBox); got != want {
			t.Errorf("%s: LANs reach %d services of the box, want %d", name, got, want)
		}
	}
}
