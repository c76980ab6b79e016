package run

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/wan/wantest"
)

// A difference is what others have otherwise than this client in their messages, and why it is so. What is in
// no difference is the same in all messages of all of them.
type difference struct {
	item, ours string
	theirs     []string // client: value, and in which messages
	why        string
}

// differences are all that there are. An order of options means nothing, but that 53 comes first, which it
// does in all.
func differences() []difference {
	const (
		all        = "DISCOVER SELECTING INIT-REBOOT RENEWING RELEASE"
		asking     = "DISCOVER SELECTING INIT-REBOOT RENEWING"
		multicast  = "DISCOVER SELECTING INIT-REBOOT"
		alone      = "RENEWING RELEASE" // sent to the server alone, by others through a socket of the kernel
		asksUDHCPC = "DISCOVER SELECTING RENEWING"
	)
	return []difference{
		{"ip flags", "0", []string{"udhcpc: DF in " + alone, "dhclient: DF in " + alone, "networkd: DF in " + alone},
			"a server may be behind a path that takes less than the link, and nobody here hears its ICMP"},
		{"ip id", "0", []string{"udhcpc: any in " + alone, "dhclient: any in " + alone, "networkd: any in " + alone},
			"there is one message a minute at most, so that pieces of two do not meet (RFC 6864 4.2)"},
		{"ip tos", "0x0", []string{"dhclient: 0x10 in " + multicast, "networkd: 0xc0 in " + all},
			"providers that want DHCP marked want it at the frame: priority of [wan]"},
		{"ip ttl", "64", []string{"dhclient: 128 in " + multicast}, "what the kernel has (RFC 1700)"},
		{"secs", "0", []string{"networkd: 1 in DISCOVER"},
			"RFC 2131 table 5: since the client began. A server or relay that waits for others is there at the second DISCOVER"},
		{"size", "300", []string{"networkd: less in " + all},
			"RFC 1542 2.1: older relays and servers drop messages shorter than BOOTP's"},
		{"option 12", "none", []string{"networkd: box in " + asking},
			"a provider is told no name, unless it insists: hostname of [wan]"},
		{"option 54", "c0000201", []string{"networkd: none in RELEASE"}, "RFC 2131 table 5: MUST"},
		{"option 55", "1 121 249 3 6 15 26 28 42 51 58 59 119", []string{
			"udhcpc: 1 3 6 12 15 28 42 in " + asksUDHCPC, "dhclient: 1 28 2 3 15 6 12 in " + asking, "networkd: 1 3 6 12 15 33 42 120 121 in " + asking},
			"what is believed of a provider, routes before routers (RFC 3442), and times, which some send only when asked. " +
				"Its name for the box, classful routes and telephony are not: request of [wan]"},
		{"option 57", "1472", []string{"udhcpc: 576 in " + asksUDHCPC, "dhclient: none in " + asking},
			"so that routes and domains have room: what fits into a frame of Ethernet"},
		{"option 60", "none", []string{"udhcpc: udhcp in " + asksUDHCPC},
			"some providers give another lease, or none, to a kind of box that they do not know: vendor-class of [wan]"},
		{"option 61", "0100005e005301", []string{"dhclient: none in " + all, "networkd: ff, of the machine in " + all},
			"the card's address, as most home routers have it. A lease follows the card that the provider knows: client-id of [wan]"},
	}
}

// items are what a message has, by name: fields of the headers, and options.
func items(m *wantest.Message) map[string]string {
	b := m.Bytes
	size := len(b) - int(b[0]&15)*4 - 8
	all := map[string]string{
		"ip tos": fmt.Sprintf("%#x", b[1]), "ip ttl": fmt.Sprint(b[8]), "ip flags": [...]string{"0", "MF", "DF", "both"}[b[6]>>5&3],
		"ip id": map[bool]string{true: "0", false: "any"}[b[4] == 0 && b[5] == 0],
		"from":  m.From.String(), "to": m.To.String(), "size": map[bool]string{true: "less", false: fmt.Sprint(size)}[size < 300],
		"hardware": fmt.Sprint(m.HType, " ", m.HLen, " ", ethernet.MAC(m.CHAddr[:6])), "hops": fmt.Sprint(m.Hops),
		"flags": fmt.Sprintf("%#04x", m.Flags), "ciaddr": m.CIAddr.String(), "first option": fmt.Sprint(m.Options[0].Code),
		"other addresses": fmt.Sprint(m.YIAddr, " ", m.SIAddr, " ", m.GIAddr), "names": fmt.Sprintf("%q %q", m.SName, m.File),
	}
	if kind(m) == discover { // with the others it depends on how fast the server was
		all["secs"] = fmt.Sprint(m.Secs)
	}
	for _, o := range m.Options {
		all[fmt.Sprint("option ", o.Code)] = valueOf(o)
	}
	return all
}

// valueOf is the value of an option, without what the machine has to do with it.
func valueOf(o packet.Option) string {
	switch {
	case o.Code == packet.OptionRequestList:
		return strings.Trim(fmt.Sprint(slices.Collect(wide(o.Data))), "[]")
	case o.Code == packet.OptionMaxSize && len(o.Data) == 2:
		return fmt.Sprint(binary.BigEndian.Uint16(o.Data))
	case o.Code == packet.OptionClientID && o.Data[0] == 0xff:
		return "ff, of the machine"
	case o.Code == packet.OptionVendorClass:
		name, _, _ := strings.Cut(string(o.Data), " ")
		return name // without its version
	case o.Code == packet.OptionHostName:
		return string(o.Data)
	}
	return fmt.Sprintf("%x", o.Data)
}

func wide(b []byte) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for _, n := range b {
			if !yield(int(n)) {
				return
			}
		}
	}
}

// compare finds what another client has otherwise.
func compare(ours, theirs map[string]wantest.Message) map[string]map[string][]string {
	found := map[string]map[string][]string{} // by item and value: in which messages
	for _, k := range kinds() {
		m, has := theirs[k]
		own := ours[k]
		if !has {
			continue
		}
		a, b := items(&own), items(&m)
		for item := range union(a, b) {
			if value := orNone(b, item); value != orNone(a, item) {
				if found[item] == nil {
					found[item] = map[string][]string{}
				}
				found[item][value] = append(found[item][value], k)
			}
		}
	}
	return found
}

func orNone(m map[string]string, key string) string {
	if v, has := m[key]; has {
		return v
	}
	return "none"
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// TestBesideOthers has four clients live the same life on the same wire, and compares all that they say.
func TestBesideOthers(t *testing.T) {
	heard := map[string]map[string]wantest.Message{}
	for _, peer := range peers() {
		t.Run(peer.name, func(t *testing.T) {
			p := newPair(t)
			peer.live(p)
			heard[peer.name] = p.heard
		})
	}
	if t.Failed() {
		return
	}
	theirs := map[string][]string{} // by item
	for _, peer := range peers()[1:] {
		for item, values := range compare(heard["ours"], heard[peer.name]) {
			for _, value := range slices.Sorted(maps.Keys(values)) {
				theirs[item] = append(theirs[item], fmt.Sprintf("%s: %s in %s", peer.name, value, strings.Join(values[value], " ")))
			}
		}
	}
	for _, d := range differences() {
		if got := theirs[d.item]; !slices.Equal(got, d.theirs) {
			t.Errorf("%s:\n  %s\nwant\n  %s", d.item, strings.Join(got, "\n  "), strings.Join(d.theirs, "\n  "))
		}
		delete(theirs, d.item)
		for _, k := range kinds() {
			m := heard["ours"][k]
			if got := orNone(items(&m), d.item); got != d.ours && got != "none" {
				t.Errorf("%s of ours in %s: %q, want %q", d.item, k, got, d.ours)
			}
		}
	}
	for item, lines := range theirs {
		t.Errorf("%s is otherwise, and nobody says why:\n  %s", item, strings.Join(lines, "\n  "))
	}
}
