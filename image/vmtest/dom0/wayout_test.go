package dom0

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

// leasedWayOut makes the appliance a site whose way out is by DHCP, and then has the provider give another
// address. What the provider's kernel sends in this machine has no complete checksums, and nobody between the
// guests makes them: the appliance has to take them so, in the answers of a DHCP server too.
func leasedWayOut(ctx context.Context, t *testing.T, l *lab) {
	said := l.sh(ctx, t, `
provide 192.0.2.77
trap 'kill $dump || true' EXIT
tcpdump --immediate-mode -i vif$(xl domid firewall).0 -U -w /run/wire 'udp src port 67' 2>/run/tcpdump & dump=$!
until grep -q listening /run/tcpdump; do sleep 0.1; done
tar cf - -C `+l.leased+` . | `+l.ssh("gatehouse apply -")+` >&2
`+l.ssh("gatehouse confirm && until gatehouse wan; do sleep 0.2; done")+` >&2
sleep 0.2; kill $dump; wait $dump || true
tcpdump -nn -vv -r /run/wire`)
	answers := regexp.MustCompile(`192\.0\.2\.1\.67 > .*\.68: \[(.*?)\] BOOTP/DHCP, Reply`).FindAllStringSubmatch(said, -1)
	if len(answers) < 2 {
		t.Errorf("%d answers on the wire, want OFFER and ACK:\n%s", len(answers), said)
	}
	for _, a := range answers {
		if !strings.HasPrefix(a[1], "bad udp cksum") {
			t.Errorf("the provider's checksums are complete, which shows nothing: %s", a[0])
		}
	}
	l.outside = "192.0.2.77"
	l.isSeenAs(ctx, t, l.outside)

	// A conversation through the old address must not hang.
	said = l.sh(ctx, t, `
timeout 60 ip netns exec laptop bash -c '
	exec 3<>/dev/tcp/198.51.100.1/7
	while echo x >&3 && read -r x <&3; do echo $x >/run/talks; sleep 0.2; done' 2>/run/talk & talk=$!
until [ -s /run/talks ]; do sleep 0.1; done
provide 192.0.2.78
`+l.ssh("gatehouse wan renew")+` >&2
ended=0; wait $talk || ended=$?
echo "status $ended"; cat /run/talk`)
	if strings.Contains(said, "status 124") || !strings.Contains(said, "reset by peer") {
		t.Errorf("a conversation through the old address: %s", said)
	}
	l.outside = "192.0.2.78"
	l.isSeenAs(ctx, t, l.outside)
	l.healthy(ctx, t)
}

// keptWayOut cuts the appliance's power.
func keptWayOut(ctx context.Context, t *testing.T, l *lab) {
	l.sh(ctx, t, "xl destroy firewall")
	l.keepsWayOut(ctx, t, func() { l.create(ctx, t, l.home, NativeTSC) })
	l.unchanged(ctx, t)
}

// keepsWayOut starts the appliance, which asks the provider for the address that it had, and for no other.
func (l *lab) keepsWayOut(ctx context.Context, t *testing.T, start func()) {
	t.Helper()
	l.sh(ctx, t, ": >/run/provider")
	start()
	said := l.sh(ctx, t, "cat /run/provider")
	if strings.Contains(said, "DHCPDISCOVER") || !strings.Contains(said, "DHCPACK(eth0) "+l.outside) {
		t.Errorf("the provider was not asked for %s alone:\n%s", l.outside, said)
	}
	l.isSeenAs(ctx, t, l.outside)
}
