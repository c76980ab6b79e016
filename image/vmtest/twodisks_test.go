package vmtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// twoDisks is an appliance with a disk of its own for what must last, and what the subtests of TestTwoDisks
// share.
type twoDisks struct {
	img        Image
	root, perm string
	vm         *VM
	admin      admin
	identity   identity
}

// TestTwoDisks follows one appliance that is started as its Xen configuration starts it: with a second disk
// for what must last, and a watchdog. The root disk is never written to, whatever happens, and both ways of
// switching off at the machine itself are orderly. The subtests build on each other: the first that fails
// ends the test.
//
// It shares no appliance with TestImage, which has everything on one disk.
func TestTwoDisks(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	d := &twoDisks{img: img, root: disk(ctx, t, img.Root), perm: disk(ctx, t, img.Perm)}
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", storeAddr)
	d.admin = admin{from: lan, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	d.vm = Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append + " gatehouse.watchdog=12", MemoryMB: 96, Watchdog: true,
		NICs:  []NIC{{MAC: wanMAC, Port: port(t, wan, "firewall")}, {MAC: lanMAC, Port: port(t, lan, "firewall")}},
		Disks: []Disk{{Path: d.root}, {Path: d.perm}},
	})
	for _, step := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, d *twoDisks)
	}{
		{"one disk is read, the other is written to", mounts},
		{"services that hang are started again", hangingServices},
		{"what the kernel has no room for is said", noRoom},
		{"a box that serves nobody is reset, and tells why", resetBox},
		{"Ctrl-Alt-Del reboots it", ctrlAltDel},
		{"the power button leaves clean disks", powerButton},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(ctx, t, d) }) {
			return
		}
	}
}

func mounts(ctx context.Context, t *testing.T, d *twoDisks) {
	d.identity = identify(ctx, t, d.admin)
	mounts := d.admin.must(ctx, t, "cat /proc/mounts")
	for _, want := range []struct{ device, point, mode string }{{"", "/", "ro"}, {"/dev/vdb", "/perm", "rw"}} {
		if !mounted(mounts, want.device, want.point, want.mode) {
			t.Errorf("%s is not mounted %s from %s:\n%s", want.point, want.mode, want.device, mounts)
		}
	}
	if out, err := d.admin.run(ctx, "touch /here"); err == nil || !strings.Contains(err.Error()+out, "Read-only file system") {
		t.Errorf("the root disk can be written to: %q, %v", out, err)
	}
}

func ctrlAltDel(ctx context.Context, t *testing.T, d *twoDisks) {
	rebooted(ctx, t, d.admin, func() error { return d.vm.CtrlAltDel(ctx) })
	d.fed(ctx, t)
	d.unchanged(ctx, t)
}

func powerButton(ctx context.Context, t *testing.T, d *twoDisks) {
	if err := d.vm.PowerButton(ctx); err != nil {
		t.Fatal(err)
	}
	off, stop := context.WithTimeout(ctx, Guard)
	defer stop()
	if err := d.vm.Wait(off); err != nil {
		t.Fatalf("the power button: %v", err)
	}
	fsck(t, d.root)
	fsck(t, d.perm)
	if !bytes.Equal(sum(t, d.root), sum(t, d.img.Root)) {
		t.Error("the root disk has changed")
	}
}

func (d *twoDisks) unchanged(ctx context.Context, t *testing.T) {
	t.Helper()
	if now := identify(ctx, t, d.admin); now != d.identity {
		t.Errorf("identity %v became %v", d.identity, now)
	}
}

// mounted looks for a line of /proc/mounts; an empty device is any.
func mounted(mounts, device, point, mode string) bool {
	for line := range strings.Lines(mounts) {
		f := strings.Fields(line)
		if f[1] == point && (device == "" || f[0] == device) && (f[3] == mode || strings.HasPrefix(f[3], mode+",")) {
			return true
		}
	}
	return false
}

func sum(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := sha256.Sum256(data)
	return s[:]
}
