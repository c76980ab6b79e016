package admin_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatehouse-os/gatehouse/appliance/box/shown"
	"github.com/gatehouse-os/gatehouse/appliance/plan"
	"github.com/gatehouse-os/gatehouse/firewall"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestWithALease: commands speak of the box as it is, with an address that no file of the site has.
func TestWithALease(t *testing.T) {
	const text = `name = "firewall"
domain = "home.example"
[wan]
interface = "eth0"
ipv4 = "dhcp"
[[lan]]
name = "lan"
interface = "eth1"
ipv4 = "192.168.32.1/24"
[[firewall.forward]]
port = 443
to = "web1"
`
	fsys := fstest.MapFS{"site.toml": {Data: []byte(text)}, "hosts": {Data: []byte("192.168.32.11 web1\n")}, "authorized_keys": {
		Data: []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIlwv7dGP+JpgUWtxZKOAwZIVvARyyOVY6mQbIEMUC8w one@net.example\n")}}
	s, err := site.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	g := gate{dir: t.TempDir(), bans: new([]firewall.Ban), site: func() (*site.Site, error) { return s, nil }}
	l := plan.Learned{WAN: &wan.Facts{
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.64.0.7/24")}, Gateway: netip.MustParseAddr("10.64.0.1"),
	}}
	if err := errors.Join(shown.WriteLearned(g.dir, l), shown.WriteRules(g.dir, plan.Make(s, l).Firewall)); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"diff": "they are what the site says",
		"explain from wan 9.9.9.9 to 10.64.0.7 tcp 443": "192.168.32.11",
		"ban 10.64.0.7": "10.64.0.7 is the appliance itself, on eth0",
		"ban 10.64.0.1": "is the router to 0.0.0.0/0",
	} {
		out, errs, _ := g.run(t, strings.Fields(args)...)
		if !strings.Contains(out+errs, want) {
			t.Errorf("%s: %q is missing in\n%s%s", args, want, out, errs)
		}
	}
}
