package run_test

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/neighbours"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// logged is what a service has logged.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.String(), s)
}

// TestClaimed: a host of the LAN answers ARP for the address of a host of the site, and for one that another
// has leased. Each is told once, and is a problem as long as it does.
func TestClaimed(t *testing.T) {
	t.Parallel()
	l := newLAN(t)
	var table *neighbours.IPv4
	err := l.router.Do(func() (err error) { table, err = neighbours.OpenIPv4(); return err })
	if err != nil {
		t.Fatal(err)
	}
	lines := new(logged)
	l.log = io.MultiWriter(lines, t.Output())
	l.change = func(o *run.Options) {
		o.NeighboursEvery = 100 * time.Millisecond
		o.Neighbours = func() (all []run.Neighbour, err error) {
			entries, err := table.List()
			for _, e := range entries {
				all = append(all, run.Neighbour{Addr: e.Addr, MAC: lease.MAC(e.MAC), Confirmed: e.Confirmed})
			}
			return all, err
		}
	}
	l.serve()
	tenant, thief, web1 := l.client("tenant", ""), l.client("thief", ""), l.client("web1", "00:16:3e:20:00:11")
	tenant.udhcpc()
	leased := tenant.told("bound")["ip"]
	web1.udhcpc()
	reserved := web1.told("bound")["ip"]
	// answers has the router ask anew until the client does. What it knows of others it keeps: who is not
	// seen for a moment is told again.
	answers := func(by *client, addr string) {
		t.Helper()
		testnet.Eventually(t, patience, by.Name()+" answers for "+addr, func() bool {
			_, err := l.router.Try("ping", "-c1", "-W1", addr)
			known := addr + " dev eth1 lladdr " + by.MAC("eth0").String()
			if err == nil && strings.Contains(l.router.Run("ip", "neigh"), known) {
				return true
			}
			l.router.Run("ip", "neigh", "flush", "to", addr, "dev", "eth1")
			return false
		})
	}
	problems := func(want ...string) {
		t.Helper()
		var got []string
		testnet.Eventually(t, patience, strings.Join(want, "\n"), func() bool {
			st, err := l.s.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = st.Problems
			return strings.Join(got, "\n") == strings.Join(want, "\n")
		})
	}
	answers(tenant, leased)
	answers(web1, reserved)
	problems()
	for _, c := range []*client{tenant, web1} {
		c.Down("eth0")
	}
	for _, a := range []string{leased, reserved} {
		thief.AddAddr("eth0", a+"/24")
		answers(thief, a)
	}
	by := ", and the card " + thief.MAC("eth0").String() + " answers for it."
	problems(reserved+" belongs to the card 00:16:3e:20:00:11 of web1"+by, leased+" belongs to the card "+tenant.MAC("eth0").String()+by)
	if n := lines.count("another card answers for an address"); n != 2 {
		t.Errorf("it is told %d times", n)
	}
	thief.Run("ip", "addr", "flush", "dev", "eth0")
	tenant.Up("eth0")
	web1.Up("eth0")
	answers(tenant, leased)
	answers(web1, reserved)
	problems()
}
