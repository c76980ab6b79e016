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

func TestMemory(t *testing.T) {
	m, err := parseMemory("Name:\tx\nVmHWM:\t  30 kB\nVmRSS:\t  20 kB\nRssAnon:\t  12 kB\nRssFile:\t   8 kB\nRssShmem:\t  0 kB\n")
	if want := (memory{20 << 10, 30 << 10, 12 << 10, 8 << 10}); err != nil || m != want {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := parseMemory("Name:\tx\nState:\tZ (zombie)\n"); err == nil {
		t.Errorf("%+v was read of a process that has ended", m)
	}
	if got := together([]memory{{own: 5, mapped: 8}, {own: 3, mapped: 9}}); got != 17 {
		t.Errorf("together %d", got)
	}
	if used, err := cpu([]int{os.Getpid()}); err != nil || used <= 0 {
		t.Errorf("CPU %v, %v", used, err)
	}
}
