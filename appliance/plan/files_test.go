package plan

import (
	"net/netip"
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
