package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// A witness notes all that the kernel of a host does with one of its addresses.
type witness struct {
	*ear
	host    *testnet.Namespace
	address netip.Addr
	looked  bool // it has seen the address
	lapses  []string
}

// watchAddress begins; the address is one that the host has, and prefers.
func watchAddress(t *testing.T, host *testnet.Namespace, address string) *witness {
	t.Helper()
	return &witness{ear: listen(&testBox{t: t, Namespace: host}), host: host, address: netip.MustParseAddr(address)}
}

// look reads what has come since the last call: each advertisement with the prefix makes the kernel tell of
// the address.
func (w *witness) look() {
	w.t.Helper()
	for _, m := range w.messages("network") {
		kind := binary.NativeEndian.Uint16(m[4:])
		if kind != unix.RTM_NEWADDR && kind != unix.RTM_DELADDR {
			continue
		}
		all, err := syscall.ParseNetlinkRouteAttr(&syscall.NetlinkMessage{
			Header: syscall.NlMsghdr{Type: kind}, Data: m[unix.NLMSG_HDRLEN:],
		})
		if err != nil {
			w.t.Fatal(err)
		}
		ours, preferred := false, uint32(0)
		for _, a := range all {
			switch a.Attr.Type {
			case unix.IFA_ADDRESS:
				addr, _ := netip.AddrFromSlice(a.Value)
				ours = addr == w.address
			case unix.IFA_CACHEINFO:
				preferred = binary.NativeEndian.Uint32(a.Value)
			}
		}
		if !ours {
			continue
		}
		w.looked = true
		if kind == unix.RTM_DELADDR || preferred == 0 {
			w.lapses = append(w.lapses, fmt.Sprintf("message %d, preferred for %d s", kind, preferred))
		}
	}
}

// promised waits until the address is told of anew, and checks that it was preferred all the time.
func (w *witness) promised(when string) {
	w.t.Helper()
	w.looked = false
	testnet.Eventually(w.t, patience, when+" the address is promised anew", func() bool {
		w.look()
		return w.looked
	})
	// What is told in a burst is told thrice, and differs in nothing.
	time.Sleep(4 * time.Second)
	w.look()
	if len(w.lapses) > 0 {
		w.t.Errorf("%s: %s was not preferred: %q", when, w.address, w.lapses)
	}
	if state := made(w.host)[w.address.String()]; state != "preferred" {
		w.t.Errorf("%s: %s is %q", when, w.address, state)
	}
}

// TestSamePrefix: a host with an address of a prefix that the provider goes on delegating never sees it
// deprecated, whatever of the box is started again, also where there is no address besides.
func TestSamePrefix(t *testing.T) {
	for _, d := range wantest.Delegators() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 1)
			web := h.host(1, "::20")
			wantest.Radvd(t, h.isp, router)
			h.delegates(d, nil, wantest.Pool{Prefix: delegated()[0]})
			h.start(byDelegation())
			prefix := h.prefix("obtained", delegated()[0])
			ours := in(prefix, 1, "::20")
			has(t, "obtained", web, ours)

			w := watchAddress(t, web, ours)
			h.kill("radvd")
			w.promised("radvd is started again")

			h.cut()
			h.plug(1)
			h.boot()
			w.promised("the power is back")
			leads(t, "the power is back", web, true)
			pings(t, "the power is back", web, outside)

			h.end()
			h.gone = true
			h.unplug()
			h.plug(1)
			h.boot()
			w.promised("started again in order")
		})
	}
}
