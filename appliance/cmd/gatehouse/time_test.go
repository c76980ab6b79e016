package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/clock"
	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// TestTimeCommands: what people are told while the provider's server gives no time; and that what a box keeps is a clock of
// its own, and not the machine's.
func TestTimeCommands(t *testing.T) {
	w := newWiring(t)
	w.plugLAN()
	w.plugWAN()
	key, err := os.ReadFile(w.dir + "/key.pub")
	if err != nil {
		t.Fatal(err)
	}
	b := startBox(t, w.Namespace, homeSite(t, key))
	b.says("ntp: [init] ready", 1)
	says := func(line string, want ...string) {
		t.Helper()
		var out string
		defer func() { t.Logf("$ gatehouse %s\n%s", line, out) }()
		testnet.Eventually(t, patience, line+" says "+strings.Join(want, ", "), func() bool {
			out = b.gatehouse(strings.Fields(line)...)
			for _, text := range want {
				if !strings.Contains(out, text) {
					return false
				}
			}
			return true
		})
	}
	says("time", "Not synchronised for ", "- 192.0.2.123 has not answered yet", "! The clock is not synchronised: ")
	says("time why", "The clock is not synchronised: ", "192.0.2.123\n   It has not answered yet.\n")
	says("time clients", "Nobody has asked for the time yet.\n")
	says("status", "time            not synchronised for ")
	says("host web1", "ntp-server 192.168.32.1\n")

	var r clock.Report
	if err := json.Unmarshal([]byte(b.gatehouse("time", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	if ahead := time.Until(r.Clock.Time); (ahead-clockAhead).Abs() > time.Hour || r.Clock.Steps != 0 {
		t.Errorf("the box keeps a clock that is %v ahead of the machine's, want %v; it was set %d times", ahead, clockAhead, r.Clock.Steps)
	}
}
