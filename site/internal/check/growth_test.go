package check

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

const growthSite = `name = "firewall"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "192.0.2.10/24"
gateway = "192.0.2.1"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "10.0.0.1/8"
`

// loadText loads a site of a few texts.
func loadText(t *testing.T, toml, hosts string) (*loader, error) {
	return loadFiles(t, toml, hosts, "")
}

func loadFiles(t *testing.T, toml, hosts, ethers string) (*loader, error) {
	t.Helper()
	fsys := fstest.MapFS{
		"site.toml": {Data: []byte(growthSite + toml)}, "hosts": {Data: []byte("10.0.0.9 web1\n" + hosts)},
		"ethers":          {Data: []byte(ethers)},
		"authorized_keys": {Data: []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w x\n")},
	}
	l := &loader{files: source.NewFiles(fsys)}
	if _, problems := l.load(); problems.Failed() {
		return l, problems
	}
	return l, nil
}

// TestGrowth: with four times as much there are about four times as many comparisons, and not sixteen.
func TestGrowth(t *testing.T) {
	for _, tt := range []struct {
		what string
		line func(i int) string
	}{
		{"rules that differ in ports", func(i int) string {
			return fmt.Sprintf("[[firewall.allow]]\nfrom=\"wan\"\nto=\"lan\"\nservice=\"tcp/%d\"\n", i+1)
		}},
		{"rules that differ in ranges of ports", func(i int) string {
			return fmt.Sprintf("[[firewall.deny]]\nfrom=\"wan\"\nto=\"lan\"\nservice=\"udp/%d-%d\"\n", 5*i+1, 5*i+4)
		}},
		{"rules that differ in their sources", func(i int) string {
			return fmt.Sprintf("[[firewall.deny]]\nfrom=\"20.%d.%d.0/24\"\nto=\"lan\"\n", i/256, i%256)
		}},
		{"rules that differ in their targets", func(i int) string {
			return fmt.Sprintf("[[firewall.allow]]\nfrom=\"wan\"\nto=\"10.1.%d.%d\"\nservice=\"ssh\"\n", i/256, i%256)
		}},
		{"forwards", func(i int) string {
			return fmt.Sprintf("[[firewall.forward]]\nport=%d\nto=\"web1\"\n", i+1)
		}},
	} {
		steps := func(n int) int {
			var text strings.Builder
			for i := range n {
				text.WriteString(tt.line(i))
			}
			l, err := loadText(t, text.String(), "")
			if err != nil {
				t.Fatalf("%s: %v", tt.what, err)
			}
			return l.steps
		}
		few, many := steps(1000), steps(4000)
		if many == 0 || many > 6*few+4000 {
			t.Errorf("%s: 1000 take %d comparisons, 4000 take %d", tt.what, few, many)
		}
	}
}

// TestRefusedInTime: what is too much is refused before it is compared. That it does not hang is what the
// test has to say; the limit is generous.
func TestRefusedInTime(t *testing.T) {
	hosts := func(n int) string {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "10.%d.%d.%d h%d\n", 1+i>>16, i>>8&255, i&255, i)
		}
		return text.String()
	}
	for _, tt := range []struct {
		what, toml, hosts string
		want              string // in the error; "": there is none
	}{
		{"a million hosts", "", hosts(1_000_000), "hosts: is too large; expected at most 2048 KiB"},
		{"a line of 100 MB", "", "10.0.0.8 " + strings.Repeat("a", 100<<20), "hosts: is too large; expected at most 2048 KiB"},
		{"as many hosts as a file has room for", "", hosts(100_000), ""},
		{"forwards", strings.Repeat("[[firewall.forward]]\n", 20_000), "",
			"there are 20000 [[firewall.forward]]; expected at most 4096"},
		{"lans", strings.Repeat("[[lan]]\n", 100_000), "", "there are 100001 [[lan]]; expected at most 500"},
		{"a wide table", "[firewall.service]\n" + keys(60_000), "", `"k4096" is one key too many in its table; expected at most 4096`},
		{"a wide table that is none", "[x]\n" + keys(60_000), "", `unknown key "x"`},
		{"a deep table", "[" + strings.Repeat("a.", 400_000) + "a]\n", "", `unknown key "a"`},
		{"a deep list", "x = " + strings.Repeat("[", 900_000), "", "nested more than the maximum"},
		{"a long list", "[firewall.group]\nx = [" + strings.Repeat(`"web1",`, 100_000) + "]\n", "",
			"x has 100000 items; expected at most 4096"},
		{"many patterns", "[firewall.group]\nx = [" + strings.Repeat(`"h?9*",`, 4000) + "]\n", hosts(20_000),
			`"h?9*" is one pattern too many for 20001 hosts; expected at most 199 in a site`},
		{"a long line that is wrong everywhere", "", "10.0.0.8 " + strings.Repeat("! ", 900_000), `host name "!"`},
		{"a list of names to be blocked", "", strings.Repeat("0.0.0.0 ads.example\n", 100_000),
			"hosts:2:1: 0.0.0.0 is the address of no host (RFC 1122 3.2.1.3), and 100000 lines give it to names"},
		{"one by many addresses", "", strings.ReplaceAll(hosts(90_000), "10.", "127."), "is a loopback address"},
		{"a list that goes on and on", "[dns]\nupstream = [\n" + strings.Repeat("\"a\",\nb c\nx = 1\n", 60_000), "", "this is no value"},
		{"keys that others have", keysOf("upstream", 40_000), "", `unknown key "upstream0"`},
	} {
		done := make(chan error, 1)
		go func() {
			_, err := loadText(t, tt.toml, tt.hosts)
			done <- err
		}()
		select {
		case err := <-done:
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				text := fmt.Sprint(err)
				t.Errorf("%s: got %.400s, want %q", tt.what, text, tt.want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: it is not read within a minute", tt.what)
		}
	}
}

func keys(n int) string { return keysOf("k", n) }

func keysOf(name string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "%s%d=\"tcp/5\"\n", name, i)
	}
	return text.String()
}
