package main

import (
	"os"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/site"
)

// TestSite: the site that is compared is one, and all of its hosts are in it.
func TestSite(t *testing.T) {
	const n = 10_001
	key, err := os.ReadFile("../../examples/home/authorized_keys")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeSite(dir, n, key); err != nil {
		t.Fatal(err)
	}
	s, err := site.Load(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Hosts) != n {
		t.Errorf("it has %d hosts", len(s.Hosts))
	}
	last := hostAt(n - 1)
	h, ok := s.Host(last.name)
	if !ok || len(h.Addrs) != 1 || h.Addrs[0] != last.addr || len(h.MACs) != 1 || lease.MAC(h.MACs[0]) != last.mac {
		t.Errorf("%+v became %+v", last, h)
	}
}

func TestFigures(t *testing.T) {
	m := measured{changes: []change{{lease: 3}, {lease: 9}, {lease: 1}}}
	of := func(c change) time.Duration { return c.lease }
	if median(m, of) != 3 || most(m, of) != 9 {
		t.Errorf("median %d, most %d", median(m, of), most(m, of))
	}
	if got := relation("%.0f ms", 30, 20); got != "30 ms (1.50)" {
		t.Error(got)
	}
	if got, err := numbers("10,1000"); err != nil || len(got) != 2 || got[1] != 1000 {
		t.Error(got, err)
	}
	if got, err := numbers("10,"); err == nil {
		t.Error(got)
	}
}
