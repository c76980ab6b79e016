package tcpdump

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/pcap"
	"github.com/gatehouse-os/gatehouse/appliance/userland/net/tcpdump/show"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// known chooses the packets of the record that are shown as tcpdump shows them, letter by letter.
const known = `arp or rarp or icmp or (icmp6 and ip6[6] = 58)
	or ((host 10.0.0.2 or 2001:db8::2) and port 9000) or host 192.168.1.5 or (udp and port 9999) or (port 80 and port 81)
	or (port 53 and (port 40001 or 40002)) or port 123 or port 67 or port 2001 or (vlan and (ip or ip6 or arp))`

// TestShown: what tcpdump prints of a file, ours prints.
func TestShown(t *testing.T) {
	file := recorded(t)
	for _, options := range []string{"", "-e", "-q", "-eq", "-t", "-tt", "-ttt", "-tttt", "-ttttt", "-S", "-v", "-vv", "-vS", "-vvS", "-ve", "-vq", "-qe",
		"-c 5", "-c 1 -e", "-XX", "-xx", "-AA", "-vXX", "-tS", "-X", "-x", "-eA", "-vX"} {
		same(t, options, file, known)
	}
	withoutTags, _, _ := strings.Cut(known, " or (vlan")
	for _, link := range []uint32{pcap.Raw, pcap.SLL, pcap.SLL2} {
		file := recordedOf(t, link)
		for _, options := range []string{"", "-e", "-v", "-q", "-X", "-x"} {
			same(t, options, file, withoutTags)
		}
	}
}

// same has both print what a filter chooses of a file.
func same(t *testing.T, options, file, filter string) {
	t.Helper()
	args := append(strings.Fields("-n "+options), "-r", file, filter)
	mine, complaints, status := ours(t, args...)
	want, err := exec.Command(testnet.Need(t, "tcpdump", "tcpdump"), args...).Output()
	if err != nil || status != 0 {
		t.Errorf("%s: status %d, of tcpdump %v\n%s", options, status, err, complaints)
	}
	got, wanted := strings.Split(string(mine), "\n"), strings.Split(string(want), "\n")
	if len(got) < 40 && !strings.Contains(options, "-c") || len(got) != len(wanted) {
		t.Errorf("%s: %d lines, tcpdump prints %d", options, len(got), len(wanted))
	}
	for i := range min(len(got), len(wanted)) {
		if got[i] != wanted[i] {
			t.Errorf("%s:\n%s\ntcpdump:\n%s", options, got[i], wanted[i])
			break
		}
	}
}

// TestTunnel: what is in a tunnel is shown, and no deeper than anybody needs.
func TestTunnel(t *testing.T) {
	inner := frame(t, ip6("2001:db8::1", "2001:db8::2", layers.IPProtocolUDP), udp(1234, 9999), gopacket.Payload("payload!"))
	p := show.New(show.Options{Link: pcap.Raw})
	b := frame(t, ip4("192.0.2.1", "192.0.2.2", layers.IPProtocolIPv6), gopacket.Payload(inner))
	want := "IP 192.0.2.1 > 192.0.2.2: IP6 2001:db8::1.1234 > 2001:db8::2.9999: UDP, length 8"
	if got := p.Packet(b, len(b)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for range 100 {
		b = frame(t, ip4("192.0.2.1", "192.0.2.2", layers.IPProtocolIPv4), gopacket.Payload(b))
	}
	if got := p.Packet(b, len(b)); !strings.Contains(got, "[more packets within]") || len(got) > 1000 {
		t.Errorf("%s", got)
	}
}

// TestCommand: calls that end at once.
func TestCommand(t *testing.T) {
	file := recorded(t)
	for _, c := range []struct {
		args, complaint string
		status          int
	}{
		{"--help", "", 0},
		{"-r " + file + " -c 0", "-c 0: expected a number", 1},
		{"-r " + file + " -s x", "-s x: expected a number", 1},
		{"-r " + file + " -o", "unknown option -o", 1},
		{"-r " + file + " tcp port foo", "filter: column 10: foo: expected a port", 1},
		{"-r " + file + " tcp and (udp or icmp", "filter: column 21: the end: expected )", 1},
		{"-r " + file + " vlan 5000", "filter: column 6: 5000: expected the number of a VLAN", 1},
		{"-r /dev/null", "no file of packets", 1},
		{"-r nosuch", "nosuch: No such file", 1},
		{"-r " + file + " -w /dev/full", "No space left", 1},
		{"-i nosuch0", "nosuch0: there is no such link", 1},
		{"-nr " + file + " -w /nosuch/file", "/nosuch/file: No such file", 1},
	} {
		_, complaints, status := ours(t, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(string(complaints), c.complaint) {
			t.Errorf("%s: status %d, %s", c.args, status, complaints)
		}
	}
}
