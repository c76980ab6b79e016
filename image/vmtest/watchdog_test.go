package vmtest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// fed waits until status says that the watchdog is armed, and content. That of QEMU stands in for Xen's,
// which the same code feeds.
func (d *twoDisks) fed(ctx context.Context, t *testing.T) {
	t.Helper()
	testnet.Eventually(t, Guard, "the watchdog is fed", func() bool {
		text, _ := d.admin.run(ctx, "gatehouse status") // that nobody gives the time is a problem
		return strings.Contains(text, "i6300ESB timer, fed while dhcp and dns answer")
	})
}

// hangingServices lets those hang that the watchdog waits for, which is mended by starting them again.
func hangingServices(ctx context.Context, t *testing.T, d *twoDisks) {
	d.fed(ctx, t)
	essential := []string{"dhcp", "dns"}
	var before []service
	for _, name := range essential {
		before = append(before, d.admin.service(ctx, t, name))
	}
	d.admin.must(ctx, t, fmt.Sprintf("kill -STOP %d %d", before[0].PID, before[1].PID))
	for i, name := range essential {
		testnet.Eventually(t, Guard, name+" is ready again", func() bool {
			now := d.admin.service(ctx, t, name)
			return now.State == "ready" && now.Restarts == before[i].Restarts+1
		})
		saysAll(t, "the console", d.vm.Text(), name+": [init] has not answered for 6s: starting it again")
	}
}

// noRoom makes two tables of the kernel too small for a moment, which status says afterwards, and that a
// service other than those that the watchdog waits for was stopped.
func noRoom(ctx context.Context, t *testing.T, d *twoDisks) {
	// In one session, for another would find no place either.
	d.admin.must(ctx, t, `cd /proc/sys/net
most=$(cat netfilter/nf_conntrack_max)
echo 1 > netfilter/nf_conntrack_max
for n in 1 2 3; do ping -c 1 -W 1 192.168.32.20$n; done
echo $most > netfilter/nf_conntrack_max
hosts=$(cat ipv4/neigh/default/gc_thresh3)
echo 1 > ipv4/neigh/default/gc_thresh3
for n in 1 2 3 4 5 6; do ping -c 1 -W 1 192.168.32.20$n & done
wait
echo $hosts > ipv4/neigh/default/gc_thresh3`)
	says := func(want string) {
		t.Helper()
		testnet.Eventually(t, Guard, "status says "+want, func() bool {
			text, _ := d.admin.run(ctx, "gatehouse status") // it reports a problem
			return regexp.MustCompile(want).MatchString(text)
		})
	}
	says("! packets dropped for want of a place among the conversations: ")
	says("! IPv4 hosts not reached for want of a place among the neighbours: ")
	nflog := d.admin.service(ctx, t, "nflog")
	d.admin.must(ctx, t, fmt.Sprintf("kill -STOP %d", nflog.PID))
	says("! service nflog (does not answer within|has not answered for) ")
	if text, _ := d.admin.run(ctx, "gatehouse status"); strings.Contains(text, "counters of the kernel") {
		t.Errorf("not all counters are read:\n%s", text)
	}
	testnet.Eventually(t, Guard, "nflog is ready again", func() bool {
		now := d.admin.service(ctx, t, "nflog")
		return now.State == "ready" && now.Restarts == nflog.Restarts+1
	})
}

// resetBox makes it impossible for the DHCP server to start: it cannot read its journal, until the next boot
// puts that right. That boot comes by a reset, which the appliance tells of afterwards.
func resetBox(ctx context.Context, t *testing.T, d *twoDisks) {
	rebooted(ctx, t, d.admin, func() error {
		dhcp := d.admin.service(ctx, t, "dhcp")
		if _, err := d.admin.run(ctx, fmt.Sprintf("chmod 0 /perm/dhcp; kill %d", dhcp.PID)); err != nil {
			return err
		}
		const starved = "dhcp has not answered for 36s: it is not fed any more, and resets this box within 12s"
		for _, said := range []string{starved, invitation} {
			if _, err := d.vm.Expect(ctx, said); err != nil {
				return err
			}
		}
		return nil
	})
	testnet.Eventually(t, Guard, "the watchdog is armed again", func() bool {
		text, _ := d.admin.run(ctx, "gatehouse status") // it reports a problem
		return strings.Contains(text, "i6300ESB timer, fed for another") && strings.Contains(text, "! the watchdog has reset this box: dhcp has not answered for 36s")
	})
	d.unchanged(ctx, t)
}

// service is what status says of one, also while it says that something is wrong.
func (a admin) service(ctx context.Context, t *testing.T, name string) service {
	t.Helper()
	var found []service
	testnet.Eventually(t, Guard, "init tells of service "+name, func() bool {
		var s status
		a.json(ctx, t, "gatehouse status --json || true", &s)
		found = slices.DeleteFunc(s.Services, func(s service) bool { return s.Name != name })
		return len(found) == 1
	})
	return found[0]
}
