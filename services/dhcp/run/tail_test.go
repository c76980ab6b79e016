package run

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile/leasefiletest"
)

// TestServesAfterEveryCut cuts the journal at every byte of its last records and has
// the service go on from there: who was promised an address before the cut still has
// it, and nobody else gets it.
func TestServesAfterEveryCut(t *testing.T) {
	const clients, inTail = 5, 2
	whole := new(leasefiletest.Disk)
	had := map[int]string{}
	inBubble(t, config(), whole, nil, func(r *rig) {
		for n := range clients {
			had[n] = r.dora(n)
		}
	})
	b := whole.Bytes(leasefile.Name)
	lines := bytes.SplitAfter(b, []byte("\n"))
	tail := len(bytes.Join(lines[len(lines)-1-inTail:], nil))
	for cut := len(b) - tail; cut <= len(b); cut++ {
		disk := new(leasefiletest.Disk)
		disk.Put(leasefile.Name, b[:cut])
		promised := bytes.Count(b[:cut], []byte("\n")) - 1
		inBubble(t, config(), disk, nil, func(r *rig) {
			holder := map[string]string{}
			for n := range promised {
				back := r.say(ask(n, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(had[n])))))
				if len(back) != 1 || back[0].MessageType() != dhcpv4.MessageTypeAck || back[0].YourIPAddr.String() != had[n] {
					t.Fatalf("cut at %d of %d: client %d had %s and is told %v", cut, len(b), n, had[n], back)
				}
				holder[had[n]] = fmt.Sprint(n)
			}
			for n := promised; n < clients+3; n++ {
				addr := r.dora(n)
				if other, taken := holder[addr]; taken || addr == "" {
					t.Fatalf("cut at %d of %d: client %d is given %q, which client %s has", cut, len(b), n, addr, other)
				}
				holder[addr] = fmt.Sprint(n)
			}
		})
	}
}
