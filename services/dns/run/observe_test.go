package run

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dns/resolver"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// TestObserverLooksAtSome has two clients ask more than is looked at, in each of two seconds: so many of each
// second are counted and no more, and what was rejected is not.
func TestObserverLooksAtSome(t *testing.T) {
	o := newObserver()
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	name, err := wire.ParseText("www.example.net")
	if err != nil {
		t.Fatal(err)
	}
	var q wire.Query
	q.Ask(name, wire.TypeA, 0)
	for second := range 2 {
		for i := range looked + 500 {
			e := resolver.Event{
				At:    at.Add(time.Duration(second)*time.Second + time.Duration(i)*time.Microsecond),
				Query: &q, From: netip.MustParseAddrPort("192.0.2.1:1024"), What: resolver.Local,
			}
			switch {
			case i%4 == 3:
				e.What = resolver.Rejected
			case i%2 == 1:
				e.From = netip.MustParseAddrPort("192.0.2.2:1024")
			}
			o.observe(e)
		}
	}
	tops := o.tops()
	if got := fmt.Sprint(tops.Looked, tops.Names); got != "2000 [{www.example.net. 2000 0}]" {
		t.Error(got)
	}
	if got := fmt.Sprint(tops.Clients); got != "[{192.0.2.1 1334 0} {192.0.2.2 666 0}]" {
		t.Error(got)
	}
}
