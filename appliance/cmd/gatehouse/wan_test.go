package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// startByDHCP starts the box with a way out by DHCP, and with hooks: names and what they do.
func (w *wiring) startByDHCP(hooks ...[2]string) {
	w.t.Helper()
	key, err := os.ReadFile(w.dir + "/key.pub")
	if err != nil {
		w.t.Fatal(err)
	}
	site := homeSite(w.t, key)
	toml := filepath.Join(site, "site.toml")
	text := read(w.t, toml)
	for _, change := range [][2]string{
		{`ipv4      = "192.0.2.10/24"`, `ipv4      = "dhcp"`}, {`gateway   = "192.0.2.1"`, ""}, {`upstream = ["192.0.2.53"]`, `upstream = "wan"`},
	} {
		if !strings.Contains(text, change[0]) {
			w.t.Fatalf("the example site has no %s", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	var names []string
	for _, h := range hooks {
		names = append(names, strconv.Quote(h[0]))
		if err := os.WriteFile(filepath.Join(site, h[0]), []byte("#!/bin/sh\n"+h[1]), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	if len(names) > 0 {
		text = strings.Replace(text, "[wan]\n", "[wan]\nhooks = ["+strings.Join(names, ", ")+"]\n", 1)
	}
	if err := os.WriteFile(toml, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.image = site
	w.testBox = startBox(w.t, w.Namespace, site)
}

// has waits until the box has an address upstream, and a way out.
func (w *wiring) has(when, address string) {
	w.t.Helper()
	testnet.Eventually(w.t, patience, when+" the box has "+address, func() bool {
		out, _ := w.Try("ip", "-4", "-o", "addr", "show", "dev", "eth0")
		routes, _ := w.Try("ip", "-4", "route", "show", "default")
		return strings.Contains(out, "inet "+address+"/24") && strings.Contains(routes, "via 192.0.2.1 dev eth0")
	})
}

// TestWayOutByDHCP: the box has its address of a provider, whose server is any, everything follows it, it is
// renewed, and it follows another.
func TestWayOutByDHCP(t *testing.T) {
	for _, p := range wantest.Providers() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			w := newWiring(t)
			w.plugLAN()
			w.plugWAN()
			server := p.Start(t, w.wan, "192.0.2.20")
			w.startByDHCP()
			w.has("at first", "192.0.2.20")
			w.works("with the first address")
			testnet.Eventually(t, patience, "the provider's resolver is asked", func() bool {
				return strings.Contains(w.gatehouse("dns"), "192.0.2.1")
			})
			if out := w.gatehouse("wan", "renew"); !strings.Contains(out, "renew: server 192.0.2.1 renewed 192.0.2.20/24: ") {
				t.Errorf("asked to renew:\n%s", out)
			}

			// The provider gives another, and says no to the one that we have.
			server.Signal(9)
			_ = server.Wait(t.Context())
			p.Start(t, w.wan, "192.0.2.21")
			w.wan.Down("eth0")
			time.Sleep(200 * time.Millisecond) // the cable is out
			w.wan.Up("eth0")
			w.has("renumbered", "192.0.2.21")
			out, _ := w.Try("ip", "-4", "-o", "addr", "show", "dev", "eth0")
			if strings.Contains(out, "192.0.2.20") {
				t.Errorf("the old address is still there:\n%s", out)
			}
			w.works("with another address")
			w.unbrokenOf(len(homePlan(t).Services) + 1)
		})
	}
}
