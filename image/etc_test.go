package image

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/site"
)

const (
	toml = "name = \"gate\"\ndomain = \"net.example\"\n\n[[lan]]\nname = \"lan\"\ninterface = \"eth0\"\n" +
		"ipv4 = \"192.168.1.1/24\"\nipv6 = \"2001:db8::1/64\"\n"
	key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example"
)

func TestHosts(t *testing.T) {
	s, err := site.Load(fstest.MapFS{
		"site.toml":       {Data: []byte(toml)},
		"hosts":           {Data: []byte("192.168.1.9 box box.other.example\n")},
		"authorized_keys": {Data: []byte(key)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "127.0.0.1\tlocalhost\n::1\tlocalhost\n" +
		"192.168.1.9\tbox.net.example box box.other.example\n" +
		"192.168.1.1\tgate.net.example gate\n" +
		"2001:db8::1\tgate.net.example gate\n"
	if got := hosts(s); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestResolvConf(t *testing.T) {
	s := &site.Site{Domain: "net.example"}
	if got := resolvConf(s); got != "search net.example\n" {
		t.Errorf("without upstream: %q", got)
	}
	s.DNS.Upstream = []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("192.0.2.54")}
	if got := resolvConf(s); got != "search net.example\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n" {
		t.Errorf("got %q", got)
	}
}

// A version is one word of the shell, whatever a tag is called (os-release(5)).
func TestOSRelease(t *testing.T) {
	for version, want := range map[string]string{
		"v1.0":        `VERSION="v1.0"`,
		"a\"b$c`d\\e": "VERSION=\"a\\\"b\\$c\\`d\\\\e\"",
		"two\nlines":  `VERSION="two lines"`,
	} {
		got := osRelease(version)
		if !strings.Contains(got, want+"\n") || strings.Count(got, "\n") != 4 {
			t.Errorf("%q: got\n%s", version, got)
		}
	}
}

func TestUsers(t *testing.T) {
	ids := map[int]bool{}
	for _, u := range users() {
		if ids[u.id] {
			t.Errorf("two users have the number %d", u.id)
		}
		ids[u.id] = true
	}
	for line := range strings.Lines(passwd()) {
		if fields := strings.Split(line, ":"); len(fields) != 7 || fields[2] != fields[3] {
			t.Errorf("passwd: %s", line)
		}
	}
	if lines := strings.Count(group(), "\n"); lines != len(users())+1 {
		t.Errorf("%d groups for %d users", lines, len(users()))
	}
}
