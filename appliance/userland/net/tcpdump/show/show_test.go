package show

import (
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// ask is a DNS query for a name that would act on a terminal.
func ask() []byte {
	b := []byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00" +
		"\x45\x00\x00\x31\x00\x00\x00\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02" +
		"\x00\x35\x00\x35\x00\x1d\x00\x00\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" +
		"\x05\x1b[2J\n\x00\x00\x01\x00\x01")
	return b
}

// TestEscaped: what a host asks for does nothing to the terminal.
func TestEscaped(t *testing.T) {
	want := `IP 10.0.0.1.domain > gw.domain: 4660+ A? \x1b[2J\x0a. (23)`
	p := New(Options{Link: 1, Host: func(a netip.Addr) string { return map[string]string{"10.0.0.2": "gw"}[a.String()] },
		Port: func(udp bool, port uint16) string { return map[uint16]string{53: "domain"}[port] }})
	b := ask()
	b[17], b[39] = byte(len(b)-14), byte(len(b)-34)
	if got := p.Packet(b, len(b)); !strings.HasPrefix(got, want[:strings.Index(want, " (")]) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestISCSI(t *testing.T) {
	b := make([]byte, 14+20+20+48)
	copy(b, ask()[:14])
	copy(b[14:], "\x45\x00\x00\x58\x00\x00\x00\x00\x40\x06\x00\x00\x0a\x00\x00\x01\x0a\x00\x00\x02\xc3\x50\x0c\xbc\x00\x00\x00\x01\x00\x00\x00\x01\x50\x18\x00\x09")
	pdu := b[54:]
	pdu[0], pdu[9], pdu[19], pdu[32] = 0x01, 2, 7, 0x28
	want := "IP 10.0.0.1.50000 > 10.0.0.2.3260: Flags [P.], seq 1:49, ack 1, win 9, length 48: iSCSI, SCSI Command, itt 0x00000007, data 0, lun 2, cdb 0x28"
	if got := New(Options{Link: 1, Absolute: true}).Packet(b, len(b)); got != want {
		t.Errorf("%s\n%s", got, want)
	}
}

func TestClock(t *testing.T) {
	first := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.Local)
	for style, want := range map[int]string{
		0: "03:04:07.000006 ", 1: "", 3: " 00:00:01.000000 ", 4: "2026-01-02 03:04:07.000006 ", 5: " 00:00:02.000000 ",
	} {
		c := &Clock{Style: style}
		c.Text(first)
		c.Text(first.Add(time.Second))
		if got := c.Text(first.Add(2 * time.Second)); got != want {
			t.Errorf("%d: %q, want %q", style, got, want)
		}
	}
}

// FuzzShow: whatever comes, there is an end of it, and nothing in what is shown acts on a terminal.
func FuzzShow(f *testing.F) {
	for link := range uint8(4) {
		f.Add(ask(), link, uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, link, how uint8) {
		p := New(Options{Link: []uint32{1, 101, 113, 276}[link%4], Verbose: int(how & 3), Header: how&4 != 0, Quiet: how&8 != 0,
			ASCII: int(how >> 4 & 1), Both: int(how >> 5 & 1), LinkName: func(int) string { return "eth\x1b0" }})
		for range 2 {
			s := p.Packet(b, len(b))
			odd := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
			if !utf8.ValidString(s) || strings.ContainsFunc(s, odd) {
				t.Fatalf("%q", s)
			}
			if len(s) > 4096+2000*len(b) {
				t.Fatalf("%d characters of %d bytes", len(s), len(b))
			}
		}
	})
}
