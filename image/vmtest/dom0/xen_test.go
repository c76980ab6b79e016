package dom0

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
)

// stepGuard is the time after which a step is given up, beside what it is to wait for. The longest, the
// watchdog's, takes two minutes by itself.
const stepGuard = 2 * vmtest.Guard

// TestXen follows one appliance through what happens to it on a Xen host, step by step of the list that
// -steps names. The steps build on each other: the first that fails ends the test.
func TestXen(t *testing.T) {
	list, err := chosenSteps(*stepsFlag)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("steps: %s, which are %d", *stepsFlag, len(list))
	begin, l := time.Now(), new(lab)
	t.Cleanup(func() { l.verdict(t) }) // after all that is logged: whoever sees the end of the log sees why
	l.prepare(t)
	t.Logf("%-65s %v", "the host is ready", time.Since(begin).Round(100*time.Millisecond))
	for _, s := range list {
		if !t.Run(s.name, func(t *testing.T) { l.take(t, s) }) {
			return
		}
	}
}

// take takes a step, within its time.
func (l *lab) take(t *testing.T, s step) {
	guard := stepGuard + s.waits
	ctx, cancel := context.WithTimeoutCause(t.Context(), guard, fmt.Errorf("the step was given %v", guard))
	defer cancel()
	begin := time.Now()
	l.at = s.name
	s.run(ctx, t, l)
	t.Logf("%-65s %v", s.name, time.Since(begin).Round(100*time.Millisecond))
}

// fault is what Xen says on its console of a guest that it ends.
var fault = regexp.MustCompile(`\(XEN\) (d[1-9].*|Domain [1-9].*crashed.*)`)

// verdict says in a few lines which step failed.
func (l *lab) verdict(t *testing.T) {
	if !t.Failed() {
		return
	}
	t.Logf("in short: it failed at %q. %v", cmp.Or(l.at, "the preparations"), l.err)
	if l.Host != nil {
		t.Logf("Xen says of guests: %q", fault.FindAllString(l.Text(), -1))
	}
}

func startPVH(ctx context.Context, t *testing.T, l *lab) {
	l.create(ctx, t, l.home)
	l.runsAs(ctx, t, "Xen PVH")
	if text := l.fw(ctx, t, "gatehouse status"); !strings.Contains(text, "Xen PVH") {
		t.Errorf("gatehouse status does not say what it runs on:\n%s", text)
	}
	l.identity = l.fw(ctx, t, "cat /perm/machine-id")
}

// runsAs checks where the appliance says that it runs and that it keeps its state.
func (l *lab) runsAs(ctx context.Context, t *testing.T, platform string) {
	t.Helper()
	if s := l.healthy(ctx, t); s.Machine.Platform != platform || s.Box.Boot.Storage.Device != "/dev/xvdb" {
		t.Errorf("the platform is %q, /perm is on %q", s.Machine.Platform, s.Box.Boot.Storage.Device)
	}
}

// leases has a client get a lease and renew it, and looks at what the appliance puts on the wire. Its kernel
// leaves the checksums of TCP to hardware that is not there, which shows that those of DHCP could have been
// wrong.
func leases(ctx context.Context, t *testing.T, l *lab) {
	said := l.sh(ctx, t, `
rm -f /run/bound.laptop /run/renew.laptop
trap 'kill $dump $client || true' EXIT
vif=vif$(xl domid firewall).1
tcpdump --immediate-mode -i $vif -U -w /run/wire 'udp port 67 or tcp port 22' 2>/run/tcpdump & dump=$!
until grep -q listening /run/tcpdump; do sleep 0.1; done
ip netns exec laptop busybox udhcpc -f -t 20 -T 1 -i eth0 -s /usr/local/sbin/leased >&2 & client=$!
until [ -s /run/bound.laptop ]; do sleep 0.1; done
kill -USR1 $client
until [ -s /run/renew.laptop ]; do sleep 0.1; done
`+l.ssh("true")+`
sleep 0.5; kill $dump; wait $dump || true
tcpdump -nn -vv -r /run/wire src host 192.168.32.1
cat /run/bound.laptop /run/renew.laptop`)
	replies := regexp.MustCompile(`192\.168\.32\.1\.67 > .*\.68: \[(.*?)\] BOOTP/DHCP, Reply`).FindAllStringSubmatch(said, -1)
	if len(replies) < 3 {
		t.Errorf("%d replies on the wire, want OFFER, ACK and the ACK of the renewal", len(replies))
	}
	for _, r := range replies {
		if r[1] != "udp sum ok" {
			t.Errorf("on the wire: %s", r[0])
		}
	}
	if !regexp.MustCompile(`192\.168\.32\.1\.22 > .*cksum 0x[0-9a-f]+ \(incorrect`).MatchString(said) {
		t.Error("TCP has complete checksums on the wire too: the test shows nothing")
	}
	for _, want := range []string{"hostname=laptop", "router=192.168.32.1", "serverid=192.168.32.1", "lease=43200"} {
		if strings.Count(said, "\n"+want+"\n") != 2 {
			t.Errorf("%s was not told twice", want)
		}
	}
	if t.Failed() {
		t.Log(said)
	}
	addresses := regexp.MustCompile(`(?m)^ip=(.*)$`).FindAllStringSubmatch(said, -1)
	for _, a := range addresses {
		l.sameLaptop(t, a[1])
	}
}

// sameLaptop notes the laptop's first address, which must be the same ever after.
func (l *lab) sameLaptop(t *testing.T, addr string) {
	t.Helper()
	if l.laptop == "" {
		l.laptop = addr
	}
	if addr != l.laptop || addr == "" {
		t.Errorf("the laptop got %q instead of %q", addr, l.laptop)
	}
}

// web1Config is what a Xen administrator would write for a host that boots from the network, but for its
// disk.
const web1Config = `
name = "web1"
type = "pv"
kernel = "%s"
cmdline = "root=/dev/xvda ro console=hvc0 quiet panic=1 probe=http://198.51.100.1/megabyte"
memory = 96
disk = [ "vdev=xvda, format=raw, access=ro, target=%s" ]
vif = [ "mac=00:16:3e:20:00:11, bridge=xenbr1" ]
on_crash = "destroy"
`

// secondGuest starts web1, a host of the site, and reads what it says of itself: see the program in probe.
func secondGuest(ctx context.Context, t *testing.T, l *lab) {
	config := fmt.Sprintf(web1Config, l.home.Kernel, l.web1)
	said := l.sh(ctx, t, "printf %s "+Quote(config)+" >/root/web1.cfg; xl create -c /root/web1.cfg "+Quote(NativeTSC)+" </dev/null; sha256sum </srv/www/megabyte")
	l.gone(ctx, t, "web1")
	report := regexp.MustCompile(`PROBE (\{.*\})`).FindStringSubmatch(said)
	if report == nil {
		t.Fatalf("no report:\n%s", said)
	}
	var got struct {
		Addr, Hostname, Initiator, Fetched, Error string
		RootPath                                  string `json:"root_path"`
		Checksums                                 []bool
	}
	if err := json.Unmarshal([]byte(report[1]), &got); err != nil {
		t.Fatalf("%v: %s", err, report[1])
	}
	for _, field := range []struct{ name, got, want string }{
		{"error", got.Error, ""},
		{"address", got.Addr, "192.168.32.11"},
		{"host name", got.Hostname, "web1"},
		{"root path", got.RootPath, "iscsi:192.168.32.10:::1:iqn.2011-03.example.home:web1.root"},
		{"initiator", got.Initiator, "iqn.2011-03.example.home:web1"},
	} {
		if field.got != field.want {
			t.Errorf("%s %q, want %q", field.name, field.got, field.want)
		}
	}
	if len(got.Checksums) < 2 || slices.Contains(got.Checksums, false) {
		t.Errorf("checksums of what DHCP sent: %v, want at least two, all of them right", got.Checksums)
	}
	if !strings.Contains(said, "\n"+got.Fetched+"  -") {
		t.Errorf("what it fetched through the firewall has the hash %q:\n%s", got.Fetched, said)
	}
}

// firewall tries from both bridges what must pass and what must not. The LAN's own connections show that each
// thing that the WAN must not reach is there to be reached.
func firewall(ctx context.Context, t *testing.T, l *lab) {
	l.sh(ctx, t, "ip -n provider route replace 192.168.32.0/24 via 192.0.2.10")
	// What must time out does so all at once.
	answers := strings.Fields(l.sh(ctx, t, fmt.Sprintf(`
try() { timeout 3 ip netns exec $1 bash -c "</dev/tcp/$2/$3" 2>/dev/null && echo "$2:$3=open" || echo "$2:$3=$?"; }
try store 192.168.32.1 22
try store %[1]s 8080
{ ! ip netns exec provider ping -c 1 -W 2 192.0.2.10 >&2 && echo ping=silent; } &
try provider 192.0.2.10 22 &
try provider 192.168.32.1 22 &
try provider %[1]s 8080 &
wait`, l.laptop)))
	const timedOut = "124" // timeout(1)
	want := []string{
		"192.168.32.1:22=open", l.laptop + ":8080=open",
		"ping=silent", "192.0.2.10:22=" + timedOut, "192.168.32.1:22=" + timedOut, l.laptop + ":8080=" + timedOut,
	}
	slices.Sort(answers[min(2, len(answers)):])
	slices.Sort(want[2:])
	if !slices.Equal(answers, want) {
		t.Errorf("first the LAN's, then the WAN's attempts: %q, want %q", answers, want)
	}
	l.isSeenAs(ctx, t, "192.0.2.10")
	l.sh(ctx, t, "ip netns exec laptop ping -c 1 -W 5 192.168.32.1")
}

// isSeenAs has the Internet say from which address the laptop comes to it.
func (l *lab) isSeenAs(ctx context.Context, t *testing.T, addr string) {
	t.Helper()
	got := l.sh(ctx, t, "ip netns exec laptop busybox wget -q -O - http://198.51.100.1/cgi-bin/peer")
	if got != addr {
		t.Errorf("the Internet sees the laptop as %q, want %s", got, addr)
	}
}

func balloonPVH(ctx context.Context, t *testing.T, l *lab) {
	l.balloon(ctx, t, 96)
	l.balloon(ctx, t, 128)
}

func balloonPV(ctx context.Context, t *testing.T, l *lab) {
	l.balloon(ctx, t, 160)
	l.balloon(ctx, t, 96)
}

// balloon has xl give the appliance so much memory, and waits until it has no more and not much less.
func (l *lab) balloon(ctx context.Context, t *testing.T, mb int) {
	t.Helper()
	before := l.status(ctx, t).Machine.Memory.Total
	given := l.sh(ctx, t, "xl list firewall | sed -n '2s/^[^ ]* *[0-9]* *\\([0-9]*\\).*/\\1/p'")
	had, err := strconv.Atoi(strings.TrimSpace(given))
	if err != nil {
		t.Fatal(err)
	}
	l.sh(ctx, t, fmt.Sprintf("xl mem-set firewall %dm; until set -- $(xl list firewall | tail -n 1) && [ $3 -ge %d ] && [ $3 -le %d ]; do sleep 0.5; done", mb, mb-1, mb))
	s := l.healthy(ctx, t)
	if change, want := (s.Machine.Memory.Total-before)>>20, mb-had; change < want-2 || change > want+2 {
		t.Errorf("its memory changed by %d MiB, want %d", change, want)
	}
	l.sameLaptop(t, l.lease(ctx, t, "laptop"))
}

// leases are the addresses and MACs of all leases, and when they end.
func (l *lab) leases(ctx context.Context, t *testing.T) string {
	t.Helper()
	var all []struct {
		Addr, MAC string
		Expires   time.Time
	}
	out := l.fw(ctx, t, "gatehouse leases --json")
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("gatehouse leases --json: %v\n%s", err, out)
	}
	var b strings.Builder
	for _, lease := range all {
		fmt.Fprintln(&b, lease.Addr, lease.MAC, lease.Expires)
	}
	return b.String()
}

// powerCut destroys the appliance right after a new client has got its ACK, and starts it again.
func powerCut(ctx context.Context, t *testing.T, l *lab) {
	addr := l.lease(ctx, t, "guest")
	l.sh(ctx, t, "xl destroy firewall")
	l.create(ctx, t, l.home, NativeTSC)
	if all := l.leases(ctx, t); !strings.Contains(all, addr+" ") {
		t.Errorf("%s was acknowledged, and is not among the leases after the power cut:\n%s", addr, all)
	}
	l.unchanged(ctx, t)
	if again := l.lease(ctx, t, "guest"); again != addr {
		t.Errorf("after the power cut the guest got %s instead of %s", again, addr)
	}
}

// unchanged checks after a boot that it is the same appliance and that it knows its clients. OpenSSH itself
// refuses a host key that has changed.
func (l *lab) unchanged(ctx context.Context, t *testing.T) {
	t.Helper()
	l.healthy(ctx, t)
	if now := l.fw(ctx, t, "cat /perm/machine-id"); now != l.identity {
		t.Errorf("machine id %q became %q", l.identity, now)
	}
	l.sameLaptop(t, l.lease(ctx, t, "laptop"))
}

// reboot has xl start the appliance anew, and waits until it can be logged in to.
func (l *lab) reboot(ctx context.Context, t *testing.T) {
	t.Helper()
	l.sh(ctx, t, "id=$(xl domid firewall); xl reboot firewall; until now=$(xl domid firewall 2>/dev/null) && [ $now != $id ]; do sleep 0.5; done")
	l.up(ctx, t)
}
