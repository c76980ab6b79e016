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
			s, err := site.Load(siteOf(t, archive))
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			describe(&got, plan.Make(s))
			compare(t, file, archive, got.String())
		})
	}
}

// siteOf is the reference site with the files that the archive has in their place.
func siteOf(t *testing.T, archive *txtar.Archive) fs.FS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, name := range []string{"site.toml", "hosts", "ethers", "authorized_keys"} {
		data, err := os.ReadFile("../../examples/home/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: data}
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
		fmt.Fprintf(w, "ip route add %s via %s dev %s\n", r.To, r.Via, r.Link)
	}
	for _, z := range p.Firewall.Zones {
		fmt.Fprintf(w, "zone %s = %s, refused by %s\n", z.Name, strings.Join(z.Interfaces, " "), z.Refuse)
	}
	for _, a := range append(p.Firewall.Rules, p.Firewall.Defaults...) {
		var names []string
		for _, s := range a.Services {
			names = append(names, s.Name)
		}
		what := strings.Join(names, " ")
		if what == "" {
			what = "everything"
		}
		fmt.Fprintf(w, "%s %s -> %s: %s\n", a.Action, strings.Join(a.From.Zones, " "), strings.Join(a.To.Zones, " "), what)
	}
	for _, m := range p.Firewall.Masquerade {
		fmt.Fprintf(w, "masquerade %s -> %s\n", strings.Join(m.From, " "), m.To)
	}
	for _, s := range p.Services {
		config, err := json.MarshalIndent(s.Config, "", "  ")
		fmt.Fprintf(w, "service %s %s %v\n", s.Name, config, err)
	}
}

// What a service reads from its standard input is what was planned for it.
func TestServicesSurviveJSON(t *testing.T) {
	s, err := site.Load(os.DirFS("../../examples/home"))
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range plan.Make(s).Services {
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

// Every policy that a site can mean is one that the firewall takes, and what is
// let in from a LAN is spelt out.
func TestPolicy(t *testing.T) {
	s, err := site.Load(os.DirFS("../../examples/home"))
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Make(s).Firewall
	if _, err := firewall.Compile(p, firewall.Features{}); err != nil {
		t.Fatal(err)
	}
	toBox := slices.DeleteFunc(p.Defaults, func(r firewall.Rule) bool { return !slices.Contains(r.To.Zones, firewall.Box) })
	if got := len(toBox); got != 3 {
		t.Errorf("LANs reach %d services of the box, want dhcp, ssh and ping", got)
	}
}
