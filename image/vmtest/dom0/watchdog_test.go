package dom0

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/image/xen"
	"github.com/gatehouse-os/gatehouse/site/xl"
)

// quickWatchdog is a setting of xl create with which the watchdog waits for 10 s instead of a minute.
var quickWatchdog = "cmdline=" + xl.Quote(xen.KernelArgs(true)+" gatehouse.watchdog=10")

// watchdog starts the appliance with two processors, and makes it impossible for its DHCP server to start.
// Nobody feeds Xen's watchdog then: xl starts the domain anew, which puts the cause right, and the appliance
// tells why it was reset. At the end its power is cut.
func watchdog(ctx context.Context, t *testing.T, l *lab) {
	l.create(ctx, t, l.home, slices.Concat(twoProcessors, []string{NativeTSC, quickWatchdog})...)
	l.hasTwoProcessors(ctx, t)
	l.unchanged(ctx, t)
	l.awaitConsole(ctx, t, "watchdog: [init] xen_wdt is armed: not fed for 10s, it resets this box")
	l.sh(ctx, t, "id=$(xl domid firewall); "+l.ssh(fmt.Sprintf("chmod 0 /perm/dhcp; kill %d", l.dhcp(ctx, t)))+
		"; while [ $(xl domid firewall 2>/dev/null || echo $id) = $id ]; do sleep 0.5; done; grep 'reason code 4 ' /var/log/xen/xl-firewall.log")
	l.up(ctx, t)
	text := l.sh(ctx, t, l.ssh("gatehouse status")+" || true")
	if want := "! the watchdog has reset this box: dhcp has not answered for "; !strings.Contains(text, want) {
		t.Errorf("gatehouse status does not say %q:\n%s", want, text)
	}
	l.sameLaptop(t, l.lease(ctx, t, "laptop"))
	l.sh(ctx, t, "xl destroy firewall")
}

// dhcp is the process of the DHCP server.
func (l *lab) dhcp(ctx context.Context, t *testing.T) int {
	t.Helper()
	var s struct {
		Services []struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
		} `json:"services"`
	}
	out := l.fw(ctx, t, "gatehouse status --json")
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("gatehouse status --json: %v\n%s", err, out)
	}
	for _, service := range s.Services {
		if service.Name == "dhcp" && service.PID > 1 {
			return service.PID
		}
	}
	t.Fatalf("dhcp has no process:\n%s", out)
	return 0
}
