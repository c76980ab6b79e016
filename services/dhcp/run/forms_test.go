package run_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/ethernet"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// A form is a message as some program writes it: it says what another says, and not as RFC 2131 and 2132 have
// it.
type form struct {
	name    string
	write   func(p []byte) []byte // of a message without options
	refused string                // why this server does not answer; "": it does
}

func says(options ...string) func(p []byte) []byte {
	return func(p []byte) []byte { return append(p, strings.Join(options, "")...) }
}

// within has a field of the header, and then options.
func within(at int, field string, options ...string) func(p []byte) []byte {
	return func(p []byte) []byte {
		copy(p[at:], field)
		return says(options...)(p)
	}
}

const (
	isDiscover = "\x35\x01\x01"
	end        = "\xff"
)

// discovers are forms of DISCOVER.
func discovers() []form {
	const hardware = "the address is not that of an Ethernet card"
	return []form{
		{"plain", says(isDiscover, end), ""},
		{"without End", says(isDiscover), ""},
		{"a last option that is longer than the message", says(isDiscover, "\x0c\x09pc"), ""},
		{"a last option without length", says(isDiscover, "\x0c"), ""},
		{"an option that is longer than the message, and End", says(isDiscover, "\x3c\xc8xx", end, "\x00\x00\x00"), ""},
		{"the type behind such an option", says("\x3c\xc8xx", isDiscover, end), "there is no type that can be read"},
		{"the type twice", says(isDiscover, isDiscover, end), ""},
		{"a type of two bytes", says("\x35\x02\x01\x00", end), ""},
		{"the type behind others", says("\x3d\x01\x01", isDiscover, end), ""},
		{"rubbish behind the card", within(34, "\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad", isDiscover, end), ""},
		{"overload of a file field that is empty", says(isDiscover, "\x34\x01\x01", end), ""},
		{"overload of one that is rubbish", within(108, strings.Repeat("x", 128), isDiscover, "\x34\x01\x01", end), ""},
		{"the type in sname", within(44, isDiscover+end, "\x34\x01\x03", end), ""},
		{"names that fill their fields", within(44, strings.Repeat("x", 192), isDiscover, end), ""},
		{"all reserved flags", within(10, "\x7f\xff", isDiscover, end), ""},
		{"200 hops", within(3, "\xc8", isDiscover, end), ""},
		{"yiaddr and siaddr", within(16, "\x0a\x14\x46\x01\x0a\x14\x00\x02", isDiscover, end), ""},
		{"takes messages of 0 bytes", says(isDiscover, "\x39\x02\x00\x00", end), ""},
		{"a size of one byte", says(isDiscover, "\x39\x01\x09", end), ""},
		{"takes messages of 65535 bytes", says(isDiscover, "\x39\x02\xff\xff", end), ""},
		{"asks for no option, by an empty list", says(isDiscover, "\x37\x00", end), ""},
		{"an empty identifier", says(isDiscover, "\x3d\x00", end), ""},
		{"asks for 0.0.0.0", says(isDiscover, "\x32\x04\x00\x00\x00\x00", end), ""},
		{"a message as long as its link takes", says(isDiscover, end, strings.Repeat("\x00", 1228)), ""},
		{"hardware type 6, IEEE 802", within(1, "\x06", isDiscover, end), hardware},
		{"a hardware address of 16 bytes", within(2, "\x10", isDiscover, end), hardware},
	}
}

// requests are forms of the REQUEST that takes an offer.
func requests(offered netip.Addr) []form {
	const isRequest = "\x35\x01\x03"
	asked, server := "\x32\x04"+string(offered.AsSlice()), "\x36\x04"+string(benchServer.AsSlice())
	return []form{
		{"plain", says(isRequest, asked, server, end), ""},
		{"the server twice", says(isRequest, asked, server, server, end), ""},
		{"the address twice", says(isRequest, asked, asked, server, end), ""},
		{"all twice", says(isRequest, asked, server, isRequest, asked, server, end), ""},
		{"an address of five bytes", says(isRequest, "\x32\x05"+string(offered.AsSlice()), "\x00", server, end), ""},
		{"and an option that is longer than the message", says(isRequest, asked, server, "\x37\x40\x01\x03"), ""},
		{"another server before this one", says(isRequest, asked, "\x36\x04", string(benchOther.AsSlice()), server, end), "the first counts, and it is another"},
	}
}

// TestForms sends messages in forms that deployed programs give them to three servers. What both of the
// others answer is answered here, or there is a reason why not; what neither answers is not.
func TestForms(t *testing.T) {
	answered := map[string]map[string]byte{}
	note := func(b *bench, name string, card lease.MAC, f form, want byte) {
		got := b.answers(card, f.write)
		if answered[name] == nil {
			answered[name] = map[string]byte{}
		}
		answered[name][b.name] = got
		if b.name == "here" && ((got == want) != (f.refused == "") || got != want && got != 0) {
			t.Errorf("%s: %s answers with type %d (%s)", name, b.name, got, f.refused)
		}
	}
	for _, start := range benches() {
		b := start(t)
		for _, f := range discovers() {
			note(b, "DISCOVER, "+f.name, b.card(), f, offer)
		}
		for i, f := range requests(benchServer) {
			card := b.card()
			f = requests(b.ask(query{kind: discover, card: card}).yiaddr)[i]
			note(b, "REQUEST, "+f.name, card, f, ack)
		}
	}
	for name, by := range answered {
		t.Logf("%-64s dnsmasq %d, dhcpd %d, here %d", name, by["dnsmasq"], by["dhcpd"], by["here"])
		if by["here"] != 0 && by["dnsmasq"] == 0 && by["dhcpd"] == 0 {
			t.Errorf("%s: neither dnsmasq nor dhcpd answers that", name)
		}
	}
}

// answers sends a message whose options somebody writes, and returns the type of the answer, 0 for silence.
func (b *bench) answers(card lease.MAC, write func(p []byte) []byte) byte {
	b.t.Helper()
	b.xid++
	q := query{kind: discover, card: card}
	p := write(q.bytes(b.xid)[:240:240])
	frame := append(bytes.Join([][]byte{everybody(), card[:]}, nil), 8, 0)
	frame = ethernet.AppendDatagram(frame, netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), p)
	if err := unix.Sendto(b.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: b.link, Halen: 6}); err != nil {
		b.t.Fatalf("%s: send: %v", b.name, err)
	}
	return b.answerTo(b.xid).kind
}

func everybody() []byte { all := ethernet.Everybody(); return all[:] }
