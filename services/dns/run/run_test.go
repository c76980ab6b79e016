package run

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/zone"
)

// TestService asks with dig what a house asks.
func TestService(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	t.Run("house", func(t *testing.T) {
		l.says("web.home.example A", "192.168.32.10")
		l.says("WWW.Home.Example AAAA", "fd00:32::10")
		l.says("-x 192.168.32.10", "web.home.example.")
		l.says("-x fd00:32::10", "web.home.example.")
		l.says("web.home.example +tcp", "192.168.32.10")
		l.says("@fd00:32::1 gate.home.example", "192.168.32.1")
		l.has("web.home.example HTTPS", "NOERROR", "flags: qr aa rd ra;", "ANSWER: 0", "SOA")
		l.has("nobody.home.example", "NXDOMAIN", "SOA")
		l.has("printer.local", "NXDOMAIN")
		l.has("version.bind CH TXT", "REFUSED")
		l.has("home.example AXFR", "Transfer failed")
	})
	t.Run("outside", func(t *testing.T) {
		l.says("www.example.net", "192.0.2.80")
		l.has("www.example.net", "NOERROR", "flags: qr rd ra;", "192.0.2.80")
		l.says("alias.example.net", "www.example.net. 192.0.2.80")
		l.says("away.home.example", "alias.example.net. www.example.net. 192.0.2.80")
		l.has("nobody.example.net", "NXDOMAIN", "hostmaster")
		l.says("inside.example.net", "192.0.2.81") // and not what is in the house
		if got := l.dig("big.example.net", "TXT", "+ignore", "+nocookie"); !strings.Contains(got, "tc") || strings.Contains(got, "xxx") {
			t.Errorf("too long for UDP: %s", got)
		}
		if got := l.dig("big.example.net", "TXT", "+short"); len(got) < 3000 {
			t.Errorf("by TCP: %d characters", len(got))
		}
	})
	t.Run("leases", func(t *testing.T) {
		l.lease("192.168.32.100", "laptop", 1)
		testnet.Eventually(t, 20*time.Second, "the lease has its name", func() bool {
			return l.dig("laptop.home.example", "+short") == "192.168.32.100"
		})
		l.says("-x 192.168.32.100", "laptop.home.example.")
		l.stop()
		l.start()
		l.says("laptop.home.example", "192.168.32.100") // the first answer
	})
	t.Run("another configuration", func(t *testing.T) {
		l.says("www.example.net", "192.0.2.80")
		conf := l.conf
		conf.House.Hosts = append(conf.House.Hosts[:1:1], zone.Host{Name: "db", Addrs: []netip.Addr{netip.MustParseAddr("192.168.32.11")}})
		conf.Upstream.Forward = []servers.Forward{{Domain: "example.net", Servers: []servers.Server{{Address: netip.MustParseAddr("192.0.2.99"), Kind: servers.Plain}}}}
		if err := l.Reconfigure(conf); err != nil {
			t.Fatal(err)
		}
		l.says("db.home.example", "192.168.32.11")
		l.says("laptop.home.example", "192.168.32.100")
		l.has("www.example.net", "SERVFAIL") // another is asked, who is not there
		conf.House.Domain = "not a domain"
		if err := l.Reconfigure(conf); err == nil {
			t.Error("nonsense is taken")
		}
		l.says("db.home.example", "192.168.32.11")
		if err := l.Reconfigure(l.conf); err != nil {
			t.Fatal(err)
		}
		l.says("www.example.net", "192.0.2.80")
		l.has("db.home.example", "NXDOMAIN")
	})
	t.Run("status", func(t *testing.T) {
		st := l.status(t.Context())
		if len(st.Problems) != 0 || st.Answers.Outcomes["local"] == 0 || len(st.Upstream) != 1 || len(st.Links) != 2 || st.Links[1].UDP.Queries == 0 {
			t.Errorf("%+v", st)
		}
		if len(st.Tops.Clients) == 0 || st.Tops.Clients[0].What != "192.168.32.50" {
			t.Errorf("%+v", st.Tops)
		}
	})
	t.Run("nobody upstream", func(t *testing.T) {
		l.nsd.Signal(syscall.SIGTERM)
		if err := l.nsd.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.says("www.example.net", "192.0.2.80") // from the cache
		l.has("new.example.net", "SERVFAIL", "EDE: 23")
		l.says("web.home.example", "192.168.32.10")
		testnet.Eventually(t, 20*time.Second, "that is a problem", func() bool {
			l.dig("other.example.net")
			p := l.problems(t.Context())
			return len(p) == 1 && strings.Contains(p[0], "No resolver outside answers: 192.0.2.53")
		})
	})
}
