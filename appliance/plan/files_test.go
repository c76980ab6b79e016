package plan

import (
	"net/netip"
	"strconv"
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
	s := &site.Site{Domain: "net.example", DNS: site.DNS{Upstream: []site.Resolver{{Addr: netip.MustParseAddr("192.0.2.53")}}}}
	if got := resolvConf(s); got != "search net.example\nnameserver 127.0.0.1\n" {
		t.Errorf("got %q", got)
	}
}

// TestTables: whatever memory a machine has, its tables are large enough, and of a size that the kernel takes
// as it is.
func TestTables(t *testing.T) {
	for memory := uint64(0); memory < 16<<30; memory += 17_777_777 {
		for _, s := range tables(memory, memory>>20) {
			n, err := strconv.Atoi(s.Value)
			if err != nil || n < 1024 || strings.Contains(s.Key, "conntrack") && (n < 16384 || n%512 != 0 || n > 262144) {
				t.Fatalf("%d bytes: %s = %s", memory, s.Key, s.Value)
			}
		}
		kept := fragments(memory)
		for i, s := range kept {
			n, err := strconv.Atoi(s.Value)
			if err != nil || strings.HasSuffix(s.Key, "high_thresh") && (n < 512<<10 || uint64(n) > max(512<<10, memory/100)) {
				t.Fatalf("%d bytes: %s = %s", memory, s.Key, s.Value)
			}
			if strings.HasSuffix(s.Key, "low_thresh") {
				if high, err := strconv.Atoi(kept[i+1].Value); err != nil || high < n {
					t.Fatalf("%d bytes: the kernel refuses %s = %s", memory, kept[i+1].Key, kept[i+1].Value)
				}
			}
		}
	}
	if got := tables(1<<30, 256)[1].Value; got != "65536" {
		t.Errorf("a machine of 1 GiB has %s conversations", got)
	}
}
