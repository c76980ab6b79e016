package nft_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestNmapFindsNothing from the WAN, in either family: no port is open or closed, no protocol answers. From
// the LAN the same scan finds what is there, so that it would.
func TestNmapFindsNothing(t *testing.T) {
	t.Parallel()
	nmap := testnet.Need(t, "nmap", "nmap")
	l := newLab(t, twoLANs(t))
	scan := func(from netns, args ...string) string {
		return from.Run(nmap, append([]string{"-n", "-Pn", "-T5", "--max-retries", "0", "-oG", "-"}, args...)...)
	}
	for _, target := range [][]string{{wanBox4}, {"-6", wanBox6}} {
		for _, kind := range [][]string{{"-sS", "--top-ports", "200"}, {"-sA", "-p", "22,53,80,443"}, {"-sU", "-p", "53,67,68,123,161,546,547,5353"}} {
			out := scan(l.wan, slices.Concat(kind, target)...)
			if !strings.Contains(out, "Host:") || answered(out) {
				t.Errorf("nmap %s %s:\n%s", kind, target, out)
			}
		}
	}
	for _, target := range [][]string{{lanBox4}, {"-6", lanBox6}} {
		if out := scan(l.lan, slices.Concat([]string{"-sS", "--top-ports", "200"}, target)...); !strings.Contains(out, "22/open/tcp") {
			t.Errorf("nmap from the LAN, %s:\n%s", target, out)
		}
	}
}

// answered reports whether a port is known to be there: silence is "filtered", and in UDP "open|filtered".
func answered(out string) bool {
	return slices.ContainsFunc([]string{"/open/", "/closed/", "/unfiltered/", "State: closed", "State: unfiltered"}, func(s string) bool { return strings.Contains(out, s) })
}
