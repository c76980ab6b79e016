package dhcp

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// TestUpward has one machine ask as every program that was ever recorded, one after the
// other, each as far as a lease: firmware, iPXE, initramfs, systems. Whatever they call
// themselves, the card has one address, reserved or of the pool, also when the server
// was killed between two of them; and an ACK tells what the OFFER told (RFC 2131 4.3.1).
func TestUpward(t *testing.T) {
	requests := recordedRequests(t)
	for card, want := range map[lease.MAC]netip.Addr{web1: ip("192.168.32.11"), visitor: ip("192.168.32.101")} {
		for _, killed := range []bool{false, true} {
			conf := bootable()
			s, now := newServer(t, conf), t0
			dora(t, s, now, stranger) // has the first address of the pool
			var journal []lease.Lease
			for n, discover := range requests {
				now = now.Add(time.Minute)
				discover = bytes.ReplaceAll(discover, web1[:], card[:]) // in identifiers too
				records := upTo(t, s, now, discover, want)
				journal = append(journal, records...)
				if killed && n%3 == 0 {
					s = newServer(t, conf)
					for _, l := range journal {
						s.Restore(l)
					}
				}
			}
		}
	}
}

// upTo takes a lease with a DISCOVER and the REQUEST that is made of it, and returns
// what was recorded.
func upTo(t *testing.T, s *Server, now time.Time, discover []byte, want netip.Addr) []lease.Lease {
	t.Helper()
	out := new(Outcome)
	s.Handle(now, 0, lease.MAC{}, discover, out)
	offer, err := readMessage(bytes.Clone(out.Reply))
	if err != nil || !offer.is(packet.Offer) || offer.yiaddr() != want {
		t.Fatalf("%q is offered %s (%v, %s), want %s", Describe(discover), out.Addr, err, out.Reason, want)
	}
	request := bytes.Clone(discover)
	kind := bytes.Index(request, []byte{53, 1, 1})
	request[kind+2] = byte(packet.Request)
	end := bytes.LastIndexByte(request, 255)
	request = slices.Concat(request[:end], []byte{50, 4}, want.AsSlice(), []byte{54, 4}, offer.options[54], []byte{255})
	s.Handle(now, 0, lease.MAC{}, request, out)
	ack, err := readMessage(out.Reply)
	if err != nil || !ack.is(packet.ACK) || ack.yiaddr() != want {
		t.Fatalf("%q was offered %s and then told %v (%s)", Describe(request), want, Describe(out.Reply), out.Reason)
	}
	for _, code := range slices.Concat(offer.order, ack.order) {
		if code != 53 && !bytes.Equal(offer.options[code], ack.options[code]) {
			t.Errorf("%q: option %d is %x in the OFFER and %x in the ACK", Describe(discover), code, offer.options[code], ack.options[code])
		}
	}
	if !bytes.Equal(offer.raw[20:24], ack.raw[20:24]) || !bytes.Equal(offer.raw[44:236], ack.raw[44:236]) {
		t.Errorf("%q: siaddr or the file differ between OFFER and ACK", Describe(discover))
	}
	return slices.Clone(out.Records)
}
