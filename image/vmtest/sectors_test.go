package vmtest

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// sectorsImage is that of the reference site for disks with large sectors.
var sectorsImage = sync.OnceValues(func() (Image, error) {
	return buildIn("sectors", "../../examples/home", "-sector", "4096")
})

// TestLargeSectors starts images from disks that show sectors of 4096 bytes. The one that was made for them
// serves, with everything on that disk. The one that was not is refused by the kernel, in the words that
// docs/xen.md has.
func TestLargeSectors(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*Guard)
	defer cancel()
	t.Run("made for them", func(t *testing.T) {
		img := theImage(t, sectorsImage)
		root := disk(ctx, t, img.Root)
		vm, lan := wired(t, img, Disk{Path: root, Sector: 4096})
		client := net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, 0x31}
		if _, err := lan.Offer(ctx, client, 0, time.Second); err != nil {
			t.Fatal(err)
		}
		openShell(ctx, t, vm)
		if got := typed(ctx, t, vm, "cat /sys/block/vda/queue/logical_block_size"); !strings.Contains(got, "4096") {
			t.Errorf("the sectors of the disk have %q bytes", got)
		}
		if err := vm.Send("poweroff\n"); err != nil {
			t.Fatal(err)
		}
		if err := vm.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		fsck(t, root)
	})
	t.Run("not made for them", func(t *testing.T) {
		img := theImage(t, homeImage)
		vm, _ := wired(t, img, Disk{Path: img.Root, Snapshot: true, Sector: 4096})
		for _, want := range []string{`EXT4-fs \(vda\): bad block size 1024`, "VFS: Unable to mount root fs"} {
			if _, err := vm.Expect(ctx, want); err != nil {
				t.Fatal(err)
			}
		}
	})
}
