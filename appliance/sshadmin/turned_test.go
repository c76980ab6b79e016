package sshadmin

import (
	"net/netip"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
)

func TestCrowd(t *testing.T) {
	var d turned
	from := func(a string) source { return sourceOf(netip.MustParseAddr(a), ethernet.MAC{}) }
	a, b := from("192.0.2.7"), from("2001:db8::1:2:3:4")
	for i := range crowdSize - 1 {
		d.note(a, time.Duration(i)*time.Second)
	}
	now := (crowdSize - 1) * time.Second
	if got := d.crowd(now); got != "" {
		t.Errorf("%d are a crowd: %s", crowdSize-1, got)
	}
	d.note(b, now)
	want := "A crowd is at the door: 20 connections were ended within half a minute before they had logged in, of 192.0.2.7 (19), 2001:db8::/64 (1)."
	if got := d.crowd(now); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if got := d.crowd(now + crowdTime); got != "" {
		t.Errorf("half a minute later: %s", got)
	}
	for i := range 2 * keptTurned {
		d.note(sourceOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 5)}), ethernet.MAC{}), now)
	}
	want = "A crowd is at the door: 256 or more connections were ended within half a minute before they had logged in, " +
		"of 192.0.2.1 (52), 192.0.2.0 (51), 192.0.2.2 (51) and 2 more."
	if got := d.crowd(now); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
