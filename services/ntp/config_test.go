package ntp_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp"
)

// good is a Config of everything.
func good() ntp.Config {
	return ntp.Config{
		Sources: []ntp.Source{
			{Name: "pool.example", Pool: true},
			{Name: "ntp.example", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
			{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.2")}},
		},
		Links: []string{"eth1", "eth2"}, LocalStratum: 10, StepLimit: time.Minute,
	}
}

func TestRoundTrip(t *testing.T) {
	c := good()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var got ntp.Config
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	for want, change := range map[string]func(*ntp.Config){
		"neither a name nor an address":       func(c *ntp.Config) { c.Sources[0] = ntp.Source{} },
		"source 192.0.2.2 twice":              func(c *ntp.Config) { c.Sources[0] = c.Sources[2] },
		"224.0.1.1 is no address":             func(c *ntp.Config) { c.Sources[2].Addrs[0] = netip.MustParseAddr("224.0.1.1") },
		"::ffff:192.0.2.1 is no address":      func(c *ntp.Config) { c.Sources[2].Addrs[0] = netip.MustParseAddr("::ffff:192.0.2.1") },
		"17 addresses, at most 16":            func(c *ntp.Config) { c.Sources[1].Addrs = make([]netip.Addr, 17) },
		"sources, at most 16":                 func(c *ntp.Config) { c.Sources = append(c.Sources, make([]ntp.Source, 16)...) },
		`link "eth1" twice`:                   func(c *ntp.Config) { c.Links = append(c.Links, "eth1") },
		"local stratum 16":                    func(c *ntp.Config) { c.LocalStratum = 16 },
		"step limit -1s":                      func(c *ntp.Config) { c.StepLimit = -time.Second },
		`source "` + strings.Repeat("a", 254): func(c *ntp.Config) { c.Sources[0].Name = strings.Repeat("a", 254) },
	} {
		c := good()
		change(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
