package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// seldom has radvd say nothing by itself for minutes, so that it is not what brings the way out back.
const seldom = "MinRtrAdvInterval 200; MaxRtrAdvInterval 600; AdvDefaultLifetime 1800; prefix 2001:db8:5::/64 { };"

// TestRouterFallsSilent: the provider's router dies without a word, and its link stays up; or the cable is
// out. Hosts have no default route any more, keep their addresses, and have one again when it is back.
func TestRouterFallsSilent(t *testing.T) {
	for _, c := range []struct {
		name      string
		end, mend func(h *house)
	}{
		{"silent", func(h *house) {
			h.isp.Run("nft", "table ip6 dead { chain in { type filter hook input priority -300; policy drop; }\n"+
				"chain through { type filter hook forward priority -300; policy drop; }\n"+
				"chain out { type filter hook output priority -300; policy drop; }; }")
		}, func(h *house) { h.isp.Run("nft", "delete table ip6 dead") }},
		{"no carrier", func(h *house) { h.wires.Down("boxlan0") }, func(h *house) { h.wires.Up("boxlan0") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 1)
			host := h.host(1, "::20")
			wantest.Radvd(t, h.isp, seldom)
			h.start(houseSite{wan: `ipv6 = "auto"`, lan: `ipv6 = "2001:db8:100:1::1/64"`})
			leads(t, "at first", host, true)
			pings(t, "at first", host, outside)
			testnet.Eventually(t, patience, "the router has answered once", func() bool {
				return strings.Contains(h.gatehouse("wan", "--json"), `"answers": true`)
			})
			for range 2 {
				c.end(h)
				took(t, "hosts have no default route", func() bool { return !leadsNow(host) })
				has(t, "without a router", host, "2001:db8:100:1::20")
				if n := len(h.upstream6()); n != 1 {
					t.Errorf("%d addresses upstream", n)
				}
				for _, command := range []string{"ipv6", "wan", "status"} {
					out := unfolded(h.gatehouse(command))
					if !strings.Contains(out, "has not answered for ") {
						t.Errorf("%s does not say so:\n%s", command, out)
					}
				}
				time.Sleep(4 * time.Second) // everybody may be told again
				c.mend(h)
				took(t, "the box has a way out again", h.leadsOut)
				took(t, "hosts have a default route again", func() bool { return leadsNow(host) })
				pings(t, "with a router again", host, outside)
			}
		})
	}
}

// took waits until something is so, and logs how long that was.
func took(t *testing.T, what string, is func() bool) {
	t.Helper()
	begin := time.Now()
	for !is() {
		if time.Sleep(10 * time.Millisecond); time.Since(begin) > patience {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
	t.Logf("%s after %v", what, time.Since(begin).Round(10*time.Millisecond))
}
