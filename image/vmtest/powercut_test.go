package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/gatehouse-os/gatehouse/services/dhcp/crowdtest"
	dhcplease "github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
)

// crowdImage is that of a network with room for a crowd.
var crowdImage = sync.OnceValues(func() (Image, error) { return buildIn("crowd", "testdata/crowd") })

// Of TestPowerCuts: machines that run side by side, how often each loses its power, and how many further cuts
// of each session are looked at without booting from them.
const (
	victims   = 2
	powerCuts = 26
	otherCuts = 2
)

// TestPowerCuts cuts the power of the image more than fifty times while a crowd asks for leases, with
// everything on one disk, and each time the disk does the worst it may with what was not flushed. The image
// must come up every time by itself. No lease that was acknowledged may be missing from its journal, nor be
// refused to its client, and no address may be given twice.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	img := theImage(t, crowdImage)
	for n := range victims {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*Guard)
			defer cancel()
			v := &victim{t: t, img: img, root: disk(ctx, t, img.Root), dir: t.TempDir(), crowd: crowdtest.New(byte(n)),
				r: rand.New(rand.NewPCG(uint64(n), 8))}
			for range powerCuts {
				if err := v.session(ctx); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d power cuts, %d leases, %d writes to the disk", powerCuts, v.crowd.Len(), v.writes)
		})
	}
}

// victim is a machine that loses its power again and again.
type victim struct {
	t      *testing.T
	img    Image
	root   string // its disk
	dir    string
	crowd  *crowdtest.Crowd
	r      *rand.Rand
	writes int
}

// session boots the machine, has the crowd ask, and cuts the power in the middle of that.
func (v *victim) session(ctx context.Context) error {
	log, scratch := filepath.Join(v.dir, "log"), filepath.Join(v.dir, "disk")
	if err := errors.Join(os.WriteFile(log, nil, 0o600), CopyDisk(ctx, v.root, scratch)); err != nil {
		return err
	}
	vm, wire := wired(v.t, v.img, Disk{Path: scratch, Log: log})
	err := v.crowd.Ask(ctx, clients{wire}, v.r.IntN(40), func() int64 { return size(log) })
	vm.Kill()
	if err := errors.Join(err, v.crowd.Hear(clients{wire}, size(log))); err != nil {
		return err
	}
	done, err := ReadDiskLog(log)
	if err != nil {
		return err
	}
	v.writes += len(done.writes)
	for range otherCuts {
		if err := v.cut(ctx, done, v.r.Int64N(done.End), scratch); err != nil {
			return err
		}
	}
	// This one is for real.
	if err := v.cut(ctx, done, done.End, scratch); err != nil {
		return err
	}
	v.crowd.Forget(done.End)
	return os.Rename(scratch, v.root)
}

// cut makes the disk as it is found when the power is cut after n bytes of the log, and checks the leases on
// it.
func (v *victim) cut(ctx context.Context, done DiskLog, n int64, to string) error {
	if err := CopyDisk(ctx, v.root, to); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(done.CutPower(f, n, v.r), f.Close()); err != nil {
		return err
	}
	found, err := v.journal(ctx, to)
	if err != nil {
		return fmt.Errorf("cut at %d of %d: %w", n, done.End, err)
	}
	return v.crowd.Missing(found, n)
}

// journal reads the leases on a disk as they are after the next boot, which begins with e2fsck -p.
func (v *victim) journal(ctx context.Context, disk string) (map[netip.Addr]dhcplease.Lease, error) {
	mended, file := filepath.Join(v.dir, "mended"), filepath.Join(v.dir, "leases")
	if err := errors.Join(CopyDisk(ctx, disk, mended), os.RemoveAll(file)); err != nil {
		return nil, err
	}
	fsck := exec.CommandContext(ctx, "e2fsck", "-p", mended)
	if out, err := fsck.CombinedOutput(); fsck.ProcessState.ExitCode() > 1 { // 1: mended
		return nil, fmt.Errorf("e2fsck -p: %w: %s", err, out)
	}
	dump := exec.CommandContext(ctx, "debugfs", "-R", "dump /perm/dhcp/leases "+file, mended)
	if out, err := dump.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("debugfs: %w: %s", err, out)
	}
	found := map[netip.Addr]dhcplease.Lease{}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return found, nil // there is none yet
	}
	if err == nil {
		_, err = leasefile.Read(bytes.NewReader(text), func(l dhcplease.Lease) { found[l.Addr] = l })
	}
	return found, err
}

// wired starts the image with the test itself at the other end of its LAN's cable.
func wired(t *testing.T, img Image, root Disk) (*VM, *Wire) {
	t.Helper()
	var ports [2]Port
	var wires [2]*Wire
	for i := range ports {
		var err error
		if ports[i], wires[i], err = NewWire(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { wires[i].Close() })
	}
	vm := Start(t, Machine{
		Name: "firewall", Kernel: img.Kernel, Append: Append, MemoryMB: 96, Disks: []Disk{root},
		NICs: []NIC{{MAC: wanMAC, Port: ports[0]}, {MAC: lanMAC, Port: ports[1]}},
	})
	return vm, wires[1]
}

// clients is the test's end of a wire as a crowd needs it.
type clients struct{ *Wire }

// Send implements crowdtest.Wire.
func (c clients) Send(m *dhcpv4.DHCPv4) error { return c.Wire.Send(broadcastDHCP(m, 0)) }

// Receive implements crowdtest.Wire.
func (c clients) Receive(deadline time.Time) (*dhcpv4.DHCPv4, error) {
	for {
		frame, err := c.Wire.Receive(deadline)
		if err != nil {
			return nil, err
		}
		if payload, ok := udpTo(frame, 0, clientPort); ok {
			return dhcpv4.FromBytes(payload)
		}
	}
}

// size is the length of a file.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
