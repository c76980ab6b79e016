package vmtest

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// What the kernel of a host has made of router advertisements.

// made6 are the addresses that a host has in a network, and whether each may be used for what begins.
func made6(host *testnet.Namespace, network string) map[netip.Addr]bool {
	in, all := netip.MustParsePrefix(network), map[netip.Addr]bool{}
	for line := range strings.Lines(host.Run("ip", "-6", "-o", "address", "show", "dev", eth0, "scope", "global")) {
		f := strings.Fields(line)
		if p, err := netip.ParsePrefix(f[3]); err == nil && in.Contains(p.Addr()) && !strings.Contains(line, "tentative") {
			all[p.Addr()] = !strings.Contains(line, "deprecated")
		}
	}
	return all
}

// makes6 waits until a host has an address in a network that is preferred, or is deprecated, and gives it.
func makes6(t *testing.T, host *testnet.Namespace, network string, preferred bool) (a netip.Addr) {
	t.Helper()
	what := fmt.Sprintf("%s has an address in %s, preferred: %v", host.Name(), network, preferred)
	testnet.Eventually(t, Guard, what, func() bool {
		for addr, is := range made6(host, network) {
			if a = addr; is == preferred {
				return true
			}
		}
		return false
	})
	return a
}

// advertised6 waits until a host has the appliance for its router, or nobody.
func advertised6(t *testing.T, host *testnet.Namespace, router bool) {
	t.Helper()
	testnet.Eventually(t, Guard, fmt.Sprintf("%s is told of a default route: %v", host.Name(), router), func() bool {
		out := host.Run("ip", "-6", "route", "show", "default")
		return strings.Contains(out, "via fe80::") == router && strings.Contains(out, "proto ra") == router
	})
}

// A journal is what ip-monitor(8) tells of a host, with the time of each line.
type journal struct{ *testnet.Process }

func newJournal(t *testing.T, host *testnet.Namespace, objects ...string) journal {
	t.Helper()
	return journal{host.Start(exec.Command(testnet.Need(t, "ip", "iproute2"),
		append([]string{"-ts", "-6", "monitor"}, objects...)...))}
}

// when waits for the first line after a moment that has all of some texts, and gives its time.
func (j journal) when(t *testing.T, after time.Time, texts ...string) (at time.Time) {
	t.Helper()
	testnet.Eventually(t, Guard, fmt.Sprintf("a host notes %q", texts), func() bool {
		for line := range strings.Lines(j.Output()) {
			stamp, rest, _ := strings.Cut(strings.TrimPrefix(line, "["), "] ")
			when, err := time.ParseInLocation("2006-01-02T15:04:05.000000", stamp, time.Local)
			has := err == nil && when.After(after)
			for _, text := range texts {
				has = has && strings.Contains(rest, text)
			}
			if has {
				at = when
				return true
			}
		}
		return false
	})
	return at
}
