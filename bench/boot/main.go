// Command boot measures how long the appliance takes from the start of its virtual machine to its first DHCP
// OFFER: under QEMU's TCG with one core, seen from the other end of the LAN's cable, where a client asks
// every 20 ms.
//
// It builds the image of a site as make image does, and needs no privilege. Times depend on the machine and
// on what else it does: compare what one run says, never numbers of two machines.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/image/vmtest"
)

const (
	askEvery = 20 * time.Millisecond
	memoryMB = 128
)

// client is a host that no site knows (RFC 7042, section 2.1.2).
var client = net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, 0x01}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("boot", flag.ContinueOnError)
	flags.SetOutput(stderr)
	site := flags.String("site", "examples/home", "the site `directory` whose image is booted")
	runs := flags.Int("runs", 5, "how many `boots` to take the median of")
	if err := flags.Parse(args); err != nil || *runs < 1 {
		return 2
	}
	if err := measure(ctx, *site, *runs, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "boot:", err)
		return 1
	}
	return 0
}

// measure boots one machine with its disks again and again: the first time it makes its keys, then it is as
// it stays.
func measure(ctx context.Context, site string, runs int, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "gatehouse-bench-boot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(stderr, "building the image of %s\n", site)
	img, err := vmtest.BuildImage(ctx, dir, site)
	if err != nil {
		return err
	}
	first, err := boot(ctx, img)
	if err != nil {
		return err
	}
	var times []time.Duration
	for range runs {
		took, err := boot(ctx, img)
		if err != nil {
			return err
		}
		times = append(times, took)
	}
	fmt.Fprintf(stdout, "start of QEMU (TCG, 1 core, %d MB) to the first DHCP OFFER, site %s\n", memoryMB,
		filepath.Base(site))
	fmt.Fprintf(stdout, "  first boot  %s s\n", seconds(first))
	fmt.Fprintf(stdout, "  boot        %s s, the median of%s\n", seconds(median(times)), all(times))
	return nil
}

// boot starts the image, waits for an OFFER, and switches it off in good order.
func boot(ctx context.Context, img vmtest.Image) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, vmtest.Guard)
	defer cancel()
	wanPort, wan, err := vmtest.NewWire()
	if err != nil {
		return 0, err
	}
	defer wan.Close()
	lanPort, lan, err := vmtest.NewWire()
	if err != nil {
		return 0, err
	}
	defer lan.Close()
	start := time.Now()
	vm, err := vmtest.Launch(ctx, img.Dir, vmtest.Machine{
		Name: "firewall", Kernel: img.Kernel, Append: vmtest.Append, MemoryMB: memoryMB,
		Disks: []vmtest.Disk{{Path: img.Root}, {Path: img.Perm}},
		NICs: []vmtest.NIC{{MAC: "00:16:3e:20:00:f0", Port: wanPort},
			{MAC: "00:16:3e:20:00:f1", Port: lanPort}},
	})
	if err != nil {
		return 0, err
	}
	defer vm.Kill()
	if _, err := lan.Offer(ctx, client, 0, askEvery); err != nil {
		return 0, fmt.Errorf("%w; the end of its console:\n%s", err, vm.Tail(20))
	}
	return time.Since(start), powerOff(ctx, vm)
}

// powerOff has the disks written and unmounted, so that the next boot finds them clean.
func powerOff(ctx context.Context, vm *vmtest.VM) error {
	if _, err := vm.Expect(ctx, "Press Enter for a shell"); err != nil {
		return err
	}
	if err := vm.Send("\npoweroff\n"); err != nil {
		return err
	}
	return vm.Wait(ctx)
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2]
}

func all(times []time.Duration) string {
	var b strings.Builder
	for _, t := range times {
		b.WriteString(" " + seconds(t))
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }
