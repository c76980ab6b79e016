package dom0

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// replug takes the LAN's card away and gives it back, as an administrator does who moves it to another
// bridge.
func replug(ctx context.Context, t *testing.T, l *lab) {
	l.sh(ctx, t, fmt.Sprintf(`
mac=$(sed -n 's/.*mac=\([^,]*\), bridge=xenbr1.*/\1/p' %s)
xl network-detach firewall 1
while xl network-list firewall | grep -q "$mac"; do sleep 0.5; done
xl network-attach firewall mac=$mac bridge=xenbr1`, filepath.Join(l.home.Dir, "firewall.cfg")))
	l.up(ctx, t)
	l.unchanged(ctx, t)
}

// shutdown has the appliance shut down by xl, after which both disks are clean and the root disk is what was
// built.
func shutdown(ctx context.Context, t *testing.T, l *lab) {
	l.sh(ctx, t, "xl shutdown -w firewall >&2")
	l.gone(ctx, t, "firewall")
	end := l.console(ctx, t)
	end = end[max(0, strings.LastIndex(end, "poweroff asked for")):]
	for _, want := range []string{"sshd: [init] stopped, exit status 0", "dhcp: [init] stopped, exit status 0", "unmount /perm: done", "boot: power off"} {
		if !strings.Contains(end, want) {
			t.Errorf("the console does not say %q after it was asked to shut down:\n%s", want, end)
		}
	}
	l.fsck(ctx, t, l.running.Root)
	l.fsck(ctx, t, l.home.Perm)
	sum := l.sh(ctx, t, "sha256sum <"+l.running.Root)
	if want := sha256File(t, l.running.Root); strings.Fields(sum)[0] != want {
		t.Errorf("the root disk was built as %s and is now %s", want, sum)
	}
}

// fsck has e2fsck in dom0 look at a disk, which must be without a fault and cleanly unmounted.
func (l *lab) fsck(ctx context.Context, t *testing.T, disk string) {
	t.Helper()
	out := l.sh(ctx, t, fmt.Sprintf("e2fsck -fn %s 2>&1; dumpe2fs -h %[1]s 2>/dev/null", disk))
	if !strings.Contains(out, "state:         clean") || strings.Contains(out, "needs_recovery") {
		t.Errorf("%s was not unmounted cleanly:\n%s", disk, out)
	}
}

// changeType starts the image that was shut down anew, as a PV guest: it is the appliance that it was, and
// has the way out that it had.
func changeType(ctx context.Context, t *testing.T, l *lab) {
	l.keepsWayOut(ctx, t, func() { l.create(ctx, t, l.home, NativeTSC, `type="pv"`) })
	l.unchanged(ctx, t)
	l.runsAs(ctx, t, "Xen PV")
}

// startPV starts the newer image, whose kernel pygrub finds on its disk, with less memory than it may be
// given later, and without the disk for /perm that its configuration names: the appliance says so. The
// address of its way out is again that of its site.
func startPV(ctx context.Context, t *testing.T, l *lab) {
	l.outside = ""
	root := "disk=[" + Quote(disk("xvda", l.next.Root)) + "]"
	l.xlCreate(ctx, t, l.next, slices.Concat(twoProcessors, []string{NativeTSC, `type="pv"`, "memory=96", "maxmem=160", root})...)
	l.awaitConsole(ctx, t, "NO STABLE STORAGE")
	l.awaitConsole(ctx, t, "Press Enter for a shell")
}

// attachPerm gives the running appliance the disk that has the older image's state, which is /perm from the
// next boot on: the appliance is the one that it was.
func attachPerm(ctx context.Context, t *testing.T, l *lab) {
	l.sh(ctx, t, "xl block-attach firewall "+Quote(disk("xvdb", l.home.Perm)))
	l.reboot(ctx, t)
	l.unchanged(ctx, t)
	l.runsAs(ctx, t, "Xen PV")
	l.hasTwoProcessors(ctx, t)
	if text := l.fw(ctx, t, "gatehouse host web3"); !strings.Contains(text, "192.168.32.14") {
		t.Errorf("it does not know the newer image's host:\n%s", text)
	}
}

func (l *lab) hasTwoProcessors(ctx context.Context, t *testing.T) {
	t.Helper()
	if n := strings.Count(l.fw(ctx, t, "cat /proc/cpuinfo"), "processor\t"); n != 2 {
		t.Errorf("it sees %d processors", n)
	}
}

// disk is a disk as xl-disk-configuration(5) describes it.
func disk(device, file string) string {
	return fmt.Sprintf("vdev=%s, format=raw, access=rw, target=%s", device, file)
}

func sha256File(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}
