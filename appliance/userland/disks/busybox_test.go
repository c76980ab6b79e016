package disks_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-os/gatehouse/appliance/userland/busyboxtest"
	"github.com/gatehouse-os/gatehouse/appliance/userland/disks"
)

func TestMain(m *testing.M) {
	if run := busyboxtest.Command(os.Args[0], disks.Commands()); run != nil {
		os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestBusybox holds the room's commands against busybox's.
func TestBusybox(t *testing.T) {
	for program, pack := range map[string]string{
		"/usr/bin/flock": "util-linux", "/usr/sbin/mke2fs": "e2fsprogs", "/usr/sbin/mkfs.vfat": "dosfstools",
		"/usr/sbin/mkfs.xfs": "xfsprogs", "/usr/sbin/sfdisk": "fdisk", "/dev/loop-control": "linux-image",
	} {
		if _, err := os.Stat(program); err != nil {
			t.Fatalf("%s is missing: apt-get install %s", program, pack)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("root is needed to mount")
	}
	busyboxtest.Compare(t, "testdata/busybox", disks.Commands())
}
