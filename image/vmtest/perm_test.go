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

// TestPermDisk boots the image as its Xen configuration starts it: with a second disk for what must last. The root
// disk is then never written to, and both ways of switching off at the machine itself are orderly.
func TestPermDisk(t *testing.T) {
	t.Parallel()
	img := theImage(t, homeImage)
	ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
	defer cancel()
	root, perm := disk(ctx, t, img.Root), disk(ctx, t, img.Perm)
	wan, lan := newSwitch(t, "wan", gateway+"/24"), newSwitch(t, "lan", "192.168.32.10/24")
	vm := appliance(t, img, wan, lan, root, perm)
	a := admin{from: lan, key: img.Key, address: "192.168.32.1", knownHosts: filepath.Join(t.TempDir(), "known_hosts")}
	first := identify(ctx, t, a)

	mounts := a.must(ctx, t, "cat /proc/mounts")
	for _, want := range []struct{ device, point, mode string }{{"", "/", "ro"}, {"/dev/vdb", "/perm", "rw"}} {
		if !mounted(mounts, want.device, want.point, want.mode) {
			t.Errorf("%s is not mounted %s from %s:\n%s", want.point, want.mode, want.device, mounts)
		}
	}
	if out, err := a.run(ctx, "touch /here"); err == nil || !strings.Contains(err.Error()+out, "read-only") {
		t.Errorf("the root disk can be written to: %q, %v", out, err)
	}

	rebooted(ctx, t, a, func() error { return vm.CtrlAltDel(ctx) })
	if again := identify(ctx, t, a); again != first {
		t.Errorf("identity %v became %v", first, again)
	}
	if err := vm.PowerButton(ctx); err != nil {
		t.Fatal(err)
	}
	off, stop := context.WithTimeout(ctx, Guard)
	defer stop()
	if err := vm.Wait(off); err != nil {
		t.Fatalf("the power button: %v", err)
	}
	fsck(t, root)
	fsck(t, perm)
	if !bytes.Equal(sum(t, root), sum(t, img.Root)) {
		t.Error("the root disk has changed")
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
