package dom0

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// netbootGuests starts two guests as what the site says they are, hosts that boot from the network, with the
// configurations that the appliance prints for them. web2 is what they are by default, a machine with
// firmware: its iPXE asks for an address, attaches the disk and runs the script. It has no screen, whose
// every letter would be a trap. web1 is a PV guest, to which emulation is kinder, and boots Debian from its
// disk on the store.
//
// What is added to the configurations, or replaced in them, are paths, sizes, and what only saves time.
//
// The appliance beside them is a PV guest, too. Beside a PVH one, which like HVM needs the processor's SVM,
// one of a dozen runs saw the appliance die of a triple fault where nothing can fault: between an RDTSC,
// which Xen emulates, and the shift after it. With one such guest at a time it was never seen.
func netbootGuests(ctx context.Context, t *testing.T, l *lab) {
	l.serveDisks(ctx, t)
	hvm := l.fw(ctx, t, "gatehouse host web2 --xl")
	l.sh(ctx, t, "printf %s "+Quote(hvm)+" >/root/web2.cfg; xl create /root/web2.cfg memory=128 "+Quote(NativeTSC)+" "+Quote(`vga="none"`)+" >&2")
	l.bootWeb1(ctx, t)
	told, err := url.QueryUnescape(l.sh(ctx, t, "until [ -s /run/ipxe ]; do sleep 0.5; done; cat /run/ipxe; xl destroy web2"))
	const want = "web2,192.168.32.12,iqn.2011-03.example.home:web2,iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web2.root"
	if told != want || err != nil {
		t.Errorf("iPXE says %s instead of %s (%v), after a start with\n%s", told, want, err, hvm)
	}
	l.gone(ctx, t, "web2")
	l.sh(ctx, t, "kill $(pidof tgtd)")
}

// netbootGuest is netbootGuests with the one of them that goes all the way.
func netbootGuest(ctx context.Context, t *testing.T, l *lab) {
	l.serveDisks(ctx, t)
	l.bootWeb1(ctx, t)
	l.sh(ctx, t, "kill $(pidof tgtd)")
}

// bootWeb1 starts web1, and reads what it says of itself when Debian is up.
func (l *lab) bootWeb1(ctx context.Context, t *testing.T) {
	t.Helper()
	pv := strings.NewReplacer("/srv/netboot", l.store, "console=hvc0", "console=hvc0 quiet").Replace(l.fw(ctx, t, "gatehouse host web1 --xl=pv"))
	said := l.sh(ctx, t, "printf %s "+Quote(pv)+" >/root/web1.cfg; xl create -c /root/web1.cfg memory=256 "+Quote(NativeTSC)+" </dev/null")
	report := regexp.MustCompile(`NETBOOT-OK (.*)`).FindStringSubmatch(said)
	if report == nil {
		t.Fatalf("no report:\n%s\nafter a start with\n%s", said, pv)
	}
	for _, want := range []string{
		"hostname=web1 ", "address=192.168.32.11/24 ", "gateway=192.168.32.1 ", "rootdev=/dev/sda ",
		"target=iqn.2011-03.example.home:web1.root ", "session-initiator=iqn.2011-03.example.home:web1 ",
	} {
		if !strings.Contains(report[1]+" ", want) {
			t.Errorf("the booted host does not say %s but %s", want, report[1])
		}
	}
	l.gone(ctx, t, "web1")
}

// serveDisks makes the store what its name says. The disk of web2 is empty, and the script that the appliance
// names leaves in /run/ipxe what iPXE knows when it runs it.
func (l *lab) serveDisks(ctx context.Context, t *testing.T) {
	t.Helper()
	l.sh(ctx, t, "store="+l.store+`
truncate -s 1M $store/web2.root
mkdir -p /run/tgtd $store/cgi-bin
ip netns exec store tgtd --iscsi portal=192.168.32.10:3260 >&2
until tgtadm --lld iscsi --op show --mode target; do sleep 0.2; done
for id in 1 2; do
	tgtadm --lld iscsi --op new --mode target --tid $id --targetname iqn.2011-03.example.home:web$id.root
	tgtadm --lld iscsi --op new --mode logicalunit --tid $id --lun 1 --backing-store $store/web$id.root
	tgtadm --lld iscsi --op bind --mode target --tid $id --initiator-address ALL
done
cat >$store/boot.ipxe <<'END'
#!ipxe
imgfetch http://192.168.32.10/cgi-bin/told?${hostname},${net0/ip},${initiator-iqn},${root-path}
sleep 600
END
cat >$store/cgi-bin/told <<'END'
#!/bin/sh
printf 'Content-type: text/plain\r\n\r\n'
printf %s "$QUERY_STRING" >/run/ipxe
END
chmod +x $store/cgi-bin/told
ip netns exec store busybox httpd -h $store -p 192.168.32.10:80`)
}
