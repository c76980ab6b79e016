package tcpdump

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// known chooses the packets of the record that are shown as tcpdump shows them, letter by letter.
const known = `arp or rarp or icmp or (icmp6 and ip6[6] = 58)
	or ((host 10.0.0.2 or 2001:db8::2) and port 9000) or host 192.168.1.5 or (udp and port 9999) or (port 80 and port 81)
	or (port 53 and (port 40001 or 40002)) or port 123 or port 67 or port 2001 or (vlan and (ip or ip6 or arp))`

// TestShown: what tcpdump prints of a file, ours prints.
func TestShown(t *testing.T) {
	peer, file := testnet.Need(t, "tcpdump", "tcpdump"), recorded(t)
	for _, options := range []string{"", "-e", "-q", "-eq", "-t", "-tt", "-ttt", "-tttt", "-ttttt", "-S", "-v", "-vv", "-vS", "-vvS", "-ve", "-vq", "-qe",
		"-c 5", "-c 1 -e", "-XX", "-xx", "-AA", "-vXX", "-tS"} {
		args := append(strings.Fields("-n "+options), "-r", file, known)
		mine, complaints, status := ours(t, args...)
		want, err := exec.Command(peer, args...).Output()
		if err != nil || status != 0 {
			t.Errorf("%s: status %d, of tcpdump %v\n%s", options, status, err, complaints)
		}
		// The packets that are cut, and so their bytes, are not in here: what is left of them is shown each in its own way.
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
		{"-r nosuch", "nosuch: no such file", 1},
		{"-r " + file + " -w /dev/full", "no space left", 1},
		{"-i nosuch0", "nosuch0: there is no such link", 1},
		{"-nr " + file + " -w /nosuch/file", "/nosuch/file: no such file", 1},
	} {
		_, complaints, status := ours(t, strings.Fields(c.args)...)
		if status != c.status || !strings.Contains(string(complaints), c.complaint) {
			t.Errorf("%s: status %d, %s", c.args, status, complaints)
		}
	}
}
