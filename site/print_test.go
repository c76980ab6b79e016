package site

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

func printed(t *testing.T, s *Site) string {
	t.Helper()
	var b strings.Builder
	if err := Print(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func printedHost(t *testing.T, s *Site, name string) string {
	t.Helper()
	h, ok := s.Host(name)
	if !ok {
		t.Fatalf("the site has no host %q", name)
	}
	var b strings.Builder
	if err := PrintHost(&b, s, h); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestExample prints the reference sites, which everyone starts from, and some hosts of each.
func TestExample(t *testing.T) {
	for name, hosts := range map[string][]string{
		"home":   {"web1", "laptop"},
		"office": {"db1", "mail", "admin1", "laptop1", "camera1", "ap1"},
	} {
		golden := "testdata/" + name + ".print"
		s := load(t, os.DirFS("../examples/"+name))
		got := printed(t, s)
		for _, h := range hosts {
			got += "\n" + printedHost(t, s, h)
		}
		if *update {
			writeFile(t, golden, []byte(got))
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", golden, diff)
		}
	}
}

// exampleFiles are those of the example.
func exampleFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, name := range []string{source.SiteTOML, source.Hosts, source.Ethers, source.AuthorizedKeys, "blocked.list"} {
		text, err := os.ReadFile("../examples/home/" + name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: text}
	}
	return fsys
}

// TestExampleComments takes the comments off the lines of the example that show
// optional keys: they must be right too.
func TestExampleComments(t *testing.T) {
	fsys := exampleFiles(t)
	keyOrHeader := regexp.MustCompile(`^(\[|[a-z0-9-]+ *=|"[a-z0-9.-]+" *=)`)
	var lines []string
	for line := range strings.Lines(string(fsys[source.SiteTOML].Data)) {
		if shown := strings.TrimPrefix(line, "# "); keyOrHeader.MatchString(shown) {
			line = shown
		}
		lines = append(lines, line)
	}
	fsys[source.SiteTOML].Data = []byte(strings.Join(lines, ""))
	s := load(t, fsys)
	if web2, _ := s.Host("web2"); len(s.Relayed) != 1 || web2.Netboot == nil || !web2.Netboot.Install {
		t.Errorf("the commented tables are not all there: %+v", s)
	}
	if f := s.Firewall; len(f.Rules) != 3 || len(f.Forwards) != 1 || len(f.Lists) != 1 || len(f.Groups) != 1 {
		t.Errorf("the commented firewall is not all there: %+v", f)
	}
	if d := s.DNS; len(d.Forwards) != 2 || len(d.Records) != 2 || len(d.Services) != 1 || !d.MixedCase {
		t.Errorf("the commented names are not all there: %+v", d)
	}
	if len(s.LANs) != 2 || len(s.Routes) != 1 || !s.WAN.IPv6.IsValid() || !s.Console.Locked {
		t.Errorf("the commented keys are not all there: %+v", s)
	}
}

// TestExampleWithProvider puts in the lines that the example has for a provider that gives the address.
func TestExampleWithProvider(t *testing.T) {
	fsys := exampleFiles(t)
	shown := regexp.MustCompile(`(?m)^#   ([a-z0-9-]+ *=)`).ReplaceAllString(string(fsys[source.SiteTOML].Data), "$1")
	instead := regexp.MustCompile(`(?m)^(ipv4 +)= "192\.0\.2\.10/24"\n|^(gateway +)= .*\n`).ReplaceAllString(shown, "")
	fsys[source.SiteTOML] = &fstest.MapFile{Data: []byte(instead)}
	c := load(t, fsys).WAN.DHCP
	if c == nil || len(c.ID.Bytes) == 0 || c.VendorClass == "" || c.HostName == "" || len(c.Request) != 2 || len(c.Options) != 1 || !c.Broadcast {
		t.Errorf("the lines for a provider are not all there: %+v", c)
	}
}

// TestExampleWithTunnel puts in the lines that the example has for a tunnel.
func TestExampleWithTunnel(t *testing.T) {
	fsys := exampleFiles(t)
	shown := regexp.MustCompile(`(?m)^#     (\[|[a-z0-9-]+ *=)`).ReplaceAllString(string(fsys[source.SiteTOML].Data), "$1")
	fsys[source.SiteTOML] = &fstest.MapFile{Data: []byte(shown)}
	fsys["tunnel.key"] = &fstest.MapFile{Data: []byte("Zm9vYmFyYmF6\n")}
	if s := load(t, fsys); s.Tunnel == nil || len(s.Tunnel.Routed) != 2 || s.Tunnel.MTU == 0 ||
		s.Tunnel.Update == nil {
		t.Errorf("the lines for a tunnel are not all there: %+v", s.Tunnel)
	}
}

func TestPrintReportsWriteErrors(t *testing.T) {
	s := load(t, defaultSite(t))
	full := errors.New("disk full")
	if err := Print(brokenWriter{full}, s); !errors.Is(err, full) {
		t.Errorf("Print: got %v, want %v", err, full)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
