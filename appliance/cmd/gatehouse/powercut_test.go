package main

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// ula is the prefix of unique local addresses that the box has made, "" if it has made none.
func (h *house) ula() string {
	h.t.Helper()
	p, err := netip.ParsePrefix(strings.TrimSpace(read(h.t, filepath.Join(h.perm, "ula"))))
	if err != nil {
		h.t.Fatal(err)
	}
	return p.Addr().String()
}

// TestPowerCut: the provider gives another prefix while the box has no power. Hosts that hold the old one
// know within five seconds of the provider's answer that they are not to use it any more; the local one is
// the same for ever, and one that has not changed is preferred all the time.
func TestPowerCut(t *testing.T) {
	for _, d := range wantest.Delegators() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 1)
			web := h.host(1, "::20")
			wantest.Radvd(t, h.isp, router)
			server := h.delegates(d, nil, wantest.Pool{Prefix: delegated()[0]})
			s := byDelegation()
			s.more += "[ipv6]\nula = \"auto\"\n"
			h.start(s)
			first, local := h.prefix("obtained", delegated()[0]), in(h.ula(), 1, "::20")
			has(t, "obtained", web, in(first, 1, "::20"), local)

			h.cut()
			server = h.delegates(d, server, wantest.Pool{Prefix: delegated()[1]})
			h.plug(1)
			h.boot()
			began := time.Now()
			h.says("msg=router6", 1)
			answered, look := time.Now(), time.Duration(0) // the longest: how busy the machine is
			testnet.Eventually(t, patience, "the old address is deprecated", func() bool {
				defer func(began time.Time) { look = max(look, time.Since(began)) }(time.Now())
				return made(web)[in(first, 1, "::20")] == "deprecated"
			})
			t.Logf("deprecated %v after the start", time.Since(began).Round(100*time.Millisecond))
			if took := time.Since(answered); took > 5*time.Second+10*look {
				t.Errorf("the old address was deprecated %v after the provider's answer; to look at it took %v", took, look)
			}
			second := h.prefix("back", delegated()[1])
			has(t, "back", web, in(second, 1, "::20"), "-"+in(first, 1, "::20"), local)
			leads(t, "back", web, true)
			pings(t, "back", web, outside)

			// Once more, with nothing new: all is as it was, and what is old stays so.
			held := watchAddress(t, web, in(second, 1, "::20"))
			h.cut()
			h.plug(1)
			h.boot()
			held.promised("back again")
			if again := h.prefix("back again", delegated()[1]); again != second {
				t.Errorf("it asked for %s, and has %s", second, again)
			}
			has(t, "back again", web, in(second, 1, "::20"), "-"+in(first, 1, "::20"), local)
			pings(t, "back again", web, outside)

			// And with a provider who is silent: nothing leads out, and the local addresses go on.
			h.cut()
			server.Signal(9)
			h.isp.Down("eth0")
			h.plug(1)
			h.boot()
			leads(t, "without a provider", web, false)
			pings(t, "without a provider", web, in(h.ula(), 1, "::1"))
			if state := made(web)[local]; state != "preferred" {
				t.Errorf("without a provider %s is %s", local, state)
			}
		})
	}
}
