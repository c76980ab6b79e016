package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/radvd/stationfile"
	"github.com/gatehouse-os/gatehouse/services/radvd/stations"
)

// TestFollowStations: which addresses the DNS service is told of, in the order in which they were first seen.
func TestFollowStations(t *testing.T) {
	dir, began := t.TempDir(), time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	var all []stationfile.Station
	for i, kind := range []stations.Kind{stations.EUI64, stations.Other, stations.Stable, stations.EUI64} {
		all = append(all, stationfile.Station{
			Current: i != 3, Kind: kind, Addr: netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)}), MAC: ethernet.MAC{2, 5: byte(i)},
			Network: "lan", First: began.Add(-time.Duration(i) * time.Hour), Last: began,
		})
	}
	if err := stationfile.Write(dir, all); err != nil {
		t.Fatal(err)
	}
	for temporary, want := range map[bool]string{
		false: "[{2001:db8::2 02:00:00:00:00:02} {2001:db8:: 02:00:00:00:00:00}]",
		true:  "[{2001:db8::2 02:00:00:00:00:02} {2001:db8::1 02:00:00:00:00:01} {2001:db8:: 02:00:00:00:00:00}]",
	} {
		f := followStations(dir, temporary)
		got, changed, err := f.Poll()
		if fmt.Sprint(got) != want || !changed || err != nil {
			t.Errorf("temporary %v: %v, changed %v, %v; want %s", temporary, got, changed, err, want)
		}
		if got, changed, err = f.Poll(); got != nil || changed || err != nil {
			t.Errorf("and again: %v, changed %v, %v", got, changed, err)
		}
	}
}
