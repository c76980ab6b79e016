package vmtest

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// The router that somebody has made by hand, in the same networks as the appliance.
const (
	byHandOutside = "192.0.2.99"
	byHandInside  = "2001:db8:abcd::99"
)

// byHandScript is all that it runs: a sit device, and packets are forwarded. Nothing filters.
const byHandScript = `set -e
mount -t proc proc /proc
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding # so it hears no router
ip link set eth0 up
ip link set eth1 up
ip address add ` + byHandOutside + `/24 dev eth0
ip address add ` + byHandInside + `/64 dev eth1 nodad
ip link add byhand type sit remote ` + brokerAddr + ` local ` + byHandOutside + ` ttl 64
ip link set byhand up mtu 1480
ip address add ` + ourEnd + ` dev byhand nodad
ip route add default via ` + gateway + `
ip -6 route add default dev byhand
echo BY-HAND
exec sleep 1000
`

// startByHand starts it: the kernel of the appliance with iproute2 and a shell.
func startByHand(ctx context.Context, t *testing.T, img Image, wan, lan *testnet.Namespace) {
	t.Helper()
	root, disk := filepath.Join(t.TempDir(), "root"), filepath.Join(t.TempDir(), "disk")
	errs := []error{os.MkdirAll(filepath.Join(root, "proc"), 0o755), os.MkdirAll(filepath.Join(root, "dev"), 0o755)}
	for name, program := range map[string]string{"ip": "iproute2", "busybox": "busybox"} {
		errs = append(errs, withLibraries(root, testnet.Need(t, name, program)))
	}
	for _, name := range []string{"sh", "mount", "sleep"} {
		errs = append(errs, os.Symlink("busybox", filepath.Join(root, "bin", name)))
	}
	errs = append(errs, unix.Mknod(filepath.Join(root, "dev/console"), unix.S_IFCHR|0o600, int(unix.Mkdev(5, 1))),
		os.WriteFile(filepath.Join(root, "script"), []byte(byHandScript), 0o644))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	mke2fs := exec.CommandContext(ctx, "mke2fs", "-q", "-t", "ext2", "-d", root, disk, "32M")
	if out, err := mke2fs.CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
	wan.Tap("byhand", eth0)
	lan.Tap("byhand", eth0)
	vm := Start(t, Machine{
		Name: "byhand", Kernel: img.Kernel, Append: Append + " PATH=/bin init=/bin/sh -- /script", MemoryMB: 96,
		Disks: []Disk{{Path: disk}},
		NICs: []NIC{{MAC: "00:16:3e:20:00:e0", Port: port(t, wan, "byhand")},
			{MAC: "00:16:3e:20:00:e1", Port: port(t, lan, "byhand")}},
	})
	if said, err := vm.Expect(ctx, "BY-HAND|.*Kernel panic.*"); err != nil || said[0] != "BY-HAND" {
		t.Fatal(said, err)
	}
}

// withLibraries puts a program of this machine into /bin of another, and its libraries where they are here.
func withLibraries(root, program string) error {
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		return err
	}
	files := map[string]string{program: filepath.Join("bin", filepath.Base(program))}
	for _, lib := range regexp.MustCompile(`/\S+`).FindAllString(string(out), -1) {
		files[lib] = lib
	}
	for from, to := range files {
		data, err := fs.ReadFile(os.DirFS("/"), strings.TrimPrefix(from, "/"))
		if err != nil {
			return err
		}
		to = filepath.Join(root, to)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o755)); err != nil {
			return err
		}
	}
	return nil
}

// besideByHand measures transfers through the appliance, whose tunnel begins at an address, and through a sit
// device that somebody has made by hand, in turns. The figures are for people: they are of one machine.
func (h *tunnelled) besideByHand(ctx context.Context, img Image, lan *testnet.Namespace, first netip.Addr) {
	h.Helper()
	startByHand(ctx, h.T, img, h.wan, lan)
	const size = 32 << 20
	transfer := func(what string) time.Duration {
		c := h.dial()
		defer c.Close()
		return h.exchange(what, c, size)
	}
	ours, theirs := time.Hour, time.Hour
	for range 3 {
		ours = min(ours, transfer("by the appliance"))
		h.laptop.Run("ip", "-6", "route", "add", server6+"/128", "via", byHandInside)
		h.end.follow(netip.MustParseAddr(byHandOutside))
		theirs = min(theirs, transfer("by hand"))
		h.end.follow(first)
		h.laptop.Run("ip", "-6", "route", "del", server6+"/128", "via", byHandInside)
	}
	rate := func(d time.Duration) float64 { return 2 * size * 8 / d.Seconds() / 1e6 }
	h.Logf("%d MiB there and back, the best of 3: by the appliance %.0f Mbit/s, by hand %.0f Mbit/s (%.2f)",
		size>>20, rate(ours), rate(theirs), rate(ours)/rate(theirs))
}
